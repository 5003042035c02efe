"""The tables. Migrations in ``migrations/`` bring a database to exactly this (a test compares the two)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from mailbot.storage.values import JSON, String, Text, UtcDateTime
from mailbot.text.fitting import MESSAGE_KEY

Id = BigInteger().with_variant(Integer(), "sqlite")  # SQLite gives row ids to INTEGER only

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _lease() -> tuple[Column[Any], ...]:
    """Columns of every table whose rows are work (outbox.jobs). Index (state, due_at) is made beside each."""
    return (
        Column("state", String(12), nullable=False),
        Column("due_at", UtcDateTime(), nullable=False),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        Column("leased_by", String(128)),
        Column("leased_until", UtcDateTime()),
        Column("last_error", Text),
    )


inbox = Table(
    "inbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source", String(8), nullable=False),
    Column("delivery_key", String(200), nullable=False, unique=True),
    # IMAP: mailbox, UIDVALIDITY and UID; SMTP/LMTP: of week, envelope and bytes. The same delivery twice is one row.
    Column("sha256", String(64), nullable=False),
    Column("size", Integer, nullable=False),
    Column("envelope", JSON, nullable=False),
    Column("received_at", UtcDateTime(), nullable=False),
    *_lease(),
    Column("deferred", Integer, nullable=False, server_default=text("0")),
    Column("lane", String(8)),
    Column("message_key", String(MESSAGE_KEY)),
    Column("fingerprint", String(64)),
    Column("letter", String(40)),
    Column("outcome", String(20)),
    Column("ticket_id", Id, ForeignKey("ticket.id", name="fk_inbox_ticket_id", use_alter=True)),
    Index("ix_inbox_state_due_at", "state", "due_at"),
    Index("ix_inbox_message_key_fingerprint_id", "message_key", "fingerprint", "id"),
    Index("ix_inbox_ticket_id", "ticket_id"),
)
"""Every message ever taken, whatever it looks like. state: queued, leased, done, buried.

deferred: how often it was put off because the DNS of its sender did not answer; such a try is not among its attempts.
lane: "checks" when its files must be checked, which takes long (workers.held); none: nothing has told that they must.
message_key: its Message-ID, or a synthetic one from the bytes; fingerprint: sender and content; letter: sender, subject
and Date, where the sender is proven (model.Identity). These, sha256 and the delivery_key of SMTP and LMTP are keyed
hashes (storage.personal). envelope: who sent it to whom is sealed in it, under the key of the message (inbox.hide)."""

raw_message = Table(
    "raw_message",
    metadata,
    Column("inbox_id", Id, ForeignKey("inbox.id"), primary_key=True),
    Column("raw", LargeBinary, nullable=False),
)
"""The bytes apart from the row that changes, so that a state change does not rewrite megabytes."""

application_view = Table(
    "application_view",
    metadata,
    Column("inbox_id", Id, ForeignKey("inbox.id"), primary_key=True),
    Column("name", String(20), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
"""What the reader saw of a signed application (tickets/view.py): pictures of its first pages, its text. Sealed."""

decision = Table(
    "decision",
    metadata,
    Column("inbox_id", Id, ForeignKey("inbox.id"), primary_key=True),
    Column("decided_at", UtcDateTime(), nullable=False),
    Column("ruleset", String(64), nullable=False),
    Column("rule", String(80), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("facts", JSON, nullable=False),
    Column("notes", JSON, nullable=False),
    Column("trace", JSON, nullable=False),
    Column("received_at", UtcDateTime()),
    Column("sender", String(330)),
    Column("domain", String(255)),
    Column("asked", String(330)),
    Column("answered", Integer, nullable=False, server_default=text("0")),
    Column("tried", String(32)),
    Column("sealed", LargeBinary),
    Column("week", Integer, nullable=False, server_default=text("0")),
    Index("ix_decision_decided_at", "decided_at", "outcome", "rule"),
    Index("ix_decision_week_sender", "week", "sender", "received_at"),
    Index(
        "ix_decision_limited",
        "sender",
        "inbox_id",
        sqlite_where=text("outcome = 'RATE_LIMITED'"),
    ),
    Index(
        "ix_decision_week_domain",
        "week",
        "domain",
        "received_at",
        sqlite_where=text("domain IS NOT NULL"),
    ),
    Index(
        "ix_decision_week_asked",
        "week",
        "asked",
        "received_at",
        sqlite_where=text("asked IS NOT NULL"),
    ),
)
"""Why a message was treated as it was: facts, private notes, every rule tried (storage.tried; trace holds them in rows
that were written before migration 0021, and nothing since).

