"""How long to wait before trying again."""

from __future__ import annotations

import random
from datetime import timedelta

_FIRST = 30.0  # seconds
_LONGEST = 3600.0
_SPREAD = 0.2
STEPS = 8
"""The tries after which the wait grows no more."""


def delay(attempts: int, rng: random.Random) -> timedelta:
    """Wait after the ``attempts``-th failed try: 30 s, doubling to an hour, each ± 20 % so that retries spread."""
    return timedelta(seconds=_base(attempts) * rng.uniform(1 - _SPREAD, 1 + _SPREAD))


def longest(attempts: int) -> timedelta:
    """The longest that ``delay`` may be."""
    return timedelta(seconds=_base(attempts) * (1 + _SPREAD))


def _base(attempts: int) -> float:
    return min(_LONGEST, _FIRST * 2.0 ** min(attempts - 1, 16))
