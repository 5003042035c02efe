"""the rules that were tried are told once, not for each mail"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mailbot.storage.values import JSON, String

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "rules_tried",
        sa.Column("id", String(32), nullable=False),
        sa.Column("steps", JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules_tried")),
    )
    op.add_column("decision", sa.Column("tried", String(32)))


def downgrade() -> None:
    with op.batch_alter_table("decision") as batch:
        batch.drop_column("tried")
    op.drop_table("rules_tried")
