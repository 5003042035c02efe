"""The chain: each row holds the hash of the one before it, so that none can be changed, left out or moved unseen.

Whoever appends locks the head for the rest of the transaction, so it is the last thing a transaction does: no lock is
waited for behind it, and nobody waits for more than a commit.

What the machine writes into ticket_event is taken over a little later (``take_over``), by one who does nothing else:
deciding and sending would otherwise stand in one line for the head. Nothing can be left out: an event is not taken by
its number, which another transaction may still hold back on PostgreSQL, but because it has no row of the chain yet.
What a person does, logs in with, or loads is appended in its own transaction (``record``, ``note``).
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, select, update

from mailbot.storage import upsert
from mailbot.storage.desk import audit, audit_head, desk_text
from mailbot.storage.prepared import Statement, insert
from mailbot.storage.schema import ticket, ticket_event
from mailbot.storage.values import fit
from mailbot.storage.values import note as plain

MACHINE = "machine"
API = "api:"
"""How the name of another system begins; that of no operator does."""
RULES = "rules"
"""The object that the rule sets are."""
ERASED = b"\0mailbot erased "
"""How the rest of an erased text begins; no seal does."""
FIRST = "0" * 64
"""What stands before the first row."""

_EARLIER = 100
"""Events of a ticket that are taken over before what a person did to it; there are few within seconds."""

_CONTENT = ("seq", "at", "actor", "action", "object", "before", "after", "reason", "digest")
"""What the digest of a row's content is made of, in this order."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row to be. actor: see ``operator``; object: number of a ticket, "operator:NAME", "rules".

    reason: a code or the text of nobody; what a person wrote belongs behind ``digest``.
    """

    at: datetime
    actor: str
    action: str
    object: str
    digest: str
    before: int | None = None
    after: int | None = None
    reason: str = ""


def operator(name: str) -> str:
    """The actor that an operator is, or another system ("api:NAME")."""
    return name if name.startswith(API) else f"operator:{name}"


def shell(user: str) -> str:
    """The actor that a user of this machine is."""
    return f"shell:{user}"


def canonical(value: Any) -> str:
    """``value`` as canonical JSON: sorted names, no spaces (RFC 8785 for what we write: text, whole numbers, moments in
    UTC)."""
    return _encoder.encode(value)


def digest_of(value: Any) -> str:
    """SHA-256 (hex) of ``value`` as canonical JSON in UTF-8."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def _moment(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    raise TypeError(f"{type(value).__name__} is not for JSON")


_encoder = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_moment)


def content_of(row: RowMapping | Mapping[str, Any]) -> str:
    """Digest of what a row says. With it alone, and no word of the row, somebody else can follow the chain over it."""
    return digest_of([row[name] for name in _CONTENT])


def link(previous: str, content: str) -> str:
    """The hash of a row behind the row with hash ``previous``."""
    return digest_of([previous, content])


def hash_of(row: RowMapping | Mapping[str, Any]) -> str:
    """The hash of a row of the chain."""
    return link(row["previous"], content_of(row))


def append(connection: Connection, entries: Sequence[AuditEntry]) -> int:
    """Put ``entries`` at the end of the chain; returns the number of the last one. The last thing of a transaction."""
    seq, previous = _locked_head(connection)
    rows = []
    for entry in entries:
        seq += 1
        row = {
            "seq": seq,
            "at": entry.at,
            "actor": fit(entry.actor, 120),
            "action": fit(entry.action, 40),
            "object": fit(entry.object, 120),
            "before": entry.before,
            "after": entry.after,
            "reason": plain(entry.reason),
            "digest": entry.digest,
            "previous": previous,
        }
        previous = row["hash"] = hash_of(row)
        rows.append(row)
    if rows:
        insert(connection, audit, rows)
        connection.execute(update(audit_head).where(audit_head.c.id == 1).values(seq=seq, hash=previous))
    return seq


def note(
    connection: Connection,
    at: datetime,
    actor: str,
    action: str,
    object_: str,
    data: Any = None,
    reason: str = "",
    after: int | None = None,
) -> int:
    """One row about what is no event of a ticket: a login, a rule set, a look at raw octets. ``data``: kept as its
    digest only."""
    return append(connection, [AuditEntry(at, actor, action, object_, digest_of(data), after=after, reason=reason)])


