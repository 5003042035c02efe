"""The tables of what several processes share: who is there, which client must wait, who may run on this schema."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, Table

from mailbot.storage.schema import metadata
from mailbot.storage.values import String, UtcDateTime

process = Table(
    "process",
    metadata,
    Column("name", String(120), primary_key=True),
    Column("roles", String(120), nullable=False),
    Column("version", String(40), nullable=False),
    Column("ruleset", String(64), nullable=False),
    Column("seen_at", UtcDateTime(), nullable=False),
)
"""The processes of `mailbot run`, and the rule set each one has in its folder (mailbot.processes). name: host:pid."""

throttle = Table(
    "throttle",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("until", Double, nullable=False),
    Index("ix_throttle_until", "until"),
)
"""Who has asked, and what is taken, until when (seconds since 1970); a row that is over means nothing and goes. name: a
keyed hash, so no address is kept (mailbot.throttle)."""

schema_mark = Table(
    "schema_mark",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("compatible_from", String(32), nullable=False),
)
"""The oldest revision whose program can work with these tables: one that is older than the schema asks here."""
