"""What /metrics tells, on each engine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert

from mailbot.storage.breaker import breaker
from mailbot.storage.mailbox import imap_cursor
from mailbot.storage.schema import decision, inbox, metadata, outbox, ruleset_load, shadow_hit, ticket
from mailbot.storage.webhooks import webhook_head
from mailbot.web.metrics import measure

NOW = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
Samples = dict[tuple[str, ...], float]


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def message(number: int, state: str = "done", **values: Any) -> dict[str, Any]:
    row = {"id": number, "source": "lmtp", "delivery_key": str(number), "sha256": "", "size": 1, "envelope": {}}
    return {**row, "received_at": NOW, "state": state, "due_at": NOW, **values}


def opened(number: int, state: str, *, kind: str = "zgloszenie", alarm: str = "", **values: Any) -> dict[str, Any]:
    row = {"id": number, "number": f"ZGL{number:07}", "kind": kind, "category": "OGOLNE", "state": state, "desk": ""}
    times = {"opened_at": NOW, "promised_at": NOW}
    return {**row, "fingerprint": "", "inbox_id": 1, "alarm": alarm, **times, **values}


def mail(number: int, of: int, state: str, due_at: datetime = NOW) -> dict[str, Any]:
    row = {"id": number, "ticket_id": of, "slot": str(number), "kind": "T1", "ordinal": 1, "recipient": "a@b.example"}
    sent = {"return_path": "", "message_id": "", "raw": b"", "state": state, "due_at": due_at, "deadline": NOW}
    return {**row, **sent}


def decided(number: int, outcome: str, rule: str, at: datetime) -> dict[str, Any]:
    row = {"inbox_id": number, "decided_at": at, "ruleset": "h", "rule": rule, "outcome": outcome}
    return {**row, "facts": {}, "notes": {}, "trace": []}


def fill(connection: Connection) -> None:
    connection.execute(
        insert(inbox),
        [
            message(1),
            message(2),
            message(3),
            message(4, "queued", received_at=ago(minutes=7)),
            message(5, "queued", received_at=ago(minutes=3)),
            message(6, "buried", received_at=ago(hours=2)),
        ],
    )
    connection.execute(
        insert(ticket),
        [
            opened(1, "ZAMKNIETE_ROZWIAZANE", kind="wniosek", opened_at=ago(hours=1)),
            opened(2, "DO_WERYFIKACJI", alarm="breach", opened_at=ago(hours=30)),
            opened(3, "DO_WERYFIKACJI", alarm="warning"),
            opened(4, "WSTRZYMANE", kind="wniosek", opened_at=ago(days=9)),
            opened(5, "ZAMKNIETE_NEGATYWNIE", alarm="breach", opened_at=ago(days=8)),
        ],
    )
    connection.execute(
        insert(outbox),
        [mail(1, 1, "done"), mail(2, 1, "queued", ago(minutes=5)), mail(3, 1, "waiting"), mail(4, 4, "buried")],
    )
    connection.execute(
        insert(decision),
        [
            decided(1, "OK_A", "case-a", ago(hours=23)),
            decided(2, "OK_A", "case-a", ago(hours=1)),
            decided(3, "OK_A", "case-a", ago(hours=25)),
        ],
    )
    watched = {"inbox_id": 1, "rule": "new-rule", "outcome": "FAQ", "decided_at": ago(hours=1)}
    connection.execute(insert(shadow_hit), [watched])
    connection.execute(
        insert(ruleset_load),
        [
            {"at": ago(days=3), "process": "a", "hash": "old", "mistakes": None},
            {"at": ago(days=2), "process": "a", "hash": "new", "mistakes": None},
            {"at": ago(days=2), "process": "a", "hash": None, "mistakes": "x"},
            {"at": ago(hours=2), "process": "a", "hash": None, "mistakes": "x"},
        ],
    )
    seen = {"mailbox": "u@host/INBOX", "uidvalidity": 1, "last_uid": 1, "polled_at": ago(seconds=90)}
    connection.execute(insert(imap_cursor), seen)


def told(connection: Connection, now: datetime = NOW) -> Samples:
    return {
        (sample.name.removeprefix("mailbot_"), *sample.labels.values()): sample.value
        for family in measure(connection, now)
        for sample in family.samples
    }


@pytest.fixture
def filled(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")  # ticket and message name each other
        fill(connection)
        yield connection
        connection.rollback()


def test_an_idle_helpdesk_tells_zeros(engine: Engine) -> None:
    with engine.connect() as connection:
        found = told(connection)
    assert set(found.values()) == {0.0}
    assert ("tickets_late", "breach") in found
    assert ("messages_undone", "buried") in found
    assert ("ruleset_refused_last_day",) in found


def test_what_is_told(filled: Connection) -> None:
    found = {key: value for key, value in told(filled).items() if value}
    assert found == {
        ("tickets_open", "DO_WERYFIKACJI", "zgloszenie"): 2,
        ("tickets_open", "WSTRZYMANE", "wniosek"): 1,
        ("tickets_late", "warning"): 1,
        ("tickets_late", "breach"): 1,
        ("tickets_held",): 1,
        ("ticket_oldest_unsent_seconds",): 3600,
        ("messages_undone", "queued"): 2,
        ("messages_undone", "buried"): 1,
        ("messages_oldest_seconds", "queued"): 420,
        ("messages_oldest_seconds", "buried"): 7200,
        ("mails_undone", "waiting"): 1,
        ("mails_undone", "queued"): 1,
        ("mails_undone", "buried"): 1,
        ("mails_overdue_seconds", "queued"): 300,
        ("decisions_last_day", "OK_A", "case-a"): 2,
        ("shadow_hits_last_day", "FAQ", "new-rule"): 1,
        ("ruleset_info", "new"): 1,
        ("ruleset_loaded_timestamp_seconds",): ago(days=2).timestamp(),
        ("ruleset_refused",): 1,
        ("ruleset_refused_last_day",): 1,
        ("imap_poll_age_seconds", "u@host/INBOX"): 90,
    }


def test_a_rule_set_that_was_mended_is_refused_no_longer(filled: Connection) -> None:
    filled.execute(insert(ruleset_load), [{"at": ago(hours=1), "process": "a", "hash": "new", "mistakes": None}])
    found = told(filled)
    assert (found["ruleset_refused",], found["ruleset_refused_last_day",]) == (0, 1)


def test_a_mail_that_was_given_up_counts_until_its_ticket_is_closed(filled: Connection) -> None:
    filled.execute(insert(outbox), [mail(5, 2, "buried"), mail(6, 5, "buried")])
    assert told(filled)["ticket_oldest_unsent_seconds",] == 30 * 3600, "not the eight days of the closed one"


@contextmanager
def statements(connection: Connection) -> Iterator[list[tuple[str, Any]]]:
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(connection, "before_cursor_execute", note)


@pytest.mark.parametrize("empty_engine", ["sqlite"], indirect=True)
def test_no_table_that_grows_is_read_whole(engine: Engine) -> None:
    grow = [table.name for table in metadata.sorted_tables if table not in (imap_cursor, ruleset_load, breaker)]
    with engine.connect() as connection:
        connection.execute(insert(webhook_head).values(id=1, seq=0))
        with statements(connection) as seen:
            told(connection)
        queries = [(statement, parameters) for statement, parameters in seen if statement.startswith("SELECT")]
        assert len(queries) == 14
        for statement, parameters in queries:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            scanned = {row.detail.split()[1] for row in plan if row.detail.startswith("SCAN")}
            assert not scanned & set(grow), statement


def test_a_clock_that_was_set_back_does_not_hide_what_waits(
    filled: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticking = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: ticking)
    back = ago(hours=3)
    first = told(filled, back)
    assert first["messages_oldest_seconds", "queued"] == first["messages_oldest_seconds", "buried"] == 1
    assert first["messages_oldest_seconds", "leased"] == 0, "nothing waits there"
    assert first["mails_overdue_seconds", "queued"] == 0, "a mail may be due later"
    ticking += 1200
    assert told(filled, back)["messages_oldest_seconds", "queued"] == 1201, "also when the clock stands"
    assert told(filled, ago(minutes=6))["messages_oldest_seconds", "queued"] == 1201, "also when it has caught up"
    assert told(filled, NOW + timedelta(hours=1))["messages_oldest_seconds", "queued"] == 67 * 60
