"""Whether what comes in by LMTP or SMTP can be stored: nobody else hears of a mail that is refused for now."""

from __future__ import annotations

import time
from collections.abc import Callable

_FORGOTTEN = 7200.0  # seconds: a server that still has the mail has come again by then


class Standing:
    """Of one listener. A commit that succeeds elsewhere proves nothing: a damaged page, or a right that the role lost,
    may stop the inbox alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first: float | None = None
        self._last = 0.0

    def stored(self) -> None:
        """A message was committed."""
        self._first = None

    def failed(self) -> None:
        """One came whole, was not stored, and was refused for now."""
        now = self._clock()
        if self._first is None or now - self._last > _FORGOTTEN:
            self._first = now
        self._last = now

    def failing(self) -> float:
        """Seconds from the first to the last of the failures since a message was stored."""
        if self._first is None or self._clock() - self._last > _FORGOTTEN:
            return 0.0
        return self._last - self._first
