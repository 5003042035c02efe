"""The loop of a worker: do what waits, then sleep until somebody wakes it or the time to look again has come."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

from mailbot import counts
from mailbot.errors import TemporaryError
from mailbot.observe import failure, log_event

_CURRENT: ContextVar[Loop] = ContextVar("loop")

_PAUSE = 5.0  # seconds after a failed step: nothing is lost by waiting, the rows are in the database


class Loop:
    """Runs ``work`` until it reports 0 rows, again at each ``wake`` and at least every ``floor`` seconds."""

    def __init__(self, name: str, work: Callable[[], Awaitable[int]], floor: float | None = 1.0) -> None:
        """Without ``floor`` it works at the start and when it is woken only."""
        self.name = name
        counts.PAUSES.expect(name)
        self._work = work
        self._floor = floor
        self._good_at: float | None = None  # monotonic; None: it waits, and its last step went well
        self._moved_at: float | None = None  # monotonic; None: it sleeps
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()

    def wake(self) -> None:
        """There may be something to do."""
        self._woken.set()

    def stop(self) -> None:
        """End ``run`` after the step at hand."""
        self._stopping.set()
        self._woken.set()

    def silent(self) -> float:
        """Seconds since it last did well; 0 while it waits for work."""
        return 0.0 if self._good_at is None else time.monotonic() - self._good_at

    def stuck(self) -> float:
        """Seconds since it last got on, well or not; 0 while it sleeps. What waits for a server that is away tries
        again and again, and is not stuck."""
        return 0.0 if self._moved_at is None else time.monotonic() - self._moved_at

    async def run(self) -> None:
        """Work until stopped. A failing step is logged and tried again; it never ends the loop."""
        _CURRENT.set(self)
        while not self._stopping.is_set():
            self._woken.clear()
            self._moved_at = time.monotonic()
            pause = await self._work_off()
            self._moved_at = None
            if self._stopping.is_set():
                return
            try:
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def _work_off(self) -> float | None:
        """Do what waits; returns how long to sleep then."""
        if self._good_at is None:
            self._good_at = time.monotonic()
        try:
            while await self._work() and not self._stopping.is_set():
                self._good_at = self._moved_at = time.monotonic()
        except TemporaryError as error:
            counts.PAUSES(self.name)
            log_event("worker-paused", level=logging.WARNING, worker=self.name, reason=error.reason)
            return _PAUSE
        except Exception as error:
            counts.PAUSES(self.name)
            failure("worker-failed", error, worker=self.name)
            return _PAUSE
        self._good_at = None
        return self._floor


def moving() -> None:
    """Called from within a long step: the loop that does it gets on."""
    loop = _CURRENT.get(None)
    if loop is not None:
        loop._moved_at = time.monotonic()
