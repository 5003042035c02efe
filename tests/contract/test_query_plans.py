"""No look-up on the road grows with the archive: the plan of every statement that a long day sends, on both engines.

The statements are caught while mails of every kind go through the whole flow, so a new one is looked at by itself.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert, select, update

from mailbot.accounts.rows import column_values
from mailbot.desk import ailments
from mailbot.inbox import Cursor, move_cursor, read_cursor, stored_movable
from mailbot.model import SENTENCES, Account, Phrase
from mailbot.storage import outgoing, schema
from mailbot.storage.desk import ticket_link
from mailbot.storage.probes import probe
from mailbot.storage.schema import account, metadata
from mailbot.tickets import activation, hold, sla
from mailbot.tickets.notice import NoticeWriter
from mailbot.tickets.release import release
from mailbot.web import metrics
from mailbot.workers.alarms import AlarmWorker
from mailbot.workers.rules import RulesKeeper
from tests.channels import CHANNELS, PIOTR
from tests.flow import EWA, JAN, mail
from tests.integration.test_case_b import CaseB, case_b
from tests.integration.test_flow import bounce, link, of
from tests.postgres import analyze

SMALL = frozenset({
    "imap_cursor", "counter", "installation", "mailbox_claim", "audit_head", "breaker", "breaker_count", "webhook_head",
    "oauth", "registry_change", "rules_tried", "last_commit",
})  # fmt: skip
"""Tables of a few rows, whatever comes: registry_change has those alone that nobody has seen done."""

ARCHIVE = 4_000
"""Rows of each table that are done with."""

SENT = {"recipient": "a@b.example", "return_path": "", "state": "done"}

Plan = Callable[[Connection, str, Any], list[str]]
Asked = dict[str, Any]
"""Statement → parameters of its first use."""


@contextmanager
def listening(engine: Engine) -> Iterator[Asked]:
    asked: Asked = {}

    def hear(
        _connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, executemany: bool
    ) -> None:
        if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", statement) and "pg_catalog" not in statement:
            asked.setdefault(statement, parameters[0] if executemany else parameters)

    event.listen(engine, "before_cursor_execute", hear)
    yield asked
    event.remove(engine, "before_cursor_execute", hear)


@pytest.fixture
async def flow(empty_engine: Engine, tmp_path: Path) -> AsyncIterator[CaseB]:
    async with case_b(tmp_path, empty_engine.url.render_as_string(hide_password=False)) as found:
        yield found


async def _mails(flow: CaseB) -> None:
    """Both cases, repeats, answers, a stop, a flood, bounces, the channels, what the relay refuses or does not take."""
    assert await flow.answer(first := mail()) == "OK_A"
    assert await flow.answer(b"X-Relay: two\r\n" + first) == "DUPLICATE"
    flow.sink.answer = of("T2A", "451 4.3.0 later", times=1)
    await flow.answer(mail(EWA.login, f"{SENTENCES[Phrase.A]} Ewa Nowak, 1975", name="later"), EWA.login)
    flow.sink.answer = of("T4", "550 5.1.1 never")
    await flow.answer(mail(EWA.login, "Sprawa", name="never"), EWA.login)
    flow.sink.answer = lambda sent: None
    flow.clock.advance(hours=2)
    await flow.deliver()
    assert await flow.ask() == "OK_B"
    assert await flow.stop() == "TICKET_UPDATE"
    await flow.answer(bounce(flow.sink.accepted[0].mail_from), "")
    for channel in CHANNELS.values():
        await flow.answer(mail(channel.sender, channel.body, subject=channel.subject, name=channel.subject))
    outcomes = [await flow.answer(mail("zly@zle.example", f"{n}", name=f"flood {n}")) for n in range(12)]
    assert outcomes[-1] == "RATE_LIMITED"
    flow.clock.advance(days=3)
    await flow.deliver()


async def _people(flow: CaseB) -> None:
    """The page, the operator's word, the alarms, the mailbox, the metrics, a rule set."""
    parts, clock = flow.parts, flow.clock
    assert await flow.answer(mail(name="with a link")) == "OK_A"
    token = link(flow.sink.accepted[-1]).rpartition("/")[2]
    notice = NoticeWriter(parts.pipeline.writer, parts.secret, parts.settings.helpdesk.address)

    def use(connection: Connection) -> None:
        found = activation.find(connection, parts.secret, token, clock())
        assert found is not None
        assert activation.use(connection, found, clock())
        assert parts.directory.find(connection, found.login)
        assert parts.directory.set_emergency_password(connection, found.login, "hash", clock())
        notice.tell(connection, found.ticket_id, JAN.login, clock())

    def mailbox(connection: Connection) -> None:
        assert read_cursor(connection, "INBOX") is None
        move_cursor(connection, Cursor("INBOX", 1, 7), clock())
        move_cursor(connection, Cursor("INBOX", 1, 8), clock())
        assert stored_movable(connection, Cursor("INBOX", 1, 8), [1, 2, 3]) == []

    await parts.database.write(use)
    await parts.database.write(mailbox)
    await parts.database.write(lambda c: hold.freeze(c, "ZGL0000004", clock(), {}))
    await parts.database.write(lambda c: release(c, "ZGL0000004", clock(), timedelta(days=1), notice, {}))
    await AlarmWorker(parts.database, parts.pipeline, clock).step()
    await parts.database.write(lambda c: sla.look_again(c, clock()))
    await parts.database.read(lambda c: list(metrics.measure(c, clock())))
    await parts.database.read(lambda c: ailments.examine(c, clock(), parts.settings))
    await parts.database.read(lambda c: [number.look(c, clock()) for number in ailments.GAUGES])
    keeper = RulesKeeper("keeper", parts.database, parts.pipeline, lambda: _never(), lambda _: None, clock)
    await keeper.start()


