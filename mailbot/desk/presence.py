"""Who has which ticket open: a sign of the page every few seconds, forgotten when it stops."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from mailbot.desk.todo import PRESENT
from mailbot.storage import upsert
from mailbot.storage.desk import viewer

_OFTEN = timedelta(seconds=10)
"""A sign is written at most so often."""


def is_due(connection: Connection, ticket_id: int, operator_id: int, now: datetime) -> bool:
    """Whether ``here`` has something to write."""
    v = viewer.c
    which = (v.ticket_id == ticket_id, v.operator_id == operator_id, v.seen_at > now - _OFTEN)
    return connection.execute(select(v.seen_at).where(*which)).first() is None


def here(connection: Connection, ticket_id: int, operator_id: int, now: datetime) -> None:
    """The person has the ticket open; those who have given no sign for long are taken out of the table."""
    row = {"ticket_id": ticket_id, "operator_id": operator_id, "seen_at": now}
    sign = upsert.insert(connection, viewer).values(row)
    connection.execute(sign.on_conflict_do_update(index_elements=["ticket_id", "operator_id"], set_={"seen_at": now}))
    connection.execute(delete(viewer).where(viewer.c.seen_at < now - 2 * PRESENT))
