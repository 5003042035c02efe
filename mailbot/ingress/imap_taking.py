"""Messages between an IMAP server and the inbox: while some are stored, the next ones are fetched.

A message moves on the server only after its commit, as ever, but in large sets: a MOVE costs the server as much for
hundreds as for one. What a cut connection left behind is moved by the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from mailbot.model import RawMessage

_FETCHED = 8 * 2**20  # octets that may wait while others are stored
_MOVED = 200  # messages in one MOVE

Store = Callable[[Sequence[RawMessage]], Coroutine[Any, Any, list[int]]]
"""Commits messages, in order; the UIDs of those that may move."""
Move = Callable[[Sequence[int]], Awaitable[None]]


class Taking:
    """Stores what is added, in order and together with whatever waits, and moves it. For one task."""

    def __init__(self, store: Store, move: Move) -> None:
        self._store, self._move = store, move
        self._fetched: list[RawMessage] = []
        self._octets = 0
        self._storing: asyncio.Task[list[int]] | None = None
        self._movable: list[int] = []

    async def add(self, messages: Sequence[RawMessage]) -> None:
        """Store these as soon as nothing else is being stored."""
        self._fetched += messages
        self._octets += sum(len(message.raw) for message in messages)
        if self._storing is None or self._storing.done() or self._octets > _FETCHED:
            await self._next()
        if len(self._movable) >= _MOVED:
            await self._move_all()

    async def settle(self) -> None:
        """Return when all that was added is stored."""
        await self._next()
        await self._next()

    async def finish(self) -> None:
        """Return when all that was added is stored and moved."""
        await self.settle()
        await self._move_all()

    def cancel(self) -> None:
        """Nobody waits any more. What the database has begun it brings to an end."""
        if self._storing is not None:
            self._storing.cancel()

    async def _next(self) -> None:
        """When what is being stored is committed, begin with what was added meanwhile."""
        if self._storing is not None:
            storing, self._storing = self._storing, None
            self._movable += await storing
        if self._fetched:
            fetched, self._fetched, self._octets = self._fetched, [], 0
            self._storing = asyncio.create_task(self._store(fetched))
            self._storing.add_done_callback(lambda task: task.cancelled() or task.exception())  # who waits is told

    async def _move_all(self) -> None:
        movable, self._movable = self._movable, []
        if movable:
            await self._move(movable)
