"""used signatures"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mailbot.storage.schema import Id

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "used_signature",
        sa.Column("id", Id, nullable=False),
        sa.Column("payload_sha256", sa.String(length=64), nullable=False),
        sa.Column("signature_sha256", sa.String(length=64), nullable=False),
        sa.Column("ticket_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_used_signature_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_used_signature")),
        sa.UniqueConstraint("signature_sha256", name=op.f("uq_used_signature_signature_sha256")),
    )
    op.create_index("ix_used_signature_payload_sha256", "used_signature", ["payload_sha256"])
    op.create_index("ix_account_birth_year", "account", ["birth_year"])


def downgrade() -> None:
    op.drop_index("ix_account_birth_year", "account")
    op.drop_index("ix_used_signature_payload_sha256", "used_signature")
    op.drop_table("used_signature")
