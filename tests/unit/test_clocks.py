"""The clocks: every vector of procedure §6, and properties against an oracle that goes minute by minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.clocks import WARSAW, after_hours, complaint_deadline, is_day_off, is_open, working_days
from mailbot.ruleset.model import Calendar, Window

CALENDAR = Calendar(time(7, 30), time(15, 30), frozenset(), 3, True, 7, 2)
PLAIN = Calendar(time(7, 30), time(15, 30), frozenset(), 3, False, 7, 2)

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def warsaw(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=WARSAW, fold=fold)


def shown(moment: datetime) -> str:
    return moment.astimezone(WARSAW).strftime("%a %Y-%m-%d %H:%M %Z")


def window(start: str, end: str) -> Window:
    return Window(warsaw(start), warsaw(end))


VECTORS = [
    # start, +4 h, +24 h, 10 and 20 working days, complaint moved over days off, and plain
    (
        "2026-03-28 12:00",
        ("Sat 2026-03-28 16:00 CET", "Sun 2026-03-29 13:00 CEST"),
        ("Mon 2026-04-13", "Mon 2026-04-27"),
        ("Tue 2026-03-31", "Tue 2026-03-31"),
    ),
    (
        "2026-10-24 12:00",
        ("Sat 2026-10-24 16:00 CEST", "Sun 2026-10-25 11:00 CET"),
        ("Fri 2026-11-06", "Mon 2026-11-23"),
        ("Tue 2026-10-27", "Tue 2026-10-27"),
    ),
    (
        "2025-12-23 16:00",
        ("Tue 2025-12-23 20:00 CET", "Wed 2025-12-24 16:00 CET"),
        ("Tue 2026-01-13", "Tue 2026-01-27"),
        ("Mon 2025-12-29", "Fri 2025-12-26"),
    ),
    (
        "2025-12-24 10:00",
        ("Wed 2025-12-24 14:00 CET", "Thu 2025-12-25 10:00 CET"),
        ("Tue 2026-01-13", "Tue 2026-01-27"),
        ("Mon 2025-12-29", "Sat 2025-12-27"),
    ),
    (
        "2026-04-03 14:00",
        ("Fri 2026-04-03 18:00 CEST", "Sat 2026-04-04 14:00 CEST"),
        ("Mon 2026-04-20", "Tue 2026-05-05"),
        ("Tue 2026-04-07", "Mon 2026-04-06"),
    ),
    (
        "2026-04-30 15:45",
        ("Thu 2026-04-30 19:45 CEST", "Fri 2026-05-01 15:45 CEST"),
        ("Fri 2026-05-15", "Fri 2026-05-29"),
        ("Mon 2026-05-04", "Sun 2026-05-03"),
    ),
    (
        "2026-06-03 09:00",
        ("Wed 2026-06-03 13:00 CEST", "Thu 2026-06-04 09:00 CEST"),
        ("Thu 2026-06-18", "Thu 2026-07-02"),
        ("Mon 2026-06-08", "Sat 2026-06-06"),
    ),
    (
        "2026-01-05 08:00",
        ("Mon 2026-01-05 12:00 CET", "Tue 2026-01-06 08:00 CET"),
        ("Tue 2026-01-20", "Tue 2026-02-03"),
        ("Thu 2026-01-08", "Thu 2026-01-08"),
    ),
]


@pytest.mark.parametrize(("start", "hours", "days", "complaint"), VECTORS, ids=[v[0] for v in VECTORS])
def test_vectors(start: str, hours: tuple[str, str], days: tuple[str, str], complaint: tuple[str, str]) -> None:
    moment = warsaw(start)
    assert tuple(shown(after_hours(moment, h)) for h in (4, 24)) == hours
    found = [shown(working_days(moment, d, CALENDAR)) for d in (10, 20)]
    assert [f[:14] for f in found] == list(days)
    assert all(" 15:30 " in f for f in found)
    ends = [complaint_deadline(moment, c).astimezone(WARSAW) for c in (CALENDAR, PLAIN)]
    assert tuple(f"{end:%a %Y-%m-%d}" for end in ends) == complaint
    assert {end.time() for end in ends} == {time(23, 59, 59)}


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        ("2026-01-07 07:29", False),
        ("2026-01-07 07:30", True),
        ("2026-01-07 15:29", True),
        ("2026-01-07 15:30", False),
        ("2025-12-24 10:00", False),
        ("2024-12-24 10:00", True),
        ("2018-11-12 10:00", False),
        ("2026-01-10 10:00", False),
    ],
)
def test_hours(moment: str, open_: bool) -> None:
    assert is_open(warsaw(moment), CALENDAR) is open_
    assert is_open(warsaw(moment).astimezone(UTC), CALENDAR) is open_


@pytest.mark.parametrize(("year", "count"), [(2025, 251), (2026, 253), (2027, 253), (2028, 251)])
def test_working_days_of_a_year(year: int, count: int) -> None:
    days = (date(year, 1, 1) + n * DAY for n in range(366))
    assert sum(not is_day_off(day, CALENDAR) for day in days if day.year == year) == count


@pytest.mark.parametrize(
    ("year", "names"),
    [
        (2024, "01-01 01-06 03-31 04-01 05-01 05-03 05-19 05-30 08-15 11-01 11-11 12-25 12-26"),
        (2026, "01-01 01-06 04-05 04-06 05-01 05-03 05-24 06-04 08-15 11-01 11-11 12-24 12-25 12-26"),
    ],
)
def test_the_public_holidays_are_those_of_the_act(year: int, names: str) -> None:
    """The act has changed twice in this century: the next change must be written here."""
    all_week = [date(year, 1, 1) + n * DAY for n in range(366)]
    off = {f"{day:%m-%d}" for day in all_week if is_day_off(day, CALENDAR) and day.weekday() < 5 and day.year == year}
    assert off == {name for name in names.split() if date.fromisoformat(f"{year}-{name}").weekday() < 5}


def test_the_public_holidays_are_those_that_a_library_knows() -> None:
    for year in range(2011, 2100):
        known = {day for day in holidays.country_holidays("PL", years=year) if day.weekday() < 5}
        year_of_days = (date(year, 1, 1) + n * DAY for n in range(366))
        assert {
            day for day in year_of_days if is_day_off(day, CALENDAR) and day.weekday() < 5 and day.year == year
        } == known


def test_a_day_off_of_the_office_moves_the_deadlines() -> None:
    closed = Calendar(time(7, 30), time(15, 30), frozenset({date(2026, 1, 8)}), 3, True, 7, 2)
    start = warsaw("2026-01-05 08:00")
    assert shown(working_days(start, 2, CALENDAR))[:14] == "Thu 2026-01-08"
    assert shown(working_days(start, 2, closed))[:14] == "Fri 2026-01-09"
    assert shown(complaint_deadline(start, closed))[:14] == "Fri 2026-01-09"
    assert not is_open(warsaw("2026-01-08 10:00"), closed)


def test_no_working_day_is_no_promise() -> None:
    with pytest.raises(ValueError, match="0 working days"):
        working_days(warsaw("2026-01-05 08:00"), 0, CALENDAR)


SEED = (window("2016-02-24 07:30", "2016-02-24 09:30"), window("2016-02-24 12:00", "2016-02-24 13:00"))


@pytest.mark.parametrize(
    ("start", "hours", "pauses", "end"),
    [
        ("2016-02-24 07:00", 4, SEED, "Wed 2016-02-24 14:00 CET"),  # the two hours lead into the second window
        ("2016-02-24 07:00", 2, SEED, "Wed 2016-02-24 11:00 CET"),
        ("2016-02-24 08:00", 1, SEED, "Wed 2016-02-24 10:30 CET"),  # begins inside a window
        ("2016-02-24 10:00", 2, SEED, "Wed 2016-02-24 12:00 CET"),  # ends where a window begins: half-open
        ("2016-02-24 09:30", 2.5, SEED, "Wed 2016-02-24 12:00 CET"),  # begins where a window ends
        ("2016-02-24 08:00", 0, SEED, "Wed 2016-02-24 08:00 CET"),
        ("2016-02-24 07:00", 4, SEED[::-1] + SEED, "Wed 2016-02-24 14:00 CET"),  # in any order, counted once
        (
            "2016-02-24 07:00",
            1,
            (window("2016-02-24 07:30", "2016-02-24 09:00"), window("2016-02-24 08:00", "2016-02-24 10:00")),
            "Wed 2016-02-24 10:30 CET",
        ),
        ("2016-02-24 07:00", 1, (window("2016-02-24 07:30", "2016-02-24 07:30"),), "Wed 2016-02-24 08:00 CET"),
        # the night in which an hour comes twice: the window of "an hour" lasts two
        ("2026-10-25 01:00", 1, (window("2026-10-25 01:30", "2026-10-25 03:00"),), "Sun 2026-10-25 03:30 CET"),
        # the night in which one is missing: that of "two hours" lasts one
        ("2026-03-29 01:00", 1, (window("2026-03-29 01:30", "2026-03-29 03:30"),), "Sun 2026-03-29 04:00 CEST"),
    ],
)
def test_absolute_hours_stand_still_in_a_pause(start: str, hours: float, pauses: tuple[Window, ...], end: str) -> None:
    assert shown(after_hours(warsaw(start), hours, pauses)) == end


@pytest.mark.parametrize(
    ("start", "days", "pauses", "end"),
    [
        ("2016-02-23 10:00", 1, SEED, "Thu 2016-02-25 10:30 CET"),  # three working hours, from the next morning on
        ("2016-02-24 07:00", 1, SEED, "Thu 2016-02-25 15:30 CET"),  # the first day is not counted, nor its pauses
        ("2016-02-23 10:00", 1, (window("2016-02-24 15:30", "2016-02-25 07:30"),), "Wed 2016-02-24 15:30 CET"),
        ("2016-02-26 10:00", 1, (window("2016-02-27 00:00", "2016-02-28 23:00"),), "Mon 2016-02-29 15:30 CET"),
        ("2016-02-23 10:00", 1, (window("2016-02-24 07:30", "2016-02-24 15:30"),), "Thu 2016-02-25 15:30 CET"),
        # the added hours meet a further pause, and a weekend lies between
        (
            "2016-02-25 10:00",
            1,
            (window("2016-02-26 14:30", "2016-02-26 15:30"), window("2016-02-29 08:00", "2016-02-29 09:00")),
            "Mon 2016-02-29 09:30 CET",
        ),
        ("2016-02-23 10:00", 1, (window("2016-02-24 07:00", "2016-02-26 08:30"),), "Mon 2016-02-29 08:30 CET"),
    ],
)
def test_working_days_are_prolonged_by_the_working_time_of_a_pause(
    start: str, days: int, pauses: tuple[Window, ...], end: str
) -> None:
    assert shown(working_days(warsaw(start), days, CALENDAR, pauses)) == end


# Properties. The oracle knows nothing but "one minute later".

starts = st.integers(0, 330 * 24 * 60).map(lambda minutes: datetime(2025, 12, 18, tzinfo=UTC) + minutes * MINUTE)
windows = st.lists(
    st.tuples(st.integers(-600, 6_000), st.integers(0, 1_500)), max_size=4
)  # minutes after the start, and how long


def placed(start: datetime, minutes: Sequence[tuple[int, int]]) -> list[Window]:
    return [Window(start + a * MINUTE, start + (a + length) * MINUTE) for a, length in minutes]


def paused(moment: datetime, pauses: Sequence[Window]) -> bool:
    return any(w.start <= moment < w.end for w in pauses)


def slow_after(start: datetime, minutes: int, pauses: Sequence[Window]) -> datetime:
    moment = start
    while minutes:
        minutes -= not paused(moment, pauses)
        moment += MINUTE
    return moment


def slow_working_days(start: datetime, days: int, pauses: Sequence[Window]) -> datetime:
    """A working day is 480 minutes in which the office is open and nothing pauses."""
    moment, minutes = start, days * 480
    while minutes:
        counted = moment.astimezone(WARSAW).date() > start.astimezone(WARSAW).date()
        minutes -= counted and is_open(moment, CALENDAR) and not paused(moment, pauses)
        moment += MINUTE
    return moment


@given(starts, st.integers(0, 2_000), windows)
def test_hours_as_counted_minute_by_minute(start: datetime, minutes: int, at: list[tuple[int, int]]) -> None:
    pauses = placed(start, at)
    error = after_hours(start, minutes / 60, pauses) - slow_after(start, minutes, pauses)
    assert abs(error) < timedelta(milliseconds=1)  # a third of an hour is no whole number of microseconds


@given(starts, st.integers(1, 4), windows)
def test_working_days_as_counted_minute_by_minute(start: datetime, days: int, at: list[tuple[int, int]]) -> None:
    pauses = placed(start, at)
    assert working_days(start, days, CALENDAR, pauses) == slow_working_days(start, days, pauses)


@given(starts, st.integers(0, 100), windows)
def test_a_pause_never_shortens_and_adds_no_more_than_its_length(
    start: datetime, hours: int, at: list[tuple[int, int]]
) -> None:
    pauses = placed(start, at)
    plain, found = after_hours(start, hours), after_hours(start, hours, pauses)
    assert plain == start + timedelta(hours=hours)
    assert plain <= found <= plain + sum((w.end - w.start for w in pauses), timedelta())
    days = hours // 10 + 1
    assert working_days(start, days, CALENDAR) <= working_days(start, days, CALENDAR, pauses)


@given(starts, starts, st.integers(1, 25), windows)
def test_who_comes_later_is_not_served_earlier(
    one: datetime, other: datetime, amount: int, at: list[tuple[int, int]]
) -> None:
    first, last = sorted((one, other))
    pauses = placed(first, at)
    assert after_hours(first, amount, pauses) <= after_hours(last, amount, pauses)
    assert working_days(first, amount, CALENDAR, pauses) <= working_days(last, amount, CALENDAR, pauses)
    assert complaint_deadline(first, CALENDAR) <= complaint_deadline(last, CALENDAR)


@given(starts, st.integers(1, 40))
def test_working_days_end_when_the_office_closes(start: datetime, days: int) -> None:
    end = working_days(start, days, CALENDAR)
    local = end.astimezone(WARSAW)
    assert end.tzinfo is UTC
    assert local.time() == CALENDAR.closes
    assert is_open(end - MINUTE, CALENDAR)
    assert end < working_days(start, days + 1, CALENDAR)
    first = start.astimezone(WARSAW).date()
    between = [first + n * DAY for n in range(1, (local.date() - first).days + 1)]
    assert sum(not is_day_off(day, CALENDAR) for day in between) == days


@given(starts)
def test_a_complaint_has_three_whole_days_and_ends_on_a_working_day(start: datetime) -> None:
    end, plain = complaint_deadline(start, CALENDAR), complaint_deadline(start, PLAIN)
    assert plain - start >= 3 * DAY - timedelta(hours=1, seconds=1)  # the day with 23 hours
    assert plain <= end
    assert not is_day_off(end.astimezone(WARSAW).date(), CALENDAR)
