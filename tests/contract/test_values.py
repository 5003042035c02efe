"""Over-long and unstorable values in every text column, and on every road that writes them; the same on each engine."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Table,
    func,
    insert,
    select,
    text,
)
from sqlalchemy import types as sqltypes

from mailbot.accounts.fields import NAME_LENGTH, surname_key
from mailbot.inbox import Cursor, move_cursor, read_cursor, store
from mailbot.model import Envelope, RawMessage, Source
from mailbot.outbox import jobs
from mailbot.secret import Hiding
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage import personal, values
from mailbot.storage.engine import reading
from mailbot.storage.mailbox import imap_cursor
from mailbot.storage.schema import (
    MESSAGE_KEY,
    account,
    decision,
    inbox,
    metadata,
    outbox,
    ruleset_load,
    ticket,
    ticket_event,
)
from mailbot.storage.values import LONGEST_NOTE, fit, note
from mailbot.workers.decide import DecideWorker
from mailbot.workers.rules import RulesKeeper
from tests.citizens import HELPDESK
from tests.flow import JAN, Clock, add_accounts, mail, settings

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LONG = 10 * 2**20
NASTY = {
    "long": "ż" * 2**17,
    "long, of four octets each": "".join(map(chr, random.Random(1).choices(range(0x10000, 0x10FFFF), k=5_000))),
    "NUL": "a\0b",
    "only NUL": "\0",
    "half a pair": "a\ud800b",
    "the other half": "\udfff",
    "octets that were not UTF-8": b"\xff\xfe\x80".decode("utf-8", "surrogateescape"),
    "no characters": "\ufffe\uffff\U0010ffff",
    "controls": "".join(map(chr, range(1, 32))) + "\x7f\x85\u2028",
    "empty": "",
}


def _is_text(column: Column[Any]) -> bool:
    return isinstance(column.type, values.String | values.Text | values.JSON)


def _row(table: Table, number: int) -> dict[str, Any]:
    """A row of ``table`` in which nothing is strange; keys by ``number``."""
    return {column.name: _plain(column, number) for column in table.c if not column.nullable or column.primary_key}


def _plain(column: Column[Any], number: int) -> Any:
    if isinstance(column.type, values.JSON):
        return {}
    if isinstance(column.type, values.Text):
        return ""
    if isinstance(column.type, values.String):
        return f"{number}"[: column.type.length]
    if isinstance(column.type, sqltypes.LargeBinary):
        return b""
    return number if isinstance(column.type, (sqltypes.Integer, sqltypes.Float)) else NOW


@pytest.fixture
def loose(engine: Engine) -> Iterator[Connection]:
    """A connection that asks for no foreign keys."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.rollback()
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA foreign_keys=OFF")
        else:
            connection.execute(text("SET session_replication_role = replica"))
        yield connection


def test_every_text_column_bounds_its_values() -> None:
    """A plain String, Text or JSON would fail for a stranger's mail, and on PostgreSQL alone."""
    plain = (sqltypes.String, sqltypes.JSON)
    found = [column for table in metadata.sorted_tables for column in table.c if isinstance(column.type, plain)]
    assert found == []


def test_every_indexed_text_fits_into_an_index_row_of_postgresql() -> None:
    """2,704 octets (a third of a page), of which a character may take four; beyond it an INSERT fails for ever."""
    for table in metadata.sorted_tables:
        unique = [constraint.columns for constraint in table.constraints]
        for columns in (*(index.columns for index in table.indexes), *unique):
            widths = [column.type.length * 4 if isinstance(column.type, values.String) else 8 for column in columns]
            assert sum(widths) + 8 * len(widths) <= 2704, [str(column) for column in columns]


