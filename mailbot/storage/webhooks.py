"""The tables of the connector to CSD: what it is told, and how far the history has been read for it."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, text

from mailbot.storage.schema import Id, metadata
from mailbot.storage.values import String, Text, UtcDateTime

webhook = Table(
    "webhook",
    metadata,
    Column("id", Id, primary_key=True),
    Column("seq", Id, ForeignKey("audit.seq"), nullable=False, unique=True),
    Column("ticket_id", Id, ForeignKey("ticket.id"), nullable=False),
    Column("message_id", String(64), nullable=False, unique=True),
    Column("kind", String(24), nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("due_at", UtcDateTime(), nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("leased_by", String(128)),
    Column("leased_until", UtcDateTime()),
    Column("last_error", Text),
    Column("last_code", Integer),
    Column("made_at", UtcDateTime(), nullable=False),
    Column("sent_at", UtcDateTime()),
    Index("ix_webhook_state_due_at", "state", "due_at"),
    Index("ix_webhook_ticket_id", "ticket_id", "id"),
)
"""One event of a ticket that CSD is told (csd.events). seq: its row in the audit chain; message_id: the webhook-id, the
same at each try, made of the hash of that row. body: the octets that are signed. State: waiting (for the event of the
ticket before it), queued, leased, done, buried."""

webhook_head = Table(
    "webhook_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("seq", Id, nullable=False),
    Column("stopped_at", UtcDateTime()),
    Column("refused_at", UtcDateTime()),
    Column("refused", Text),
)
"""How far the chain was read for CSD; locked by whoever reads on or lets the next event of a ticket go. stopped_at: CSD
said 410, and nothing leaves until a person lets it. refused_at, refused: since when nothing at all is taken, and the
last reason."""
