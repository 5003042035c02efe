"""Screen 4: what the office owes and keeps, and how the machine does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from aiohttp import web
from sqlalchemy import Connection

from mailbot.config import Settings
from mailbot.console import charts, words
from mailbot.console.charts import Chart
from mailbot.console.days import Days
from mailbot.console.pages import OPERATOR, reader
from mailbot.console.shell import WRITERS, ConsoleContext, Screen
from mailbot.desk import ailments, health, oversight, todo
from mailbot.desk.oversight import Day, Promises
from mailbot.errors import MailbotError
from mailbot.model import Role
from mailbot.observe import failure
from mailbot.storage.schema import inbox, outbox
from mailbot.tickets import breaker

ROLES = frozenset({Role.SUPERVISOR, Role.ADMIN, Role.AUDITOR})

_TRUST_KEPT = timedelta(minutes=10)
"""Reading the lists takes a second."""
_REFUSED = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Machine:
    """Rows that are not done, and what feeds them."""

    inbox: Sequence[tuple[str, int, datetime | None]]
    """State, how many, when the oldest of them came."""
    outbox: Sequence[tuple[str, int, datetime | None]]
    mailboxes: Sequence[health.Mailbox]
    loads: health.Loads
    refused: int
    """Rule sets in the last 30 days."""
    ailing: Sequence[str]
    """Codes of desk.ailments."""
    stopped: Sequence[str]
    """Whom mails do not reach until a breaker is lifted (tickets.breaker.Reach)."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """One trusted list, or what is wrong in the folder of them."""

    name: str
    number: int
    issued: datetime
    until: datetime | None
    stale: bool


class _Oversight:
    def __init__(self, desk: ConsoleContext) -> None:
        self._desk = desk
        self._days = Days(desk)
        self._trust: tuple[datetime, tuple[Trusted, ...], tuple[str, ...]] | None = None

    async def show(self, request: web.Request) -> web.Response:
        """The page."""
        operator, now, settings = request[OPERATOR], self._desk.clock(), self._desk.settings
        counters, promises, machine = await self._desk.database.read(
            lambda c: (
                todo.counters(c, operator, now),
                oversight.promises(c, now, settings.tickets.promise_hours),
                measured(c, now, settings),
            )
        )
        days = await self._days.window(now)
        lists, problems = await self._trusted(now)
        language = reader(request)
        said = lambda key: words.say(language, key)  # noqa: E731 - one word, used in the calls below
        return self._desk.pages.page(
            request,
            "oversight.html",
            now=now,
            hours=settings.tickets.promise_hours,
            days=oversight.DAYS,
            most=oversight.MOST,
            counters=counters,
            promises=promises,
            steps=steps(promises, said),
            services=services(promises, said),
            daily=daily(days, oversight.spoofing(self._desk.pipeline.ruleset.rules)),
            outcomes=charts.bars([(name, (count,)) for name, count in oversight.outcomes(days)]),
            machine=machine,
            imap=bool(settings.imap.host),
            overdue=now - timedelta(seconds=3 * settings.imap.poll_seconds + settings.imap.timeout_seconds),
            ruleset=self._desk.pipeline.ruleset.hash,
            trust=bool(settings.trust.directory),
            lists=lists,
            problems=problems if Role.ADMIN in operator.roles else (),
            faults=len(problems),
            opens=bool(operator.roles & (WRITERS | {Role.AUDITOR})),
            width=charts.WIDTH,
        )

    async def _trusted(self, now: datetime) -> tuple[tuple[Trusted, ...], tuple[str, ...]]:
        """The lists by which signatures are accepted, and what is wrong with them."""
        folder = self._desk.settings.trust.directory
        if not folder:
            return (), ()
        if self._trust is None or now - self._trust[0] > _TRUST_KEPT:
            self._trust = (now, *await asyncio.to_thread(trusted, Path(folder), now))
        return self._trust[1:]


def measured(connection: Connection, now: datetime, settings: Settings) -> Machine:
    """The machine as the database tells it."""
    mails = health.undone(connection, outbox, health.first_due())
    messages = health.undone(connection, inbox, inbox.c.received_at)
    return Machine(
        [(state, *found) for state, found in messages.items()],
        [(state, *found) for state, found in mails.items()],
        health.mailboxes(connection),
        health.loads(connection),
        len(health.refused(connection, now - _REFUSED, 100)),
        [one.code for one in ailments.examine(connection, now, settings)],
        sorted(breaker.stopped(connection)),
    )


def trusted(folder: Path, now: datetime) -> tuple[tuple[Trusted, ...], tuple[str, ...]]:
    """The lists of ``folder`` and the problems there."""
    from mailbot.signatures.trust import store  # 10 MB, for whoever looks at this page

    try:
        snapshot = store.load(folder, now)
    except MailbotError as error:
        return (), (error.reason,)
    except Exception as error:  # a folder that cannot be read is told, and hides nothing else of the page
        failure("oversight.trust", error)
        return (), (type(error).__name__,)
    return tuple(
        Trusted(one.territory, one.sequence, one.issued, one.next_update, one.stale(now)) for one in snapshot.lists
    ), snapshot.problems


def steps(promises: Promises, said: Callable[[str], str]) -> Chart:
    """The three mails: in time, late, still to come."""
    return charts.bars([(said(f"over.step.{one.number}"), (one.kept, one.late, one.waiting)) for one in promises.steps])


def services(promises: Promises, said: Callable[[str], str]) -> Chart:
    """The promises by service."""
    return charts.bars(
        [(one.name or said("over.no-service"), (one.kept, one.late, one.waiting)) for one in promises.services]
    )


def daily(days: Sequence[Day], spoofing: frozenset[str]) -> list[tuple[str, Chart]]:
    """What each day brought: name of the series and its columns."""

    def chart(count: Callable[[Day], int]) -> Chart:
        return charts.columns([(f"{day.on:%d.%m}", count(day)) for day in days])

    return [
        ("intake", chart(lambda day: day.intake)),
        ("complaints", chart(lambda day: day.of(oversight.complaints()))),
        ("spoofing", chart(lambda day: day.by(spoofing))),
        ("bounces", chart(lambda day: day.bounced)),
    ]


SCREEN = Screen("oversight", "/oversight", ROLES, lambda desk: (web.get("/oversight", _Oversight(desk).show),))
