"""What each step of one batch may take of its lease, so that all of them together end within it.

A step that takes longer is given up, or gives back what it has not begun. Who still had a row when its lease was over
would do the work of another once more, to no effect.
"""

from __future__ import annotations

from fractions import Fraction

UNDERSTAND = Fraction(5, 16)
SCAN = Fraction(2, 16)
REGISTRY = Fraction(2, 16)
VERIFY = Fraction(6, 16)
LEFT = 1 - UNDERSTAND - SCAN - REGISTRY - VERIFY
"""For loading and recording, which the limits of the database bound ([database] lock_seconds, statement_seconds)."""


def seconds(share: Fraction, lease_seconds: int) -> float:
    """Of a lease."""
    return float(share * lease_seconds)