def test_however_long_it_is(loose: Connection) -> None:
    """One column of each kind; the other test has all columns and what is long enough for each."""
    columns = {type(c.type): c for table in metadata.sorted_tables for c in table.c if _is_text(c)}
    assert len(columns) == 3
    for column in columns.values():
        with loose.begin_nested() as nothing_stays:
            for number, value in enumerate(("ż" * LONG, "ż" * LONG + "z"), start=1):
                whole = {"a": [value, {value[:50]: 1}]} if isinstance(column.type, values.JSON) else value
                loose.execute(insert(column.table).values({**_row(column.table, number), column.name: whole}))
            kept = list(loose.execute(select(column)).scalars())
            assert len(kept) == 2
            assert len(set(map(str, kept))) == (2 if isinstance(column.type, values.String) else 1)
            assert max(len(str(one)) for one in kept) < LONGEST_NOTE + 100
            nothing_stays.rollback()


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=str)
def test_whatever_stands_in_a_column_is_kept_and_found(loose: Connection, table: Table) -> None:
    for column in filter(_is_text, table.c):
        with loose.begin_nested() as nothing_stays:
            for number, value in enumerate(NASTY.values(), start=1):
                whole = {"a": [value, {value[:50]: 1}]} if isinstance(column.type, values.JSON) else value
                loose.execute(insert(table).values({**_row(table, number), column.name: whole}))
            _is_kept(loose, column)
            nothing_stays.rollback()


def _is_kept(connection: Connection, column: Column[Any]) -> None:
    kept = list(connection.execute(select(column)).scalars())
    assert len(kept) == len(NASTY)
    if isinstance(column.type, values.Text):
        assert max(map(len, kept)) <= LONGEST_NOTE
    if isinstance(column.type, values.String):
        longest = select(func.max(func.length(column)))
        assert connection.execute(longest).scalar_one() <= column.type.length, "SQLite does not ask for it itself"
        for value in NASTY.values() if column.type.length >= 8 else ():  # the others hold words of ours
            count = select(func.count()).select_from(column.table).where(column == value)
            assert connection.execute(count).scalar_one() == 1, "found by what was written, and by nothing else"


def test_what_is_equal_stays_equal_and_what_differs_stays_different() -> None:
    long = [f"{'x' * 5000}{n}" for n in range(50)]
    others = ["a\0", "a\ufffd", "a\ud800", "a\udc80", "a", "a\0\0"]
    for length in (20, 64, 600):
        kept = [fit(one, length) for one in (*long, *others)]
        assert len(set(kept)) == len(kept)
        assert max(map(len, kept)) <= length
        assert kept == [fit(one, length) for one in (*long, *others)]
    for length in range(1, 70):
        assert len(fit("y" * 100, length)) == length
    assert fit("żółw@wp.example", 64) == "żółw@wp.example"
    assert fit(fit(long[0], 64), 64) == fit(long[0], 64), "once is enough"
    assert note("a\0\ud800b") == "a\ufffd\ufffdb"
    assert note("x" * 30_000) == "x" * (LONGEST_NOTE - 1) + "…"


HOST = "h" * 63
TOO_LONG = {
    "References": {"headers": {"References": " ".join(f"<{n:050}@wp.example>" for n in range(280))}},
    "In-Reply-To": {"headers": {"In-Reply-To": f"<{'y' * 8000}@wp.example>"}},
    "subject": {"subject": "S" * 8_000},
    "subject of numbers": {"subject": " ".join(f"ZGL{n:07d}" for n in range(700))},
    "subject with NUL": {"subject": "=?utf-8?q?a=00b=ED=A0=80?="},
    "sender": {"sender": f"{'s' * 300}@wp.example"},
    "domain of the sender": {"sender": f"s@{'d' * 60}.{'e' * 60}.{'f' * 60}.{'g' * 60}.example"},
    "sender that grows when folded": {"sender": f"{'ΐ' * 31}@{'d' * 60}.{'e' * 60}.{'f' * 50}.example"},
    "text": {"body": "ż" * 900_000},
    "text of controls": {"body": "\x01\x02\x7f\ufffe\uffff"},
    "Date": {"headers": {"Date": "9" * 5_000}},
    "Auto-Submitted": {"headers": {"Auto-Submitted": "z" * 5_000}},
}


