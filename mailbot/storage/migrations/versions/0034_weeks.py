"""what is looked for in the last weeks alone is found by its week; hashes that nobody looks for have no index, octets
of mails a table of their own"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0034"
down_revision = "0033"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_COUNTED = {"sender": None, "domain": "domain IS NOT NULL", "asked": "asked IS NOT NULL"}
"""Columns of decision, and of which rows SQLite's index of each is."""


def upgrade() -> None:
    op.create_table(  # of mails that are there they stay where they are
        "outbox_raw",
        sa.Column("outbox_id", _ID, nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name=op.f("fk_outbox_raw_outbox_id")),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_outbox_raw")),
    )
    op.drop_index("ix_inbox_sha256", table_name="inbox")
    with _anew("audit", "webhook") as audit:
        audit.drop_constraint("uq_audit_hash", type_="unique")
    with _anew("activation", "registry_change") as activation:
        activation.drop_constraint("uq_activation_token_hash", type_="unique")
    for table in ("decision", "activation"):  # what is there keeps 0: no row is written anew
        op.add_column(table, sa.Column("week", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.create_index("ix_activation_week_token_hash", "activation", ["week", "token_hash"])
    for column in _COUNTED:
        op.drop_index(f"ix_decision_{column}_received_at", table_name="decision")
        _index(f"ix_decision_week_{column}", column, "week", column, "received_at")


def downgrade() -> None:
    for column in _COUNTED:
        op.drop_index(f"ix_decision_week_{column}", table_name="decision")
        _index(f"ix_decision_{column}_received_at", column, column, "received_at")
    op.drop_index("ix_activation_week_token_hash", table_name="activation")
    for table in ("decision", "activation"):
        op.drop_column(table, "week")
    with _anew("activation", "registry_change") as activation:
        activation.create_unique_constraint("uq_activation_token_hash", ["token_hash"])
    with _anew("audit", "webhook") as audit:
        audit.create_unique_constraint("uq_audit_hash", ["hash"])
    op.create_index("ix_inbox_sha256", "inbox", ["sha256"])
    apart = "(SELECT raw FROM outbox_raw WHERE outbox_id = outbox.id)"
    op.execute(f"UPDATE outbox SET raw = {apart} WHERE {apart} IS NOT NULL")  # noqa: S608
    op.drop_table("outbox_raw")


def _index(name: str, column: str, *columns: str) -> None:
    which = _COUNTED[column]
    op.create_index(name, "decision", columns, sqlite_where=None if which is None else sa.text(which))


@contextmanager
def _anew(table: str, child: str) -> Iterator[BatchOperations]:
    """SQLite makes ``table`` anew; the rows of ``child``, which refer to it, are aside meanwhile."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    if sqlite:
        op.execute(f"CREATE TABLE aside AS SELECT * FROM {child}")  # noqa: S608
        op.execute(sa.delete(sa.table(child)))
    with op.batch_alter_table(table) as batch:
        yield batch
    if sqlite:
        op.execute(f"INSERT INTO {child} SELECT * FROM aside")  # noqa: S608
        op.execute("DROP TABLE aside")
