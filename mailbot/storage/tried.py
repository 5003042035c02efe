"""The table of the rules that were tried: most mails take the same way through them, which is told once."""

from __future__ import annotations

from sqlalchemy import Column, Table

from mailbot.storage.schema import metadata
from mailbot.storage.values import JSON, String

rules_tried = Table(
    "rules_tried",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("steps", JSON, nullable=False),
)
"""id: of the digest of the steps (tickets.tried); decision.tried names it. No foreign key: on PostgreSQL every decision
would lock the one row that it shares with all others."""
