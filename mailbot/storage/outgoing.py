"""The octets of outgoing mails, apart from their rows where addresses are hidden; and both read as one."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, LargeBinary, Table, func

from mailbot.secret import SEALED
from mailbot.storage.schema import Id, metadata, outbox

APART = SEALED
"""What outbox.raw says where the octets lie in outbox_raw: to a program that does not know of that one sealed mail that
does not open, which it keeps and does not send."""

outbox_raw = Table(
    "outbox_raw",
    metadata,
    Column("outbox_id", Id, ForeignKey("outbox.id"), primary_key=True),
    Column("raw", LargeBinary, nullable=False),
)
"""The octets of outgoing mails apart from their rows, each of which changes four times or more until it has left."""

OUTGOING = outbox.outerjoin(outbox_raw, outbox_raw.c.outbox_id == outbox.c.id)
OCTETS = func.coalesce(outbox_raw.c.raw, outbox.c.raw).label("raw")
"""The octets of a mail among ``OUTGOING``, wherever they lie."""
MAIL = (*(column for column in outbox.c if column is not outbox.c.raw), OCTETS)
"""Columns of ``OUTGOING``: those of outbox, with the octets."""
