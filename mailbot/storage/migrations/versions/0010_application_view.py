"""what the reader saw of a signed application"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mailbot.storage.values import String

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "application_view",
        sa.Column("inbox_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", String(20), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_application_view_inbox_id")),
        sa.PrimaryKeyConstraint("inbox_id", "name", name=op.f("pk_application_view")),
    )


def downgrade() -> None:
    op.drop_table("application_view")