def _never() -> Any:
    raise AssertionError("nothing has changed")


async def _long_day(flow: CaseB) -> Asked:
    engine = flow.parts.database.engine
    with engine.begin() as connection:
        namesake = Account("jan2@wp.example", "Janusz", "Kowalski", 1980, "m")
        connection.execute(insert(account), [column_values(namesake)])
    with listening(engine) as asked:
        await _mails(flow)
        await _people(flow)
    return asked


def _archive(connection: Connection, now: datetime) -> None:
    """Years of mail that is done with: of other people, and of the same ones who write every day."""
    old, n = now - timedelta(days=400), range(10_000, 10_000 + ARCHIVE)
    c = schema.inbox.c
    shared = connection.execute(select(c.message_key, c.fingerprint).where(c.id == 1)).one()
    envelope = {"source": "lmtp", "rcpt_to": []}
    words = {"state": "done", "due_at": old, "received_at": old, "source": "lmtp", "size": 1, "envelope": envelope}
    mails = [
        {
            "id": i,
            "delivery_key": f"d{i}",
            "sha256": f"{i}",
            "message_key": shared.message_key if i % 2 else f"<{i}@old.example>",
            "fingerprint": shared.fingerprint if i % 4 == 1 else f"{i}",
            "outcome": "OK_A",
            **words,
        }
        for i in n
    ]
    closed = {"kind": "zgloszenie", "category": "INNE", "state": "ZAMKNIETE_ROZWIAZANE", "desk": "", "closed_at": old}
    tickets = [
        {"id": i, "number": f"ZGL{i:07d}", "fingerprint": f"{i}", "opened_at": old, "inbox_id": i, **closed} for i in n
    ]
    decided = {"ruleset": "", "rule": "old", "facts": {}, "notes": {}, "trace": [], "received_at": old}
    senders = (f"pass:{JAN.login}", f"pass:{PIOTR.login}", "pass:zly@zle.example")
    rows = {
        schema.inbox: mails,
        schema.raw_message: [{"inbox_id": i, "raw": b""} for i in n],
        schema.ticket: [{**one, "promised_at": old} for one in tickets],
        schema.ticket_event: [{"ticket_id": i, "at": old, "kind": "old", "detail": {}} for i in n],
        schema.decision: [
            {"inbox_id": i, "decided_at": old, "outcome": "RATE_LIMITED", "sender": senders[i % 3], **decided}
            for i in n
        ],
        schema.outbox: [
            {
                "id": i,
                "ticket_id": i,
                "slot": "T1",
                "kind": "T1",
                "ordinal": 1,
                "message_id": f"<{i}@us>",
                "raw": b"",
                **SENT,
            }
            | {"due_at": old, "deadline": old}
            for i in n
        ],
        outgoing.outbox_raw: [{"outbox_id": i, "raw": b""} for i in n],
        schema.activation: [
            {"ticket_id": i, "token_hash": f"{i}", "nonce": f"{i}", "login": f"{i}@old.example"}
            | {"created_at": old, "expires_at": old}
            for i in n
        ],
        ticket_link: [{"ticket_id": i, "other_id": n[0], "kind": "merged", "at": old} for i in n[1:]],
        schema.used_signature: [{"payload_sha256": f"p{i}", "signature_sha256": f"s{i}", "ticket_id": i} for i in n],
        schema.account: [column_values(Account(f"a{i}@old.example", "Jan", f"Inny{i}", 1980)) for i in n],
        schema.shadow_hit: [{"inbox_id": i, "rule": "old", "outcome": "OK_A", "decided_at": old} for i in n],
        probe: [{"nonce": f"{i}", "sent_at": old, "answered_at": old, "recipient": "", "answer": b""} for i in n],
        schema.ruleset_load: [{"at": old, "process": "old", "hash": "old"} for i in n],
    }
    for table, values in rows.items():
        connection.execute(insert(table), values)
    connection.execute(update(schema.inbox).where(schema.inbox.c.id >= n[0]).values(ticket_id=schema.inbox.c.id))


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _plan_of_postgresql(connection: Connection, statement: str, parameters: Any) -> list[str]:
    """The server's own choice, by its statistics."""
    (found,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).one()
    nodes = _nodes(found[0]["Plan"])
    return [f"Seq Scan on {table}" for node in nodes if (table := _read_whole(node)) and table not in SMALL]


