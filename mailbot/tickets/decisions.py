"""Decisions as they lie in the database, read without the right to write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, select

from mailbot.model import Defect
from mailbot.secret import Secret
from mailbot.storage import personal
from mailbot.storage.schema import decision, inbox, outbox, raw_message, ticket
from mailbot.storage.tried import rules_tried
from mailbot.tickets.tried import COLUMNS, OF, TRACE


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """One decision as it lies in the database."""

    inbox_id: int
    ticket: str | None
    """Number of the ticket the mail belongs to."""
    decided_at: datetime
    ruleset: str
    rule: str
    outcome: str
    facts: Mapping[str, str]
    defects: tuple[Defect, ...]
    floor: tuple[str, ...]
    mails: tuple[str, ...] | None
    """Kinds in order; None: not known which, because the mail joined a ticket that has others."""
    count: int | None
    """How many mails; None: not known either (decisions before they were counted)."""


def since(moment: datetime, limit: int | None) -> ColumnElement[bool]:
    """The decisions since ``moment``; of them the newest ``limit`` where there is one."""
    c = decision.c
    newest = select(c.inbox_id).where(c.decided_at >= moment).order_by(c.inbox_id.desc()).limit(limit)
    return c.inbox_id.in_(newest.scalar_subquery()) if limit is not None else c.decided_at >= moment


def count(connection: Connection, which: ColumnElement[bool]) -> int:
    """How many decisions ``which`` is true for."""
    return int(connection.execute(select(func.count()).select_from(decision).where(which)).scalar_one())


def pages(connection: Connection, which: ColumnElement[bool], size: int) -> Iterator[list[StoredDecision]]:
    """The decisions in the order of the inbox, at most ``size`` at once."""
    last = 0
    chosen = _rows().where(which).order_by(decision.c.inbox_id).limit(size)
    while rows := connection.execute(chosen.where(decision.c.inbox_id > last)).mappings().all():
        last = rows[-1]["inbox_id"]
        yield _stored(connection, rows)


def found(connection: Connection, which: ColumnElement[bool]) -> list[tuple[StoredDecision, RowMapping]]:
    """The decisions that ``which`` picks, each with its row: also received_at, notes, sealed, trace, sender."""
    rows = connection.execute(_rows().where(which).order_by(decision.c.inbox_id)).mappings().all()
    return list(zip(_stored(connection, rows), rows, strict=True))


def messages(connection: Connection, ids: Sequence[int]) -> dict[int, RowMapping]:
    """What ``inbox.message_of`` opens, by row of the inbox; a message that was erased is left out."""
    c = inbox.c
    wanted = select(c.id, c.sha256, c.envelope, c.received_at, raw_message.c.raw).join(raw_message)
    return {row["id"]: row for row in connection.execute(wanted.where(c.id.in_(ids))).mappings()}


def of_message(connection: Connection, secret: Secret, row: int) -> dict[str, Any] | None:
    """The row of the inbox, with its decision under "decision" (None: not decided yet); None: no such message."""
    found = connection.execute(select(inbox).where(inbox.c.id == row)).mappings().one_or_none()
    if found is None:
        return None
    wanted = select(*COLUMNS, TRACE).outerjoin(rules_tried, OF).where(decision.c.inbox_id == row)
    decided = connection.execute(wanted).mappings().one_or_none()
    told = {**decided, "notes": personal.noted_of(secret, decided)} if decided else None
    if told:
        del told["sealed"]
    return {**found, "decision": told}


def of_ticket(number: str) -> ColumnElement[bool]:
    """The decisions about the messages of a ticket."""
    return ticket.c.number == number.upper()


def of_messages(rows: Sequence[int]) -> ColumnElement[bool]:
    """The decisions about these rows of the inbox."""
    return decision.c.inbox_id.in_(rows)


def _rows() -> Select[Any]:
    opened = (ticket.c.inbox_id == inbox.c.id).label("opened")
    return (
        select(*COLUMNS, TRACE, ticket.c.number, ticket.c.id.label("ticket_id"), opened)
        .join(inbox, inbox.c.id == decision.c.inbox_id)
        .outerjoin(ticket, ticket.c.id == inbox.c.ticket_id)
        .outerjoin(rules_tried, OF)
    )


def _stored(connection: Connection, rows: Sequence[RowMapping]) -> list[StoredDecision]:
    kinds = _kinds(connection, [row["ticket_id"] for row in rows if row["opened"]])
    return [_one(row, kinds) for row in rows]


def _one(row: RowMapping, kinds: Mapping[int, list[str]]) -> StoredDecision:
    notes = row["notes"]
    counted = row["answered"] if row["received_at"] is not None else None
    mails: tuple[str, ...] | None = None
    if row["opened"]:  # its own mails were written first
        mails = tuple(kinds[row["ticket_id"]][:counted])
    elif row["ticket_id"] is None:
        mails = ()
    return StoredDecision(
        inbox_id=row["inbox_id"],
        ticket=row["number"],
        decided_at=row["decided_at"],
        ruleset=row["ruleset"],
        rule=row["rule"],
        outcome=row["outcome"],
        facts=row["facts"],
        defects=tuple(Defect(word) for word in notes.get("defects", ())),
        floor=tuple(notes.get("floor", ())),
        mails=mails,
        count=counted,
    )


def _kinds(connection: Connection, tickets: Sequence[int]) -> Mapping[int, list[str]]:
    """Ticket → the kinds of its mails, in the order in which they were written."""
    o = outbox.c
    rows = connection.execute(select(o.ticket_id, o.kind).where(o.ticket_id.in_(tickets)).order_by(o.id))
    found: dict[int, list[str]] = defaultdict(list)
    for ticket_id, kind in rows:
        found[ticket_id].append(kind)
    return found
