"""Understanding takes most of a mail's computing: here it has a process of its own, and with it another core.

A message that kills the process harms no other for long: the pool is made anew, the leases of the batch run out, and
rows that were tried before are taken one by one (jobs.claim).
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from mailbot.errors import TemporaryError
from mailbot.model import RawMessage, Understanding
from mailbot.understand import Understander

Understand = Callable[[Sequence[RawMessage]], Awaitable[list[Understanding]]]
"""Understander.understand for a batch, in order, without stopping the event loop."""


def in_thread(understander: Understander) -> Understand:
    """In a thread of this process: for tests and the demo, whose DNS lies in memory."""

    async def understand(batch: Sequence[RawMessage]) -> list[Understanding]:
        return await asyncio.to_thread(lambda: [understander.understand(raw) for raw in batch])

    return understand


class Processes:
    """``count`` processes, each with the understander that ``build`` makes there. ``build`` must be picklable."""

    def __init__(self, build: Callable[[], Understander], count: int) -> None:
        self._build = build
        self._count = count
        self._pool = self._start()

    async def __call__(self, batch: Sequence[RawMessage]) -> list[Understanding]:
        """See Understand. Raises TemporaryError when the process died."""
        pool = self._pool
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, _understand, batch)
        except BrokenProcessPool as error:
            if self._pool is pool:
                pool.shutdown(wait=False)
                self._pool = self._start()
            raise TemporaryError(f"the process that understands mails died: {error}") from error

    async def start(self) -> None:
        """Start the processes now, not with the first mail. Raises what ``build`` raised there as TemporaryError."""
        await self([])

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown(cancel_futures=True)

    def _start(self) -> ProcessPoolExecutor:
        spawn = multiprocessing.get_context("spawn")  # a fork would copy the locks of our threads as they stand
        return ProcessPoolExecutor(self._count, spawn, _prepare, (self._build,))


_understander: Understander


def _prepare(build: Callable[[], Understander]) -> None:
    """In the new process: build the understander, leave Ctrl-C to the parent, end when the parent ends."""
    global _understander
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _understander = build()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _understand(batch: Sequence[RawMessage]) -> list[Understanding]:
    return [_understander.understand(raw) for raw in batch]
