"""The tables of the breaker: what left by itself, hour by hour, and what was stopped."""

from __future__ import annotations

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, Table, text

from mailbot.storage.schema import metadata
from mailbot.storage.values import String, Text, UtcDateTime

breaker = Table(
    "breaker",
    metadata,
    Column("reach", String(16), primary_key=True),
    Column("tripped_at", UtcDateTime()),
    Column("told_at", UtcDateTime()),
    Column("lifted_at", UtcDateTime()),
    Column("lifted_by", String(120)),
    Column("reason", Text, nullable=False, server_default=text("''")),
)
"""One row for each word of tickets.breaker.Reach; locked while mails are counted. tripped_at: since when such mails
wait; told_at: when the alarm had left; the rest: the last time that a person let them go, and why."""

breaker_count = Table(
    "breaker_count",
    metadata,
    Column("reach", String(16), nullable=False),
    Column("hour", UtcDateTime(), nullable=False),
    Column("mails", Integer, nullable=False),
    PrimaryKeyConstraint("reach", "hour"),
)
"""Mails that a delivery worker took up for the first time, by the hour in which what they answer arrived."""
