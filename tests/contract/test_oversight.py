"""Oversight: what it counts, and that each of its questions is bounded and answered by its index."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert

from mailbot.desk import health, oversight
from mailbot.model import Outcome
from mailbot.outbox import jobs
from mailbot.storage import schema
from mailbot.tickets.hold import FROZEN
from tests.contract.test_query_plans import faults, listening
from tests.contract.test_todo import _archive, _scans_of_sqlite, add, operators
from tests.once import shipped
from tests.postgres import analyze

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PROMISE = 24


@pytest.fixture
def connection(engine: Engine) -> Any:
    with engine.begin() as made:
        yield made


def granted(
    connection: Connection, number: int, opened_at: datetime, sent: dict[str, datetime | None], **values: Any
) -> None:
    """A ticket of case A with its mails: slot → when it was accepted."""
    closed = {
        "category": "HASLO_AWARYJNE_A",
        "service": "konto",
        "promised_at": opened_at + DAY,
        "closed_at": opened_at,
    }
    add(connection, number, "ZAMKNIETE_ROZWIAZANE", opened_at=opened_at, **{**closed, **values})
    common = {"recipient": "a@b.example", "return_path": "", "message_id": "", "raw": b"", "deadline": NOW}
    for ordinal, (slot, at) in enumerate(sent.items(), 1):
        state = jobs.DONE if at else jobs.QUEUED
        row = {"ticket_id": number, "slot": slot, "kind": slot, "ordinal": ordinal, "state": state, "due_at": NOW}
        connection.execute(insert(schema.outbox).values(**row, **common, sent_at=at))


def test_each_of_the_three_mails_is_held_against_the_promise(connection: Connection) -> None:
    early, late = NOW - 3 * HOUR, NOW - 2 * DAY
    granted(connection, 1, early, {"T1": early + HOUR, "T2A": early + 2 * HOUR, "T3": None})
    granted(connection, 2, late, {"T1": late + HOUR, "T2B": late + 25 * HOUR, "T3": None})
    granted(connection, 3, NOW - 15 * DAY, {"T1": NOW - 10 * DAY})  # not in the window
    add(connection, 4, opened_at=early)  # of no procedure
    first, second, third = oversight.promises(connection, NOW, PROMISE).steps
    assert (first.kept, first.late, first.waiting, first.slowest) == (2, 0, 0, HOUR)
    assert (second.kept, second.late, second.waiting, second.slowest) == (1, 1, 0, 25 * HOUR)
    assert (third.kept, third.late, third.waiting, third.slowest) == (0, 1, 1, None)


@pytest.mark.parametrize(("state", "error"), [(jobs.CANCELLED, None), (jobs.BURIED, FROZEN)])
def test_a_mail_that_a_person_stopped_is_not_owed(connection: Connection, state: str, error: str | None) -> None:
    granted(connection, 1, NOW - 2 * DAY, {"T1": NOW - 2 * DAY, "T3": None})
    unsent = schema.outbox.c.slot == "T3"
    connection.execute(schema.outbox.update().where(unsent).values(state=state, last_error=error))
    third = oversight.promises(connection, NOW, PROMISE).steps[2]
    assert (third.kept, third.late, third.waiting) == (0, 0, 0)


def test_the_promise_of_each_service(connection: Connection) -> None:
    for number, (service, promised, ended) in enumerate(
        [
            ("konto", NOW - DAY, NOW - 2 * DAY),
            ("konto", NOW - 2 * DAY, NOW - DAY),
            ("konto", NOW - HOUR, None),
            ("portal", NOW + HOUR, None),
        ],
        1,
    ):
        state = "ZAMKNIETE_ROZWIAZANE" if ended else "W_TOKU"
        times = {"opened_at": NOW - 3 * DAY, "promised_at": promised, "closed_at": ended}
        add(connection, number, state, service=service, **times)
    add(connection, 5, "KWARANTANNA", service="konto", opened_at=NOW - 4 * DAY, promised_at=NOW - 2 * DAY)
    add(connection, 6, "OCZEKUJE_NA_KLIENTA", service="konto", opened_at=NOW - 3 * DAY, promised_at=NOW - DAY)
    found = oversight.promises(connection, NOW, PROMISE)
    assert [(s.name, s.kept, s.late, s.waiting) for s in found.services] == [("konto", 1, 2, 0), ("portal", 0, 0, 1)]
    assert found.opened == 6
    assert found.oldest is not None
    assert found.overdue is not None
    assert (found.oldest.number, found.overdue.number) == ("ZGL0000003", "ZGL0000003"), "nobody waits for 5 and 6"


def test_days_are_those_of_the_office(connection: Connection) -> None:
    evening = datetime(2026, 11, 29, 22, 59, tzinfo=UTC)  # 23:59 in Warsaw
    add(connection, 1, opened_at=evening, outcome="QUARANTINE")
    add(connection, 2, opened_at=evening + timedelta(minutes=2), outcome="COMPLAINT_OK")
    add(connection, 3, opened_at=evening + timedelta(minutes=2), outcome="REVIEW")
    event = {"ticket_id": 1, "detail": {}}
    connection.execute(insert(schema.ticket_event).values(at=evening, kind="mail-bounced", **event))
    connection.execute(insert(schema.ticket_event).values(at=evening, kind="mail-sent", **event))
    *_, before, today = [oversight.day(connection, on) for on in oversight.window(NOW)]
    assert (before.on.isoformat(), before.intake, before.bounced) == ("2026-11-29", 1, 1)
    assert (today.on.isoformat(), today.intake, today.bounced) == ("2026-11-30", 2, 0)
    assert (today.of(oversight.complaints()), before.of({Outcome.QUARANTINE})) == (1, 1)
    assert before.by({"for-a-person"}) == 1
    assert oversight.outcomes([before, today]) == [("COMPLAINT_OK", 1), ("QUARANTINE", 1), ("REVIEW", 1)]
    assert len(oversight.window(NOW)) == oversight.DAYS


def test_forged_senders_are_told_by_what_the_rules_ask() -> None:
    rules = shipped().rules
    assert oversight.spoofing(rules) == {"forged-sender", "ambiguous-sender"}


def test_an_empty_database_owes_nothing(connection: Connection) -> None:
    found = oversight.promises(connection, NOW, PROMISE)
    assert (found.services, found.oldest, found.overdue, found.opened) == ((), None, None, 0)
    assert health.loads(connection) == health.Loads(None, None, None)
    assert health.refused(connection, NOW - 90 * DAY, 20) == []
    assert set(health.undone(connection, schema.inbox, schema.inbox.c.received_at)) == set(health.UNDONE)


ASKED: dict[str, Callable[[Connection], Any]] = {
    "promises": lambda c: oversight.promises(c, NOW, PROMISE),
    "day": lambda c: oversight.day(c, NOW.date()),
    "inbox": lambda c: health.undone(c, schema.inbox, schema.inbox.c.received_at),
    "outbox": lambda c: health.undone(c, schema.outbox, health.first_due()),
    "refused": lambda c: health.refused(c, NOW - 90 * DAY, 20),
    "mailboxes": health.mailboxes,
}


def test_no_question_reads_a_whole_table(engine: Engine) -> None:
    with engine.begin() as connection:
        operators(connection)
        for number in range(1, 40):
            granted(connection, number, NOW - number * HOUR, {"T1": NOW, "T2A": NOW, "T3": None})
            connection.execute(
                insert(schema.ticket_event).values(ticket_id=number, at=NOW, kind="mail-bounced", detail={})
            )
        _archive(connection)
        old = NOW - 400 * DAY
        events = [{"ticket_id": i, "at": old, "kind": "mail-sent", "detail": {}} for i in range(10_000, 14_000)]
        connection.execute(insert(schema.ticket_event), events)
        watched = [{"inbox_id": i, "rule": "r", "outcome": "OK_A", "decided_at": old} for i in range(10_000, 14_000)]
        connection.execute(insert(schema.shadow_hit), watched)
        connection.execute(insert(schema.ruleset_load), [{"at": old, "process": "x", "hash": "h"}] * 4_000)
    analyze(engine)
    with engine.connect() as connection, listening(engine) as asked:
        for question in ASKED.values():
            question(connection)
    found = faults(engine, asked, _scans_of_sqlite)
    bad = [one for one in found if not one[0].endswith("imap_cursor") and "SCAN imap_cursor" not in one[0]]
    assert len(asked) >= 10
    assert bad == [], "\n".join(map(": ".join, bad))