IDS = (
    f"<{'x' * 1_200}@wp.example>",
    f"<{'x' * 1_200}@wp.example>".replace("x@", "y@"),
    f"<{'ż𐀀' * 1_000}@wp.example>",
    f"<{''.join(random.Random(2).choices('abcdefghijklmnop0123456789', k=7_000))}@wp.example>",
    "<a\0b@wp.example>",
)


def _arrived(clock: Clock) -> list[RawMessage]:
    odd = Envelope(Source.LMTP, "m" * 3000, ("r" * 3000,) * 5, peer="p" * 300, helo="\ufffd" * 2000)
    mails = [mail(**{"name": name, **words}) for name, words in TOO_LONG.items()]  # type: ignore[arg-type]
    named = [re.sub(rb"(?m)^Message-ID: .*\r$", f"Message-ID: {one}\r".encode(), mail(name=one[-60:])) for one in IDS]
    raw = [*mails, *named, b"", b"\0" * 1000, b"From: \xff\xfe\r\n\r\n", b"\r\n" * 1000]
    plain = Envelope(Source.LMTP, JAN.login, (HELPDESK,))
    mailbox = Envelope(Source.IMAP, mailbox="I" * 5_000, uidvalidity=2**32 - 1, uid=2**32 - 1, note="n" * 50_000)
    return [RawMessage(one, envelope, clock()) for one in raw for envelope in (plain, odd)] + [
        RawMessage(mail(name="by mailbox"), mailbox, clock())
    ]


@pytest.mark.parametrize("how", [Hiding.NO, Hiding.DONE])
async def test_no_mail_is_buried_for_the_length_of_a_value(empty_engine: Engine, tmp_path: Path, how: Hiding) -> None:
    """Stored, decided and answered, each twice: the second time as a repeat."""
    clock = Clock()
    url = empty_engine.url.render_as_string(hide_password=False)
    parts = compose.build(settings(url, tmp_path / "key", 1), clock=clock, resolver=StaticResolver({}))
    add_accounts(empty_engine)
    key = replace(parts.secret, hiding=how)
    flow = replace(parts.pipeline, secret=key)
    worker = DecideWorker(f"{HOST}:4194304:decide-10", parts.database, flow, clock, parts.rng)
    arrived = _arrived(clock)
    try:
        for again in (b"", b"X-Relay: two\r\n"):
            copies = [RawMessage(again + one.raw, one.envelope, one.received_at) for one in arrived]
            await parts.database.write(lambda c, copies=copies: store(c, copies, clock(), key))  # type: ignore[misc]
            while await worker.step():
                pass
    finally:
        await parts.database.close()
    with reading(empty_engine) as connection:
        rows = connection.execute(select(inbox.c.state, inbox.c.last_error)).all()
        assert {tuple(row) for row in rows} == {(jobs.DONE, None)}
        assert len(rows) >= 2 * len(arrived) - 4
        if how is Hiding.DONE:
            _all_hashed(connection)
            return
        assert _longest(connection, inbox.c.message_key) == MESSAGE_KEY
        long = select(inbox.c.message_key, inbox.c.outcome).where(func.length(inbox.c.message_key) == MESSAGE_KEY)
        outcomes = [(row.message_key, row.outcome == "DUPLICATE") for row in connection.execute(long)]
        assert sorted(Counter(Counter(outcomes).values()).items()) == [(1, 3), (3, 3)], "three keys, each known again"
        for column in (decision.c.sender, decision.c.domain, ticket.c.correspondent, outbox.c.recipient):
            assert isinstance(column.type, values.String)
            assert _longest(connection, column) <= column.type.length
            assert not list(connection.execute(select(column).where(column.like("%~%"))).scalars()), "whole, not cut"


def _all_hashed(connection: Connection) -> None:
    said = [inbox.c.message_key, inbox.c.fingerprint, ticket.c.correspondent, outbox.c.recipient, decision.c.asked]
    for column in (*said, decision.c.domain, decision.c.sender):
        values_of = filter(None, connection.execute(select(column)).scalars())
        assert all(personal.is_hashed(value.removeprefix("?").rpartition(":")[2]) for value in values_of), column
    repeats = select(func.count()).where(inbox.c.outcome == "DUPLICATE")
    assert connection.execute(repeats).scalar_one() > 0


