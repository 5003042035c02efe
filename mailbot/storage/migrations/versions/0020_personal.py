"""where addresses, names and our own mails lie sealed, once `mailbot key seal` says so"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("ticket", sa.Column("sealed", sa.LargeBinary()))
    op.add_column("activation", sa.Column("sealed", sa.LargeBinary()))
    op.add_column("installation", sa.Column("hiding", sa.Integer()))


def downgrade() -> None:
    op.drop_column("installation", "hiding")
    op.drop_column("activation", "sealed")
    op.drop_column("ticket", "sealed")
