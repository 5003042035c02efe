"""keys of messages in a store of their own, and what was erased"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mailbot.storage.values import JSON, String, Text, UtcDateTime

revision = "0018"
down_revision = "0017"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("installation", sa.Column("key_store", String(32)))
    op.create_table(
        "ticket_key",
        sa.Column("ticket_id", _ID, nullable=False),
        sa.Column("key_id", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_key_ticket_id")),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_ticket_key")),
    )
    op.create_table(
        "erasure",
        sa.Column("id", _ID, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", String(120), nullable=False),
        sa.Column("reason", Text(), nullable=False),
        sa.Column("what", String(40), nullable=False),
        sa.Column("messages", JSON(), nullable=False),
        sa.Column("tickets", JSON(), nullable=False),
        sa.Column("keys", JSON(), nullable=False),
        sa.Column("done_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
    )
    unfinished = sa.text("done_at IS NULL")
    op.create_index("ix_erasure_open", "erasure", ["id"], sqlite_where=unfinished, postgresql_where=unfinished)


def downgrade() -> None:
    op.drop_table("erasure")
    op.drop_table("ticket_key")
    op.drop_column("installation", "key_store")
