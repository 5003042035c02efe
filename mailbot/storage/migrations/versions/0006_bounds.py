"""look-ups that do not grow with the archive, room for long names of hosts"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

from mailbot.accounts.fields import surname_key
from mailbot.storage.values import fit

revision = "0006"
down_revision = "0005"

_CHUNK = 1000
_WIDTHS = (
    ("inbox", "leased_by", 64, 128),
    ("inbox", "message_key", 1100, 600),
    ("outbox", "leased_by", 64, 128),
    ("ruleset_load", "process", 64, 128),
)
_LIMITED = "outcome = 'RATE_LIMITED'"


def upgrade() -> None:
    _fill("inbox", "message_key", "message_key", lambda key: fit(key, 600), "length(message_key) > 600")
    for table, column, old, new in _WIDTHS:
        _widen(table, column, old, new)
    op.create_index("ix_inbox_ticket_id", "inbox", ["ticket_id"])
    op.drop_index("ix_inbox_message_key", "inbox")
    op.create_index("ix_inbox_message_key_fingerprint_id", "inbox", ["message_key", "fingerprint", "id"])
    where = sa.text(_LIMITED)
    op.create_index(
        "ix_decision_limited", "decision", ["sender", "inbox_id"], sqlite_where=where, postgresql_where=where
    )
    op.add_column("account", sa.Column("surname_key", sa.String(length=240)))
    _fill("account", "surname", "surname_key", surname_key)
    with op.batch_alter_table("account") as account:
        account.alter_column("surname_key", existing_type=sa.String(length=240), nullable=False)
        account.drop_index("ix_account_birth_year")
        account.create_index("ix_account_birth_year_surname_key", ["birth_year", "surname_key"])


def downgrade() -> None:
    with op.batch_alter_table("account") as account:
        account.drop_index("ix_account_birth_year_surname_key")
        account.create_index("ix_account_birth_year", ["birth_year"])
        account.drop_column("surname_key")
    op.drop_index("ix_decision_limited", "decision")
    op.drop_index("ix_inbox_message_key_fingerprint_id", "inbox")
    op.create_index("ix_inbox_message_key", "inbox", ["message_key"])
    op.drop_index("ix_inbox_ticket_id", "inbox")
    for table, column, old, new in _WIDTHS:
        _widen(table, column, new, old)


def _widen(table: str, column: str, old: int, new: int) -> None:
    """SQLite keeps the length as a word only; making the table anew would break those that refer to it."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        op.alter_column(table, column, type_=sa.String(length=new), existing_type=sa.String(length=old))
        return
    words = {"old": f"{column} VARCHAR({old})", "new": f"{column} VARCHAR({new})", "table": table}
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema=ON")
    connection.execute(
        sa.text("UPDATE sqlite_master SET sql = replace(sql, :old, :new) WHERE type = 'table' AND name = :table"), words
    )
    connection.exec_driver_sql(f"PRAGMA schema_version={version + 1}")  # others read it anew
    connection.exec_driver_sql("PRAGMA writable_schema=RESET")


def _fill(table: str, source: str, target: str, how: Callable[[str], str], where: str = "1 = 1") -> None:
    """Set ``target`` of each row to ``how`` of ``source``, a chunk at a time."""
    connection, rows = op.get_bind(), sa.table(table, *map(sa.column, {"id", source, target}))
    c = rows.c
    wanted = sa.select(c.id, c[source].label("source")).where(sa.text(where)).order_by(c.id).limit(_CHUNK)
    put = sa.update(rows).where(c.id == sa.bindparam("row")).values({target: sa.bindparam("value")})
    last = 0
    while found := connection.execute(wanted.where(c.id > last)).all():
        connection.execute(put, [{"row": row.id, "value": how(row.source)} for row in found])
        last = found[-1].id
