"""delivery: since when a mail is due, and whether the server refuses us"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mailbot.storage.values import UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("first_due_at", UtcDateTime()))
    op.add_column("outbox", sa.Column("refused_us", sa.Integer(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:
    op.drop_column("outbox", "refused_us")
    op.drop_column("outbox", "first_due_at")
