"""tokens of the REST API, and its answers to what may be asked again"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mailbot.storage.values import JSON, String, UtcDateTime

revision = "0012"
down_revision = "0011"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", String(40), nullable=False),
        sa.Column("token_hash", String(64), nullable=False),
        sa.Column("roles", JSON(), nullable=False),
        sa.Column("desks", JSON(), nullable=False),
        sa.Column("language", String(2), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime()),
        sa.Column("used_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("name", name=op.f("uq_api_token_name")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
    )
    op.create_table(
        "api_answer",
        sa.Column("actor", String(80), nullable=False),
        sa.Column("key", String(64), nullable=False),
        sa.Column("request", String(64), nullable=False),
        sa.Column("answer", JSON(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("actor", "key", name=op.f("pk_api_answer")),
    )
    op.create_index("ix_api_answer_at", "api_answer", ["at"], unique=False)


def downgrade() -> None:
    op.drop_table("api_answer")
    op.drop_table("api_token")
