"""where the notes of a decision lie sealed; what was sealed up to now is gone over again by `mailbot key seal`"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0025"


def upgrade() -> None:
    op.add_column("decision", sa.Column("sealed", sa.LargeBinary()))
    op.execute("UPDATE installation SET hiding = 1 WHERE hiding = 2 AND EXISTS (SELECT 1 FROM inbox)")


def downgrade() -> None:
    op.drop_column("decision", "sealed")
