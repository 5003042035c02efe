"""Every column that can hold words is named here: either erasing reaches it, or it says why nothing of a person is in
it. A new column makes this fail until somebody has thought of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine, Table, TypeDecorator, insert, select, update

from mailbot.storage import breaker, desk, erasing, probes, registry, shared, tokens, tried, webhooks
from mailbot.storage.schema import activation, inbox, metadata
from tests.contract.test_erasing import LINK, MINE, erased, filled

TABLES = (breaker, desk, erasing, probes, registry, shared, tokens, tried, webhooks)
"""Each of them adds its tables to the metadata."""
MARKER = "znacznik.nikogo"

ERASED = {
    *("inbox.envelope", "inbox.last_error", "inbox.message_key", "raw_message.raw", "application_view.sealed"),
    *("decision.notes", "decision.sealed", "decision.sender", "decision.domain", "decision.asked"),
    *("ticket.correspondent", "ticket.person", "ticket.person_key", "desk_text.sealed", "draft.sealed"),
    *("ticket.sealed", "outbox.recipient", "outbox.return_path", "outbox.raw", "outbox.last_error"),
    *("activation.login", "activation.new_login", "activation.sealed", "ticket_key.key_id"),
}
"""Of what is erased."""
SEALED = {
    *("raw_message.raw", "application_view.sealed", "desk_text.sealed", "draft.sealed", "ticket_key.key_id"),
    *("ticket.sealed", "outbox.raw", "activation.sealed", "decision.sealed"),
}
"""Of those what lies under the keys that go (test_erasing)."""

WAITS = {"registry_change.login", "registry_change.password_hash", "registry_change.resource_id"}
"""Gone before anything is erased: it is refused until then."""

KEPT = {
    "words of the program": {
        *(
            "inbox.source",
            "inbox.state",
            "inbox.lane",
            "inbox.outcome",
            "shadow_hit.rule",
            "shadow_hit.outcome",
            "breaker.reach",
        ),
        *("decision.ruleset", "decision.rule", "decision.outcome", "decision.facts", "decision.trace"),
        "rules_tried.steps",
        *("ticket.number", "ticket.kind", "ticket.category", "ticket.state", "ticket.desk", "ticket.language"),
        *("ticket.service", "ticket.classification", "ticket.alarm", "ticket_link.kind", "desk_text.kind"),
        *("outbox.slot", "outbox.kind", "outbox.state", "outbox.reach", "application_view.name", "draft.form"),
        *("ticket_event.kind", "approval.action", "approval.ended", "webhook.kind", "webhook.state"),
        *("breaker_count.reach", "counter.name", "erasure.what", "schema_mark.compatible_from", "ruleset_load.hash"),
    },
    "numbers, codes and operators (csd.events, desk.actions); addresses that a server quotes are taken out": {
        *("ticket_event.detail", "webhook.body", "webhook.last_error", "webhook_head.refused", "api_answer.answer"),
    },
    "random, or a digest": {
        *("inbox.delivery_key", "inbox.sha256", "inbox.fingerprint", "ticket.fingerprint", "activation.nonce"),
        *("activation.token_hash", "used_signature.payload_sha256", "used_signature.signature_sha256"),
        *("decision.tried", "rules_tried.id"),
        *("approval.digest", "outbox.message_id", "webhook.message_id", "registry_change.change_id"),
        *("audit.digest", "audit.previous", "audit.hash", "audit_head.hash", "api_answer.key", "api_answer.request"),
        *("throttle.name", "recovery_code.code_hash", "operator_session.token_hash", "api_token.token_hash"),
    },
    "who works here, and what runs here": {
        *("inbox.leased_by", "outbox.leased_by", "webhook.leased_by", "ticket.owner", "ruleset_load.process"),
        *("operator.name", "operator.display", "operator.roles", "operator.desks", "operator.language"),
        *("operator.state", "operator.password_hash", "operator.totp", "operator.subject", "operator_session.stage"),
        *("api_token.name", "api_token.roles", "api_token.desks", "api_token.language", "api_answer.actor"),
        *("audit.actor", "erasure.actor", "breaker.lifted_by", "saved_view.name", "saved_view.query"),
        *(
            "process.name",
            "oauth.process",
            "process.roles",
            "process.version",
            "process.ruleset",
            "installation.key_check",
        ),
        *("installation.ruleset", "installation.key_store", "imap_cursor.mailbox", "mailbox_claim.mailbox"),
        *("mailbox_claim.holder", "mailbox_claim.claim", "mailbox_claim.next_claim", "ruleset_load.mistakes"),
        *("probe.nonce", "probe.recipient", "probe.answer", "probe.failure"),
    },
    "what an operator gives as the number of a request; the command refuses the address in it": {
        *("audit.action", "audit.object", "audit.reason", "erasure.reason", "breaker.reason"),
    },
    "of the erasure itself": {"erasure.messages", "erasure.tickets", "erasure.keys"},
    "the copy of the registry, which is erased there": {
        *("account.login", "account.login_key", "account.given", "account.surname", "account.surname_key"),
        *("account.sex", "account.pesel_hash", "account.scope", "account.status", "account.emergency_hash"),
    },
}
"""Why → of what is not."""


def holds_words(column: sa.Column[Any]) -> bool:
    kind = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    return isinstance(kind, sa.String | sa.JSON | sa.LargeBinary)


def columns() -> dict[str, sa.Column[Any]]:
    return {f"{table.name}.{c.name}": c for table in metadata.sorted_tables for c in table.c if holds_words(c)}


def test_every_column_that_can_hold_words_is_named_once() -> None:
    named = [*ERASED, *WAITS, *(name for names in KEPT.values() for name in names)]
    assert sorted(named) == sorted(columns())


def _whose(table: Table) -> Any:
    """The rows of the first ticket and its message."""
    c = table.c
    if table is inbox or table.name == "ticket":
        return c.id == 1
    return c.ticket_id == 1 if "ticket_id" in c else c.inbox_id == 1


async def test_nothing_is_left_in_any_of_them(empty_engine: Engine, tmp_path: Path) -> None:
    there = {name: column for name, column in columns().items() if name in ERASED}
    async with filled(empty_engine, tmp_path) as (parts, _, clock):
        with empty_engine.begin() as connection:
            connection.execute(insert(activation).values(LINK))
            for name, column in there.items():
                if name not in SEALED:
                    row = _whose(column.table)
                    now = connection.execute(select(column).where(row)).scalars().first()
                    mark: Any = {**now, "mail_from": MARKER} if isinstance(now, dict) else MARKER
                    assert connection.execute(update(column.table).where(row).values({column: mark})).rowcount, name
        before = {name: _values(empty_engine, column) for name, column in there.items()}
        erased(parts, clock)
        after = {name: _values(empty_engine, column) for name, column in there.items()}
    assert {name for name, values in before.items() if MARKER not in str(values)} == SEALED, "the test would find it"
    assert {name for name, values in after.items() if MARKER in str(values) or MINE in str(values)} == set()
    gone = (
        "raw_message.raw",
        "ticket_key.key_id",
        "ticket.sealed",
        "outbox.raw",
        "activation.sealed",
        "decision.sealed",
    )
    assert [name for name in gone if any(after[name])] == []


def _values(engine: Engine, column: sa.Column[Any]) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(select(column).where(_whose(column.table))).scalars())