def record(
    connection: Connection,
    events: Sequence[int],
    actor: str,
    *,
    before: int | None = None,
    reason: str = "",
) -> int:
    """Append events of tickets that this transaction has written (ids of ticket_event, with their texts), as done by
    ``actor`` on version ``before``; first what happened to the tickets until then, so that the chain tells it in its
    order. The last thing of a transaction."""
    found = {row["id"]: row for row in _events(connection, events)}
    c = ticket_event.c
    take_over(connection, _EARLIER, c.ticket_id.in_({row["ticket_id"] for row in found.values()}), c.id.not_in(events))
    return _chain(connection, [found[event] for event in events], actor, before, reason)


def take_over(connection: Connection, limit: int, *which: ColumnElement[bool]) -> int:
    """Append at most ``limit`` events (those of ``which``) that are not in the chain yet; returns how many there
    were."""
    _locked_head(connection)  # two that look at once must not find the same
    c = ticket_event.c
    waiting = select(c.id).where(c.chained.is_(None), *which).order_by(c.id).limit(limit)
    ids = connection.execute(waiting).scalars().all()
    _chain(connection, _events(connection, ids), None, None, "")
    return len(ids)


def is_behind(connection: Connection) -> bool:
    """Whether there is something to take over."""
    c = ticket_event.c
    return connection.execute(select(c.id).where(c.chained.is_(None)).limit(1)).first() is not None


def event_digest(event: RowMapping | Mapping[str, Any], texts: Iterable[bytes]) -> str:
    """Digest of a row of ticket_event with what a person wrote about it, as sealed."""
    sealed = [text_digest(text) for text in texts]
    return digest_of([event["id"], event["ticket_id"], event["at"], event["kind"], event["detail"], sealed])


def text_digest(sealed: bytes) -> str:
    """SHA-256 (hex) of a sealed text; of one that was erased, what it was."""
    return sealed.removeprefix(ERASED).hex() if sealed.startswith(ERASED) else hashlib.sha256(sealed).hexdigest()


def erased(sealed: bytes) -> bytes:
    """What is left of a sealed text that is erased: its digest, so that the chain still holds."""
    return ERASED + bytes.fromhex(text_digest(sealed))


def load_digest(row: RowMapping) -> str:
    """Digest of a row of ruleset_load."""
    return digest_of([row["id"], row["at"], row["process"], row["hash"], row["mistakes"]])


def texts_of(connection: Connection, events: Sequence[int]) -> Mapping[int, list[bytes]]:
    """The sealed texts of each event, in their order."""
    found: dict[int, list[bytes]] = defaultdict(list)
    c = desk_text.c
    for row in connection.execute(select(c.event_id, c.sealed).where(c.event_id.in_(events)).order_by(c.id)):
        found[row.event_id].append(row.sealed)
    return found


def _events(connection: Connection, ids: Sequence[int]) -> Sequence[RowMapping]:
    c = ticket_event.c
    wanted = select(ticket_event, ticket.c.number).join(ticket).where(c.id.in_(ids)).order_by(c.id)
    return connection.execute(wanted).mappings().all()


def _chain(
    connection: Connection, events: Sequence[RowMapping], actor: str | None, before: int | None, reason: str
) -> int:
    texts = texts_of(connection, [event["id"] for event in events])
    entries = [
        AuditEntry(
            event["at"],
            actor or _actor(event["detail"]),
            event["kind"],
            event["number"],
            event_digest(event, texts.get(event["id"], ())),
            before,
            event["id"],
            reason,
        )
        for event in events
    ]
    last = append(connection, entries)
    if events:
        first = last - len(events) + 1
        _CHAINED.run(connection, [{"event": event["id"], "row": seq} for seq, event in enumerate(events, first)])
    return last


_CHAINED = Statement(
    update(ticket_event).where(ticket_event.c.id == bindparam("event")).values(chained=bindparam("row"))
)


def _actor(detail: Mapping[str, Any]) -> str:
    """Who caused an event that was not recorded with its actor: "by" names a person, with "uid" one at the machine's
    own shell."""
    if "by" not in detail:
        return MACHINE
    return shell(detail["by"]) if "uid" in detail else operator(detail["by"])


def _locked_head(connection: Connection) -> tuple[int, str]:
    wanted = select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.id == 1).with_for_update()
    found = connection.execute(wanted).first()
    if found is None:  # another process may be at the first row, too: then its head counts
        start = {"id": 1, "seq": 0, "hash": FIRST}
        connection.execute(upsert.insert(connection, audit_head).on_conflict_do_nothing(), start)
        found = connection.execute(wanted).one()
    return found.seq, found.hash
