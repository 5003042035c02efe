"""check value of the key; links bound to their rows; logins that case folding had made one

A link was an HMAC of its ticket's number alone, so a number given out again had the link of another citizen. Every row
gets random octets here. There is no key in a migration, so the tokens follow at the first start, together with the
check value (mailbot.installation): a link whose mail has not left gets the token of its row; one that was sent keeps
its own until it expires, which is within a day and the hold of case B.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

from mailbot.storage.values import UtcDateTime

revision = "0004"
down_revision = "0003"

_NOT_ASCII = {
    "sqlite": "SELECT id, login, login_key FROM account WHERE login GLOB '*[^ -~]*'",
    "postgresql": "SELECT id, login, login_key FROM account WHERE login ~ '[^ -~]'",
}


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_check", sa.String(length=64), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    connection = op.get_bind()
    op.add_column("activation", sa.Column("nonce", sa.String(length=32)))
    for row in connection.execute(sa.text("SELECT id FROM activation")).all():
        values = {"nonce": secrets.token_hex(16), "id": row.id}
        connection.execute(sa.text("UPDATE activation SET nonce = :nonce WHERE id = :id"), values)
    with op.batch_alter_table("activation") as batch_op:
        batch_op.alter_column("nonce", existing_type=sa.String(length=32), nullable=False)
    for row in connection.execute(sa.text(_NOT_ASCII[connection.dialect.name])).all():
        values = {"key": "".join(map(_small, row.login)), "old": row.login_key, "id": row.id}
        connection.execute(sa.text("UPDATE account SET login_key = :key WHERE id = :id"), values)
        connection.execute(sa.text("UPDATE activation SET login = :key WHERE login = :old"), values)


def downgrade() -> None:
    with op.batch_alter_table("activation") as batch_op:
        batch_op.drop_column("nonce")
    op.drop_table("installation")


def _small(letter: str) -> str:
    """As mailbot.text.address has it at this revision."""
    small = letter.lower()
    return small if small.upper() == letter else letter
