"""which message a mail answers, and the probes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mailbot.storage.values import String, UtcDateTime

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("inbox_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")))
    op.create_table(
        "probe",
        sa.Column("nonce", String(32), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=False),
        sa.Column("recipient", String(320), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("inbox_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
        sa.Column("decided_at", UtcDateTime()),
        sa.Column("taken_until", UtcDateTime()),
        sa.Column("answered_at", UtcDateTime()),
        sa.Column("failure", String(200)),
        sa.PrimaryKeyConstraint("nonce", name=op.f("pk_probe")),
    )
    op.create_index("ix_probe_sent_at", "probe", ["sent_at"])
    op.create_index("ix_probe_answered_at", "probe", ["answered_at"])


def downgrade() -> None:
    op.drop_table("probe")
    with op.batch_alter_table("outbox") as batch:
        batch.drop_column("inbox_id")
