"""Whether a mail may leave, as of this moment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from mailbot.observe import Clock
from mailbot.storage.engine import Database
from mailbot.tickets import sending
from mailbot.workers.claim import Mail

AHEAD = 16
"""Mails that are looked at in one read."""
_LONGEST = timedelta(seconds=1)
"""For so long what was seen counts: a link ends although nobody writes anything."""


class _Seen(NamedTuple):
    why: str | None
    version: int | None
    at: datetime

    def counts(self, version: int | None, now: datetime) -> bool:
        """Whether it is still so."""
        return version is not None and version == self.version and timedelta() <= now - self.at <= _LONGEST


class Looks:
    """Looks at a mail before it leaves, and at those behind it in the same read. What was seen counts for one of them
    as long as nobody has committed anything since: a stop that is committed when a mail's turn comes keeps it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._seen: dict[int, _Seen] = {}
        self._one = asyncio.Lock()

    async def hindrance(self, mail: Mail, behind: Sequence[Mail]) -> str | None:
        """As sending.hindrance. Raises DatabaseUnavailable."""
        if self._database.version() is None:
            return (await self._look([mail.id]))[mail.id]
        async with self._one:  # what another connection reads just now may tell of this mail as well
            seen = self._seen.pop(mail.id, None)
            if seen is not None and seen.counts(self._database.version(), self._clock()):
                return seen.why
            version, now = self._database.version(), self._clock()
            found = await self._look([mail.id, *(one.id for one in behind)])
            self._seen = {one: _Seen(why, version, now) for one, why in found.items()}
            return found[mail.id]

    async def _look(self, mails: Sequence[int]) -> dict[int, str | None]:
        return await self._database.read(lambda c: sending.hindrances(c, mails, self._clock()))
