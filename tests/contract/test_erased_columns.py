"""docs/columns.md names every column: either erasing reaches it, or it says why nothing of a person is in it. A new
column makes this fail until somebody has thought of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine, Table, TypeDecorator, insert, select, update

from mailbot.storage import breaker, desk, erasing, oauth, probes, registry, shared, tokens, tried, webhooks
from mailbot.storage.outgoing import outbox_raw
from mailbot.storage.schema import activation, inbox, metadata, outbox
from tests.contract.test_erasing import LINK, MINE, MOMENT, erased, filled
from tests.support import ROOT

TABLES = (breaker, desk, erasing, oauth, probes, registry, shared, tokens, tried, webhooks)
"""Each of them adds its tables to the metadata."""
MARKER = "znacznik.nikogo"
ANNA = {
    "id": 1,
    "name": "anna",
    "display": "Anna",
    "roles": ["operator"],
    "desks": [],
    "state": "active",
    "made_at": MOMENT,
}
HALF = {"ticket_id": 1, "action": "accept-b", "version": 1, "digest": "", "operator_id": 1, "at": MOMENT}
TABLE = re.compile(r"`(\w+)`: ([\w, ]+)")

LISTED = [
    (why.strip(), [f"{table}.{name}" for table, names in TABLE.findall(cell) for name in names.split(", ")])
    for why, cell in re.findall(
        r"^\| (.+) \| (`.+) \|$", (ROOT / "docs" / "columns.md").read_text("utf-8"), re.MULTILINE
    )
]
"""What becomes of a column and why, and the columns."""
ERASED = {name for why, names in LISTED if why.startswith("erased") for name in names}
SEALED = {name for why, names in LISTED if "sealed under the key" in why for name in names} - {"inbox.envelope"}
"""Of those what lies under the keys that go (test_erasing)."""


def columns() -> dict[str, sa.Column[Any]]:
    return {f"{table.name}.{c.name}": c for table in metadata.sorted_tables for c in table.c}


def holds_words(column: sa.Column[Any]) -> bool:
    kind = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    return isinstance(kind, sa.String | sa.JSON | sa.LargeBinary)


def test_every_column_is_named_once() -> None:
    assert sorted(name for _, names in LISTED for name in names) == sorted(columns())


def test_what_is_told_to_be_a_number_holds_no_words() -> None:
    (numbers,) = (names for why, names in LISTED if "numbers of rows" in why)
    assert [name for name in numbers if holds_words(columns()[name])] == []


def _whose(table: Table) -> Any:
    """The rows of the first ticket and its message."""
    c = table.c
    if table is inbox or table.name == "ticket":
        return c.id == 1
    if table is outbox_raw:
        return c.outbox_id.in_(select(outbox.c.id).where(outbox.c.ticket_id == 1))
    return c.ticket_id == 1 if "ticket_id" in c else c.inbox_id == 1


async def test_nothing_is_left_in_any_of_them(empty_engine: Engine, tmp_path: Path) -> None:
    there = {name: column for name, column in columns().items() if name in ERASED}
    async with filled(empty_engine, tmp_path) as (parts, _, clock):
        with empty_engine.begin() as connection:
            connection.execute(insert(activation).values(LINK))
            connection.execute(insert(desk.operator).values(ANNA))
            connection.execute(insert(desk.approval).values(HALF))
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
        "outbox_raw.raw",
        "activation.sealed",
        "decision.sealed",
    )
    assert [name for name in gone if any(after[name])] == []


def _values(engine: Engine, column: sa.Column[Any]) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(select(column).where(_whose(column.table))).scalars())
