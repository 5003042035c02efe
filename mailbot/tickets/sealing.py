"""The key of a ticket, under which lies what people write about it and what is written to the citizen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select
from sqlalchemy.dialects import postgresql, sqlite

from mailbot.errors import SealBroken
from mailbot.secret import HEAD, Secret
from mailbot.secret import key_of as under
from mailbot.storage import personal
from mailbot.storage.erasing import ticket_key
from mailbot.storage.schema import ticket


def key_of(connection: Connection, secret: Secret, ticket_id: int) -> bytes | None:
    """Its id; made for the first thing that is sealed. None: there is no store of keys. In the transaction that
    writes what is sealed: whoever erases the ticket waits for it, or it for them."""
    if secret.store is None:
        return None
    own = _own(connection, [ticket_id], lock=True).get(ticket_id)
    return own or _made(connection, secret, ticket_id)


def keys_of(connection: Connection, secret: Secret, ids: Iterable[int]) -> dict[int, bytes | None]:
    """``key_of`` for many tickets: one query for those that are sealed themselves."""
    wanted = sorted(set(ids))
    if secret.store is None:
        return dict.fromkeys(wanted)
    own = _own(connection, wanted, lock=False)
    return {one: own.get(one) or key_of(connection, secret, one) for one in wanted}


def tickets(secret: Secret, rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """New rows of ``ticket`` as they are written, each under a key of its own."""
    return [personal.ticket(secret, row, secret.fresh()) for row in rows] if secret.hiding else rows


def mails(connection: Connection, secret: Secret, rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """New rows of ``outbox`` as they are written, after their tickets."""
    if not secret.hiding or not rows:
        return rows
    keys = keys_of(connection, secret, (row["ticket_id"] for row in rows))
    return [personal.mail(secret, row, keys[row["ticket_id"]]) for row in rows]


def links(connection: Connection, secret: Secret, rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """New rows of ``activation`` as they are written, after their tickets."""
    if not secret.hiding or not rows:
        return rows
    keys = keys_of(connection, secret, (row["ticket_id"] for row in rows))
    return [personal.link(secret, row, keys[row["ticket_id"]]) for row in rows]


def to_send(secret: Secret, rows: Sequence[RowMapping]) -> list[Mapping[str, Any]]:
    """Rows of ``outbox`` with recipient and octets as they leave; one that does not open stays as it is."""
    secret.ready(key for row in rows if (key := under(row["raw"])) is not None)
    return [_to_send(secret, row) for row in rows]


def _to_send(secret: Secret, row: RowMapping) -> Mapping[str, Any]:
    try:
        mail = personal.addressed(secret, row)
    except SealBroken:
        return dict(row)
    return {**row, "recipient": mail.recipient, "raw": mail.raw}


def _own(connection: Connection, ids: Sequence[int], *, lock: bool) -> dict[int, bytes]:
    """The keys of tickets that are sealed. ``lock``: whoever erases one waits."""
    t = ticket.c
    wanted = select(t.id, func.substr(t.sealed, 1, HEAD)).where(t.id.in_(ids), t.sealed.is_not(None))
    rows = connection.execute(wanted.with_for_update(read=True, key_share=True) if lock else wanted)
    return {row: found for row, head in rows if (found := under(bytes(head))) is not None}


def _made(connection: Connection, secret: Secret, ticket_id: int) -> bytes:
    c = ticket_key.c
    there = select(c.key_id).where(c.ticket_id == ticket_id).with_for_update()
    known = connection.execute(there).scalar_one_or_none()
    if known is None:  # two may be at it: the first one counts
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        made = {"ticket_id": ticket_id, "key_id": secret.fresh()}
        connection.execute(dialect.insert(ticket_key).on_conflict_do_nothing(), made)
        known = connection.execute(there).scalar_one()
    return bytes(known)
