"""Titles of notices against their windows."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.ruleset.titles import MONTHS, TimeWindow, compare, words

PUBLISHED = date(2016, 2, 20)


def window(day: int, start: str, end: str, last: int | None = None) -> TimeWindow:
    return (
        datetime.fromisoformat(f"2016-02-{day} {start}"),
        datetime.fromisoformat(f"2016-02-{last or day} {end}"),
    )


MORNING, NOON = window(24, "07:30", "09:30"), window(24, "12:00", "13:00")
NEXT = window(25, "12:00", "13:00")
NIGHT = window(24, "22:00", "02:00", 25)


@pytest.mark.parametrize(
    "title",
    [
        "w dniu 24-02-2016 r. w godz. 07:30 – 09:30 oraz 12:00 – 13:00",
        "w dniu 24.02.2016 r. w godz. 7.30-9.30, 12.00-13.00",
        "24 lutego 2016 r. od 7:30 do 9:30 i od 12:00 do 13:00",
        "24 LUTEGO 2016 R. OD 7:30 DO 9:30 I OD 12:00 DO 13:00",
        "2016-02-24, między 12:00 a 13:00 i między 7:30 a 9:30",
        "w godz. 7:30 – 9:30 oraz 12:00 – 13:00 w dniu 24/02/2016",
        "20.02.2016 HELP-DESK: przerwa 24.02.2016 w godz. 7:30–9:30 i 12:00–13:00",
        "w godz. 7:30—9:30 oraz 12:00—13:00",
        "24 lutego 2016 r.",
        "Niedostępność usługi HELP DESK SISC",
        "24.02.2016 od godz. 7:30 oraz od godz. 12:00",
    ],
)
def test_agrees(title: str) -> None:
    assert compare(title, PUBLISHED, [MORNING, NOON]) == ([], [])


@pytest.mark.parametrize(
    ("title", "windows", "missing", "idle"),
    [
        ("w dniu 24-02-2016 r. w godz. 12:00 – 13:00", [MORNING, NOON], [0], []),
        ("od 7:30 do 9:30", [MORNING, NOON], [1], []),
        ("od 7:30 do 9:30 i od 14:00 do 15:00", [MORNING], [], ["14:00–15:00"]),
        ("24.02.2016 od 7:30 do 9:45", [MORNING], [0], ["24.02.2016 07:30–09:45"]),
        ("25.02.2016 od 7:30 do 9:30", [MORNING], [0], ["25.02.2016"]),
        ("25.02.2016", [MORNING], [0], ["25.02.2016"]),
        ("24.02.2016", [MORNING, NEXT], [1], []),
        ("24.02.2016 od godz. 8:00", [MORNING], [0], ["08:00"]),
        # hours are said of the days before them
        ("24.02.2016 i 25.02.2016 w godz. 12:00–13:00", [NOON, NEXT], [], []),
        ("24.02.2016 i 25.02.2016 w godz. 12:00–13:00", [NOON], [], ["25.02.2016"]),
        ("24.02.2016 w godz. 7:30–9:30, 25.02.2016 w godz. 12:00–13:00", [MORNING, NEXT], [], []),
        ("24.02.2016 w godz. 7:30–9:30, 25.02.2016 w godz. 12:00–13:00", [MORNING, NOON], [1], ["25.02.2016"]),
        ("24.02.2016 – 25.02.2016 w godz. 12:00–13:00", [NOON, NEXT], [], []),
        ("24.02.2016 – 26.02.2016 w godz. 12:00–13:00", [NOON, NEXT], [], ["26.02.2016"]),
        # or of the days behind them
        ("w godz. 12:00–13:00 w dniach 24.02.2016 i 25.02.2016", [NOON, NEXT], [], []),
        ("w godz. 7:30–9:30 w dniu 24.02.2016, w godz. 12:00–13:00 w dniu 25.02.2016", [MORNING, NEXT], [], []),
        # past midnight
        ("24.02.2016 od 22:00 do 2:00", [NIGHT], [], []),
        ("od 24.02.2016 22:00 do 25.02.2016 2:00", [NIGHT], [], []),
        ("od 24.02.2016 22:00 do 26.02.2016 2:00", [NIGHT], [0], ["26.02.2016", "24.02.2016 22:00–26.02.2016 02:00"]),
        ("24.02.2016 20:00–24:00", [window(24, "20:00", "00:00", 25)], [], []),
        # the day of publication, when it is the only one
        ("20.02.2016 przerwa", [MORNING], [0], ["20.02.2016"]),
        # no day, no hour
        ("31.12.9999 i 1.1.0001", [MORNING], [], []),
        ("31.02.2016 w godz. 12:75, tel. 33 483 20 55, wersja 10.12.2.1", [MORNING], [], []),
    ],
)
def test_disagrees(title: str, windows: list[TimeWindow], missing: list[int], idle: list[str]) -> None:
    assert compare(title, PUBLISHED, windows) == (missing, idle)


moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 30)).map(lambda m: m.replace(second=0, microsecond=0))  # noqa: DTZ001
pairs = st.tuples(moments, moments).filter(lambda p: p[0] < p[1])


@given(st.lists(pairs, min_size=1, max_size=4, unique=True), st.integers(0, 2))
def test_a_title_made_from_the_windows_agrees(windows: list[TimeWindow], form: int) -> None:
    def day(moment: datetime) -> str:
        spelled = f"{moment.day} {MONTHS[moment.month - 1]} {moment.year} r."
        return (f"{moment:%d.%m.%Y} r.", f"{moment:%Y-%m-%d}", spelled)[form]

    said = [f"od {day(a)} godz. {a:%H:%M} do {day(b)} godz. {b:%H:%M}" for a, b in windows]
    assert compare("Przerwa " + " oraz ".join(said), date(1999, 1, 1), windows) == ([], [])
    missing, idle = compare("Przerwa " + " oraz ".join(said[1:]) or "x", date(1999, 1, 1), windows)
    assert idle == []
    assert missing == ([0] if len(windows) > 1 else [])


@given(st.text(alphabet="0123456789 .:-–do\nlutego/", max_size=80))
def test_any_title_can_be_read(title: str) -> None:
    missing, idle = compare(title, PUBLISHED, [MORNING])
    assert set(missing) <= {0}
    assert all(idle)


def test_words() -> None:
    assert words(NIGHT) == "24.02.2016 22:00–25.02.2016 02:00"
