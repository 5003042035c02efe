"""The audit chain: complete, one chain whoever appends, and every later change is found and named."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.sql import Executable

from mailbot.audit import chain
from mailbot.audit.verify import Head, head, verify, waiting
from mailbot.storage.database import Database
from mailbot.storage.desk import audit, audit_head, desk_text
from mailbot.storage.schema import ruleset_load, ticket_event
from mailbot.workers.rules import RulesKeeper
from tests.links import open_ticket

NOW = datetime(2026, 11, 30, 12, 0, 0, 123456, tzinfo=UTC)


def happened(connection: Connection, kind: str = "opened", ticket_id: int = 1, **detail: Any) -> int:
    row = insert(ticket_event).values(ticket_id=ticket_id, at=NOW, kind=kind, detail=detail)
    found: int = connection.execute(row.returning(ticket_event.c.id)).scalar_one()
    return found


@pytest.fixture
def history(engine: Engine) -> Engine:
    """Two tickets, twenty events of the machine, one login, one action with a text."""
    with engine.begin() as c:
        for number in ("ZGL0000001", "ZGL0000002"):
            open_ticket(c, number)
        for n in range(20):
            happened(c, f"step-{n}", 1 + n % 2, inbox=n, note="zażółć \U0001f98a")
        chain.take_over(c, 1000)
    with engine.begin() as c:
        chain.note(c, NOW, chain.operator("anna"), "login", "operator:anna")
    with engine.begin() as c:
        event = happened(c, "desk-note", 2, by="anna")
        c.execute(insert(desk_text).values(ticket_id=2, event_id=event, kind="note", sealed=b"\0sealed"))
        chain.record(c, [event], chain.operator("anna"), before=19, reason="four-eyes")
    return engine


async def test_a_load_of_rules_that_was_changed_is_named(engine: Engine) -> None:
    database = Database(engine)
    rules = keeper(database)
    await rules.start()
    await rules._note(mistakes="x" * 30_000)  # kept shorter
    assert wrong(engine) == []
    with engine.begin() as c:
        c.execute(update(ruleset_load).where(ruleset_load.c.id == 1).values(hash="0" * 64))
    assert wrong(engine) == [(1, "its load 1 was changed behind the chain")]
    await database.close()


def keeper(database: Database) -> RulesKeeper:
    flow: Any = SimpleNamespace(ruleset=SimpleNamespace(hash="a" * 64))
    return RulesKeeper("host:1", database, flow, lambda: pytest.fail("not asked"), lambda _: None, lambda: NOW)


def wrong(engine: Engine, *known: Head) -> list[tuple[int, str]]:
    with engine.connect() as connection:
        connection.info["reader"] = True
        return [(f.seq, f.what) for f in verify(connection, known)]


def test_a_chain_is_whole(history: Engine) -> None:
    assert wrong(history) == []
    with history.connect() as c:
        rows = c.execute(select(audit).order_by(audit.c.seq)).mappings().all()
        assert waiting(c) == 0
    assert [row["seq"] for row in rows] == list(range(1, 23))
    assert [row["after"] for row in rows] == [*range(1, 21), None, 21]
    assert (rows[-1]["actor"], rows[-1]["before"], rows[-1]["reason"]) == ("operator:anna", 19, "four-eyes")
    assert {row["object"] for row in rows} == {"ZGL0000001", "ZGL0000002", "operator:anna"}


def _swap(connection: Connection, one: int, other: int) -> None:
    for old, new in ((one, 999), (other, one), (999, other)):
        connection.execute(update(audit).where(audit.c.seq == old).values(seq=new))


def _rewrite_one(connection: Connection) -> None:
    """Change a row and give it the hash that fits."""
    row = dict(connection.execute(select(audit).where(audit.c.seq == 5)).mappings().one()) | {"actor": "operator:eve"}
    connection.execute(update(audit).where(audit.c.seq == 5).values(actor=row["actor"], hash=chain.hash_of(row)))


def _again(connection: Connection) -> None:
    """Change an event and let the chain take it over once more."""
    changed = {"detail": {"by": "eve"}, "chained": None}
    connection.execute(update(ticket_event).where(ticket_event.c.id == 7).values(changed))
    chain.take_over(connection, 10)


A, E, H = audit.c, ticket_event.c, audit_head
TAMPERED: dict[str, tuple[Executable | Callable[[Connection], None], list[tuple[int, str]]]] = {
    "a row's actor": (update(audit).where(A.seq == 5).values(actor="operator:eve"), [(5, "was changed")]),
    "a row's moment": (update(audit).where(A.seq == 5).values(at=NOW.replace(microsecond=1)), [(5, "was changed")]),
    "a row's version": (update(audit).where(A.seq == 22).values(before=18), [(22, "was changed")]),
    "a row with a new hash": (_rewrite_one, [(6, "does not follow row 5")]),
    "a row is gone": (delete(audit).where(A.seq == 9), [(9, "row 9 is missing"), (9, "says it is row 9")]),
    "the last row is gone": (delete(audit).where(A.seq == 22), [(22, "row 22 to 22 is missing"), (22, "says it is")]),
    "two rows changed places": (
        lambda c: _swap(c, 5, 6),
        [
            *((5, what) for what in ("does not follow", "was changed, or moved", "its event 6 names row 6")),
            *((6, what) for what in ("does not follow", "was changed, or moved", "its event 5 names row 5")),
            (7, "does not follow row 6"),
            (5, "event 5 says it is row 5"),
            (6, "event 6 says it is row 6"),
        ],
    ),
    "an event's detail": (update(ticket_event).where(E.id == 7).values(detail={}), [(7, "event 7 was changed")]),
    "an event's kind": (update(ticket_event).where(E.id == 7).values(kind="closed"), [(7, "event 7 was changed")]),
    "an event's ticket": (update(ticket_event).where(E.id == 7).values(ticket_id=2), [(7, "event 7 was changed")]),
    "an event is gone": (delete(ticket_event).where(E.id == 7), [(7, "event 7 is missing")]),
    "a text of a person": (update(desk_text).values(sealed=b"\0other"), [(22, "event 21 was changed")]),
    "a text of a person is gone": (delete(desk_text), [(22, "event 21 was changed")]),
    "an event that was taken over twice": (_again, [(7, "event 7 was changed")]),
    "a false event": (
        lambda c: c.execute(update(ticket_event).where(E.id == happened(c, "accepted")).values(chained=3)),
        [(3, "event 22 says it is row 3")],
    ),
    "the head": (update(H).values(hash="f" * 64), [(22, "the head names another hash")]),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_changed_is_named(history: Engine, what: str) -> None:
    change, expected = TAMPERED[what]
    with history.begin() as connection:
        change(connection) if callable(change) else connection.execute(change)
    found = wrong(history)
    assert [seq for seq, _ in found] == [seq for seq, _ in expected], found
    for (_, said), (_, part) in zip(found, expected, strict=True):
        assert part in said


def test_a_chain_that_was_written_anew_differs_from_the_head_that_was_written_out(history: Engine) -> None:
    with history.connect() as c:
        known = head(c)
    with history.begin() as c:
        happened(c)
        chain.take_over(c, 10)
    assert wrong(history, known) == []
    with history.begin() as c:  # everything from the beginning, with an event that never was
        c.execute(delete(audit))
        c.execute(delete(audit_head))
        c.execute(update(ticket_event).values(chained=None))
        c.execute(update(ticket_event).where(E.id == 3).values(detail={"by": "nobody"}))
        chain.take_over(c, 1000)
    assert wrong(history) == []
    assert [seq for seq, _ in wrong(history, known)] == [22]
    with history.begin() as c:  # cut off behind the head
        c.execute(delete(audit).where(A.seq > 10))
        c.execute(update(ticket_event).where(E.chained > 10).values(chained=None))
        hash_of_10 = c.execute(select(A.hash).where(A.seq == 10)).scalar_one()
        c.execute(update(H).values(seq=10, hash=hash_of_10))
    assert wrong(history) == []
    assert wrong(history, known) == [(22, "was written out as head, and is missing")]


def test_many_writers_make_one_chain(engine: Engine) -> None:
    """People act, and two of us take over at once, while the machine goes on writing."""
    with engine.begin() as c:
        open_ticket(c, "ZGL0000001")
    start = threading.Barrier(6)

    def machine(_: int) -> None:
        start.wait()
        for n in range(25):
            with engine.begin() as c:
                happened(c, f"step-{n}", inbox=n)

    def person(n: int) -> None:
        start.wait()
        for _ in range(25):
            with engine.begin() as c:
                chain.record(c, [happened(c, "desk-note", by="anna"), happened(c, "sent", by="anna")], f"operator:{n}")

    def taker(_: int) -> None:
        start.wait()
        for _ in range(15):
            with engine.begin() as c:
                chain.take_over(c, 7)

    with ThreadPoolExecutor(6) as pool:
        list(
            pool.map(
                lambda job: job[0](job[1]),
                [(machine, 1), (machine, 2), (person, 3), (person, 4), (taker, 5), (taker, 6)],
            )
        )
    with engine.begin() as c:
        while chain.take_over(c, 7):
            pass
    assert wrong(engine) == []
    with engine.connect() as c:
        assert c.execute(select(func.count()).select_from(audit)).scalar_one() == 2 * 25 + 2 * 50
        assert c.execute(select(func.count(A.after.distinct()))).scalar_one() == 150


def test_an_event_that_becomes_visible_late_is_taken_over(engine: Engine) -> None:
    """On PostgreSQL a transaction may hold a lower number back; nobody's order of numbers is relied upon."""
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer")
    with engine.begin() as c:
        open_ticket(c, "ZGL0000001")
    with engine.connect() as late:
        held = happened(late, "late")
        with engine.begin() as c:
            assert happened(c, "early") > held
        with engine.begin() as c:
            assert chain.take_over(c, 10) == 1
        late.commit()
    with engine.begin() as c:
        assert chain.take_over(c, 10) == 1
    assert wrong(engine) == []
