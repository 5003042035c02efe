"""The clocks of a ticket: absolute hours, working days, the time for a complaint (procedure §6).

Every moment that comes in is aware, every moment that goes out is in UTC: two moments in one zone would be compared by
their wall time, which is wrong in the night when the clocks are put back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from mailbot.ruleset.calendar import WARSAW
from mailbot.ruleset.model import Calendar, Window

__all__ = ["WARSAW", "after_hours", "complaint_deadline", "is_day_off", "is_open", "working_days"]

_SATURDAY = 5
_DAY = timedelta(days=1)
_NOTHING = timedelta()
_LAST_SECOND = time(23, 59, 59)
_HOLIDAYS = {
    (1, 1): 1951,
    (1, 6): 2011,
    (5, 1): 1951,
    (5, 3): 1990,
    (8, 15): 1989,
    (11, 1): 1951,
    (11, 11): 1989,
    (12, 24): 2025,
    (12, 25): 1951,
    (12, 26): 1951,
}
"""Month and day → the year since which it is off."""
_AFTER_EASTER = (0, 1, 49, 60)
"""Easter, its Monday, Pentecost, Corpus Christi."""
_CENTENARY = date(2018, 11, 12)


def after_hours(start: datetime, hours: float, pauses: Sequence[Window] = ()) -> datetime:
    """The moment ``hours`` absolute hours after ``start``; the clock stands still during ``pauses``.

    Pauses may overlap, and come in any order. Only the clocks of a wniosek have any (seed 001, E12).
    """
    return _after(start.astimezone(UTC), timedelta(hours=hours), _merged(pauses))


def working_days(start: datetime, days: int, calendar: Calendar, pauses: Sequence[Window] = ()) -> datetime:
    """When the office closes on the last of ``days`` (at least 1) working days; the day of ``start`` is not counted.

    The opening hours that ``pauses`` cover after that day are made up for, on further working days.
    """
    if days < 1:
        raise ValueError(f"{days} working days")
    windows = _merged(pauses)
    day = start.astimezone(WARSAW).date()
    owed = days * (_at(day, calendar.closes) - _at(day, calendar.opens))
    while True:
        day = _next_working_day(day, calendar)
        opens, closes = _at(day, calendar.opens), _at(day, calendar.closes)
        deadline = _after(opens, owed, windows)
        if deadline <= closes:
            return deadline
        owed -= closes - opens - _covered(opens, closes, windows)


def complaint_deadline(answered_at: datetime, calendar: Calendar) -> datetime:
    """The last second of a complaint about an answer that was accepted at ``answered_at``; its day is not counted.

    When the calendar says so, a last day that is a day off, the office's own included, moves to the next that is none
    (KPA art. 57 § 4, read in favour of the citizen).
    """
    day = answered_at.astimezone(WARSAW).date() + timedelta(days=calendar.complaint_days)
    while calendar.complaint_moves and is_day_off(day, calendar):
        day += _DAY
    return _at(day, _LAST_SECOND)


def is_day_off(day: date, calendar: Calendar) -> bool:
    """Saturday, Sunday, a Polish public holiday, or a day off of the office's own."""
    return day.weekday() >= _SATURDAY or day in calendar.extra_days_off or day in _public_holidays(day.year)


def is_open(moment: datetime, calendar: Calendar) -> bool:
    """Whether specialists work at ``moment``: from ``opens`` on, until before ``closes``, on no day off."""
    local = moment.astimezone(WARSAW)
    return calendar.opens <= local.time() < calendar.closes and not is_day_off(local.date(), calendar)


@lru_cache(maxsize=64)
def _public_holidays(year: int) -> frozenset[date]:
    """Of the act of 18 January 1951 on days off work, and 12 November 2018, which had an act of its own (procedure §6).

    A table of ours: a library of all countries took 14 MB and 0.1 s of every process, and has the same (test_clocks).
    """
    fixed = {date(year, *day) for day, since in _HOLIDAYS.items() if year >= since}
    moving = {_easter(year) + timedelta(days=after) for after in _AFTER_EASTER}
    return frozenset((fixed | moving | {_CENTENARY}) if year == _CENTENARY.year else fixed | moving)


def _easter(year: int) -> date:
    """Easter Sunday in the Gregorian calendar (Meeus, Astronomical Algorithms, chapter 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    h = (19 * a + b - d - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    i, k = divmod(c, 4)
    n = (32 + 2 * e + 2 * i - h - k) % 7
    month, day = divmod(h + n - 7 * ((a + 11 * h + 22 * n) // 451) + 114, 31)
    return date(year, month, day + 1)


def _next_working_day(day: date, calendar: Calendar) -> date:
    day += _DAY
    while is_day_off(day, calendar):
        day += _DAY
    return day


def _at(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, WARSAW).astimezone(UTC)


def _merged(pauses: Sequence[Window]) -> list[Window]:
    """The same time as windows in order, none of which touches another, so that nothing is counted twice."""
    found: list[Window] = []
    for start, end in sorted((w.start.astimezone(UTC), w.end.astimezone(UTC)) for w in pauses):
        if found and start <= found[-1].end:
            found[-1] = Window(found[-1].start, max(found[-1].end, end))
        elif start < end:
            found.append(Window(start, end))
    return found


def _after(start: datetime, amount: timedelta, windows: Sequence[Window]) -> datetime:
    """The first moment when ``amount`` of time outside of ``windows`` has gone by since ``start``."""
    end = start + amount
    for window in windows:
        begin = max(window.start, start)
        if begin >= end:
            break
        end += max(window.end - begin, _NOTHING)  # a window may have ended before
    return end


def _covered(start: datetime, end: datetime, windows: Sequence[Window]) -> timedelta:
    """How much of the time from ``start`` to ``end`` lies in ``windows``."""
    return sum((max(min(w.end, end) - max(w.start, start), _NOTHING) for w in windows), _NOTHING)
