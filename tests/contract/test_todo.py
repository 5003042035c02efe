"""The to-do list and the search: what they show, page by page, and that each question is answered by its index."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select

from mailbot.accounts.rows import column_values
from mailbot.accounts.sql import SqlDirectory
from mailbot.desk import case, drafts, letter, presence, search, todo, views
from mailbot.desk.search import By
from mailbot.desk.todo import PAGE, Sort, TodoQuery
from mailbot.model import Account, Operator, Role
from mailbot.secret import NO_KEY, Secret
from mailbot.storage import desk, outgoing, schema
from mailbot.tickets.person import key, name
from tests.contract.test_query_plans import faults, listening
from tests.postgres import analyze

SECRET = Secret(b"k" * 32)
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
ANNA = Operator(1, "anna", "Anna Nowak", frozenset({Role.CONSULTANT}), frozenset(), "pl")
FIRST_LINE = Operator(2, "olek", "Olek", frozenset({Role.CONSULTANT}), frozenset({"I_LINIA"}), "pl")
DAY = timedelta(days=1)


def add(connection: Connection, number: int, state: str = "DO_WERYFIKACJI", **values: Any) -> None:
    """Ticket ``number`` with the letter that opened it."""
    outcome, closed = values.pop("outcome", "REVIEW"), state.startswith("ZAMKNIETE")
    at = values.pop("opened_at", NOW - DAY)
    letter = {"source": "lmtp", "delivery_key": f"d{number}", "sha256": "", "size": 1, "envelope": {}, "state": "done"}
    times = {"received_at": at, "due_at": at}
    connection.execute(insert(schema.inbox).values(id=number, outcome=outcome, **letter, **times))
    row = {
        "id": number,
        "number": f"ZGL{number:07}",
        "kind": "zgloszenie",
        "category": "OGOLNE",
        "state": state,
        "desk": "I_LINIA",
        "correspondent": f"c{number}@wp.example",
        "fingerprint": "",
        "opened_at": at,
        "promised_at": NOW + timedelta(hours=number),
        "closed_at": NOW if closed else None,
        "inbox_id": number,
    }
    connection.execute(insert(schema.ticket).values(row | values))
    connection.execute(schema.inbox.update().where(schema.inbox.c.id == number).values(ticket_id=number))
    why = {"ruleset": "", "rule": "for-a-person", "outcome": outcome, "facts": {}, "notes": {}, "trace": []}
    connection.execute(insert(schema.decision).values(inbox_id=number, decided_at=at, **why))


def operators(connection: Connection) -> None:
    for who in (ANNA, FIRST_LINE):
        connection.execute(
            insert(desk.operator).values(
                id=who.id, name=who.name, display=who.display, roles=[], desks=[], state="active", made_at=NOW
            )
        )


def mail(connection: Connection, ticket: int, state: str, reason: str | None = None) -> None:
    sent = {"recipient": "a@b.example", "return_path": "", "message_id": "", "raw": b"", "deadline": NOW}
    row = {"ticket_id": ticket, "slot": "T1", "kind": "T1", "ordinal": 1, "state": state, "due_at": NOW}
    connection.execute(insert(schema.outbox).values(**row, **sent, last_error=reason))


@pytest.fixture
def connection(engine: Engine) -> Any:
    with engine.begin() as made:
        operators(made)
        yield made


def ids(entries: list[todo.ListedTicket]) -> list[int]:
    return [entry.ticket_id for entry in entries]


def test_all_that_is_open_stands_by_its_deadline(connection: Connection) -> None:
    add(connection, 1)
    add(connection, 2, promised_at=NOW - DAY)
    add(connection, 3, "ZAMKNIETE_ROZWIAZANE")
    add(connection, 4, "KWARANTANNA", promised_at=NOW - DAY, desk="BEZPIECZENSTWO")
    add(connection, 5, "OCZEKUJE_NA_KLIENTA", promised_at=NOW - DAY, reply_by=NOW + DAY)
    found = todo.page(connection, NO_KEY, ANNA, TodoQuery(), NOW)
    assert ids(found) == [2, 4, 5, 1]
    late, held, waiting, review = found
    assert (late.late, late.due) == (True, NOW - DAY)
    assert (held.late, held.due) == (False, None), "nobody is promised anything"
    assert (waiting.late, waiting.due) == (False, NOW + DAY), "the citizen's turn"
    assert (review.outcome, review.rule) == ("REVIEW", "for-a-person")
    assert ids(todo.page(connection, NO_KEY, ANNA, TodoQuery(late=True), NOW)) == [2]


def test_every_sort_is_counted_as_it_is_listed(connection: Connection) -> None:
    add(connection, 1, owner="anna")
    add(connection, 2, "PONOWNIE_OTWARTE", promised_at=NOW - DAY)
    add(connection, 3, "WSTRZYMANE")
    add(connection, 4, "WSTRZYMANE", outcome="RATE_LIMITED")
    add(connection, 5, "KWARANTANNA", desk="BEZPIECZENSTWO")
    add(connection, 6, "OCZEKUJE_NA_KLIENTA")
    add(connection, 7, "W_TOKU", owner="olek")
    add(connection, 8, "ZAMKNIETE_ROZWIAZANE", owner="anna")
    mail(connection, 7, "buried", "550 5.1.1")
    mail(connection, 3, "buried", "frozen")
    mail(connection, 8, "buried", "550 5.1.1")
    mail(connection, 1, "done")
    counted = todo.counters(connection, ANNA, NOW)
    assert (counted.open, counted.late, counted.mine) == (7, 1, 1)
    listed = {sort: ids(todo.page(connection, NO_KEY, ANNA, TodoQuery(sort=sort), NOW)) for sort in Sort}
    assert listed == {
        Sort.REVIEW: [1],
        Sort.COMPLAINT: [2],
        Sort.STOP: [3],
        Sort.QUARANTINE: [5],
        Sort.LIMIT: [4],
        Sort.BURIED: [7],
        Sort.WAITING: [6],
    }
    assert counted.sorts == dict.fromkeys(Sort, 1)
    assert ids(todo.page(connection, NO_KEY, ANNA, TodoQuery(mine=True), NOW)) == [1]
    assert ids(todo.page(connection, NO_KEY, ANNA, TodoQuery(desk="BEZPIECZENSTWO"), NOW)) == [5]


def test_another_desk_is_not_seen(connection: Connection) -> None:
    add(connection, 1)
    add(connection, 2, desk="BEZPIECZENSTWO", correspondent="x@wp.example")
    add(connection, 3, desk="")
    assert ids(todo.page(connection, NO_KEY, FIRST_LINE, TodoQuery(), NOW)) == [1, 3]
    assert todo.counters(connection, FIRST_LINE, NOW).open == 2
    for said in ("2", "x@wp.example"):
        assert search.find(connection, NO_KEY, FIRST_LINE, said, NOW).entries == ()
        assert len(search.find(connection, NO_KEY, ANNA, said, NOW).entries) == 1


def test_pages_follow_each_other_without_gap_and_repetition(connection: Connection) -> None:
    for number in range(1, PAGE + 8):
        add(connection, number, promised_at=NOW + DAY)  # all due at once
    first = todo.page(connection, NO_KEY, ANNA, TodoQuery(), NOW)
    assert len(first) == PAGE + 1
    last = first[PAGE - 1]
    second = todo.page(connection, NO_KEY, ANNA, TodoQuery(after=(last.promised_at, last.ticket_id)), NOW)
    assert ids(first[:PAGE]) + ids(second) == list(range(1, PAGE + 8))


def test_who_has_it_open_is_told_to_the_others(connection: Connection) -> None:
    add(connection, 1)
    for who, at in ((ANNA, NOW), (FIRST_LINE, NOW - timedelta(minutes=5))):
        connection.execute(insert(desk.viewer).values(ticket_id=1, operator_id=who.id, seen_at=at))
    assert todo.page(connection, NO_KEY, FIRST_LINE, TodoQuery(), NOW)[0].viewers == ("Anna Nowak",)
    assert todo.page(connection, NO_KEY, ANNA, TodoQuery(), NOW)[0].viewers == (), "oneself, and who went minutes ago"


def test_a_number_is_read_however_it_is_spelled(connection: Connection) -> None:
    add(connection, 34)
    for spelled in ("ZGL0000034", "ZGL 0000034", "zgl-34", "34", " zgl34 ", "zgl.034"):
        found = search.find(connection, NO_KEY, ANNA, spelled, NOW)
        assert (found.by, [entry.number for entry in found.entries]) == (By.NUMBER, ["ZGL0000034"]), spelled


SAID: list[tuple[str, By, list[int]]] = [
    ("jan.kowalski@wp.example", By.ADDRESS, [3, 1]),
    ("JAN.Kowalski@WP.example", By.ADDRESS, [3, 1]),
    ("stary@wp.example", By.ADDRESS, [2]),
    ("30.11.2026", By.DAY, [2]),
    ("2026-11-29", By.DAY, [3]),
    ("Kowalski", By.NAME, [1]),
    ("kowal", By.NAME, [1]),
    ("Jan Kowalski", By.NAME, [1]),
    ("kowalski jan", By.NAME, [1]),
    ("Żółć", By.NAME, [2]),
    ("zolc anna maria", By.NAME, [2]),
    ("Jan Nowak", By.NAME, []),
    ("32.13.2026", By.NOTHING, []),
    ("", By.NOTHING, []),
    ("%", By.NOTHING, []),
    ("999999999999", By.NUMBER, []),
]
"""What a caller says, as what it is understood, which tickets are found."""


def test_a_caller_is_found(connection: Connection) -> None:
    anna = Account("a@b.example", "Anna Maria", "Żółć", 1970)
    names = {1: name(("Jan", "Kowalski"), None), 2: name((), anna)}
    for number, at in ((1, NOW - 9 * DAY), (2, NOW), (3, NOW - DAY)):
        shown = names.get(number)
        known = key(shown) if shown else None
        address = "jan.kowalski@wp.example" if number != 2 else "nowy@wp.example"
        add(connection, number, opened_at=at, correspondent=address, person=shown, person_key=known)
    link = {"nonce": "", "token_hash": "", "login": "stary@wp.example", "new_login": "nowy@wp.example"}
    connection.execute(insert(schema.activation).values(ticket_id=2, created_at=NOW, expires_at=NOW, **link))
    for said, by, numbers in SAID:
        found = search.find(connection, NO_KEY, ANNA, said, NOW)
        assert (found.by, ids(list(found.entries))) == (by, numbers), said


@pytest.mark.parametrize(
    ("said", "values"),
    [
        ("x@wp.example", {"correspondent": "x@wp.example"}),
        ("30.11.2026", {"opened_at": NOW}),
        ("Kowalski", {"person": "Jan Kowalski", "person_key": "kowalski0jan"}),
    ],
)
def test_a_search_is_paged(connection: Connection, said: str, values: dict[str, Any]) -> None:
    for number in range(1, PAGE + 4):
        add(connection, number, **values)
    first = search.find(connection, NO_KEY, ANNA, said, NOW)
    assert first.after is not None
    second = search.find(connection, NO_KEY, ANNA, said, NOW, first.after)
    assert second.after is None
    assert sorted(ids([*first.entries, *second.entries])) == list(range(1, PAGE + 4))


def test_views_are_kept_for_their_owner(connection: Connection) -> None:
    views.save(connection, ANNA.id, "pilne", "late=1")
    views.save(connection, ANNA.id, "pilne", "sort=stop")
    assert views.of(connection, ANNA.id) == [("pilne", "sort=stop")]
    assert views.of(connection, FIRST_LINE.id) == []
    views.forget(connection, FIRST_LINE.id, "pilne")
    assert views.of(connection, ANNA.id) == [("pilne", "sort=stop")]
    views.forget(connection, ANNA.id, "pilne")
    assert views.of(connection, ANNA.id) == []


SMALL = ("operator", "viewer", "saved_view", "draft")
"""Tables of a few rows: what is older than a minute is taken out of viewer, what was sent out of draft."""

ASKED: dict[str, Callable[[Connection], Any]] = {
    "all": lambda c: todo.page(c, NO_KEY, ANNA, TodoQuery(), NOW),
    "next": lambda c: todo.page(c, NO_KEY, ANNA, TodoQuery(after=(NOW, 1)), NOW),
    "mine": lambda c: todo.page(c, NO_KEY, ANNA, TodoQuery(mine=True), NOW),
    "desk": lambda c: todo.page(c, NO_KEY, FIRST_LINE, TodoQuery(desk="I_LINIA"), NOW),
    "late": lambda c: todo.page(c, NO_KEY, ANNA, TodoQuery(late=True), NOW),
    **{sort.value: lambda c, sort=sort: todo.page(c, NO_KEY, ANNA, TodoQuery(sort=sort), NOW) for sort in Sort},
    "counters": lambda c: todo.counters(c, FIRST_LINE, NOW),
    "number": lambda c: search.find(c, NO_KEY, ANNA, "34", NOW),
    "address": lambda c: search.find(c, NO_KEY, ANNA, "c34@wp.example", NOW),
    "day": lambda c: search.find(c, NO_KEY, ANNA, "30.11.2026", NOW),
    "name": lambda c: search.find(c, NO_KEY, ANNA, "Jan Kowalski", NOW),
    "views": lambda c: views.of(c, 1),
    "case": lambda c: case.read(c, "ZGL0000034", SECRET, SqlDirectory()),
    "letters": lambda c: letter.shown(c, SECRET, [34], most=0),
    "texts": lambda c: case.texts_of(c, SECRET, 34),
    "drafts": lambda c: (drafts.load(c, SECRET, 1, 34, "note"), drafts.begun(c, 1, 34)),
    "presence": lambda c: presence.is_due(c, 34, 1, NOW),
}
"""Every question of the pages of list, search and ticket."""


def test_no_question_reads_a_whole_table(engine: Engine) -> None:
    """A closed ticket of years ago costs nothing, on either engine."""
    with engine.begin() as connection:
        operators(connection)
        for number in range(1, 60):
            add(connection, number, "WSTRZYMANE" if number % 2 else "W_TOKU", person_key=f"k{number}0jan")
            mail(connection, number, "buried" if number % 3 else "done")
        _archive(connection)
    analyze(engine)
    with engine.connect() as connection, listening(engine) as asked:
        for question in ASKED.values():
            question(connection)
    bad = [one for one in faults(engine, asked, _scans_of_sqlite) if not one[0].endswith(SMALL)]
    assert len(asked) > 15
    assert bad == [], "\n".join(map(": ".join, bad))


def _scans_of_sqlite(connection: Connection, statement: str, parameters: Any) -> list[str]:
    """A walk along an index of what is open or undone is none over the table."""
    found = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    open_only = re.compile(r"USING (COVERING )?INDEX ix_(ticket_open|outbox_buried)")
    tables = "|".join(schema.metadata.tables)
    return [row[3] for row in found if re.match(rf"SCAN ({tables})\b", row[3]) and not open_only.search(row[3])]


def _archive(connection: Connection) -> None:
    old, n = NOW - 400 * DAY, range(10_000, 14_000)
    letter = {"source": "lmtp", "sha256": "", "size": 1, "envelope": {}, "state": "done", "outcome": "OK_A"}
    why = {"ruleset": "", "rule": "case-a", "outcome": "OK_A", "facts": {}, "notes": {}, "trace": []}
    closed = {"kind": "wniosek", "category": "X", "state": "ZAMKNIETE_ROZWIAZANE", "desk": "", "fingerprint": ""}
    sent = {"recipient": "a@b.example", "return_path": "", "message_id": "", "raw": b"", "deadline": old}
    times = {"opened_at": old, "promised_at": old, "closed_at": old}
    rows = {
        schema.inbox: [{"id": i, "delivery_key": f"d{i}", "received_at": old, "due_at": old, **letter} for i in n],
        schema.ticket: [
            {
                "id": i,
                "number": f"ZGL{i:07}",
                "inbox_id": i,
                "correspondent": f"c{i}@wp.example",
                "person_key": f"k{i}0jan",
                "owner": "anna",
                **closed,
                **times,
            }
            for i in n
        ],
        schema.raw_message: [{"inbox_id": i, "raw": b""} for i in n],
        schema.decision: [{"inbox_id": i, "decided_at": old, **why} for i in n],
        schema.outbox: [
            {"ticket_id": i, "slot": "T1", "kind": "T1", "ordinal": 1, "state": "done", "due_at": old, **sent}
            for i in n
        ],
    }
    rows[schema.ticket_event] = [{"ticket_id": i, "at": old, "kind": "opened", "detail": {}} for i in n]
    link = {"token_hash": "", "nonce": "", "created_at": old, "expires_at": old, "used_at": old}
    rows[schema.activation] = [{"ticket_id": i, "login": f"{i}@wp.example", **link, "token_hash": f"{i}"} for i in n]
    for table, values in rows.items():
        connection.execute(insert(table), values)
    apart = select(schema.outbox.c.id, schema.outbox.c.raw)  # as where addresses are sealed
    connection.execute(insert(outgoing.outbox_raw).from_select(["outbox_id", "raw"], apart))
    people = [
        {"id": i, "name": f"a{i}", "display": "", "roles": [], "desks": [], "state": "x", "made_at": old} for i in n
    ]
    connection.execute(insert(desk.operator), people)
    events = [{"ticket_id": i, "event_id": i - 9_999, "kind": "note", "sealed": b""} for i in n]
    connection.execute(insert(desk.desk_text), events)
    halves = {"action": "accept-b", "version": 1, "digest": "", "operator_id": 10_000, "at": old, "ended": "stale"}
    connection.execute(insert(desk.approval), [{"ticket_id": i, **halves} for i in n])
    links = [{"ticket_id": i, "other_id": i - 1, "kind": "see", "at": old} for i in n[1:]]
    connection.execute(insert(desk.ticket_link), links)
    accounts = [column_values(Account(f"c{i}@wp.example", "Jan", "Kowalski", 1980)) for i in n]
    connection.execute(insert(schema.account), accounts)
    views_ = [{"inbox_id": i, "name": "checked.json", "sealed": b""} for i in n]
    connection.execute(insert(schema.application_view), views_)
    i = schema.inbox.c
    connection.execute(schema.inbox.update().where(i.id >= 10_000).values(ticket_id=i.id))
