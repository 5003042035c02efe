"""Charts: the geometry of a drawing, and that nothing gets out of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.console import charts
from mailbot.console.charts import WIDTH, Rect

numbers = st.integers(min_value=0, max_value=10**9)


def test_the_highest_column_is_as_high_as_there_is_room() -> None:
    chart = charts.columns([("29.11", 2), ("30.11", 4)])
    assert [rect.height for rect in chart.rects] == [60, 120]
    assert [rect.y + rect.height for rect in chart.rects] == [140, 140], "they stand on one line"
    assert chart.rows == (("29.11", (2,)), ("30.11", (4,)))


def test_the_parts_of_a_bar_follow_each_other() -> None:
    chart = charts.bars([("1", (3, 1, 0)), ("2", (0, 0, 2))])
    assert chart.rects == (Rect(150, 4, 292.5, 18, 0), Rect(442.5, 4, 97.5, 18, 1), Rect(150, 30, 195, 18, 2))
    assert chart.parts == {0, 1, 2}


@pytest.mark.parametrize("rows", [[], [("a", 0)], [("a", 0), ("b", 0)]])
def test_nothing_is_no_drawing(rows: list[tuple[str, int]]) -> None:
    assert charts.columns(rows).empty
    assert charts.bars([(label, (value, value)) for label, value in rows]).empty


@given(st.lists(st.lists(numbers, min_size=1, max_size=3), max_size=40))
def test_no_bar_leaves_the_drawing(parts: list[list[int]]) -> None:
    for chart in (charts.bars([("x", row) for row in parts]), charts.columns([("x", row[0]) for row in parts])):
        for rect in chart.rects:
            assert rect.x >= 0
            assert rect.y >= 0
            assert rect.x + rect.width <= WIDTH + 0.2
            assert rect.y + rect.height <= chart.height + 0.2
