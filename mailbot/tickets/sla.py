"""The clocks of a ticket, and the alarms that hang on them (procedure §6).

A moment the citizen was told is never moved. A ticket is warned about once, and its promise is broken once:
``ticket.alarm`` is the worst that was raised, ``ticket.alarm_at`` the next moment at which something can change.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, exists, func, insert, or_, select, update

from mailbot import clocks
from mailbot.config import TicketSettings
from mailbot.model import Desk, State
from mailbot.model.categories import in_procedure
from mailbot.observe import log_event
from mailbot.outbox import jobs
from mailbot.ruleset.model import Ruleset, Window
from mailbot.storage.schema import outbox, ticket, ticket_event

WARNING, BREACH = "warning", "breach"
STANDARD, PROMISED = "standard", "promised"
"""Names of the clocks: our own target for what needs no specialist, and what the citizen was told."""

_WNIOSEK = "wniosek"
CLOCKLESS = frozenset({State.KWARANTANNA, State.ODRZUCONE_AUTOMAT})
"""Nobody is promised an answer."""
_UNSENT = (jobs.WAITING, jobs.QUEUED, jobs.LEASED)
_BATCH = 100
_AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks of a ticket as it is opened; every moment aware."""

    standard_at: datetime
    """When what needs no specialist should be answered."""
    promised_at: datetime
    """What the citizen is told: 24 absolute hours in the special procedure, else working days."""
    reply_by: datetime | None
    """Last moment of the citizen's answer to our question (T6)."""
    alarm_at: datetime | None
    """When ``look_at_due`` looks at it first; None: it has no clocks."""


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """What a look at one ticket needs to know."""

    state: State
    due: datetime
    """When its promise is broken."""
    standard_at: datetime
    reply_by: datetime | None = None
    alarm: str = ""
    unsent: bool = False
    """One of its mails has not been accepted yet."""
    held: timedelta = timedelta()
    """How long its mails are held back on purpose (T5, case B)."""


@dataclass(frozen=True, slots=True)
class ClockStatus:
    """What a look found."""

    alarm: str
    """The worst so far."""
    next_at: datetime | None
    """When to look again; None: never."""
    raised: tuple[str, datetime] | None = None
    """Clock and its end, when ``alarm`` is new."""
    unanswered: bool = False
    """The citizen let the time for his answer pass."""


@dataclass(frozen=True, slots=True)
class ClockEvent:
    """One thing for the log: an event of a ticket."""

    number: str
    event: str
    clock: str
    due: datetime


def clocks_of(category: str, state: State, opened_at: datetime, settings: TicketSettings, ruleset: Ruleset) -> Clocks:
    """The clocks of a ticket of ``category`` that is opened, or opened again, in ``state`` at ``opened_at`` (aware).

    What is over a limit waits for a person whatever it asks for: no 24 hours are promised to it (T18).
    """
    service = ruleset.service_of(category)
    pauses = _pauses(service.kind, ruleset)
    standard_at = clocks.after_hours(opened_at, service.standard_hours, pauses)
    in_a_day = clocks.after_hours(opened_at, settings.promise_hours)
    if in_procedure(category) and state is not State.WSTRZYMANE:
        promised_at = in_a_day
    else:
        promised_at = clocks.working_days(opened_at, service.specialist_days, ruleset.calendar, pauses)
    reply_by = _reply_by(opened_at, ruleset) if state is State.OCZEKUJE_NA_KLIENTA else None
    due = min(promised_at, in_a_day) if state.closed else promised_at
    first = clock_status(ClockFacts(state, due, standard_at, reply_by, unsent=state.closed), opened_at, ruleset)
    return Clocks(standard_at, promised_at, reply_by, opened_at if first.raised else first.next_at)


