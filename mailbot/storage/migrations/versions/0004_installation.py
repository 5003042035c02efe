"""check value of the key; links bound to their rows; logins that case folding had made one

A link was an HMAC of its ticket's number alone, so a number given out again had the link of another citizen. Every row
gets random octets here. There is no key in a migration, so the tokens follow at the first start, together with the
check value (mailbot.installation): a link whose mail has not left gets the token of its row; one that was sent keeps
its own until it expires, which is within a day and the hold of case B.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mailbot.storage.schema import UtcDateTime

revision = "0004"
down_revision = "0003"

_RANDOM = {"sqlite": "lower(hex(randomblob(16)))", "postgresql": "replace(gen_random_uuid()::text, '-', '')"}
_NOT_ASCII = {"sqlite": "login GLOB '*[^ -~]*'", "postgresql": "login ~ '[^ -~]'"}


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_check", sa.String(length=64), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    connection = op.get_bind()
    engine = connection.dialect.name
    op.add_column("activation", sa.Column("nonce", sa.String(length=32)))
    op.execute(f"UPDATE activation SET nonce = {_RANDOM[engine]}")  # noqa: S608 - no foreign text
    with op.batch_alter_table("activation") as batch_op:
        batch_op.alter_column("nonce", existing_type=sa.String(length=32), nullable=False)
    rows = connection.execute(sa.text(f"SELECT id, login FROM account WHERE {_NOT_ASCII[engine]}")).all()  # noqa: S608
    for row in rows:
        key = "".join(map(_small, row.login))
        connection.execute(sa.text("UPDATE account SET login_key = :key WHERE id = :id"), {"key": key, "id": row.id})


def downgrade() -> None:
    with op.batch_alter_table("activation") as batch_op:
        batch_op.drop_column("nonce")
    op.drop_table("installation")


def _small(letter: str) -> str:
    """As mailbot.address has it at this revision."""
    small = letter.lower()
    return small if small.upper() == letter else letter
