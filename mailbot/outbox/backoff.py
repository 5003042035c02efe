"""How long to wait before trying again."""

from __future__ import annotations

import random
from datetime import timedelta

_FIRST = 30.0  # seconds
_LONGEST = 3600.0


def delay(attempts: int, rng: random.Random) -> timedelta:
    """Wait after the ``attempts``-th failed try: 30 s, doubling to an hour, each ± 20 % so that retries spread."""
    base = min(_LONGEST, _FIRST * 2.0 ** min(attempts - 1, 16))
    return timedelta(seconds=base * rng.uniform(0.8, 1.2))
