"""The table of what a registry of accounts on another machine was asked to change."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Table

from mailbot.storage.schema import Id, metadata
from mailbot.storage.values import String, UtcDateTime

registry_change = Table(
    "registry_change",
    metadata,
    Column("activation_id", Id, ForeignKey("activation.id"), primary_key=True),
    Column("change_id", String(32), nullable=False),
    Column("resource_id", String(255), nullable=False),
    Column("login", String(320), nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("asked_at", UtcDateTime(), nullable=False),
)
"""Asked and not yet known to be done; written before it is asked, gone when it is known. change_id: what the resource
shows as lastChange once it is done. login: of the account before. password_hash: argon2id of what was asked for."""
