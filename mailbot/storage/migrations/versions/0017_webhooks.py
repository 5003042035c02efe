"""events of tickets that CSD is told"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mailbot.storage.values import Text, UtcDateTime

revision = "0017"
down_revision = "0016"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", _ID, nullable=False),
        sa.Column("seq", _ID, nullable=False),
        sa.Column("ticket_id", _ID, nullable=False),
        sa.Column("message_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("body", Text(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("leased_by", sa.String(128)),
        sa.Column("leased_until", UtcDateTime()),
        sa.Column("last_error", Text()),
        sa.Column("last_code", sa.Integer()),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime()),
        sa.ForeignKeyConstraint(["seq"], ["audit.seq"], name=op.f("fk_webhook_seq")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_webhook_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
        sa.UniqueConstraint("message_id", name=op.f("uq_webhook_message_id")),
        sa.UniqueConstraint("seq", name=op.f("uq_webhook_seq")),
    )
    op.create_index("ix_webhook_state_due_at", "webhook", ["state", "due_at"])
    op.create_index("ix_webhook_ticket_id", "webhook", ["ticket_id", "id"])
    op.create_table(
        "webhook_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", _ID, nullable=False),
        sa.Column("stopped_at", UtcDateTime()),
        sa.Column("refused_at", UtcDateTime()),
        sa.Column("refused", Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_head")),
    )


def downgrade() -> None:
    op.drop_table("webhook_head")
    op.drop_table("webhook")
