"""Since when a worker has been there, and its clock was not set: what others do meanwhile is not known before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from mailbot.observe import Clock

_GAP = timedelta(minutes=15)
"""Between two steps. One that waits for a slow server takes less."""


APART = timedelta(minutes=1)
"""How far the clock of a machine may be from that of the others: by another one a hold is none."""


class Presence:
    """Told of every step that went well. A start, an outage of the database, a machine that slept and a clock that was
    set all look alike: a time in which nobody was heard, whoever's clock is right."""

    def __init__(self, clock: Clock, latecomers: timedelta) -> None:
        """``latecomers``: how long after such a time its mail comes in."""
        self._clock = clock
        self._latecomers = latecomers
        self._since: datetime | None = None
        self._seen: datetime | None = None

    def note(self) -> None:
        """A step went well."""
        now = self._clock()
        if self._seen is None or not timedelta() <= now - self._seen <= _GAP:
            self._since = now
        self._seen = now

    def is_complete(self) -> bool:
        """Whether all mail is here that was sent while nobody was."""
        return self._since is not None and self._clock() - self._since >= self._latecomers


class Leaps:
    """Whether the clock was set ahead a short while ago, or the machine slept: then a lease may seem to have run out
    whose worker is in the middle of its work, in this process or in another."""

    def __init__(self, clock: Clock, steady: Callable[[], float] | None, lease: timedelta) -> None:
        """``steady`` counts the seconds that pass (time.monotonic); None: the clock is never set. What began before a
        leap has ended when so much time has passed as a ``lease`` takes; a fifth of it is to spare."""
        self._clock = clock
        self._steady = steady
        self._lease = lease
        self._origin: datetime | None = None  # the clock's, when ``steady`` was 0
        self._settled_at = 0.0

    def settled(self) -> bool:
        """To be asked often: a leap counts from when it is seen."""
        if self._steady is None:
            return True
        passed = self._steady()
        origin = self._clock() - timedelta(seconds=passed)
        if self._origin is not None and origin - self._origin > self._lease / 5:
            self._settled_at = passed + self._lease.total_seconds()
        elif self._origin is not None and origin > self._origin:
            return passed >= self._settled_at  # small leaps add up
        self._origin = origin
        return passed >= self._settled_at
