"""The table of probes: mails of `mailbot probe` on their way through everything (mailbot.probes)."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table

from mailbot.storage.schema import Id, metadata
from mailbot.storage.values import String, UtcDateTime

probe = Table(
    "probe",
    metadata,
    Column("nonce", String(32), primary_key=True),
    Column("sent_at", UtcDateTime(), nullable=False),
    Column("recipient", String(320), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("inbox_id", Id),
    Column("decided_at", UtcDateTime()),
    Column("taken_until", UtcDateTime()),
    Column("answered_at", UtcDateTime()),
    Column("failure", String(200)),
    Index("ix_probe_sent_at", "sent_at"),
    Index("ix_probe_answered_at", "answered_at"),
)
"""sent_at: when it was announced, just before it was sent. answer: the mail to ``recipient``. taken_until: a delivery
loop answers it until then. answered_at: when the outgoing server accepted the answer; failure: what it last said."""
