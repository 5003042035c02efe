"""changes that a registry of accounts on another machine was asked for"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mailbot.storage.values import String, UtcDateTime

revision = "0016"
down_revision = "0015"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "registry_change",
        sa.Column("activation_id", _ID, nullable=False),
        sa.Column("change_id", String(32), nullable=False),
        sa.Column("resource_id", String(255), nullable=False),
        sa.Column("login", String(320), nullable=False),
        sa.Column("password_hash", String(200), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["activation_id"], ["activation.id"], name=op.f("fk_registry_change_activation_id")),
        sa.PrimaryKeyConstraint("activation_id", name=op.f("pk_registry_change")),
    )


def downgrade() -> None:
    op.drop_table("registry_change")
