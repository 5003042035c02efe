"""Rows by a list of their numbers, on each engine."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from sqlalchemy import Engine, insert, select

from mailbot.storage.among import among
from mailbot.storage.schema import counter

_THESE = (
    select(counter.c.value).where(among(counter.c.value, "values"), counter.c.name != "no").order_by(counter.c.value)
)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ((), []),
        ([2], [2]),
        ({3, 1}, [1, 3]),
        ([3, 3, 9, -1], [3]),
        (range(2, 40_000), [2, 3, 2**31]),
        ([2**31, 2**62], [2**31, 2**62]),
    ],
)
def test_a_list_of_any_length_finds_the_rows_that_are_there(
    engine: Engine, wanted: Collection[int], found: list[int]
) -> None:
    with engine.begin() as connection:
        connection.execute(insert(counter), [{"name": f"{n}", "value": n} for n in (1, 2, 3, 2**31, 2**62)])
        given = [*wanted, 2**31] if isinstance(wanted, range) else wanted
        assert connection.execute(_THESE, {"values": given}).scalars().all() == found
        connection.rollback()
