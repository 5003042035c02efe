"""a check value of the eldest key, written by the next start"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0029"


def upgrade() -> None:
    op.add_column("installation", sa.Column("eldest_check", sa.String(64)))


def downgrade() -> None:
    op.drop_column("installation", "eldest_check")
