"""Tickets as a person looks them up: a list, one with its history, and what became of a message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, Select, select

from mailbot.outbox import jobs
from mailbot.secret import Secret
from mailbot.storage import personal
from mailbot.storage.schema import decision, inbox, outbox, raw_message, ticket, ticket_event
from mailbot.tickets import sla

_PAGE = 500
_UNTOLD = ("sealed", "person_key")


def newest(
    connection: Connection, secret: Secret, state: str | None, limit: int, *, alarmed: bool
) -> Sequence[dict[str, Any]]:
    """The newest tickets; of them those in ``state`` and, with ``alarmed``, those warned about or overdue."""
    wanted = select(ticket).order_by(ticket.c.id.desc()).limit(limit)
    if state:
        wanted = wanted.where(ticket.c.state == state)
    if alarmed:
        wanted = wanted.where(sla.alarmed())
    return _told(secret, connection.execute(wanted).all())


def every(
    connection: Connection, secret: Secret, states: Sequence[str], begin: datetime | None
) -> Iterator[dict[str, Any]]:
    """Every ticket (of ``states``; opened at ``begin`` or later), in the order of their numbers, some at a time."""
    c, last = ticket.c, 0
    wanted = select(ticket).order_by(c.id).limit(_PAGE)
    if states:
        wanted = wanted.where(c.state.in_(states))
    if begin is not None:
        wanted = wanted.where(c.opened_at >= begin)
    while rows := connection.execute(wanted.where(c.id > last)).all():
        yield from _told(secret, rows)
        last = rows[-1].id


def _told(secret: Secret, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """Every column but those that are for the search; address and name None where ``secret`` does not open them."""
    whose = personal.told(secret, rows)
    return [
        {c.name: getattr(row, c.name) for c in ticket.c if c.name not in _UNTOLD}
        | {"correspondent": whose[row.id].address, "person": whose[row.id].name}
        for row in rows
    ]


def open_numbers(connection: Connection, start: str, limit: int) -> Sequence[str]:
    """Numbers of open tickets that begin with ``start``, by deadline."""
    c = ticket.c
    wanted = select(c.number).where(c.closed_at.is_(None), c.number.startswith(start, autoescape=True))
    return connection.execute(wanted.order_by(c.promised_at, c.id).limit(limit)).scalars().all()


def found(connection: Connection, secret: Secret, number: str) -> dict[str, Any] | None:
    """The ticket with its "events", "mails" and "decisions" in order; None: no such ticket."""
    there = connection.execute(select(ticket).where(ticket.c.number == number.upper())).one_or_none()
    if there is None:
        return None
    (row,) = _told(secret, [there])
    e, o, d = ticket_event.c, outbox.c, decision.c
    events = select(e.id, e.at, e.kind, e.detail).where(e.ticket_id == row["id"]).order_by(e.id)
    mails = select(o.id, o.kind, o.state, o.sent_at, o.last_error).where(o.ticket_id == row["id"]).order_by(o.ordinal)
    decisions = select(d.rule, d.outcome, d.facts, *personal.NOTES).join(inbox, inbox.c.id == d.inbox_id)
    decisions = decisions.where(inbox.c.ticket_id == row["id"]).order_by(inbox.c.id)
    return {
        **row,
        "events": _dicts(connection, events),
        "mails": _dicts(connection, mails),
        "decisions": [
            {name: one[name] for name in ("rule", "outcome", "facts")} | {"notes": personal.noted_of(secret, one)}
            for one in connection.execute(decisions).mappings()
        ],
    }


def messages(connection: Connection, ticket_id: int) -> Sequence[RowMapping]:
    """What ``inbox.message_of`` opens, of each message of the ticket in the order of their arrival."""
    wanted = select(inbox, raw_message.c.raw).join(raw_message, raw_message.c.inbox_id == inbox.c.id)
    return connection.execute(wanted.where(inbox.c.ticket_id == ticket_id).order_by(inbox.c.id)).mappings().all()


def outcome_of(connection: Connection, row: int) -> dict[str, Any] | None:
    """What became of row ``row`` of the inbox: outcome, kinds of the mails that left, and its ticket's number, category
    and state where it has one. None: it is not decided yet, or a mail is still to leave."""
    t, o = ticket.c, outbox.c
    wanted = select(inbox.c.state.label("work"), inbox.c.outcome, t.number, t.id, t.category, t.state)
    came = connection.execute(wanted.outerjoin(ticket, t.id == inbox.c.ticket_id).where(inbox.c.id == row)).one()
    if came.work not in (jobs.DONE, jobs.BURIED):
        return None
    mails = connection.execute(select(o.kind, o.state).where(o.ticket_id == came.id).order_by(o.ordinal)).all()
    if any(mail.state not in (jobs.DONE, jobs.BURIED) for mail in mails):
        return None
    result = {"outcome": came.outcome, "mails": [mail.kind for mail in mails if mail.state == jobs.DONE]}
    return result | ({"ticket": came.number, "category": came.category, "state": came.state} if came.number else {})


def _dicts(connection: Connection, wanted: Select[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(wanted).mappings()]
