"""every channel: limits, clocks, watched rules, loaded rule sets"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mailbot.storage.schema import Id
from mailbot.storage.values import UtcDateTime

revision = "0003"
down_revision = "0002"

_DECISION = ("received_at", "sender", "domain", "asked", "answered")
_TICKET = ("language", "service", "classification", "answered_at", "standard_at", "reply_by", "alarm_at", "alarm")


def upgrade() -> None:
    op.add_column("decision", sa.Column("received_at", UtcDateTime()))
    op.add_column("decision", sa.Column("sender", sa.String(length=330)))
    op.add_column("decision", sa.Column("domain", sa.String(length=255)))
    op.add_column("decision", sa.Column("asked", sa.String(length=330)))
    op.add_column("decision", sa.Column("answered", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_index("ix_decision_decided_at", "decision", ["decided_at"])
    op.create_index("ix_decision_sender_received_at", "decision", ["sender", "received_at"])
    for column in ("domain", "asked"):
        _partial(f"ix_decision_{column}_received_at", "decision", [column, "received_at"], f"{column} IS NOT NULL")
    op.add_column("ticket", sa.Column("language", sa.String(length=2), server_default=sa.text("'pl'"), nullable=False))
    op.add_column("ticket", sa.Column("service", sa.String(length=80), server_default=sa.text("''"), nullable=False))
    op.add_column(
        "ticket", sa.Column("classification", sa.String(length=200), server_default=sa.text("''"), nullable=False)
    )
    for name in ("answered_at", "standard_at", "reply_by", "alarm_at"):
        op.add_column("ticket", sa.Column(name, UtcDateTime()))
    op.add_column("ticket", sa.Column("alarm", sa.String(length=12), server_default=sa.text("''"), nullable=False))
    _partial("ix_ticket_alarm_at", "ticket", ["alarm_at"], "alarm_at IS NOT NULL")
    op.create_table(
        "shadow_hit",
        sa.Column("inbox_id", Id, nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_shadow_hit_inbox_id")),
        sa.PrimaryKeyConstraint("inbox_id", "rule", name=op.f("pk_shadow_hit")),
    )
    op.create_index("ix_shadow_hit_decided_at", "shadow_hit", ["decided_at"])
    op.create_table(
        "ruleset_load",
        sa.Column("id", Id, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("process", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64)),
        sa.Column("mistakes", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ruleset_load")),
    )
    op.create_index("ix_ruleset_load_at", "ruleset_load", ["at"])


def downgrade() -> None:
    op.drop_table("ruleset_load")
    op.drop_table("shadow_hit")
    op.drop_index("ix_ticket_alarm_at", "ticket")
    for name in _TICKET:
        op.drop_column("ticket", name)
    for name in ("decided_at", "sender_received_at", "domain_received_at", "asked_received_at"):
        op.drop_index(f"ix_decision_{name}", "decision")
    for name in _DECISION:
        op.drop_column("decision", name)


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
