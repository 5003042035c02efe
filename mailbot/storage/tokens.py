"""The tables of the REST API: who may ask, and what was answered to a request that may come again."""

from __future__ import annotations

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table

from mailbot.storage.schema import Id, metadata
from mailbot.storage.values import JSON, String, UtcDateTime

api_token = Table(
    "api_token",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(40), nullable=False, unique=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("roles", JSON, nullable=False),
    Column("desks", JSON, nullable=False),
    Column("language", String(2), nullable=False),
    Column("made_at", UtcDateTime(), nullable=False),
    Column("expires_at", UtcDateTime(), nullable=False),
    Column("revoked_at", UtcDateTime()),
    Column("used_at", UtcDateTime()),
)
"""Another system that may ask. token_hash: SHA-256 of a random token that is kept nowhere. A name is given once: what
was done under it stays its own. used_at: the last sign of it, to the minute."""

api_answer = Table(
    "api_answer",
    metadata,
    Column("actor", String(80), nullable=False),
    Column("key", String(64), nullable=False),
    Column("request", String(64), nullable=False),
    Column("answer", JSON, nullable=False),
    Column("at", UtcDateTime(), nullable=False),
    PrimaryKeyConstraint("actor", "key"),
    Index("ix_api_answer_at", "at"),
)
"""What an action came to, by the Idempotency-Key of who asked (key: its SHA-256); request: digest of what was asked.
Numbers, codes and states alone."""
