"""The days that two screens look back on; what is over is asked about once."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from mailbot.console.shell import ConsoleContext
from mailbot.desk import oversight
from mailbot.desk.oversight import Day

_SETTLED = timedelta(hours=1)
"""After its end nothing of a day changes any more."""


class Days:
    """Remembers the days of the window that are over."""

    def __init__(self, desk: ConsoleContext) -> None:
        self._desk = desk
        self._over: dict[date, Day] = {}

    async def window(self, now: datetime) -> list[Day]:
        """The days, today last."""
        wanted = oversight.window(now)
        missing = [on for on in wanted if on not in self._over]
        found = await self._desk.database.read(lambda c: [oversight.day(c, on) for on in missing])
        known = self._over | {day.on: day for day in found}
        *over, _ = oversight.window(now - _SETTLED)
        self._over = {on: day for on, day in known.items() if on in over}
        return [known[on] for on in wanted]
