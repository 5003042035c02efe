"""Decisions read back for replay and explain; on each engine."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from sqlalchemy import Engine, delete, insert, select, update

from mailbot.accounts.memory import MemoryDirectory
from mailbot.config import AuthenticationSettings, Settings
from mailbot.errors import DatabaseUnavailable
from mailbot.flow.pipeline import Pipeline
from mailbot.inbox import message_of, store
from mailbot.model import Envelope, RawMessage, Source
from mailbot.outbox import jobs
from mailbot.secret import NO_KEY, Secret
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage.reading import read_only
from mailbot.storage.schema import decision, inbox, outbox, ticket
from mailbot.storage.tried import rules_tried
from mailbot.tickets import decisions
from mailbot.tickets.decisions import StoredDecision
from tests.citizens import AUTHSERV_ID
from tests.flow import EWA, JAN, mail

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MAILS = (
    {"name": "granted"},
    {"name": "again"},
    {"name": "machine", "headers": {"Auto-Submitted": "auto-replied"}},
    {"name": "deletion", "sender": EWA.login, "subject": "Konto", "body": "Proszę o usunięcie konta."},
)
"""A day between them; the second one joins the ticket of the first."""


@cache
def flow() -> Pipeline:
    settings = Settings(authentication=AuthenticationSettings(AUTHSERV_ID, max_age_days=36_500))
    accounts = MemoryDirectory((JAN, EWA))
    return compose.pipeline(settings, Secret(b"k" * 32), accounts, StaticResolver({}), random.Random(1))


@pytest.fixture
def decided(engine: Engine) -> Engine:
    for day, words in enumerate(MAILS):
        now = NOW + timedelta(days=day)
        raw = RawMessage(mail(**words), Envelope(Source.LMTP), now)  # type: ignore[arg-type]
        with engine.begin() as connection:
            store(connection, [raw], now, flow().secret)
            (row,) = jobs.claim(connection, inbox, "test", now, timedelta(hours=1), 1)
            flow().record(connection, "test", [(row, flow().understand(raw))], now)
    return engine


def read(engine: Engine, since: datetime, limit: int | None = None, size: int = 100) -> list[Sequence[StoredDecision]]:
    with read_only(engine.url.render_as_string(hide_password=False)) as connection:
        which = decisions.since(since, limit)
        pages = list(decisions.pages(connection, which, size))
        assert decisions.count(connection, which) == sum(map(len, pages))
    return list(pages)


def test_a_decision_is_read_with_the_mails_it_wrote(decided: Engine) -> None:
    (page,) = read(decided, NOW)
    assert [(one.ticket, one.outcome, one.mails, one.count) for one in page] == [
        ("ZGL0000001", "OK_A", ("T1", "T2A", "T3"), 3),
        ("ZGL0000001", "DUPLICATE", None, 1),
        (None, "NO_REPLY", (), 0),
        ("ZGL0000002", "DELETE_INFO", ("T11",), 1),
    ]
    assert page[3].facts["topic"] == "usuniecie-konta"
    assert page[0].decided_at == NOW


def test_mails_written_later_are_not_of_the_decision(decided: Engine) -> None:
    with decided.begin() as connection:
        columns = {"recipient": "a@b.example", "return_path": "", "message_id": "<1@b>", "raw": b"", "state": "done"}
        row = {"ticket_id": 1, "slot": "T19", "kind": "T19", "ordinal": 0, "due_at": NOW, "deadline": NOW, **columns}
        connection.execute(insert(outbox), row)
    assert read(decided, NOW)[0][0].mails == ("T1", "T2A", "T3")


def test_by_pages_by_time_and_the_newest(decided: Engine) -> None:
    assert [[one.inbox_id for one in page] for page in read(decided, NOW, size=3)] == [[1, 2, 3], [4]]
    assert [[one.inbox_id for one in page] for page in read(decided, NOW + timedelta(days=2))] == [[3, 4]]
    assert [[one.inbox_id for one in page] for page in read(decided, NOW, limit=2)] == [[3, 4]]
    assert read(decided, NOW + timedelta(days=9)) == []


def test_the_messages_can_be_opened(decided: Engine) -> None:
    with read_only(decided.url.render_as_string(hide_password=False)) as connection:
        rows = decisions.messages(connection, [1, 4, 99])
        assert {row: message_of(found, flow().secret).raw for row, found in rows.items()} == {
            1: mail(**MAILS[0]),  # type: ignore[arg-type]
            4: mail(**MAILS[3]),  # type: ignore[arg-type]
        }


def test_of_one_ticket(decided: Engine) -> None:
    with read_only(decided.url.render_as_string(hide_password=False)) as connection:
        found = decisions.found(connection, ticket.c.number == "ZGL0000001")
    assert [(one.inbox_id, row["rule"]) for one, row in found] == [(1, "case-a"), (2, "same-request")]


def test_the_rules_that_were_tried_are_told_once_for_all_mails_that_go_the_same_way(engine: Engine) -> None:
    for n in range(3):
        raw = RawMessage(mail(name=f"{n}", headers={"Auto-Submitted": "no"}), Envelope(Source.LMTP), NOW)
        with engine.begin() as connection:
            store(connection, [raw], NOW, flow().secret)
            (row,) = jobs.claim(connection, inbox, "test", NOW, timedelta(hours=1), 1)
            u = flow().understand(raw)
            flow().record(connection, "test", [(row, u)], NOW + timedelta(days=n))
            assert connection.execute(select(decision.c.trace).where(decision.c.inbox_id == row)).scalar_one() == []
    with engine.begin() as connection:
        ways = [[step["rule"] for step in steps] for steps in connection.execute(select(rules_tried.c.steps)).scalars()]
        assert sorted(way[-1] for way in ways) == ["case-a", "same-request"]
        found = [decisions.of_message(connection, NO_KEY, row) for row in (1, 2, 3)]
    told = [one["decision"]["trace"] for one in found if one]
    assert [steps[-1]["rule"] for steps in told] == ["case-a", "same-request", "same-request"]
    assert told[0][-1]["saw"]["account"] == "active"
    assert told[0][-1]["asked"]["account"] == ["active"]
    assert all(not step["hit"] for step in told[0][:-1])


def test_what_was_told_with_the_decision_itself_is_read_as_before(decided: Engine) -> None:
    """As rows are that an older mailbot wrote, or writes beside this one."""
    step = {"rule": "old", "hit": True, "asked": {"spam": ["yes"]}, "saw": {"spam": "yes"}}
    with decided.begin() as connection:
        connection.execute(update(decision).where(decision.c.inbox_id == 1).values(trace=[step], tried=None))
        one = decisions.of_message(connection, NO_KEY, 1)
        ((_, row),) = decisions.found(connection, decisions.of_messages([1]))
    assert one is not None
    assert (one["decision"]["trace"], row["trace"]) == ([step], [step])


def test_nothing_can_be_written(decided: Engine) -> None:
    url = decided.url.render_as_string(hide_password=False)
    with pytest.raises(DatabaseUnavailable, match=r"read-?only"), read_only(url) as connection:
        connection.execute(delete(decision))


def test_who_reads_years_of_mail_may_think_in_between(decided: Engine) -> None:
    if decided.dialect.name == "sqlite":
        pytest.skip("SQLite ends nobody's transaction")
    with read_only(decided.url.render_as_string(hide_password=False)) as connection:
        limits = [f"SHOW {name}" for name in ("idle_in_transaction_session_timeout", "statement_timeout")]
        assert [connection.exec_driver_sql(limit).scalar_one() for limit in limits] == ["0", "0"]
