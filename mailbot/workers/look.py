"""Whether a mail may leave, as of this moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from mailbot.observe import Clock
from mailbot.storage.database import Database
from mailbot.tickets import sending
from mailbot.workers.claim import Mail

MOST = 64
"""Mails that are looked at in one read."""
_FEW = 4
_LONGEST = timedelta(seconds=1)
"""For so long what was seen counts: a link ends although nobody writes anything."""


class _LookResult(NamedTuple):
    why: str | None
    version: int | None
    at: datetime


class Looks:
    """Looks at a mail before it leaves, and at those behind it in the same read. What was seen counts for one of them
    as long as nobody has committed anything since: a stop that is committed when a mail's turn comes keeps it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._seen: dict[int, _LookResult] = {}
        self._used = 0
        """Mails for which the last read was good enough."""
        self._asked: set[int] = set()
        """Mails of connections that wait for a read."""
        self._one = asyncio.Lock()

    async def hindrance(self, mail: Mail, behind: Callable[[int], Sequence[Mail]]) -> str | None:
        """As sending.hindrance. ``behind``: so many mails that are next. Raises DatabaseUnavailable."""
        if not self._is_unchanged(mail):
            self._asked.add(mail.id)
            try:
                async with self._one:  # in the order in which they asked
                    if not self._is_answered(mail):
                        await self._look(behind)
            finally:
                self._asked.discard(mail.id)
        self._used += 1
        return self._seen.pop(mail.id).why

    def _is_answered(self, mail: Mail) -> bool:
        """Whether another connection has looked at this mail, too, since it was asked for."""
        seen = self._seen.get(mail.id)
        return seen is not None and (seen.version is None or self._is_unchanged(mail))

    def _is_unchanged(self, mail: Mail) -> bool:
        seen = self._seen.get(mail.id)
        if seen is None or seen.version is None or not timedelta() <= self._clock() - seen.at <= _LONGEST:
            return False
        return self._database.version() == seen.version

    async def _look(self, behind: Callable[[int], Sequence[Mail]]) -> None:
        """At all that was asked for; where it can be told whether it still holds, at those behind them as well."""
        version, now = self._database.version(), self._clock()
        ahead = behind(min(MOST, _FEW + 2 * self._used)) if version is not None else ()
        ids = [*self._asked, *(mail.id for mail in ahead)]
        found = await self._database.glance(lambda c: sending.hindrances(c, ids, self._clock()))
        self._seen = {mail: _LookResult(why, version, now) for mail, why in found.items()}
        self._used = 0
