"""What the office owes and whether it keeps it: promises against the clock, what came each day, what became of it.

Every question looks at a bounded window by an index: days one by one (a day that is over is asked about once, see
``days``), tickets never more than the newest MOST.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Subquery,
    Table,
    and_,
    case,
    extract,
    func,
    literal,
    or_,
    select,
)

from mailbot.clocks import WARSAW
from mailbot.model import MailKind, Outcome, State
from mailbot.model.categories import CASES
from mailbot.outbox import jobs
from mailbot.ruleset.model import Rule
from mailbot.storage.schema import decision, outbox, shadow_hit, ticket, ticket_event
from mailbot.storage.values import UtcDateTime
from mailbot.tickets.hold import FROZEN
from mailbot.tickets.sla import CLOCKLESS

DAYS = 14
"""Of the window, today among them."""
MOST = 5_000
"""Tickets that one look reads, the newest of the window."""

_ROUNDED = 0.5
"""Seconds by which a difference of two moments may be off."""

STEPS: Mapping[int, tuple[str, ...]] = {
    1: (MailKind.T1.value,),
    2: (MailKind.T2A.value, MailKind.T2B.value),
    3: (MailKind.T3.value,),
}
"""The three mails of the special procedure (seed 001, P14): registration, resolution, activation link."""

_UNHURRIED = tuple(state.value for state in (*CLOCKLESS, State.OCZEKUJE_NA_KLIENTA))
_T, _O = ticket.c, outbox.c


@dataclass(frozen=True, slots=True)
class MailPromises:
    """One of the three mails in the window. number: 1, 2, 3."""

    number: int
    kept: int
    """Accepted by the next server within the promise."""
    late: int
    """Accepted after it, or not yet although it is over."""
    waiting: int
    """Not accepted, and the promise still runs."""
    slowest: timedelta | None
    """From the letter to the acceptance."""


@dataclass(frozen=True, slots=True)
class Day:
    """What was decided on one day of the office, by the rules and what became of it."""

    on: date
    hits: Mapping[tuple[str, str], int]
    """(outcome, rule) → messages."""
    bounced: int
    watched: Mapping[tuple[str, str], int]
    """(outcome, rule) → messages that a rule would have decided that is only watched."""

    @property
    def intake(self) -> int:
        """Messages."""
        return sum(self.hits.values())

    def of(self, outcomes: Collection[Outcome]) -> int:
        """Messages with one of ``outcomes``."""
        return sum(count for (outcome, _), count in self.hits.items() if outcome in outcomes)

    def by(self, rules: Collection[str]) -> int:
        """Messages that one of ``rules`` decided."""
        return sum(count for (_, rule), count in self.hits.items() if rule in rules)


@dataclass(frozen=True, slots=True)
class ServicePromises:
    """The promises to tickets of one service in the window."""

    name: str
    kept: int
    late: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Oldest:
    """A ticket that waits longest."""

    number: str
    state: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Promises:
    """What the office owes."""

    steps: tuple[MailPromises, ...]
    services: tuple[ServicePromises, ...]
    opened: int
    """Tickets that were looked at; MOST: there are older ones in the window."""
    oldest: Oldest | None
    """By its letter."""
    overdue: Oldest | None
    """By its broken promise."""


def promises(connection: Connection, now: datetime, hours: int) -> Promises:
    """``hours``: those of the special procedure ([tickets] promise_hours)."""
    newest = _newest(now)
    services = _services(connection, newest, now)
    return Promises(
        steps=_steps(connection, newest, now, timedelta(hours=hours)),
        services=services,
        opened=connection.execute(select(func.count()).select_from(newest)).scalar_one(),
        oldest=_oldest(connection),
        overdue=_overdue(connection, now),
    )


def complaints() -> frozenset[Outcome]:
    """Outcomes of complaints."""
    return frozenset({Outcome.COMPLAINT_OK, Outcome.COMPLAINT_LATE})


def spoofing(rules: Iterable[Rule]) -> frozenset[str]:
    """The rules that put aside mail whose sender is forged, or cannot be told."""
    return frozenset(
        rule.name
        for rule in rules
        if rule.outcome is Outcome.QUARANTINE
        and ("fail" in rule.when.get("authentication", ()) or "ambiguous" in rule.when.get("sender", ()))
    )


def window(now: datetime) -> list[date]:
    """The days of the window, today last."""
    today = now.astimezone(WARSAW).date()
    return [today - timedelta(days=back) for back in reversed(range(DAYS))]


def day(connection: Connection, on: date) -> Day:
    """One day as the office counts days."""
    start = datetime.combine(on, time(), WARSAW)
    end = datetime.combine(on + timedelta(days=1), time(), WARSAW)
    e = ticket_event.c
    bounced = select(func.count()).where(
        e.kind == literal("mail-bounced", literal_execute=True),  # the index is of these rows alone
        e.at >= start,
        e.at < end,
    )
    hits, watched = (_hits(connection, table, start, end) for table in (decision, shadow_hit))
    return Day(on, hits, connection.execute(bounced).scalar_one(), watched)


def _hits(connection: Connection, table: Table, start: datetime, end: datetime) -> dict[tuple[str, str], int]:
    c = table.c
    counted = select(c.outcome, c.rule, func.count()).where(c.decided_at >= start, c.decided_at < end)
    rows = connection.execute(counted.group_by(c.outcome, c.rule))
    return {(outcome, rule): count for outcome, rule, count in rows}


def outcomes(days: Iterable[Day]) -> list[tuple[str, int]]:
    """What became of the messages of ``days``, the most frequent first."""
    found: dict[str, int] = defaultdict(int)
    for one in days:
        for (outcome, _), count in one.hits.items():
            found[outcome] += count
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))


def _newest(now: datetime) -> Subquery:
    wanted = select(
        _T.id, _T.category, _T.state, _T.service, _T.opened_at, _T.promised_at, _T.answered_at, _T.closed_at
    )
    since = datetime.combine(window(now)[0], time(), WARSAW)
    return wanted.where(_T.opened_at >= since).order_by(_T.opened_at.desc()).limit(MOST).subquery("newest")


def _steps(connection: Connection, newest: Subquery, now: datetime, promise: timedelta) -> tuple[MailPromises, ...]:
    """Mails that were stopped or taken back are not owed."""
    opened_at = newest.c.opened_at
    took = _seconds(connection, _O.sent_at, opened_at)
    waits = _seconds(connection, literal(now, UtcDateTime()), opened_at)
    in_time = promise.total_seconds() + _ROUNDED
    late = or_(took > in_time, and_(_O.sent_at.is_(None), waits > in_time))
    rows = connection.execute(
        select(
            _O.slot,
            _count(took <= in_time).label("kept"),
            _count(late).label("late"),
            _count(and_(_O.sent_at.is_(None), waits <= in_time)).label("waiting"),
            func.max(took).label("longest"),
        )
        .join(newest, newest.c.id == _O.ticket_id)
        .where(
            newest.c.category.in_(CASES),
            _O.slot.in_([kind for kinds in STEPS.values() for kind in kinds]),
            _O.state != jobs.CANCELLED,
            or_(_O.sent_at.is_not(None), _O.last_error.is_(None), _O.last_error != FROZEN),
        )
        .group_by(_O.slot)
    ).mappings()
    found = {row["slot"]: row for row in rows}
    return tuple(_step(number, [found[kind] for kind in kinds if kind in found]) for number, kinds in STEPS.items())


def _step(number: int, rows: Sequence[RowMapping]) -> MailPromises:
    kept, late, waiting = (sum(int(row[name]) for row in rows) for name in ("kept", "late", "waiting"))
    longest = max((float(row["longest"]) for row in rows if row["longest"] is not None), default=None)
    return MailPromises(number, kept, late, waiting, None if longest is None else timedelta(seconds=round(longest)))


def _seconds(
    connection: Connection, later: ColumnElement[datetime], earlier: ColumnElement[datetime]
) -> ColumnElement[Any]:
    """From ``earlier`` to ``later``; each engine has words of its own for it."""
    if connection.dialect.name == "sqlite":
        return (func.julianday(later) - func.julianday(earlier)) * 86_400.0
    return extract("epoch", later - earlier)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _services(connection: Connection, newest: Subquery, now: datetime) -> tuple[ServicePromises, ...]:
    n = newest.c
    ended = func.coalesce(n.answered_at, n.closed_at)

    broken = or_(ended > n.promised_at, and_(ended.is_(None), n.promised_at < now))
    waits = and_(ended.is_(None), n.promised_at >= now)
    rows = connection.execute(
        select(n.service, _count(ended <= n.promised_at), _count(broken), _count(waits))
        .where(n.state.not_in(_UNHURRIED))
        .group_by(n.service)
        .order_by(n.service)
    )
    return tuple(ServicePromises(name, int(kept), int(late), int(waits)) for name, kept, late, waits in rows)


def _oldest(connection: Connection) -> Oldest | None:
    wanted = select(_T.number, _T.state, _T.opened_at).where(
        _T.closed_at.is_(None), _T.state.not_in([state.value for state in CLOCKLESS])
    )
    found = connection.execute(wanted.order_by(_T.opened_at).limit(1)).first()
    return Oldest(*found) if found else None


def _overdue(connection: Connection, now: datetime) -> Oldest | None:
    wanted = select(_T.number, _T.state, _T.promised_at).where(
        _T.closed_at.is_(None), _T.promised_at < now, _T.state.not_in(_UNHURRIED)
    )
    found = connection.execute(wanted.order_by(_T.promised_at, _T.id).limit(1)).first()
    return Oldest(*found) if found else None
