"""The tables of what is erased: which key words are under, and what was erased when and why."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, ForeignKey, Index, LargeBinary, Table, func, select, text

from mailbot.secret import HEAD, key_of
from mailbot.storage.schema import Id, metadata, raw_message
from mailbot.storage.values import JSON, String, Text, UtcDateTime

ticket_key = Table(
    "ticket_key",
    metadata,
    Column("ticket_id", Id, ForeignKey("ticket.id"), primary_key=True),
    Column("key_id", LargeBinary, nullable=False),
)
"""Under which key (storage.keys) what people write about a ticket is sealed. That of a message stands in its octets."""


def envelope_key(envelope: Mapping[str, Any]) -> bytes | None:
    """The key of a message by its envelope, which is sealed under the same (inbox.hide), and small."""
    head = envelope["who"][0][: 4 * -(-HEAD // 3)]
    return key_of(base64.b64decode(head))


def key_ids(connection: Connection, rows: Sequence[int]) -> dict[int, bytes | None]:
    """The key (storage.keys) that each message is sealed under, of those whose octets are there."""
    c = raw_message.c
    heads = select(c.inbox_id, func.substr(c.raw, 1, HEAD)).where(c.inbox_id.in_(rows))
    return {row: key_of(bytes(head)) for row, head in connection.execute(heads)} if rows else {}


erasure = Table(
    "erasure",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", UtcDateTime(), nullable=False),
    Column("actor", String(120), nullable=False),
    Column("reason", Text, nullable=False),
    Column("what", String(40), nullable=False),
    Column("messages", JSON, nullable=False),
    Column("tickets", JSON, nullable=False),
    Column("keys", JSON, nullable=False),
    Column("done_at", UtcDateTime()),
    Index("ix_erasure_open", "id", sqlite_where=text("done_at IS NULL")),
)
"""What was erased: rows of inbox and ticket, and the keys (hex) that went with them. what: "erase", or the class of
rules/retention.yaml. done_at: when the keys were gone too; none: `mailbot retention finish` ends it."""


ERASED = "erased:"
"""How what is left of a message_key begins."""


def left_of(message_key: str) -> str:
    """What an erased message keeps of its ``message_key``: programs write host, login or name into a Message-ID, and a
    second copy must be known."""
    return f"{ERASED}{hashlib.sha256(message_key.encode('utf-8', 'surrogatepass')).hexdigest()}"