The rest is counted by tickets/rate_limits.py: sender is the key of the address with how far it is proven before it,
domain that of a sender whose provider is not everybody's, asked the login the matter is about when that is another
address, answered the number of mails that were sent. They are empty for mail that does not count. Addresses and domains
are keyed hashes (storage.personal); week: that of received_at (storage.weeks). sealed: the notes, under the key of the
message; then the column of that name has words of the program alone."""

shadow_hit = Table(
    "shadow_hit",
    metadata,
    Column("inbox_id", Id, ForeignKey("inbox.id"), primary_key=True),
    Column("rule", String(80), primary_key=True),
    Column("outcome", String(20), nullable=False),
    Column("decided_at", UtcDateTime(), nullable=False),
    Index("ix_shadow_hit_decided_at", "decided_at", "outcome", "rule"),
)
"""What rules that are only watched would have done."""

ruleset_load = Table(
    "ruleset_load",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", UtcDateTime(), nullable=False),
    Column("process", String(128), nullable=False),
    Column("hash", String(64)),
    Column("mistakes", Text),
    Index("ix_ruleset_load_at", "at"),
)
"""Every rule set a worker took (hash) or refused (mistakes, one a line)."""

ticket = Table(
    "ticket",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),  # the value of the counter "ticket"
    Column("number", String(20), nullable=False, unique=True),
    Column("kind", String(12), nullable=False),
    Column("category", String(40), nullable=False),
    Column("state", String(24), nullable=False),
    Column("desk", String(20), nullable=False),
    Column("correspondent", String(320)),
    Column("fingerprint", String(64), nullable=False),
    Column("opened_at", UtcDateTime(), nullable=False),
    Column("promised_at", UtcDateTime(), nullable=False),
    Column("closed_at", UtcDateTime()),
    Column("inbox_id", Id, ForeignKey("inbox.id"), nullable=False),
    Column("language", String(2), nullable=False, server_default=text("'pl'")),
    Column("service", String(80), nullable=False, server_default=text("''")),
    Column("classification", String(200), nullable=False, server_default=text("''")),
    Column("answered_at", UtcDateTime()),
    Column("standard_at", UtcDateTime()),
    Column("reply_by", UtcDateTime()),
    Column("alarm_at", UtcDateTime()),
    Column("alarm", String(12), nullable=False, server_default=text("''")),
    Column("owner", String(80)),
    Column("person", String(240)),
    Column("person_key", String(240)),
    Column("sealed", LargeBinary),
    Index("ix_ticket_fingerprint", "fingerprint"),
    Index("ix_ticket_state", "state"),
    Index("ix_ticket_correspondent", "correspondent"),
    Index("ix_ticket_person_key", "person_key", "id"),
    Index("ix_ticket_opened_at", "opened_at"),
    Index(
        "ix_ticket_open",
        "promised_at",
        "id",
        sqlite_where=text("closed_at IS NULL"),
    ),
    Index(
        "ix_ticket_open_opened_at",
        "opened_at",
        sqlite_where=text("closed_at IS NULL"),
    ),
    Index(
        "ix_ticket_open_state",
        "state",
        "promised_at",
        "id",
        "desk",
        sqlite_where=text("closed_at IS NULL"),
    ),
    Index(
        "ix_ticket_open_desk",
        "desk",
        "promised_at",
        "id",
        sqlite_where=text("closed_at IS NULL"),
    ),
    Index(
        "ix_ticket_open_owner",
        "owner",
        "promised_at",
        "id",
        sqlite_where=text("closed_at IS NULL AND owner IS NOT NULL"),
    ),
    Index(
        "ix_ticket_alarm_at",
        "alarm_at",
        sqlite_where=text("alarm_at IS NOT NULL"),
    ),
)
"""One matter. fingerprint: keyed by sender and content, for impatient repeats. service and classification: its place in
the CSD catalogue. answered_at: when the mail with the answer was accepted. promised_at: what the citizen was told;
standard_at: our own target for what needs no specialist; reply_by: until when a question of ours (T6) waits for him.
alarm_at: when tickets/sla.py looks at it next; alarm: the worst it found ("", warning, breach). owner: name of the
operator who holds it. person: the name that the letter, or the account, gives; person_key: its key for the search.
sealed: correspondent and person; their columns then hold a keyed hash and nothing (storage.personal)."""

ticket_event = Table(
    "ticket_event",
    metadata,
    Column("id", Id, primary_key=True),
    Column("ticket_id", Id, ForeignKey("ticket.id"), nullable=False),
    Column("at", UtcDateTime(), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("detail", JSON, nullable=False),
    Column("chained", Id),
    Index("ix_ticket_event_ticket_id", "ticket_id"),
    Index(
        "ix_ticket_event_bounced",
        "at",
        sqlite_where=text("kind = 'mail-bounced'"),
    ),
    Index(
        "ix_ticket_event_unchained",
        "id",
        sqlite_where=text("chained IS NULL"),
    ),
)
"""The history of a ticket, append-only. chained: the row of the audit chain that holds its digest; none for the few
seconds until the chain has taken it over."""

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("ticket_id", Id, ForeignKey("ticket.id"), nullable=False),
    Column("slot", String(24), nullable=False),  # the kind, with the day where a kind may go out once a day
    Column("kind", String(8), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("recipient", String(320), nullable=False),
    Column("return_path", String(320), nullable=False),
    Column("message_id", String(255), nullable=False),
    Column("raw", LargeBinary, nullable=False),
    *_lease(),
    Column("deadline", UtcDateTime(), nullable=False),
    Column("delay_seconds", Integer, nullable=False, server_default=text("0")),
    Column("last_code", Integer),
    Column("in_doubt", Integer, nullable=False, server_default=text("0")),
    Column("sent_at", UtcDateTime()),
    Column("first_due_at", UtcDateTime()),
    Column("refused_us", Integer, nullable=False, server_default=text("0")),
    Column("inbox_id", Id),
    Column("reach", String(16)),
    Column("arrived_at", UtcDateTime()),
    UniqueConstraint("ticket_id", "slot"),
    Index("ix_outbox_state_due_at", "state", "due_at"),
    Index(
        "ix_outbox_buried",
        "ticket_id",
        sqlite_where=text("state = 'buried' AND (last_error IS NULL OR last_error <> 'frozen')"),
    ),
)
"""Outgoing mails, written with their ticket. state: waiting (for the mail before it), queued, leased, done, buried.

