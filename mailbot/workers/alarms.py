"""Raises the alarms of tickets: before a promise is broken and when it is (tickets.sla)."""

from __future__ import annotations

import logging

from mailbot.flow.pipeline import Pipeline
from mailbot.observe import Clock, log_event
from mailbot.ruleset.model import Window
from mailbot.storage.database import Database
from mailbot.tickets import sla

SECONDS = 30.0
"""Between two looks: an alarm is minutes or hours ahead of what it warns of."""

_LEVELS = {"sla-warning": logging.WARNING, "sla-breach": logging.ERROR}


class AlarmWorker:
    """Looks at the tickets whose moment has come. Several may run, in one process or in many."""

    def __init__(self, database: Database, pipeline: Pipeline, clock: Clock) -> None:
        self.pipeline = pipeline
        """May be replaced at any time by one with another rule set."""
        self._database = database
        self._clock = clock
        self._windows: tuple[Window, ...] | None = None

    async def step(self) -> int:
        """Look at one batch; returns its size."""
        flow = self.pipeline
        windows = flow.ruleset.windows()
        if windows != self._windows:  # also at the start: a notice may have come while nobody looked
            await self._database.write(lambda c: sla.look_again(c, self._clock()))
            self._windows = windows
        looked, news = await self._database.write(
            lambda c: sla.look_at_due(c, self._clock(), flow.settings.tickets, flow.ruleset)
        )
        for told in news:
            level = _LEVELS.get(told.event, logging.INFO)
            log_event(told.event, level=level, ticket=told.number, clock=told.clock, due=told.due.isoformat())
        return looked
