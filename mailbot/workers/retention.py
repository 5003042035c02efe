"""Erases once a day what has reached its age (retention.age), and ends erasures that were cut off."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from sqlalchemy import Connection

from mailbot.audit import chain
from mailbot.flow.pipeline import Pipeline
from mailbot.observe import Clock, log_event
from mailbot.retention import age, erase
from mailbot.storage.database import Database
from mailbot.storage.engine import empty_log, wipe
from mailbot.storage.keys import KeyStore

SECONDS = 60.0
"""Between two looks whether a day has gone by."""


class RetentionWorker:
    """Several may run, in one process or in many: each day's pass is one's. What it was killed at is left for the next
    day."""

    def __init__(self, database: Database, pipeline: Pipeline, store: KeyStore, clock: Clock) -> None:
        self.pipeline = pipeline
        """May be replaced at any time by one with another rule set."""
        self._database = database
        self._store = store
        self._clock = clock
        self._left: deque[Callable[[int], age.RetentionStep]] = deque()
        self._after = 0
        self._report = age.RetentionReport()

    async def step(self) -> int:
        """Do one bounded part of the pass; 0: there is none, until tomorrow."""
        if not self._left:
            return await self._begin()
        report, after = await self._database.write(self._wiping(self._left[0](self._after)))
        await self._database.write(lambda c: erase.finish(c, self._store, self._clock()))
        self._report.add(report)
        self._after = after or 0
        if after is None:
            self._left.popleft()
        if not self._left:
            self._tell()
            await self._database.read(lambda c: empty_log(c.engine))
        return 1

    def _wiping(self, step: age.RetentionStep) -> age.RetentionStep:
        def work(connection: Connection) -> tuple[age.RetentionReport, int | None]:
            wipe(connection)
            return step(connection)

        return work

    async def _begin(self) -> int:
        now, ages = self._clock(), self.pipeline.ruleset.retention
        if not await self._database.read(lambda c: age.is_due(c, now)):
            return 0
        if not await self._database.write(lambda c: age.turn(c, now)):
            return 0
        self._left, self._after, self._report = deque(age.steps(ages, now, chain.MACHINE)), 0, age.RetentionReport()
        return 1

    def _tell(self) -> None:
        found = self._report
        log_event("retention", messages=found.messages, keys=found.keys, **found.classes)
