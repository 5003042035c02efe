"""Finds any row of the chain that was changed, left out or moved, and any event that is not what the chain holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, or_, select, update

from mailbot.audit import chain
from mailbot.storage.desk import audit, audit_head
from mailbot.storage.schema import ruleset_load, ticket, ticket_event

_BATCH = 2000


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """What is wrong with a row of the chain, or with what stands behind it. object: whose row it is."""

    seq: int
    object: str
    what: str


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row of a chain, as it was written out."""

    seq: int
    hash: str


def head(connection: Connection) -> Head:
    """The newest row; row 0 when there is none."""
    found = connection.execute(select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.id == 1)).first()
    return Head(found.seq, found.hash) if found else Head(0, chain.FIRST)


def claim(connection: Connection, now: datetime, since: datetime) -> Head | None:
    """The head, for the one who is to write it out now; None: nothing is new, or somebody has done it after
    ``since``, by a clock that was right."""
    h = audit_head.c
    due = (h.id == 1, h.seq > 0, or_(h.written_at.is_(None), h.written_at <= since, h.written_at > now))
    found = connection.execute(update(audit_head).where(*due).values(written_at=now).returning(h.seq, h.hash)).first()
    return None if found is None else Head(found.seq, found.hash)


def waiting(connection: Connection) -> int:
    """Events that the chain has not taken over yet."""
    return connection.execute(
        select(func.count()).select_from(ticket_event).where(ticket_event.c.chained.is_(None))
    ).scalar_one()


@dataclass(frozen=True, slots=True)
class Portion:
    """A part of the chain that was verified. last: its last row; end: the newest row of the chain then."""

    last: int
    end: int
    findings: tuple[AuditFinding, ...]

    @property
    def done(self) -> bool:
        """Nothing comes behind it."""
        return self.last >= self.end


class Links:
    """The rows of one chain, in order: each must follow the one before it. Needs no database."""

    def __init__(self, first: Head = Head(0, chain.FIRST)) -> None:
        self.last = first

    def judge(self, row: RowMapping | Mapping[str, Any]) -> Iterator[AuditFinding]:
        """What is wrong with the next row."""
        seq, whose = row["seq"], row["object"]
        if seq > self.last.seq + 1:
            missing = f"{self.last.seq + 1}" + (f" to {seq - 1}" if seq > self.last.seq + 2 else "")
            yield AuditFinding(self.last.seq + 1, "", f"row {missing} is missing")
        elif row["previous"] != self.last.hash:
            yield AuditFinding(seq, whose, f"does not follow row {self.last.seq}: one of the two was replaced or moved")
        if chain.hash_of(row) != row["hash"]:
            yield AuditFinding(
                seq, whose, "was changed, or moved from another place: its hash is not that of its content"
            )
        self.last = Head(seq, row["hash"])


def verify(connection: Connection, known: Sequence[Head] = ()) -> Iterator[AuditFinding]:
    """Everything that is wrong, in the order of the chain. ``known``: heads that were written out before.

    What is appended meanwhile is left to the next look.
    """
    end = head(connection)
    expected = {one.seq: one.hash for one in known}
    links = Links()
    for rows in _batches(connection, end.seq):
        behind, loads = _behind(connection, rows), _loads(connection, rows)
        for row in rows:
            yield from links.judge(row)
            yield from _judged(row, behind)
            if row["object"] == chain.RULES and row["after"] is not None and loads.get(row["after"]) != row["digest"]:
                yield AuditFinding(row["seq"], row["object"], f"its load {row['after']} was changed behind the chain")
            if expected.pop(row["seq"], row["hash"]) != row["hash"]:
                yield AuditFinding(row["seq"], row["object"], "is another one than the head that was written out")
    yield from _at_the_end(links.last, end)
    for seq in sorted(expected):
        yield AuditFinding(seq, "", "was written out as head, and is missing")
    yield from _strangers(connection, end)


