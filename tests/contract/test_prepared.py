"""What ``storage.prepared`` writes is what SQLAlchemy writes; on each engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    bindparam,
    delete,
    select,
    text,
    update,
)
from sqlalchemy import insert as by_sqlalchemy
from sqlalchemy.exc import IntegrityError

from mailbot import clocks
from mailbot.storage import schema
from mailbot.storage.prepared import Encoded, Rows, Statement, encode, insert
from mailbot.storage.values import JSON, String, Text, UtcDateTime, fit

NOW = datetime(2026, 11, 20, 9, 0, 0, 120, tzinfo=UTC)
WARSAW = timezone(timedelta(hours=1))
KINDS = Table(
    "kinds_of_values",
    MetaData(),
    Column("id", schema.Id, primary_key=True),
    Column("key", String(12)),
    Column("note", Text),
    Column("json", JSON),
    Column("at", UtcDateTime()),
    Column("octets", LargeBinary),
    Column("number", Integer, server_default=text("7")),
)


class Word(StrEnum):
    """As rows hold outcomes and states."""

    AWKWARD = "a\0b"
    PLAIN = "żółć"


AWKWARD = ("", "a", "żółć", "x" * 13, "ż" * 400, "a\0b", "a\ud800b", "😀" * 7, "'; --", "%s %(id)s ? :id")
ROWS: list[dict[str, Any]] = [
    *({"key": word, "note": word, "json": {word: [word, 1, None, True, 2.5]}} for word in AWKWARD),
    *({"key": word, "json": {word: word}} for word in (Word.AWKWARD, Word.PLAIN)),
    *({"json": value} for value in ([], {}, {"a": {"b": ["c"]}}, "słowo", 3)),
    *(
        {"at": at}
        for at in (
            NOW,
            NOW.astimezone(WARSAW),
            NOW.replace(microsecond=0),
            NOW.replace(year=1970),
            datetime.min.replace(tzinfo=UTC),
            *(datetime(2026, 10, 25, 2, 30, tzinfo=clocks.WARSAW, fold=fold) for fold in (0, 1)),
        )
    ),
    {"json": None},
    {"octets": b"\0\xff' %s"},
    *({"number": number} for number in (-(2**31), True)),
]


def filled(row: dict[str, Any]) -> dict[str, Any]:
    return {"key": None, "note": None, "json": {}, "at": None, "octets": None, "number": 0, **row}


def there(connection: Connection) -> list[tuple[Any, ...]]:
    """As it is read, and the moments as they lie there; the table is empty afterwards."""
    c = KINDS.c
    read = connection.execute(select(c.key, c.note, c.json, c.at, c.octets, c.number).order_by(c.id)).all()
    raw = connection.exec_driver_sql(f"SELECT at FROM {KINDS.name} ORDER BY id").all()
    connection.execute(delete(KINDS))
    return [tuple(row) for row in (*read, *raw)]


@pytest.fixture
def connection(engine: Engine) -> Any:
    with engine.connect() as connection:
        KINDS.create(connection)
        yield connection
        connection.rollback()


def test_every_kind_of_value_lies_there_as_sqlalchemy_would_write_it(connection: Connection) -> None:
    rows = [filled(row) for row in ROWS]
    connection.execute(by_sqlalchemy(KINDS), rows)
    expected = there(connection)
    insert(connection, KINDS, rows)
    assert there(connection) == expected
    for row in rows:
        insert(connection, KINDS, [row])
    assert there(connection) == expected
    together = Rows(*(column for column in KINDS.c if column.name != "id"), ending="RETURNING key")
    assert together.insert(connection, []) == []
    assert [row.key for row in together.insert(connection, rows * 20)] == [row[0] for row in expected[: len(rows)]] * 20
    assert there(connection)[: len(rows)] == expected[: len(rows)]


def test_columns_that_rows_leave_out_have_their_defaults(connection: Connection) -> None:
    insert(connection, KINDS, [{"key": "a"}, {"key": "b"}])
    assert [(row[0], row[5]) for row in there(connection)[:2]] == [("a", 7), ("b", 7)]
    insert(connection, KINDS, [])
    assert there(connection) == []


def test_json_that_was_made_before_is_the_same_json(connection: Connection) -> None:
    value = {"słowo": ["a\ud800b", "x" * 30_000]}
    insert(connection, KINDS, [filled({"json": value}), filled({"json": encode(value)})])
    first, second, *_ = there(connection)
    assert first[2] == second[2]
    assert isinstance(encode(value), Encoded)


def test_a_row_is_changed_by_what_it_gives_and_what_the_statement_says(connection: Connection) -> None:
    c = KINDS.c
    insert(connection, KINDS, [{"id": n, "key": "old", "note": "old", "at": NOW} for n in (1, 2, 3)])
    finish = Statement(
        update(KINDS).where(c.id == bindparam("row")).values(key="żółta łódź podwodna", note=bindparam("said"), at=None)
    )
    finish.run(connection, [{"row": 1, "said": "one"}, {"row": 3, "said": None}])
    found = [row[:4] for row in there(connection)[:3]]
    changed = fit("żółta łódź podwodna", 12)
    assert [(row[0], row[1], row[3]) for row in found] == [
        (changed, "one", None),
        ("old", "old", NOW),
        (changed, None, None),
    ]


@pytest.mark.parametrize("rows", [[{"at": NOW.replace(tzinfo=None)}], [{"at": NOW}, {"at": NOW.replace(tzinfo=None)}]])
def test_a_naive_moment_is_refused(connection: Connection, rows: list[dict[str, Any]]) -> None:
    with pytest.raises(Exception, match="naive datetime"):
        insert(connection, KINDS, rows)


def test_what_the_database_refuses_is_said_as_everywhere(connection: Connection) -> None:
    with pytest.raises(IntegrityError):
        insert(connection, KINDS, [{"id": 1}, {"id": 1}])
