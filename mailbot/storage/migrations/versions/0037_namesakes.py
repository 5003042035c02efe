"""namesakes are found whatever hyphens and ligatures their surnames were imported with"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mailbot.accounts.fields import surname_key

revision = "0037"
down_revision = "0036"

_CHUNK = 1000


def upgrade() -> None:
    connection, rows = op.get_bind(), sa.table("account", *map(sa.column, ("id", "surname", "surname_key")))
    c = rows.c
    put = sa.update(rows).where(c.id == sa.bindparam("row")).values(surname_key=sa.bindparam("key"))
    last = 0
    while found := connection.execute(sa.select(rows).where(c.id > last).order_by(c.id).limit(_CHUNK)).all():
        last = found[-1].id
        keys = [{"row": row.id, "key": surname_key(row.surname)} for row in found]
        changed = [one for one, row in zip(keys, found, strict=True) if one["key"] != row.surname_key]
        if changed:
            connection.execute(put, changed)


def downgrade() -> None:
    """Nothing: an older program reads these as well."""
