"""how the processes fare with the token server"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mailbot.storage.values import String, UtcDateTime

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "oauth",
        sa.Column("process", String(255), nullable=False),
        sa.Column("checked_at", UtcDateTime(), nullable=False),
        sa.Column("failing_since", UtcDateTime()),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("expires_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("process", name=op.f("pk_oauth")),
    )


def downgrade() -> None:
    op.drop_table("oauth")
