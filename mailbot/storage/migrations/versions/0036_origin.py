"""where the tables of a PostgreSQL database live, and the last transaction of each thread that writes; by what a letter
is known that came over two roads"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.add_column("installation", sa.Column("origin", sa.String(80)))
    op.add_column("inbox", sa.Column("letter", sa.String(40)))
    op.create_table(
        "last_commit",
        sa.Column("name", sa.String(160), nullable=False),
        sa.Column("process", sa.String(120), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_last_commit")),
    )


def downgrade() -> None:
    op.drop_table("last_commit")
    op.drop_column("inbox", "letter")
    op.drop_column("installation", "origin")
