"""the desk: owner and person of a ticket, operators, drafts, approvals, the audit chain"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

from mailbot.storage.values import JSON, String, Text, UtcDateTime
from mailbot.text.unicode import flat

revision = "0011"
down_revision = "0010"

_LETTERS = re.compile(r"[a-z]+")
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", _ID, autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", String(120), nullable=False),
        sa.Column("action", String(40), nullable=False),
        sa.Column("object", String(120), nullable=False),
        sa.Column("before", _ID),
        sa.Column("after", _ID),
        sa.Column("reason", Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("digest", String(64), nullable=False),
        sa.Column("previous", String(64), nullable=False),
        sa.Column("hash", String(64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_hash")),
    )
    op.create_index("ix_audit_at", "audit", ["at", "seq"], unique=False)
    op.create_index("ix_audit_object", "audit", ["object", "seq"], unique=False)
    op.create_index("ix_audit_actor", "audit", ["actor", "seq"], unique=False)
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", _ID, nullable=False),
        sa.Column("hash", String(64), nullable=False),
        sa.Column("written_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "operator",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", String(80), nullable=False),
        sa.Column("display", String(120), nullable=False),
        sa.Column("roles", JSON(), nullable=False),
        sa.Column("desks", JSON(), nullable=False),
        sa.Column("language", String(2), server_default=sa.text("'pl'"), nullable=False),
        sa.Column("state", String(12), nullable=False),
        sa.Column("password_hash", String(200)),
        sa.Column("password_set_at", UtcDateTime()),
        sa.Column("totp", sa.LargeBinary()),
        sa.Column("totp_step", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("subject", String(300)),
        sa.Column("failed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("locked_until", UtcDateTime()),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator")),
        sa.UniqueConstraint("name", name=op.f("uq_operator_name")),
        sa.UniqueConstraint("subject", name=op.f("uq_operator_subject")),
    )
    op.create_table(
        "operator_session",
        sa.Column("id", _ID, nullable=False),
        sa.Column("token_hash", String(64), nullable=False),
        sa.Column("operator_id", _ID, nullable=False),
        sa.Column("stage", String(12), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"], name=op.f("fk_operator_session_operator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_operator_session_token_hash")),
    )
    op.create_index("ix_operator_session_expires_at", "operator_session", ["expires_at"], unique=False)
    op.create_index("ix_operator_session_operator_id", "operator_session", ["operator_id"], unique=False)
    op.create_table(
        "recovery_code",
        sa.Column("operator_id", _ID, nullable=False),
        sa.Column("code_hash", String(64), nullable=False),
        sa.Column("used_at", UtcDateTime()),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"], name=op.f("fk_recovery_code_operator_id")),
        sa.PrimaryKeyConstraint("operator_id", "code_hash", name=op.f("pk_recovery_code")),
    )
    op.create_table(
        "saved_view",
        sa.Column("operator_id", _ID, nullable=False),
        sa.Column("name", String(80), nullable=False),
        sa.Column("query", String(1000), nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"], name=op.f("fk_saved_view_operator_id")),
        sa.PrimaryKeyConstraint("operator_id", "name", name=op.f("pk_saved_view")),
    )
    op.create_table(
        "approval",
        sa.Column("id", _ID, nullable=False),
        sa.Column("ticket_id", _ID, nullable=False),
        sa.Column("action", String(24), nullable=False),
        sa.Column("version", _ID, nullable=False),
        sa.Column("digest", String(64), nullable=False),
        sa.Column("operator_id", _ID, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.Column("ended_by", _ID),
        sa.Column("ended", String(12)),
        sa.ForeignKeyConstraint(["ended_by"], ["operator.id"], name=op.f("fk_approval_ended_by")),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"], name=op.f("fk_approval_operator_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_approval_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
    )
    op.create_index("ix_approval_ticket_id", "approval", ["ticket_id"], unique=False)
    op.create_table(
        "draft",
        sa.Column("operator_id", _ID, nullable=False),
        sa.Column("ticket_id", _ID, nullable=False),
        sa.Column("form", String(24), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("saved_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"], name=op.f("fk_draft_operator_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_draft_ticket_id")),
        sa.PrimaryKeyConstraint("operator_id", "ticket_id", "form", name=op.f("pk_draft")),
    )
    op.create_table(
        "ticket_link",
        sa.Column("ticket_id", _ID, nullable=False),
        sa.Column("other_id", _ID, nullable=False),
        sa.Column("kind", String(12), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["other_id"], ["ticket.id"], name=op.f("fk_ticket_link_other_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_link_ticket_id")),
        sa.PrimaryKeyConstraint("ticket_id", "other_id", "kind", name=op.f("pk_ticket_link")),
    )
    op.create_index("ix_ticket_link_other_id", "ticket_link", ["other_id"], unique=False)
    op.create_table(
        "viewer",
        sa.Column("ticket_id", _ID, nullable=False),
        sa.Column("operator_id", _ID, nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["operator.id"], name=op.f("fk_viewer_operator_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_viewer_ticket_id")),
        sa.PrimaryKeyConstraint("ticket_id", "operator_id", name=op.f("pk_viewer")),
    )
    op.create_table(
        "desk_text",
        sa.Column("id", _ID, nullable=False),
        sa.Column("ticket_id", _ID, nullable=False),
        sa.Column("event_id", _ID, nullable=False),
        sa.Column("kind", String(24), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["ticket_event.id"], name=op.f("fk_desk_text_event_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_desk_text_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_text")),
    )
    op.create_index("ix_desk_text_ticket_id", "desk_text", ["ticket_id"], unique=False)
    op.create_index("ix_desk_text_event_id", "desk_text", ["event_id"], unique=False)
    op.add_column("ticket_event", sa.Column("chained", _ID))
    op.create_index(
        "ix_ticket_event_unchained",
        "ticket_event",
        ["id"],
        unique=False,
        sqlite_where=sa.text("chained IS NULL"),
        postgresql_where=sa.text("chained IS NULL"),
    )
    op.add_column("ticket", sa.Column("owner", String(80)))
    op.add_column("ticket", sa.Column("person", String(240)))
    op.add_column("ticket", sa.Column("person_key", String(240)))
    op.create_index("ix_ticket_correspondent", "ticket", ["correspondent"], unique=False)
    op.create_index(
        "ix_ticket_open",
        "ticket",
        ["promised_at", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("ix_ticket_opened_at", "ticket", ["opened_at"], unique=False)
    op.create_index("ix_ticket_person_key", "ticket", ["person_key", "id"], unique=False)
    op.create_index(
        "ix_ticket_open_state",
        "ticket",
        ["state", "promised_at", "id", "desk"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_ticket_open_desk",
        "ticket",
        ["desk", "promised_at", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_ticket_open_owner",
        "ticket",
        ["owner", "promised_at", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL AND owner IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NULL AND owner IS NOT NULL"),
    )
    op.create_index(
        "ix_outbox_buried",
        "outbox",
        ["ticket_id"],
        unique=False,
        sqlite_where=sa.text("state = 'buried' AND (last_error IS NULL OR last_error <> 'frozen')"),
        postgresql_where=sa.text("state = 'buried' AND (last_error IS NULL OR last_error <> 'frozen')"),
    )
    op.create_index(
        "ix_ticket_open_opened_at",
        "ticket",
        ["opened_at"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_ticket_event_bounced",
        "ticket_event",
        ["at"],
        unique=False,
        sqlite_where=sa.text("kind = 'mail-bounced'"),
        postgresql_where=sa.text("kind = 'mail-bounced'"),
    )
    op.drop_index("ix_decision_decided_at", table_name="decision")
    op.create_index("ix_decision_decided_at", "decision", ["decided_at", "outcome", "rule"], unique=False)
    op.drop_index("ix_shadow_hit_decided_at", table_name="shadow_hit")
    op.create_index("ix_shadow_hit_decided_at", "shadow_hit", ["decided_at", "outcome", "rule"], unique=False)
    # What a stopped ticket had left when it was ended is nobody's work any more.
    op.execute(
        "UPDATE outbox SET state = 'cancelled' WHERE state = 'buried' AND last_error = 'frozen'"
        " AND ticket_id IN (SELECT id FROM ticket WHERE closed_at IS NOT NULL)"
    )
    _name(op.get_bind())


def _name(connection: sa.Connection) -> None:
    """The tickets that are there bear the name of their correspondent's account, so that a name finds them."""
    owners = sa.text(
        "SELECT t.id, a.given, a.surname FROM ticket t JOIN account a ON a.login_key = lower(t.correspondent)"
    )
    named = sa.text("UPDATE ticket SET person = :person, person_key = :key WHERE id = :id")
    rows = [
        {"id": row.id, "person": f"{row.given} {row.surname}"[:240], "key": _key(row.surname, row.given)}
        for row in connection.execute(owners)
    ]
    if rows:
        connection.execute(named, rows)