def portion(connection: Connection, after: int, size: int) -> Portion:
    """What is wrong with at most ``size`` rows behind row ``after``, which an earlier portion has judged.

    It costs the same however long the chain is. Events that say they are in the chain and are not need a look at every
    event there is: that is left to ``verify``.
    """
    end = head(connection)
    after = min(after, end.seq)
    wanted = select(audit).where(audit.c.seq > after, audit.c.seq <= end.seq).order_by(audit.c.seq).limit(size)
    rows = connection.execute(wanted).mappings().all()
    before = connection.execute(select(audit.c.hash).where(audit.c.seq == after)).scalar_one_or_none()
    links = Links(Head(after, chain.FIRST if after == 0 else before or ""))
    behind = _behind(connection, rows)
    found = [finding for row in rows for finding in (*links.judge(row), *_judged(row, behind))]
    if len(rows) == size and links.last.seq < end.seq:
        return Portion(links.last.seq, end.seq, tuple(found))
    return Portion(end.seq, end.seq, (*found, *_at_the_end(links.last, end)))


def _at_the_end(last: Head, end: Head) -> Iterator[AuditFinding]:
    if last.seq < end.seq:
        yield AuditFinding(last.seq + 1, "", f"row {last.seq + 1} to {end.seq} is missing at the end")
    elif last.hash != end.hash:
        yield AuditFinding(end.seq, "", "the head names another hash than its row")


def _batches(connection: Connection, end: int) -> Iterator[Sequence[RowMapping]]:
    start = 0
    while start < end:
        wanted = select(audit).where(audit.c.seq > start, audit.c.seq <= end).order_by(audit.c.seq).limit(_BATCH)
        rows = connection.execute(wanted).mappings().all()
        if not rows:
            return
        yield rows
        start = rows[-1]["seq"]


def _behind(connection: Connection, rows: Sequence[RowMapping]) -> Mapping[int, tuple[int | None, str, str]]:
    """Event → its row of the chain, its ticket and its digest as it stands now."""
    ids = [row["after"] for row in rows if is_event(row)]
    texts = chain.texts_of(connection, ids)
    wanted = select(ticket_event, ticket.c.number).join(ticket).where(ticket_event.c.id.in_(ids))
    return {
        event["id"]: (event["chained"], event["number"], chain.event_digest(event, texts.get(event["id"], ())))
        for event in connection.execute(wanted).mappings()
    }


def _loads(connection: Connection, rows: Sequence[RowMapping]) -> Mapping[int, str]:
    """Load of a rule set → its digest as it stands now."""
    ids = [row["after"] for row in rows if row["object"] == chain.RULES]
    found = connection.execute(select(ruleset_load).where(ruleset_load.c.id.in_(ids))).mappings()
    return {row["id"]: chain.load_digest(row) for row in found}


def is_event(row: RowMapping | Mapping[str, Any]) -> bool:
    """Whether an event of a ticket stands behind the row."""
    return row["after"] is not None and row["object"].startswith("ZGL")


def _judged(row: RowMapping, behind: Mapping[int, tuple[int | None, str, str]]) -> Iterator[AuditFinding]:
    if not is_event(row):
        return
    seq, event = row["seq"], row["after"]
    found = behind.get(event)
    if found is None:
        yield AuditFinding(seq, row["object"], f"its event {event} is missing in the history of the ticket")
        return
    chained, number, digest = found
    if (number, digest) != (row["object"], row["digest"]):
        yield AuditFinding(seq, row["object"], f"its event {event} was changed behind the chain")
    elif chained != seq:
        yield AuditFinding(seq, row["object"], f"its event {event} names row {chained} of the chain")


def _strangers(connection: Connection, end: Head) -> Iterator[AuditFinding]:
    """Events that say they are in the chain, and are not."""
    c = ticket_event.c
    wanted = (
        select(c.id, c.chained, ticket.c.number)
        .join(ticket)
        .outerjoin(audit, audit.c.seq == c.chained)
        .where(c.chained <= end.seq, or_(audit.c.seq.is_(None), audit.c.after.is_(None), audit.c.after != c.id))
        .order_by(c.id)
    )
    for row in connection.execute(wanted):
        yield AuditFinding(
            row.chained, row.number, f"event {row.id} says it is row {row.chained} of the chain, and is not"
        )
