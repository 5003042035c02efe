"""what several machines share: processes, the rule set in force, limits of clients, who may run on this schema"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mailbot.storage.values import String, UtcDateTime

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "process",
        sa.Column("name", String(120), nullable=False),
        sa.Column("roles", String(120), nullable=False),
        sa.Column("version", String(40), nullable=False),
        sa.Column("ruleset", String(64), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_process")),
    )
    op.create_table(
        "throttle",
        sa.Column("name", String(64), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_throttle")),
    )
    op.create_index("ix_throttle_until", "throttle", ["until"])
    op.create_table(
        "schema_mark",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("compatible_from", String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schema_mark")),
    )
    with op.batch_alter_table("installation") as table:
        table.add_column(sa.Column("ruleset", String(64)))


def downgrade() -> None:
    with op.batch_alter_table("installation") as table:
        table.drop_column("ruleset")
    op.drop_table("schema_mark")
    op.drop_table("throttle")
    op.drop_table("process")