def clock_status(matter: ClockFacts, now: datetime, ruleset: Ruleset) -> ClockStatus:
    """What a ticket's clocks say at ``now``.

    The promise to a ticket that is closed is that its mails are accepted in time (seed 001, P14). Whether an open one
    needs a specialist only its reader knows, so its standard clock raises nothing.
    """
    if matter.state in CLOCKLESS or (matter.state.closed and not matter.unsent):
        return ClockStatus(matter.alarm, None)
    if matter.reply_by is not None and matter.state is State.OCZEKUJE_NA_KLIENTA:
        if now < matter.reply_by:
            return ClockStatus(matter.alarm, matter.reply_by)
        # A question that has not left yet is not unanswered.
        return (
            ClockStatus(matter.alarm, now + _AGAIN)
            if matter.unsent
            else ClockStatus(matter.alarm, None, unanswered=True)
        )
    if now >= matter.due:
        return ClockStatus(BREACH, None, (PROMISED, matter.due) if matter.alarm != BREACH else None)
    if matter.alarm:
        return ClockStatus(matter.alarm, matter.due)
    at, clock, end = _first_warning(matter, ruleset)
    return ClockStatus(WARNING, matter.due, (clock, end)) if now >= at else ClockStatus("", at)


def look_at_due(
    connection: Connection, now: datetime, settings: TicketSettings, ruleset: Ruleset
) -> tuple[int, list[ClockEvent]]:
    """Look at the tickets whose moment has come, at most a batch; returns how many, and what is new.

    Rows that another worker looks at just now are passed over, so each event is written exactly once.
    """
    t = ticket.c
    due = select(ticket).where(t.alarm_at <= now).order_by(t.alarm_at, t.id).limit(_BATCH)
    rows = connection.execute(due.with_for_update(skip_locked=True)).all()
    if not rows:
        return 0, []
    mails = _mails(connection, [row.id for row in rows])
    events: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    told: list[ClockEvent] = []
    for row in rows:
        try:
            matter = _matter(row, mails, settings, ruleset)
            found = clock_status(matter, now, ruleset)
        except Exception as error:  # one ticket must not keep the alarms of all others
            log_event("clocks-failed", level=logging.ERROR, ticket=row.number, error=type(error).__name__)
            moved.append(_unmoved(row, now + _AGAIN))
            continue
        state = State.ZAMKNIETE_BEZ_ZMIAN if found.unanswered else matter.state
        moved.append(
            {
                "row": row.id,
                "new_state": state.value,
                "new_desk": Desk.NOBODY.value if found.unanswered else row.desk,
                "closed": now if found.unanswered else row.closed_at,
                "standard": matter.standard_at,
                "next": found.next_at,
                "worst": found.alarm,
            }
        )
        for event, clock, end in _news(found, matter):
            detail = {"clock": clock, "due": end.isoformat()}
            events.append({"ticket_id": row.id, "at": now, "kind": event, "detail": detail})
            told.append(ClockEvent(row.number, event, clock, end))
    _write(connection, moved, events)
    return len(rows), told


def _unmoved(row: Row[Any], next_at: datetime) -> dict[str, Any]:
    kept = {"new_state": row.state, "new_desk": row.desk, "closed": row.closed_at, "standard": row.standard_at}
    return {"row": row.id, **kept, "next": next_at, "worst": row.alarm}


def look_again(connection: Connection, now: datetime) -> int:
    """Have every ticket that somebody waits for looked at once: the notices have changed. Returns how many."""
    t = ticket.c
    unsent = exists().where(outbox.c.ticket_id == t.id, outbox.c.state.in_(_UNSENT))
    waited_for = or_(t.closed_at.is_(None), unsent)
    return connection.execute(update(ticket).where(t.alarm_at > now, waited_for).values(alarm_at=now)).rowcount


def alarmed() -> ColumnElement[bool]:
    """Tickets with an alarm that somebody still has to do something about."""
    unsent = exists().where(outbox.c.ticket_id == ticket.c.id, outbox.c.state.in_(_UNSENT))
    return and_(ticket.c.alarm != "", or_(ticket.c.closed_at.is_(None), unsent))