def _key(surname: str, given: str) -> str:
    """As mailbot.tickets.person has it at this revision."""
    *more, last = surname.split()
    first, rest = ("".join(_LETTERS.findall(flat(words))) for words in (last, " ".join((given, *more))))
    return f"{first}0{rest}"[:240]


def downgrade() -> None:
    op.execute("UPDATE outbox SET state = 'buried', last_error = 'frozen' WHERE state = 'cancelled'")
    op.drop_index("ix_shadow_hit_decided_at", table_name="shadow_hit")
    op.create_index("ix_shadow_hit_decided_at", "shadow_hit", ["decided_at"], unique=False)
    op.drop_index("ix_decision_decided_at", table_name="decision")
    op.create_index("ix_decision_decided_at", "decision", ["decided_at"], unique=False)
    op.drop_index(
        "ix_ticket_event_bounced",
        table_name="ticket_event",
        sqlite_where=sa.text("kind = 'mail-bounced'"),
        postgresql_where=sa.text("kind = 'mail-bounced'"),
    )
    op.drop_index(
        "ix_ticket_open_opened_at",
        table_name="ticket",
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_index(
        "ix_outbox_buried",
        table_name="outbox",
        sqlite_where=sa.text("state = 'buried' AND (last_error IS NULL OR last_error <> 'frozen')"),
        postgresql_where=sa.text("state = 'buried' AND (last_error IS NULL OR last_error <> 'frozen')"),
    )
    op.drop_index(
        "ix_ticket_open_owner",
        table_name="ticket",
        sqlite_where=sa.text("closed_at IS NULL AND owner IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NULL AND owner IS NOT NULL"),
    )
    op.drop_index(
        "ix_ticket_open_desk",
        table_name="ticket",
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_index(
        "ix_ticket_open_state",
        table_name="ticket",
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_index("ix_ticket_person_key", table_name="ticket")
    op.drop_index("ix_ticket_opened_at", table_name="ticket")
    op.drop_index(
        "ix_ticket_open",
        table_name="ticket",
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_index("ix_ticket_correspondent", table_name="ticket")
    op.drop_column("ticket", "person_key")
    op.drop_column("ticket", "person")
    op.drop_column("ticket", "owner")
    op.drop_index(
        "ix_ticket_event_unchained",
        table_name="ticket_event",
        sqlite_where=sa.text("chained IS NULL"),
        postgresql_where=sa.text("chained IS NULL"),
    )
    op.drop_column("ticket_event", "chained")
    op.drop_index("ix_desk_text_event_id", table_name="desk_text")
    op.drop_index("ix_desk_text_ticket_id", table_name="desk_text")
    op.drop_table("desk_text")
    op.drop_table("viewer")
    op.drop_index("ix_ticket_link_other_id", table_name="ticket_link")
    op.drop_table("ticket_link")
    op.drop_table("draft")
    op.drop_index("ix_approval_ticket_id", table_name="approval")
    op.drop_table("approval")
    op.drop_table("saved_view")
    op.drop_table("recovery_code")
    op.drop_index("ix_operator_session_operator_id", table_name="operator_session")
    op.drop_index("ix_operator_session_expires_at", table_name="operator_session")
    op.drop_table("operator_session")
    op.drop_table("operator")
    op.drop_table("audit_head")
    op.drop_index("ix_audit_actor", table_name="audit")
    op.drop_index("ix_audit_object", table_name="audit")
    op.drop_index("ix_audit_at", table_name="audit")
    op.drop_table("audit")
