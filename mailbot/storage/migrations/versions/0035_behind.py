"""a copy that `mailbot backup` makes knows that it is one; an account knows the login from which case B moved it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"

_THERE = sa.text("former_key IS NOT NULL")


def upgrade() -> None:
    op.add_column("installation", sa.Column("copied_at", sa.DateTime(timezone=True)))
    op.add_column("account", sa.Column("former_key", sa.String(320)))
    op.create_index("ix_account_former_key", "account", ["former_key"], sqlite_where=_THERE, postgresql_where=_THERE)


def downgrade() -> None:
    op.drop_index("ix_account_former_key", "account")
    op.drop_column("account", "former_key")
    op.drop_column("installation", "copied_at")
