"""Since when a worker has been there: mail that was sent while it was not may still be on its way to us."""

from __future__ import annotations

from datetime import datetime, timedelta

from mailbot.observe import Clock

_GAP = timedelta(minutes=15)
"""Between two steps. One that waits for a slow server takes less."""


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
