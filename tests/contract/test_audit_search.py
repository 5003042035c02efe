"""The chain in the console: the same faults found portion by portion, and rows found by their index."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select

from mailbot.audit import chain, search
from mailbot.audit.search import PAGE, AuditQuery
from mailbot.audit.verify import Portion, head, portion
from mailbot.storage.desk import audit, desk_text
from mailbot.storage.schema import inbox, ticket, ticket_event
from tests.contract.test_audit import NOW, TAMPERED, history
from tests.contract.test_query_plans import _plan_of_postgresql, listening
from tests.contract.test_todo import _scans_of_sqlite
from tests.postgres import analyze

__all__ = ["history"]


def portions(engine: Engine, size: int) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    after = 0
    with engine.connect() as connection:
        connection.info["reader"] = True
        for _ in range(100):
            one = portion(connection, after, size)
            found += [(finding.seq, finding.what) for finding in one.findings]
            if one.done:
                return found
            assert one.last > after
            after = one.last
    raise AssertionError("no end")


@pytest.mark.parametrize("what", TAMPERED)
def test_portions_find_what_the_whole_look_finds(history: Engine, what: str) -> None:
    assert portions(history, 3) == []
    change, expected = TAMPERED[what]
    with history.begin() as connection:
        change(connection) if callable(change) else connection.execute(change)
    # Events that say they are in the chain are looked for by the whole look alone.
    rows = [(seq, part) for seq, part in expected if "says it is" not in part]
    for size in (3, 22, 1000):
        found = portions(history, size)
        assert [seq for seq, _ in found] == [seq for seq, _ in rows], (size, found)
        assert all(part in said for (_, said), (_, part) in zip(found, rows, strict=True))


def test_a_portion_ends_with_the_chain(engine: Engine) -> None:
    with engine.begin() as connection:
        assert portion(connection, 0, 10) == Portion(0, 0, ()), "there is no chain yet"
        chain.note(connection, NOW, "machine", "x", "rules")
        assert portion(connection, 0, 10) == portion(connection, 0, 1)
        assert portion(connection, 99, 10).findings == ()


def test_rows_are_found_newest_first(history: Engine) -> None:
    with history.connect() as connection:
        connection.info["reader"] = True

        def found(**wanted: Any) -> list[int]:
            return [row["seq"] for row in search.page(connection, AuditQuery(**wanted))]

        assert found() == list(range(22, 0, -1))
        assert found(object="ZGL0000002") == [22, *range(20, 0, -2)]
        assert found(actor="operator:anna") == [22, 21]
        assert found(object="operator:anna", actor="operator:anna") == [21]
        assert found(on=date(2026, 11, 30), before=3) == [2, 1]
        assert found(on=date(2026, 11, 29)) == []
        assert [row["seq"] for row in search.rows(connection, 20, 10)] == [21, 22]


def test_pages_follow_each_other(engine: Engine) -> None:
    with engine.begin() as connection:
        for _ in range(PAGE + 3):
            chain.note(connection, NOW, "machine", "x", "rules")
        first = search.page(connection, AuditQuery(object="rules"))
        assert len(first) == PAGE + 1
        second = search.page(connection, AuditQuery(object="rules", before=first[PAGE - 1]["seq"]))
        assert [row["seq"] for row in second] == [3, 2, 1]


def _archive(connection: Connection) -> None:
    """Tickets of years ago, each with an event and what a person wrote about it."""
    ids, old = range(10_000, 14_000), NOW - timedelta(days=400)
    letter = {"source": "lmtp", "sha256": "", "size": 1, "envelope": {}, "state": "done", "due_at": old}
    connection.execute(insert(inbox), [{"id": i, "delivery_key": f"d{i}", "received_at": old, **letter} for i in ids])
    closed = {"kind": "zgloszenie", "category": "X", "state": "W_TOKU", "desk": "", "fingerprint": ""}
    times = {"opened_at": old, "promised_at": old, "closed_at": old}
    connection.execute(
        insert(ticket), [{"id": i, "number": f"ZGL{i:07}", "inbox_id": i, **closed, **times} for i in ids]
    )
    events = [{"id": i, "ticket_id": i, "at": NOW, "kind": "note", "detail": {}, "chained": i} for i in ids]
    connection.execute(insert(ticket_event), events)
    connection.execute(
        insert(desk_text), [{"ticket_id": i, "event_id": i, "kind": "note", "sealed": b"x"} for i in ids]
    )


def test_a_day_is_paged_by_its_moments(engine: Engine) -> None:
    """What was taken over late stands among what happened then."""
    with engine.begin() as connection:
        for n in range(PAGE + 3):
            chain.note(connection, NOW - timedelta(seconds=n % 7), "machine", f"{n}", "rules")
        first = search.page(connection, AuditQuery(on=NOW.date()))
        second = search.page(connection, AuditQuery(on=NOW.date(), before=first[PAGE - 1]["seq"]))
    found = [row["seq"] for row in (*first[:PAGE], *second)]
    assert sorted(found) == list(range(1, PAGE + 4))
    assert [row["at"] for row in first] == sorted((row["at"] for row in first), reverse=True)


def test_no_question_reads_a_whole_table(history: Engine) -> None:
    with history.begin() as connection:
        last = head(connection)
        old = NOW - timedelta(days=400)
        row = {"at": old, "actor": "machine", "action": "x", "reason": "", "digest": "", "previous": ""}
        connection.execute(
            insert(audit),
            [{**row, "seq": last.seq + n, "hash": f"{n}", "object": f"ZGL{n:07}"} for n in range(1, 4_000)],
        )
        _archive(connection)
    sqlite = history.dialect.name == "sqlite"
    analyze(history)
    wanted = (
        AuditQuery(),
        AuditQuery(object="ZGL0000001"),
        AuditQuery(actor="operator:anna"),
        AuditQuery(on=NOW.date()),
    )
    with history.connect() as connection, listening(history) as asked:
        for one in wanted:
            search.page(connection, one)
        search.rows(connection, 10, 10)
        portion(connection, 5, 10)
    plan = _scans_of_sqlite if sqlite else _plan_of_postgresql
    with history.connect() as connection:
        bad = [
            f"{fault}: {' '.join(text.split())[:400]}"
            for text, parameters in asked.items()
            for fault in plan(connection, text, parameters)
            if "audit_head" not in fault and "WHERE" in text  # the newest rows are the end of the index
        ]
        newest = connection.execute(select(audit.c.seq).order_by(audit.c.seq.desc()).limit(1)).scalar_one()
    assert newest > 4_000
    assert bad == [], "\n".join(bad)
