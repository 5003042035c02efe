"""The tables of the desk: people, what they are at, and the chain of what they did. Those of the mail are in schema."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, text

from mailbot.storage.schema import Id, metadata
from mailbot.storage.values import JSON, String, Text, UtcDateTime

operator = Table(
    "operator",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("display", String(120), nullable=False),
    Column("roles", JSON, nullable=False),
    Column("desks", JSON, nullable=False),
    Column("language", String(2), nullable=False, server_default=text("'pl'")),
    Column("state", String(12), nullable=False),
    Column("password_hash", String(200)),
    Column("password_set_at", UtcDateTime()),
    Column("totp", LargeBinary),
    Column("totp_step", Integer, nullable=False, server_default=text("0")),
    Column("subject", String(300), unique=True),
    Column("failed", Integer, nullable=False, server_default=text("0")),
    Column("locked_until", UtcDateTime()),
    Column("made_at", UtcDateTime(), nullable=False),
)
"""A person who works here. state: invited (must set a password), active, disabled. roles: words of desk.roles; desks:
words of model.Desk, empty for all. totp: the sealed secret (RFC 6238); totp_step: the last time step that was used, so
that no code counts twice. subject: issuer and sub of OpenID Connect. failed, locked_until: wrong passwords in a row."""

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("operator_id", Id, ForeignKey("operator.id"), nullable=False),
    Column("code_hash", String(64), nullable=False),
    Column("used_at", UtcDateTime()),
    PrimaryKeyConstraint("operator_id", "code_hash"),
)
"""Codes for whoever has lost the second factor: SHA-256 of each, used once."""

operator_session = Table(
    "operator_session",
    metadata,
    Column("id", Id, primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("operator_id", Id, ForeignKey("operator.id"), nullable=False),
    Column("stage", String(12), nullable=False),
    Column("made_at", UtcDateTime(), nullable=False),
    Column("seen_at", UtcDateTime(), nullable=False),
    Column("expires_at", UtcDateTime(), nullable=False),
    Index("ix_operator_session_operator_id", "operator_id"),
    Index("ix_operator_session_expires_at", "expires_at"),
)
"""Who is logged in: the SHA-256 of the cookie. stage: second (that factor is missing), enrol (both are
to be set), full."""

draft = Table(
    "draft",
    metadata,
    Column("operator_id", Id, ForeignKey("operator.id"), nullable=False),
    Column("ticket_id", Id, ForeignKey("ticket.id"), nullable=False),
    Column("form", String(24), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("saved_at", UtcDateTime(), nullable=False),
    PrimaryKeyConstraint("operator_id", "ticket_id", "form"),
)
"""What a person has typed and not sent: one for each form of a ticket, sealed; nobody else touches it."""

viewer = Table(
    "viewer",
    metadata,
    Column("ticket_id", Id, ForeignKey("ticket.id"), nullable=False),
    Column("operator_id", Id, ForeignKey("operator.id"), nullable=False),
    Column("seen_at", UtcDateTime(), nullable=False),
    PrimaryKeyConstraint("ticket_id", "operator_id"),
)
"""Who has a ticket open, as of the last sign of the page."""

desk_text = Table(
    "desk_text",
    metadata,
    Column("id", Id, primary_key=True),
    Column("ticket_id", Id, ForeignKey("ticket.id"), nullable=False),
    Column("event_id", Id, ForeignKey("ticket_event.id"), nullable=False),
    Column("kind", String(24), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("ix_desk_text_ticket_id", "ticket_id"),
    Index("ix_desk_text_event_id", "event_id"),
)
"""What a person wrote about a ticket (note, reason, protocol of a call, text of a reply), apart from the event that
says so, and sealed: the history is for everybody who runs the machine, the words are not."""

approval = Table(
    "approval",
    metadata,
    Column("id", Id, primary_key=True),
    Column("ticket_id", Id, ForeignKey("ticket.id"), nullable=False),
    Column("action", String(24), nullable=False),
    Column("version", Id, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("operator_id", Id, ForeignKey("operator.id"), nullable=False),
    Column("at", UtcDateTime(), nullable=False),
    Column("ended_at", UtcDateTime()),
    Column("ended_by", Id, ForeignKey("operator.id")),
    Column("ended", String(12)),
    Index("ix_approval_ticket_id", "ticket_id"),
)
"""The first half of an action that needs two people. version, digest: of the ticket and of what was decided on: the
second person confirms exactly that. ended: confirmed, refused, stale."""

ticket_link = Table(
    "ticket_link",
    metadata,
    Column("ticket_id", Id, ForeignKey("ticket.id"), nullable=False),
    Column("other_id", Id, ForeignKey("ticket.id"), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("at", UtcDateTime(), nullable=False),
    PrimaryKeyConstraint("ticket_id", "other_id", "kind"),
    Index("ix_ticket_link_other_id", "other_id"),
)
"""Tickets that belong together. kind: merged (ticket_id joined other_id), split (it came out of other_id), see."""

saved_view = Table(
    "saved_view",
    metadata,
    Column("operator_id", Id, ForeignKey("operator.id"), nullable=False),
    Column("name", String(80), nullable=False),
    Column("query", String(1000), nullable=False),
    PrimaryKeyConstraint("operator_id", "name"),
)
"""Filters of the to-do list that a person gave a name."""

audit = Table(
    "audit",
    metadata,
    Column("seq", Id, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime(), nullable=False),
    Column("actor", String(120), nullable=False),
    Column("action", String(40), nullable=False),
    Column("object", String(120), nullable=False),
    Column("before", Id),
    Column("after", Id),
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("digest", String(64), nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_audit_object", "object", "seq"),
    Index("ix_audit_actor", "actor", "seq"),
    Index("ix_audit_at", "at", "seq"),
)
"""One row for each event of a ticket, an operator or a rule set: append-only. hash: SHA-256 over the one before it
(previous) and the digest of the row's content (audit.chain). actor: "operator:NAME", "shell:NAME", "machine". before,
after: versions of the object; of a ticket's event after is its id. digest: SHA-256 of what stands behind it and may be
erased."""

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("seq", Id, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("written_at", UtcDateTime()),
)
"""The newest row of the chain; locked for the moment of an insert. written_at: when it was last written out."""
