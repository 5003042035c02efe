"""The table of OAuth 2.0: how each process fares with the token server."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table

from mailbot.storage.schema import metadata
from mailbot.storage.values import String, UtcDateTime

oauth = Table(
    "oauth",
    metadata,
    Column("process", String(255), primary_key=True),
    Column("checked_at", UtcDateTime(), nullable=False),
    Column("failing_since", UtcDateTime()),
    Column("refused", Integer, nullable=False),
    Column("expires_at", UtcDateTime()),
)
"""checked_at: when the process last looked whether it has a token. failing_since: none where it has. refused: 1 when a
person must act. expires_at: when the client secret or the refresh token ends, where that is known."""
