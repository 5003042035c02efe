"""Erases what has reached the age of its class (rules/retention.yaml), a window of rows at a time.

A pass walks over tickets and messages in the order of their numbers, so that each step reads and writes a bounded
number of rows however much there is; what still needs something is left, and looked at again by the next pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, func, or_, select, tuple_, update

from mailbot.model import State
from mailbot.model.categories import CASE_A, CASE_B
from mailbot.outbox import jobs
from mailbot.retention.erase import ErasureScope, erase
from mailbot.storage import upsert
from mailbot.storage.desk import draft, ticket_link
from mailbot.storage.probes import probe
from mailbot.storage.registry import registry_change
from mailbot.storage.schema import activation, application_view, counter, inbox, outbox, raw_message, ticket
from mailbot.storage.tokens import api_answer
from mailbot.storage.webhooks import webhook

Ages = Mapping[str, timedelta]

_WINDOW = 500
"""Rows of ticket or inbox that one step looks at."""
_TURN = "retention"
"""Row of counter: when a worker last took a pass, in seconds since 1970."""
_DAY, _REST = timedelta(days=1), timedelta(days=3)
_REASON = "its age"
_EVER = datetime(1, 1, 2, tzinfo=UTC)


@dataclass(slots=True)
class RetentionReport:
    """What was erased, or would be. classes: class → tickets, messages without one, or rows."""

    classes: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    keys: int = 0

    def add(self, other: RetentionReport) -> None:
        """Count ``other`` in."""
        self.classes += other.classes
        self.messages += other.messages
        self.keys += other.keys


RetentionStep = Callable[[Connection], tuple[RetentionReport, int | None]]
"""One bounded transaction: what it erased, and where the next one of its kind begins; None: it is through."""


def is_due(connection: Connection, now: datetime) -> bool:
    """Whether a day has gone by since a worker took a pass, or the clock has leapt."""
    return not timedelta() <= now - _last(connection) < _DAY


def turn(connection: Connection, now: datetime) -> bool:
    """Take the pass that ``is_due``; False: another worker took it, or there is none. What is erased does not come
    back, so after a leap of the clock (or a long rest, and at the first start) a whole day must go by first."""
    c, last = counter.c, _last(connection)
    connection.execute(upsert.insert(connection, counter).on_conflict_do_nothing(), {"name": _TURN, "value": 0})
    mine = (c.name == _TURN, c.value == int(last.timestamp()))
    taken = connection.execute(update(counter).where(*mine).values(value=int(now.timestamp()))).rowcount
    return bool(taken) and _DAY <= now - last <= _REST


def _last(connection: Connection) -> datetime:
    value = connection.execute(select(counter.c.value).where(counter.c.name == _TURN)).scalar_one_or_none()
    return datetime.fromtimestamp(value or 0, UTC)


def steps(ages: Ages, now: datetime, actor: str, *, dry: bool = False) -> list[Callable[[int], RetentionStep]]:
    """The kinds of step of a pass: each is called with where it begins, 0 at first. ``dry``: nothing is written."""
    act = _Act(ages, now, actor, dry)
    return [
        lambda after: partial(_tickets, act=act, after=after),
        lambda after: partial(_messages, act=act, after=after),
        *(lambda after, name=name: partial(_rows, act=act, name=name) for name in _ROWS if name in ages),
    ]


@dataclass(frozen=True, slots=True)
class _Act:
    ages: Ages
    now: datetime
    actor: str
    dry: bool

    def before(self, name: str) -> datetime:
        """What is older has reached the age of class ``name``; of one that is kept for good nothing has."""
        return self.now - self.ages[name] if name in self.ages else _EVER


def _tickets(connection: Connection, act: _Act, after: int) -> tuple[RetentionReport, int | None]:
    t, window = ticket.c, _window(connection, ticket, after)
    granted = exists().where(activation.c.ticket_id == t.id)
    newest = func.coalesce(
        select(func.max(inbox.c.received_at)).where(inbox.c.ticket_id == t.id).scalar_subquery(), _EVER
    )
    case = t.category.in_((CASE_A, CASE_B))
    classes = {
        "granted": (granted, t.closed_at),
        "refused": (and_(~granted, case), t.closed_at),
        "other": (and_(~granted, ~case), t.closed_at),
        "quarantine": (and_(t.state == State.KWARANTANNA.value, t.owner.is_(None)), t.opened_at),
    }
    report = RetentionReport()
    for name, (which, since) in classes.items():
        before = act.before(name)
        wanted = select(t.id).where(
            t.id.in_(window), which, since < before, newest < before, _unneeded(), ~_read_with(before), _not_erased()
        )
        ids = connection.execute(wanted.order_by(t.id)).scalars().all()
        report.classes[name] += len(ids)
        theirs = connection.execute(select(inbox.c.id).where(inbox.c.ticket_id.in_(ids)).order_by(inbox.c.id)).scalars()
        _erase(connection, act, ErasureScope(tuple(theirs), tuple(ids), ()), name, report)
    return report, window[-1] if window else None


def _messages(connection: Connection, act: _Act, after: int) -> tuple[RetentionReport, int | None]:
    i, window, before = inbox.c, _window(connection, inbox, after), act.before("without_ticket")
    which = (i.id.in_(window), i.ticket_id.is_(None), i.state == jobs.DONE, i.received_at < before)
    octets = exists().where(raw_message.c.inbox_id == i.id)
    ids = connection.execute(select(i.id).where(*which, octets).order_by(i.id)).scalars().all()
    report = RetentionReport(Counter({"without_ticket": len(ids)}))
    _erase(connection, act, ErasureScope(tuple(ids), (), ()), "without_ticket", report)
    return report, window[-1] if window else None


def _erase(connection: Connection, act: _Act, found: ErasureScope, name: str, report: RetentionReport) -> None:
    report.messages += len(found.messages)
    if act.dry or not (found.messages or found.tickets):
        return
    ended = {"state": State.ZAMKNIETE_BEZ_ZMIAN.value, "closed_at": act.now, "alarm_at": None}
    waiting = (
        ticket.c.id.in_(found.tickets),
        ticket.c.closed_at.is_(None),
    )  # in quarantine: nothing is left to look at
    connection.execute(update(ticket).where(*waiting).values(ended))
    report.keys += erase(connection, found, act.actor, _REASON, act.now, name).keys


def _window(connection: Connection, table: Table, after: int) -> Sequence[int]:
    return (
        connection.execute(select(table.c.id).where(table.c.id > after).order_by(table.c.id).limit(_WINDOW))
        .scalars()
        .all()
    )


def _unneeded() -> ColumnElement[bool]:
    """Nothing of the ticket waits to be decided, sent or answered by a registry: one that ``erase`` refuses would stop
    the pass for all others."""
    i, o = inbox.c, outbox.c
    undecided = exists().where(i.ticket_id == ticket.c.id, i.state != jobs.DONE)
    leaving = exists().where(o.ticket_id == ticket.c.id, o.state.in_((jobs.WAITING, jobs.QUEUED, jobs.LEASED)))
    asked = exists().where(activation.c.ticket_id == ticket.c.id, registry_change.c.activation_id == activation.c.id)
    return and_(~undecided, ~leaving, ~asked)


def _read_with(before: datetime) -> ColumnElement[bool]:
    """It was merged into one that is open, or ended since ``before``: its letters are read there."""
    k, older = ticket_link.c, ticket.alias().c
    needed = or_(older.closed_at.is_(None), older.closed_at >= before)
    return exists().where(k.ticket_id == ticket.c.id, k.kind == "merged", older.id == k.other_id, needed)


def _not_erased() -> ColumnElement[bool]:
    t = ticket.c
    octets = exists().where(inbox.c.ticket_id == t.id, raw_message.c.inbox_id == inbox.c.id)
    mails = exists().where(outbox.c.ticket_id == t.id, outbox.c.recipient != "")
    return or_(t.correspondent.is_not(None), octets, mails)


def _views(before: datetime) -> ColumnElement[bool]:
    """Of messages of that time whose ticket, if there is one, is closed."""
    i, t = inbox.c, ticket.c
    closed = or_(i.ticket_id.is_(None), exists().where(t.id == i.ticket_id, t.closed_at < before))
    return application_view.c.inbox_id.in_(select(i.id).where(i.received_at < before, closed))


_ROWS: Mapping[str, tuple[Table, Callable[[datetime], ColumnElement[bool]]]] = {
    "application_views": (application_view, _views),
    "drafts": (draft, lambda before: draft.c.saved_at < before),
    "probes": (probe, lambda before: probe.c.sent_at < before),
    "webhooks": (webhook, lambda before: and_(webhook.c.state == jobs.DONE, webhook.c.sent_at < before)),
    "api_answers": (api_answer, lambda before: api_answer.c.at < before),
}


def _rows(connection: Connection, act: _Act, name: str) -> tuple[RetentionReport, int | None]:
    table, which = _ROWS[name]
    old = which(act.before(name))
    if act.dry:
        return RetentionReport(
            Counter({name: connection.execute(select(func.count()).select_from(table).where(old)).scalar_one()})
        ), None
    key = list(table.primary_key)
    first = select(*key).where(old).order_by(*key).limit(_WINDOW)
    gone = connection.execute(delete(table).where(tuple_(*key).in_(first))).rowcount
    return RetentionReport(Counter({name: gone})), 0 if gone == _WINDOW else None
