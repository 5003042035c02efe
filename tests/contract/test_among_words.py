"""Rows by a list of numbers or words: one statement for lists of any length; nothing in a word is a sign of ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Column, Engine, event, insert, select

from mailbot.storage.among import among
from mailbot.storage.schema import counter

WORDS = ("a'b", 'ż"ó\\ł', "[1, 2]", "\U0001f4e7", " ", "%")


@pytest.mark.parametrize(
    ("column", "kept"), [(counter.c.name, WORDS), (counter.c.value, (-1, 0, 7, 2**40))], ids=["words", "numbers"]
)
def test_rows_are_found_by_a_list_of_any_length(engine: Engine, column: Column[Any], kept: Sequence[Any]) -> None:
    wanted, asked = select(column).where(among(column, "these")), set[str]()
    other = "ever there" if column is counter.c.name else 99
    with engine.begin() as connection:
        rows = [{"name": str(n), "value": n} | {column.name: one} for n, one in enumerate(kept)]
        connection.execute(insert(counter), rows)
        event.listen(connection, "before_cursor_execute", lambda _c, _cursor, text, *_: asked.add(text))
        for these in ([], [other], kept[:1], [kept[0], other, kept[0]], [*kept, other], kept[2:]):
            found = connection.execute(wanted, {"these": these}).scalars().all()
            assert sorted(found) == sorted(set(these) - {other})
    assert len(asked) == 1
