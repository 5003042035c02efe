"""The key of a ticket, under which lies what people write about it and what is written to the citizen."""

from __future__ import annotations

from sqlalchemy import Connection, select

from mailbot.secret import Secret
from mailbot.storage import upsert
from mailbot.storage.erasing import ticket_key


def key_of(connection: Connection, secret: Secret, ticket_id: int) -> bytes | None:
    """Its id; made for the first thing that is sealed. None: there is no store of keys. In the transaction that
    writes what is sealed: whoever erases the ticket waits for it, or it for them."""
    if secret.store is None:
        return None
    c = ticket_key.c
    there = select(c.key_id).where(c.ticket_id == ticket_id).with_for_update()
    known = connection.execute(there).scalar_one_or_none()
    if known is None:  # two may be at it: the first one counts
        made = {"ticket_id": ticket_id, "key_id": secret.fresh()}
        connection.execute(upsert.insert(connection, ticket_key).on_conflict_do_nothing(), made)
        known = connection.execute(there).scalar_one()
    return bytes(known)
