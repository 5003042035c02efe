"""What programs and operators ask of a process: /livez, /readyz, /statusz, /metrics; the same on any port.

The database says what became of the work (desk.ailments), the process what it did itself (counts) and what it lacks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from aiohttp import web
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from sqlalchemy import Connection

from mailbot import __version__
from mailbot.config import Settings
from mailbot.desk import ailments
from mailbot.errors import DatabaseUnavailable, MailbotError
from mailbot.observe import Clock, failure
from mailbot.signatures.trust import store
from mailbot.signatures.trust.lists import ListInfo
from mailbot.storage.database import Database
from mailbot.web import health, metrics

_PATIENCE = 5.0  # seconds
_KEPT = timedelta(minutes=15)
"""So long one reading of the trust folder counts: checking the signatures of the lists takes a while."""

_REFUSES = "no mail that comes can be stored, and all is refused for now; mend: what the log says ({}-failed)"
_LACKS = {
    "database": "the database takes no commit; mend: mailbot doctor (database), and see that its server and disk work",
    "disk": "the disk of the database is full; mend: make room",
    "imap": "the mailbox is not looked through; mend: mailbot doctor (imap)",
    "lmtp": _REFUSES.format("lmtp"),
    "smtp": _REFUSES.format("smtp"),
    "understanding": "no process that understands mails can be started; mend: see that the machine has memory left",
}


def routes(
    settings: Settings, database: Database, clock: Clock, ailing: health.Ailing = health.nothing_ails
) -> list[web.RouteDef]:
    """All four. ``ailing``: what the process knows of itself."""
    may_ask = metrics.audience(settings.web)
    mailbox = settings.imap.mailbox if settings.imap.host else None
    trust = TrustWatch(settings.trust.directory)
    state = DatabaseWatch(settings, database, clock, trust)
    return [
        *health.routes(database, ailing, may_ask, state.words),
        *metrics.routes(database, settings.web, clock, mailbox, (state.measure, trust.measure)),
    ]


class DatabaseWatch:
    """What the database says is wrong."""

    def __init__(self, settings: Settings, database: Database, clock: Clock, trust: TrustWatch) -> None:
        self._settings = settings
        self._trust = trust
        self._database = database
        self._clock = clock

    def measure(self, connection: Connection, now: datetime) -> Iterator[Metric]:
        """One row for each thing that can be wrong, and the numbers that were registered."""
        family = GaugeMetricFamily("mailbot_ailing", "1 while this does not work; /statusz has words", labels=("what",))
        wrong = {one.code for one in ailments.examine(connection, now, self._settings)}
        for code in ailments.AILMENTS:
            family.add_metric((code,), code in wrong)
        yield family
        yield InfoMetricFamily("mailbot_build", "The program that was asked", {"version": __version__})
        for number in ailments.GAUGES:
            value = number.look(connection, now)
            yield GaugeMetricFamily(f"mailbot_{number.name}", number.text, value)

    async def words(self, lacking: Collection[str]) -> str:
        """A line that says whether all is well, then one for each thing that is not."""
        lines = [f"{what}: {_LACKS.get(what, 'does not do well; the log says why')}" for what in lacking]
        try:
            async with asyncio.timeout(_PATIENCE):
                found = await self._database.read(lambda c: ailments.examine(c, self._clock(), self._settings))
            lines += [f"{one.code}: {one.words}; mend: {one.mend}" for one in found]
        except (DatabaseUnavailable, TimeoutError):
            lines += [] if "database" in lacking else [f"database: {_LACKS['database']}"]
        lines += await asyncio.to_thread(self._trust.words, self._clock())
        ready = "not ready" if lacking else "ready"
        head = f"mailbot {__version__}, {self._clock():%Y-%m-%d %H:%M:%S}Z: {ready}, "
        return "\n".join([head + (f"{len(lines)} things are wrong" if lines else "nothing is wrong"), *lines, ""])


class TrustWatch:
    """The folder of trusted lists, as it was read lately."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._read: tuple[datetime, tuple[ListInfo, ...], int] | None = None

    def measure(self, _connection: Connection, now: datetime) -> Iterator[Metric]:
        """By list; without a folder nothing is wrong with it."""
        age = GaugeMetricFamily("mailbot_trust_list_age_seconds", "Since a trusted list was issued", labels=("list",))
        due = GaugeMetricFamily(
            "mailbot_trust_list_overdue", "1 when a list that is newer should be there", labels=("list",)
        )
        lists, problems = self._look(now)
        for one in lists:
            age.add_metric((one.territory,), max(0.0, (now - one.issued).total_seconds()))
            due.add_metric((one.territory,), one.stale(now))
        yield from (age, due)
        yield GaugeMetricFamily("mailbot_trust_problems", "What is wrong in the folder of trusted lists", problems)

    def words(self, now: datetime) -> list[str]:
        """What is wrong with it, a line each. Reads files."""
        lists, problems = self._look(now)
        told = [
            f"trust: the list {one.territory} is overdue; mend: mailbot trust update" for one in lists if one.stale(now)
        ]
        return told + ([f"trust: {problems} problems in the folder; mend: mailbot trust show"] if problems else [])

    def _look(self, now: datetime) -> tuple[tuple[ListInfo, ...], int]:
        if not self._directory:
            return (), 0
        if self._read is None or not timedelta() <= now - self._read[0] <= _KEPT:
            self._read = (now, *_lists(Path(self._directory), now))
        return self._read[1:]


def _lists(folder: Path, now: datetime) -> tuple[tuple[ListInfo, ...], int]:
    """The lists, and how much is wrong."""
    try:
        found = store.load(folder, now)
    except MailbotError:  # the doctor and the worker's start name it
        return (), 1
    except Exception as error:
        failure("watch.trust", error)
        return (), 1
    return found.lists, len(found.problems)
