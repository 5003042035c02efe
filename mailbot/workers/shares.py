"""What each step of one batch may take of its lease, so that all of them together end within it.

A step that takes longer is given up, or gives back what it has not begun. Who still had a row when its lease was over
would do the work of another once more, to no effect.
"""

from __future__ import annotations

from fractions import Fraction

ROOM = Fraction(1, 32)
"""Waiting for memory."""
UNDERSTAND = Fraction(10, 32)
SCAN = Fraction(4, 32)
REGISTRY = Fraction(4, 32)
VERIFY = Fraction(11, 32)
LEFT = 1 - ROOM - UNDERSTAND - SCAN - REGISTRY - VERIFY
"""For loading and recording, which the limits of the database bound ([database] lock_seconds, statement_seconds)."""


def seconds(share: Fraction, lease_seconds: int) -> float:
    """Of a lease."""
    return float(share * lease_seconds)
