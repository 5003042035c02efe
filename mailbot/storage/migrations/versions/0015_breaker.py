"""what leaves by itself is counted, and stopped"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mailbot.storage.values import String, Text, UtcDateTime

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("reach", String(16)))
    op.add_column("outbox", sa.Column("arrived_at", UtcDateTime()))
    op.create_table(
        "breaker",
        sa.Column("reach", String(16), nullable=False),
        sa.Column("tripped_at", UtcDateTime()),
        sa.Column("told_at", UtcDateTime()),
        sa.Column("lifted_at", UtcDateTime()),
        sa.Column("lifted_by", String(120)),
        sa.Column("reason", Text, server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("reach", name=op.f("pk_breaker")),
    )
    op.create_table(
        "breaker_count",
        sa.Column("reach", String(16), nullable=False),
        sa.Column("hour", UtcDateTime(), nullable=False),
        sa.Column("mails", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("reach", "hour", name=op.f("pk_breaker_count")),
    )


def downgrade() -> None:
    op.drop_table("breaker_count")
    op.drop_table("breaker")
    op.drop_column("outbox", "arrived_at")
    op.drop_column("outbox", "reach")