def _news(found: ClockStatus, matter: ClockFacts) -> list[tuple[str, str, datetime]]:
    """Event, clock and its end."""
    if found.unanswered and matter.reply_by is not None:
        return [("closed-unanswered", "reply", matter.reply_by)]
    return [(f"sla-{found.alarm}", *found.raised)] if found.raised else []


def _pauses(kind: str, ruleset: Ruleset) -> Sequence[Window]:
    return ruleset.windows() if kind == _WNIOSEK else ()


def _reply_by(asked_at: datetime, ruleset: Ruleset) -> datetime:
    """Counted as the days for a complaint are: to the end of a day, and in favour of the citizen."""
    calendar = ruleset.calendar
    return clocks.complaint_deadline(asked_at, replace(calendar, complaint_days=calendar.reply_days))


def _first_warning(matter: ClockFacts, ruleset: Ruleset) -> tuple[datetime, str, datetime]:
    """When to warn, of which clock, and its end: some hours before the promise, when a break reaches up to it, or when
    mails that nothing holds back miss our own target (seed 000, D13)."""
    warnings = [(matter.due - timedelta(hours=ruleset.calendar.warn_hours), PROMISED, matter.due)]
    windows = [(w.start.astimezone(UTC), w.end.astimezone(UTC)) for w in ruleset.windows()]
    covered_from = matter.due
    while starts := [start for start, end in windows if start < covered_from <= end]:
        covered_from = min(starts)
    if covered_from < matter.due:
        warnings.append((covered_from, PROMISED, matter.due))
    if matter.state.closed:
        own_target = matter.standard_at + matter.held
        warnings.append((own_target, STANDARD, own_target))
    return min(warnings)


def _mails(connection: Connection, tickets: Sequence[int]) -> Mapping[int, Row[Any]]:
    """Of each ticket that has mails: how many were not accepted yet, and how long all are held back together."""
    o = outbox.c
    unsent = func.count().filter(o.state.in_(_UNSENT))
    found = connection.execute(
        select(o.ticket_id, unsent.label("unsent"), func.sum(o.delay_seconds).label("held"))
        .where(o.ticket_id.in_(tickets))
        .group_by(o.ticket_id)
    )
    return {row.ticket_id: row for row in found}


def _matter(row: Row[Any], mails: Mapping[int, Row[Any]], settings: TicketSettings, ruleset: Ruleset) -> ClockFacts:
    """A ticket with its clocks reckoned anew: a notice may have come since, and it pauses a wniosek."""
    service = ruleset.service_of(row.category)
    pauses = _pauses(row.kind, ruleset)
    promise = timedelta(hours=settings.promise_hours)
    due: datetime = row.promised_at
    if row.closed_at is not None:
        due = min(due, row.closed_at + promise)
    elif pauses and due > row.opened_at + promise:  # the 24 hours are absolute, working days are not
        due = max(due, clocks.working_days(row.opened_at, service.specialist_days, ruleset.calendar, pauses))
    sent = mails.get(row.id)
    return ClockFacts(
        state=State(row.state),
        due=due,
        standard_at=clocks.after_hours(row.opened_at, service.standard_hours, pauses),
        reply_by=row.reply_by,
        alarm=row.alarm,
        unsent=bool(sent and sent.unsent),
        held=timedelta(seconds=sent.held if sent else 0),
    )


def _write(connection: Connection, moved: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    connection.execute(
        update(ticket)
        .where(ticket.c.id == bindparam("row"))
        .values(
            state=bindparam("new_state"),
            desk=bindparam("new_desk"),
            closed_at=bindparam("closed"),
            standard_at=bindparam("standard"),
            alarm_at=bindparam("next"),
            alarm=bindparam("worst"),
        ),
        moved,
    )
    if events:
        connection.execute(insert(ticket_event), events)
