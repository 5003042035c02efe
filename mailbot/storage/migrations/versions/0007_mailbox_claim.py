"""who reads a mailbox; messages by the digest of their bytes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mailbot.storage.values import UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_index("ix_inbox_sha256", "inbox", ["sha256"])
    op.create_table(
        "mailbox_claim",
        sa.Column("mailbox", sa.String(length=300), nullable=False),
        sa.Column("holder", sa.String(length=120)),
        sa.Column("leased_until", UtcDateTime()),
        sa.Column("claim", sa.String(length=32)),
        sa.Column("next_claim", sa.String(length=32)),
        sa.Column("taken_over_at", UtcDateTime()),
        sa.Column("reconciled_at", UtcDateTime()),
        sa.Column("reconciled_missing", sa.Integer()),
        sa.PrimaryKeyConstraint("mailbox", name=op.f("pk_mailbox_claim")),
    )


def downgrade() -> None:
    op.drop_table("mailbox_claim")
    op.drop_index("ix_inbox_sha256", "inbox")
