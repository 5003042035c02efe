"""How long to wait before trying again."""

from __future__ import annotations

import random
from datetime import timedelta

_FIRST = 30.0  # seconds
_LONGEST = 3600.0
_SPREAD = 0.2
LONGEST = timedelta(seconds=_LONGEST * (1 + _SPREAD))
"""No wait is longer."""


def delay(attempts: int, rng: random.Random) -> timedelta:
    """Wait after the ``attempts``-th failed try: 30 s, doubling to an hour, each ± 20 % so that retries spread."""
    base = min(_LONGEST, _FIRST * 2.0 ** min(attempts - 1, 16))
    return timedelta(seconds=base * rng.uniform(1 - _SPREAD, 1 + _SPREAD))