def _read_whole(node: Mapping[str, Any]) -> str | None:
    return node["Relation Name"] if node["Node Type"] == "Seq Scan" else None


def _plan_of_sqlite(connection: Connection, statement: str, parameters: Any) -> list[str]:
    if statement.startswith("INSERT"):
        return []  # only for rows that break a foreign key, and none may, does it look for children
    names = "|".join(metadata.tables)
    found = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    scans = (re.match(rf"SCAN ({names})(_\d+)?\b", row[3]) for row in found)
    newest = re.search(r"ORDER BY ruleset_load\.id DESC\s+LIMIT", statement)
    return [scan[0] for scan in scans if scan and scan[1] not in SMALL and not newest]


async def test_every_statement_finds_its_rows_by_an_index(flow: CaseB) -> None:
    asked = await _long_day(flow)
    engine = flow.parts.database.engine
    with engine.begin() as connection:
        _archive(connection, flow.clock())
    analyze(engine)
    bad = faults(engine, asked, _plan_of_sqlite)
    assert len(asked) > 60, "the day was too short"
    assert bad == [], "\n".join(map(": ".join, bad))


def faults(
    engine: Engine, asked: Asked, of_sqlite: Callable[[Connection, str, Any], list[str]]
) -> list[tuple[str, str]]:
    """What is wrong with the way to the rows, and the statement."""
    plan = of_sqlite if engine.dialect.name == "sqlite" else _plan_of_postgresql
    with engine.connect() as connection:
        return [
            (fault, " ".join(statement.split())[:600])
            for statement, parameters in asked.items()
            for fault in plan(connection, statement, parameters)
        ]


@pytest.mark.parametrize("empty_engine", ["sqlite"], indirect=True)
async def test_no_question_costs_more_beside_years_of_mail(flow: CaseB) -> None:
    """Counted in steps of SQLite's own machine, which time does not touch."""
    asked = {text: values for text, values in (await _long_day(flow)).items() if text.startswith(("SELECT", "WITH"))}
    engine = flow.parts.database.engine

    def cost() -> dict[str, int]:
        with engine.connect() as connection:
            return {text: _steps(connection, text, values) for text, values in asked.items()}

    before = cost()
    with engine.begin() as connection:
        _archive(connection, flow.clock())
    after = cost()
    grown = {text: (before[text], after[text]) for text in asked if after[text] > before[text] + ARCHIVE // 4}
    assert grown == {}, "\n".join(f"{cost}: {' '.join(text.split())}" for text, cost in grown.items())


def _steps(connection: Connection, statement: str, parameters: Any) -> int:
    driver: Any = connection.connection.driver_connection
    count = 0

    def step() -> None:
        nonlocal count
        count += 10

    driver.set_progress_handler(step, 10)
    driver.execute(statement, parameters).fetchall()
    driver.set_progress_handler(None, 0)
    return count
