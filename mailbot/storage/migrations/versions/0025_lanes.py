"""what waits for a check of its signed files has a lane of its own"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mailbot.storage.values import String

revision = "0025"
down_revision = "0020"


def upgrade() -> None:
    with op.batch_alter_table("inbox") as batch:
        batch.add_column(sa.Column("lane", String(8)))


def downgrade() -> None:
    with op.batch_alter_table("inbox") as batch:
        batch.drop_column("lane")
