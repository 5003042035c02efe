"""The key of a ticket, under which lies what people write about it and what is written to the citizen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, update
from sqlalchemy import insert as insert_into

from mailbot.errors import SealBroken
from mailbot.secret import HEAD, Secret
from mailbot.secret import key_of as under
from mailbot.storage import personal, upsert
from mailbot.storage.erasing import ticket_key
from mailbot.storage.outgoing import APART, outbox_raw
from mailbot.storage.personal import Addressed
from mailbot.storage.prepared import Statement, insert
from mailbot.storage.schema import outbox, ticket


def key_of(connection: Connection, secret: Secret, ticket_id: int) -> bytes | None:
    """Its id; made for the first thing that is sealed. None: there is no store of keys. In the transaction that
    writes what is sealed: whoever erases the ticket waits for it, or it for them."""
    return keys_of(connection, secret, [ticket_id])[ticket_id]


def keys_of(connection: Connection, secret: Secret, ids: Iterable[int]) -> Mapping[int, bytes | None]:
    """``key_of`` for many tickets at once."""
    wanted = sorted(set(ids))
    if secret.store is None:
        return dict.fromkeys(wanted)
    t, found = ticket.c, dict[int, bytes | None]()
    own = select(t.id, func.substr(t.sealed, 1, HEAD)).where(t.id.in_(wanted), t.sealed.is_not(None))
    for row, head in connection.execute(own.order_by(t.id).with_for_update(read=True, key_share=True)):
        found[row] = under(bytes(head))
    rest = [one for one in wanted if found.get(one) is None]
    found |= _kept(connection, rest)
    if new := [one for one in rest if one not in found]:  # two may be at it: the first one counts
        made = [{"ticket_id": one, "key_id": secret.fresh()} for one in new]
        connection.execute(upsert.insert(connection, ticket_key).on_conflict_do_nothing(), made)
        found |= _kept(connection, new)
    return found


def _kept(connection: Connection, ids: Sequence[int]) -> dict[int, bytes]:
    """Those of tickets that are not sealed themselves, and have one."""
    c = ticket_key.c
    there = select(c.ticket_id, c.key_id).where(c.ticket_id.in_(ids)).order_by(c.ticket_id).with_for_update()
    return {row: bytes(key) for row, key in connection.execute(there)} if ids else {}


def tickets(secret: Secret, rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """New rows of ``ticket`` as they are written, each under a key of its own."""
    if not secret.hiding:
        return rows
    return [personal.ticket(secret, row, key) for row, key in zip(rows, secret.several(len(rows)), strict=True)]


def identities(secret: Secret, rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """What rows of ``inbox`` say of their messages, as it is written; each has message_key, fingerprint and
    letter, "" where it is not to be known."""
    rows = [{**row, "letter": personal.hashed(secret, row["letter"]) if row["letter"] else None} for row in rows]
    if not secret.hiding:
        return rows
    hashes = (personal.hashed(secret, row["fingerprint"]) for row in rows)
    return [
        {**row, "message_key": personal.message_key(secret, row["message_key"]), "fingerprint": one}
        for row, one in zip(rows, hashes, strict=True)
    ]


def decisions(
    secret: Secret, rows: Sequence[Mapping[str, Any]], keys: Mapping[int, bytes | None]
) -> Sequence[Mapping[str, Any]]:
    """New rows of ``decision`` as they are written. ``keys``: those of their messages."""
    return [personal.notes(secret, row, keys.get(row["inbox_id"])) for row in rows] if secret.hiding else rows


def write_mails(
    connection: Connection,
    secret: Secret,
    rows: Sequence[Mapping[str, Any]],
    fresh: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Put new mails into ``outbox``, after their tickets. ``fresh``: rows that ``tickets`` gave."""
    if not secret.hiding or not rows:
        insert(connection, outbox, rows)
        return
    keys = _keys(connection, secret, rows, fresh)
    sealed = [personal.mail(secret, row, keys[row["ticket_id"]]) for row in rows]
    insert(connection, outbox, [{**row, "raw": APART} for row in sealed])
    _APART.run(connection, sealed)


_APART = Statement(
    insert_into(outbox_raw).from_select(
        ["outbox_id", "raw"],
        select(outbox.c.id, bindparam("raw", type_=outbox_raw.c.raw.type)).where(
            outbox.c.ticket_id == bindparam("ticket_id"), outbox.c.slot == bindparam("slot")
        ),
    )
)


def rewrite_mail(connection: Connection, secret: Secret, mail: Row[Any], values: Mapping[str, Any]) -> None:
    """Change a row among ``MAIL``; ``values``: columns of outbox, raw as it is to leave. Raises SealBroken."""
    sealed = personal.rewritten(secret, mail, values["raw"])
    apart = update(outbox_raw).where(outbox_raw.c.outbox_id == mail.id).values(raw=sealed)
    inside = APART if connection.execute(apart).rowcount else sealed
    connection.execute(update(outbox).where(outbox.c.id == mail.id).values({**values, "raw": inside}))


def links(
    connection: Connection,
    secret: Secret,
    rows: Sequence[Mapping[str, Any]],
    fresh: Sequence[Mapping[str, Any]] = (),
) -> Sequence[Mapping[str, Any]]:
    """New rows of ``activation`` as they are written, after their tickets. ``fresh``: as for ``mails``."""
    if not secret.hiding or not rows:
        return rows
    keys = _keys(connection, secret, rows, fresh)
    return [personal.link(secret, row, keys[row["ticket_id"]]) for row in rows]


def _keys(
    connection: Connection, secret: Secret, rows: Sequence[Mapping[str, Any]], fresh: Sequence[Mapping[str, Any]]
) -> dict[int, bytes | None]:
    """Those of the tickets of ``rows``; what lies in the database is asked for the others alone."""
    keys: dict[int, bytes | None] = {
        row["id"]: key for row in fresh if row["sealed"] and (key := under(row["sealed"])) is not None
    }
    if rest := {row["ticket_id"] for row in rows} - keys.keys():
        keys |= keys_of(connection, secret, rest)
    return keys


def to_send(secret: Secret, rows: Sequence[Row[*tuple[Any, ...]]]) -> list[Addressed]:
    """Recipient and octets, as they leave, of rows of ``outbox``; of one that does not open what it holds."""
    secret.ready(key for row in rows if (key := under(row.raw)) is not None)
    return [_to_send(secret, row) for row in rows]


def _to_send(secret: Secret, row: Row[*tuple[Any, ...]]) -> Addressed:
    try:
        return personal.addressed(secret, row)
    except SealBroken:
        return Addressed(row.recipient, row.raw)
