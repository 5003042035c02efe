"""The tables of the IMAP mailboxes: how far each is read, and who reads it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table

from mailbot.storage.schema import metadata
from mailbot.storage.values import String, UtcDateTime

imap_cursor = Table(
    "imap_cursor",
    metadata,
    Column("mailbox", String(300), primary_key=True),
    Column("uidvalidity", BigInteger, nullable=False),
    Column("last_uid", BigInteger, nullable=False),
    Column("polled_at", UtcDateTime(), nullable=False),
)
"""How far each IMAP mailbox has been read; moves only in the transaction that stores the messages."""

mailbox_claim = Table(
    "mailbox_claim",
    metadata,
    Column("mailbox", String(300), primary_key=True),
    Column("holder", String(120)),
    Column("leased_until", UtcDateTime()),
    Column("claim", String(32)),
    Column("next_claim", String(32)),
    Column("taken_over_at", UtcDateTime()),
    Column("reconciled_at", UtcDateTime()),
    Column("reconciled_missing", Integer),
)
"""Who reads each IMAP mailbox (ingress/imap_claim.py). holder, leased_until: the process of this installation. claim:
the marker in the mailbox that is ours, next_claim: one that may have been written. taken_over_at: when another
installation lost the mailbox to us. The rest: when `mailbot reconcile` ended, and how much is missing since."""