def _longest(connection: Connection, column: Column[Any]) -> int:
    return int(connection.execute(select(func.max(func.length(column)))).scalar_one() or 0)


async def test_the_names_of_processes_mailboxes_and_rule_sets(empty_engine: Engine, tmp_path: Path) -> None:
    clock = Clock()
    url = empty_engine.url.render_as_string(hide_password=False)
    parts = compose.build(settings(url, tmp_path / "key", 1), clock=clock, resolver=StaticResolver({}))
    mailbox, long = f"{'u' * 300}@{HOST}/ż\0{'f' * 300}", "mistake\n" * 10_000

    def mailboxes(connection: Connection) -> None:
        for uid in (7, 8):
            move_cursor(connection, Cursor(mailbox, 1, uid), clock())
        assert read_cursor(connection, mailbox) == Cursor(mailbox, 1, 8)
        assert read_cursor(connection, f"{mailbox}2") is None

    try:
        name = f"{HOST}.{HOST}.{HOST}.example:4194304"
        keeper = RulesKeeper(name, parts.database, parts.pipeline, lambda: None, lambda _: None, clock)  # type: ignore[arg-type,return-value]
        await keeper.start()
        await parts.database.write(
            lambda c: c.execute(insert(ruleset_load).values(at=NOW, process=name, mistakes=long))
        )
        await parts.database.write(mailboxes)
    finally:
        await parts.database.close()
    with empty_engine.connect() as connection:
        assert connection.execute(select(func.count(ruleset_load.c.process.distinct()))).scalar_one() == 1
        assert connection.execute(select(func.count()).select_from(imap_cursor)).scalar_one() == 1


async def test_what_a_relay_says_is_recorded(engine: Engine) -> None:
    """Of any length, with octets that were never UTF-8."""
    said = NASTY["octets that were not UTF-8"] + "\0" + "5" * LONG
    opened = {"kind": "", "category": "", "state": "", "desk": "", "fingerprint": "", "inbox_id": 1}
    row = {"state": "queued", "due_at": NOW}
    with engine.begin() as connection:
        connection.execute(
            insert(inbox),
            {"source": "", "delivery_key": "", "sha256": "", "size": 1, "envelope": {}, "received_at": NOW} | row,
        )
        connection.execute(insert(ticket), {"id": 1, "number": "", "opened_at": NOW, "promised_at": NOW, **opened})
        mail_row = {"ticket_id": 1, "slot": "T1", "kind": "T1", "ordinal": 1, "recipient": "", "return_path": ""}
        connection.execute(insert(outbox), {"message_id": "", "raw": b"", "deadline": NOW, **mail_row, **row})
        for _ in range(2):
            (held,) = jobs.claim(connection, outbox, f"{HOST}:1:deliver-0", NOW, NOW - NOW, 1)
            jobs.retry(connection, outbox, held, f"{HOST}:1:deliver-0", NOW, last_error=said)
        event = {"ticket_id": 1, "at": NOW, "kind": "mail-sent", "detail": {"answer": said, said[:9]: [said]}}
        connection.execute(insert(ticket_event), event)
        assert connection.execute(select(outbox.c.last_error)).scalar_one() == note(said)
        assert connection.execute(select(ticket_event.c.detail)).scalar_one()["answer"] == note(said)


def test_no_account_is_longer_than_its_columns() -> None:
    """What the import takes at most is kept whole."""
    assert NAME_LENGTH == account.c.surname.type.length == account.c.given.type.length  # type: ignore[attr-defined]
    widest = max(len(surname_key(chr(code) * NAME_LENGTH)) for code in (ord("ß"), ord("ﬃ"), ord("ǆ"), ord("ΐ")))
    assert widest <= account.c.surname_key.type.length  # type: ignore[attr-defined]