in_doubt: 1 while nobody knows whether the server took it. first_due_at: when it was due for the first of its attempts.
refused_us: 1 when the server last refused us, not the mail (a setting is wrong). Of a mail that leaves by itself:
inbox_id: the message that it answers, for log and traces alone; reach, arrived_at: whom it goes to (tickets.breaker),
and when that message came. raw: in a database that hides addresses ``APART``, and the recipient's column a keyed hash:
both lie sealed in outbox_raw, but of mails of before."""

activation = Table(
    "activation",
    metadata,
    Column("id", Id, primary_key=True),
    Column("ticket_id", Id, ForeignKey("ticket.id"), nullable=False, unique=True),
    Column("nonce", String(32), nullable=False),
    Column("token_hash", String(64), nullable=False),
    Column("login", String(320), nullable=False),
    Column("new_login", String(320)),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("expires_at", UtcDateTime(), nullable=False),
    Column("used_at", UtcDateTime()),
    Column("sealed", LargeBinary),
    Column("week", Integer, nullable=False, server_default=text("0")),
    Index("ix_activation_week_token_hash", "week", "token_hash"),
    Index("ix_activation_login", "login"),
)
"""Activation links: only the SHA-256 of the token is kept. A newer link of the same login makes older ones expire.

nonce: 16 random octets in hex, of which the key makes the token. No other row has them, so no other link fits. sealed:
login and new_login, whose columns then hold keyed hashes. week: the one in which a link ends that nobody ends before
(storage.weeks)."""

used_signature = Table(
    "used_signature",
    metadata,
    Column("id", Id, primary_key=True),
    Column("payload_sha256", String(64), nullable=False),
    Column("signature_sha256", String(64), nullable=False, unique=True),
    Column("ticket_id", Id, ForeignKey("ticket.id"), nullable=False),
    Index("ix_used_signature_payload_sha256", "payload_sha256"),
)
"""Applications that were granted, so that none is granted twice (procedure §3.5, replay)."""

account = Table(
    "account",
    metadata,
    Column("id", Id, primary_key=True),
    Column("login", String(320), nullable=False),
    Column("login_key", String(320), nullable=False, unique=True),
    Column("given", String(120), nullable=False),
    Column("surname", String(120), nullable=False),
    Column("surname_key", String(240), nullable=False),
    Column("sex", String(1)),
    Column("birth_year", Integer, nullable=False),
    Column("pesel_hash", String(64)),
    Column("scope", String(20), nullable=False),
    Column("csd", Integer, nullable=False),
    Column("status", String(12), nullable=False),
    Column("emergency_hash", String(200)),
    Column("emergency_set_at", UtcDateTime()),
    Column("former_key", String(320)),
    Index("ix_account_birth_year_surname_key", "birth_year", "surname_key"),
    Index("ix_account_former_key", "former_key", sqlite_where=text("former_key IS NOT NULL")),
)
"""The embedded registry. former_key: the login_key that the account had before case B moved it: the next import may not
know of that yet."""

counter = Table(
    "counter",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Gapless sequences (ticket numbers), taken inside the transaction that uses them; and what /readyz writes."""

installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("key_check", String(64), nullable=False),
    Column("made_at", UtcDateTime(), nullable=False),
    Column("ruleset", String(64)),
    Column("key_store", String(32)),
    Column("hiding", Integer),
    Column("eldest_check", String(64)),
    Column("copied_at", UtcDateTime()),
    Column("origin", String(80)),
)
"""The one row of this installation. key_check: by it the key is known that everything here was made with; eldest_check:
the eldest in its file, by which addresses are found. ruleset: hash of the rule set in force, which every process must
have (mailbot.processes). key_store: by it the store of the keys of messages is known (storage.keys). hiding: see
secret.Hiding. copied_at: when `mailbot backup` made this copy, or what a server has that lacks the end; none in what is
copied, nor after `tickets restored`. origin: where the tables live (storage.origin)."""
