"""What is to be done: the open tickets by deadline, and how many there are of each sort.

Every question is answered from the open tickets alone, by an index that holds no others, a page at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, exists, func, literal, select, text, tuple_

from mailbot.desk.sight import seen
from mailbot.model import Operator, Outcome, State
from mailbot.outbox import jobs
from mailbot.secret import Secret, key_of
from mailbot.storage import personal
from mailbot.storage.desk import operator as operators
from mailbot.storage.desk import viewer
from mailbot.storage.personal import Whose
from mailbot.storage.schema import decision, inbox, outbox, ticket
from mailbot.storage.values import UtcDateTime
from mailbot.tickets.hold import FROZEN
from mailbot.tickets.sla import CLOCKLESS

PAGE = 50
"""Tickets of one page."""
PRESENT = timedelta(seconds=60)
"""Whoever has given no sign for so long no longer has the ticket open."""

_T = ticket.c


class Sort(StrEnum):
    """What a ticket waits for."""

    REVIEW = "review"
    COMPLAINT = "complaint"
    STOP = "stop"
    QUARANTINE = "quarantine"
    LIMIT = "limit"
    BURIED = "buried"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class TodoQuery:
    """A view of the list. desk: word of ruleset.vocabulary; "" for all. after: the last ticket of the page before."""

    sort: Sort | None = None
    desk: str = ""
    mine: bool = False
    late: bool = False
    after: tuple[datetime, int] | None = None


@dataclass(frozen=True, slots=True)
class ListedTicket:
    """One line of the list."""

    ticket_id: int
    number: str
    category: str
    state: State
    desk: str
    sender: str | None
    owner: str | None
    opened_at: datetime
    promised_at: datetime
    due: datetime | None
    """Its deadline; None: nobody is promised anything."""
    late: bool
    closed_at: datetime | None = None
    person: str | None = None
    outcome: str = ""
    """Of its newest letter, with the rule that decided and, of a signature that is not accepted, the first reason."""
    rule: str = ""
    reason: str = ""
    buried: int = 0
    viewers: tuple[str, ...] = ()
    """Names of the others who have it open."""


@dataclass(frozen=True, slots=True)
class Counters:
    """How many open tickets there are."""

    open: int
    late: int
    mine: int
    sorts: Mapping[Sort, int] = field(default_factory=dict)


def page(
    connection: Connection, secret: Secret, operator: Operator, wanted: TodoQuery, now: datetime
) -> list[ListedTicket]:
    """At most PAGE tickets and one more, which tells that there is another page."""
    chosen = [_T.closed_at.is_(None), seen(operator)]
    if wanted.sort is not None:
        chosen.append(_sort(wanted.sort))
    if wanted.desk:
        chosen.append(_T.desk == wanted.desk)
    if wanted.mine:
        chosen.append(_T.owner == operator.name)
    if wanted.late:
        chosen += [_T.promised_at < now, _T.state.not_in(_UNHURRIED)]
    if wanted.after is not None:
        at, ticket_id = wanted.after
        chosen.append(tuple_(_T.promised_at, _T.id) > tuple_(literal(at, UtcDateTime()), literal(ticket_id)))
    asked = select(ticket).where(*chosen).order_by(_T.promised_at, _T.id).limit(PAGE + 1)
    return entries(connection, secret, connection.execute(asked).all(), operator, now)


def counters(connection: Connection, operator: Operator, now: datetime) -> Counters:
    """Of the tickets that ``operator`` sees."""
    alive = (_T.closed_at.is_(None), seen(operator))
    late = func.sum(case((_T.promised_at < now, 1), else_=0))
    rows = connection.execute(select(_T.state, func.count(), late).where(*alive).group_by(_T.state)).all()
    states = {state: (count, int(overdue or 0)) for state, count, overdue in rows}

    def of(*more: ColumnElement[bool]) -> int:
        return connection.execute(select(func.count()).select_from(ticket).where(*alive, *more)).scalar_one()

    sorts = {sort: states.get(state.value, (0, 0))[0] for sort, state in _STATES.items()}
    sorts[Sort.LIMIT] = of(_sort(Sort.LIMIT)) if sorts[Sort.STOP] else 0
    sorts[Sort.STOP] -= sorts[Sort.LIMIT]
    sorts[Sort.BURIED] = of(_sort(Sort.BURIED))
    return Counters(
        open=sum(count for count, _ in states.values()),
        late=sum(overdue for state, (_, overdue) in states.items() if state not in _UNHURRIED),
        mine=of(_T.owner == operator.name),
        sorts=sorts,
    )


def entries(
    connection: Connection, secret: Secret, rows: Sequence[Row[Any]], operator: Operator, now: datetime
) -> list[ListedTicket]:
    """The lines for rows of the table ``ticket``, in their order, with what stands elsewhere about them."""
    ids, whose = [row.id for row in rows], personal.told(secret, rows)
    why = _why(connection, secret, ids)
    buried = _buried(connection, ids)
    others = viewers(connection, ids, operator, now)
    return [
        _entry(row, whose[row.id], now, why.get(row.id, _UNKNOWN), buried.get(row.id, 0), others.get(row.id, ()))
        for row in rows
    ]


def viewers(
    connection: Connection, ids: Sequence[int], operator: Operator, now: datetime
) -> Mapping[int, tuple[str, ...]]:
    """Who else has these tickets open, by name."""
    v = viewer.c
    wanted = (
        select(v.ticket_id, operators.c.display)
        .join(operators, operators.c.id == v.operator_id)
        .where(v.ticket_id.in_(ids), v.seen_at > now - PRESENT, v.operator_id != operator.id)
        .order_by(operators.c.display)
    )
    found: dict[int, tuple[str, ...]] = defaultdict(tuple)
    for row in connection.execute(wanted):
        found[row.ticket_id] += (row.display,)
    return found


_UNKNOWN = ("", "", "")
_STATES = {
    Sort.REVIEW: State.DO_WERYFIKACJI,
    Sort.COMPLAINT: State.PONOWNIE_OTWARTE,
    Sort.STOP: State.WSTRZYMANE,
    Sort.QUARANTINE: State.KWARANTANNA,
    Sort.WAITING: State.OCZEKUJE_NA_KLIENTA,
}
_UNHURRIED = tuple(state.value for state in (*CLOCKLESS, State.OCZEKUJE_NA_KLIENTA))
"""States in which the office owes no answer."""


def _sort(sort: Sort) -> ColumnElement[bool]:
    limited = exists().where(decision.c.inbox_id == _T.inbox_id, decision.c.outcome == Outcome.RATE_LIMITED.value)
    match sort:
        case Sort.STOP:
            return and_(_T.state == State.WSTRZYMANE.value, ~limited)
        case Sort.LIMIT:
            return and_(_T.state == State.WSTRZYMANE.value, limited)
        case Sort.BURIED:
            return _T.id.in_(select(outbox.c.ticket_id).where(_UNDONE))
    return _T.state == _STATES[sort].value


_UNDONE = text(f"state = '{jobs.BURIED}' AND (last_error IS NULL OR last_error <> '{FROZEN}')")
"""Mails that did not leave, and not because the ticket was stopped: the words of ix_outbox_buried, which an engine
knows again only where they are no parameters."""


def _why(connection: Connection, secret: Secret, ids: Sequence[int]) -> Mapping[int, tuple[str, str, str]]:
    """Outcome, rule and reason of the newest letter of each ticket."""
    i, d = inbox.c, decision.c
    newest = connection.execute(select(i.ticket_id, func.max(i.id)).where(i.ticket_id.in_(ids)).group_by(i.ticket_id))
    letters = {inbox_id: ticket_id for ticket_id, inbox_id in newest}
    wanted = select(d.outcome, d.rule, *personal.NOTES).where(d.inbox_id.in_(letters))
    rows = connection.execute(wanted).mappings().all()
    secret.ready(key for row in rows if (key := key_of(row["sealed"] or b"")) is not None)
    said = {row["inbox_id"]: personal.noted_of(secret, row).get("application", ()) for row in rows}
    return {
        letters[row["inbox_id"]]: (row["outcome"], row["rule"], next(iter(said[row["inbox_id"]]), "")) for row in rows
    }


def _buried(connection: Connection, ids: Sequence[int]) -> Mapping[int, int]:
    o = outbox.c
    wanted = select(o.ticket_id, func.count().label("mails")).where(o.ticket_id.in_(ids), _UNDONE).group_by(o.ticket_id)
    return {row.ticket_id: row.mails for row in connection.execute(wanted)}


def due(state: State, promised_at: datetime, reply_by: datetime | None) -> datetime | None:
    """The deadline of a ticket that is open."""
    if state in CLOCKLESS:
        return None
    return reply_by if state is State.OCZEKUJE_NA_KLIENTA and reply_by is not None else promised_at


def _entry(
    row: Row[Any], whose: Whose, now: datetime, why: tuple[str, str, str], buried: int, others: tuple[str, ...]
) -> ListedTicket:
    state = State(row.state)
    until = None if row.closed_at is not None else due(state, row.promised_at, row.reply_by)
    return ListedTicket(
        ticket_id=row.id,
        number=row.number,
        category=row.category,
        state=state,
        desk=row.desk,
        sender=whose.address,
        owner=row.owner,
        opened_at=row.opened_at,
        promised_at=row.promised_at,
        due=until,
        late=until is not None and until < now and row.state not in _UNHURRIED,
        closed_at=row.closed_at,
        person=whose.name,
        outcome=why[0],
        rule=why[1],
        reason=why[2].partition(": ")[2],
        buried=buried,
        viewers=others,
    )
