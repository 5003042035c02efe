"""Whether the title of a notice and its windows say the same.

The seed's own notice names one window in the title and two in the text (seed 001, KOMUNIKATY).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from mailbot.ruleset.values import FIRST_YEAR, LAST_YEAR

MONTHS = (
    "stycznia",
    "lutego",
    "marca",
    "kwietnia",
    "maja",
    "czerwca",
    "lipca",
    "sierpnia",
    "września",
    "października",
    "listopada",
    "grudnia",
)
"""As they stand in a Polish date."""

_TOKEN = re.compile(
    r"(?<![0-9])(?<![0-9][.:])(?:"  # not the middle of a version or a telephone
    r"(?P<y1>[0-9]{4})-(?P<m1>[0-9]{1,2})-(?P<d1>[0-9]{1,2})"
    r"|(?P<d2>[0-9]{1,2})[-./](?P<m2>[0-9]{1,2})[-./](?P<y2>[0-9]{4})"
    rf"|(?P<d3>[0-9]{{1,2}}) (?P<m3>{'|'.join(MONTHS)}) (?P<y3>[0-9]{{4}})"
    r"|(?P<hour>[0-9]{1,2})[:.](?P<minute>[0-9]{2})"
    r")(?![.:]?[0-9])"
    r"|(?P<until>[-–—]|\b(?:do|a)\b)",
    re.IGNORECASE,
)
_MOST_DAYS = 31

TimeWindow = tuple[datetime, datetime]
"""Start and end of a window in wall time, naive."""

TitleToken = date | time | None
"""A day, an hour, or (None) what stands between two of them: "–", "do"."""


@dataclass(frozen=True, slots=True)
class _Hours:
    """From an hour until another."""

    start: time
    end: time
    last: date | None
    """The day of the end, when it is said."""

    def on(self, day: date) -> TimeWindow:
        """The same on ``day``; past midnight when it would end before it begins."""
        start, end = datetime.combine(day, self.start), datetime.combine(self.last or day, self.end)
        return start, end if end > start else end + timedelta(days=1)


@dataclass(slots=True)
class _Title:
    """What a title says. Without a day its pairs are those of ``date.min``."""

    days: set[date] = field(default_factory=set)
    pairs: list[TimeWindow] = field(default_factory=list)
    hours: list[time] = field(default_factory=list)
    """Single ones: "od godz. 12:00"."""


def compare(title: str, published: date, windows: Sequence[TimeWindow]) -> tuple[list[int], list[str]]:
    """The places of the ``windows`` that the title does not name, and the words of what it names that is no window.

    A title that names no day is compared by hours alone, one that names no hour by days alone; one that names neither
    agrees with everything. The day of publication at the start of a title is not taken for that of a window.
    """
    said = _read(_tokens(title, published))
    idle = [f"{day:%d.%m.%Y}" for day in sorted(said.days) if not any(a.date() <= day <= b.date() for a, b in windows)]
    if not said.pairs and not said.hours:
        return [n for n, (start, _) in enumerate(windows) if said.days and start.date() not in said.days], idle
    named = {_key(pair, said) for pair in said.pairs}
    missing = [n for n, w in enumerate(windows) if _key(w, said) not in named and not _touches(w, said.hours)]
    there = {_key(window, said) for window in windows}
    idle += [words(pair) for pair in said.pairs if _key(pair, said) not in there and f"{pair[0]:%d.%m.%Y}" not in idle]
    return missing, idle + [f"{hour:%H:%M}" for hour in said.hours if not any(_touches(w, [hour]) for w in windows)]


def words(pair: TimeWindow) -> str:
    """„24.02.2016 07:30–09:30”; without the day when the title named none."""
    start, end = pair
    day = "" if start.date() == date.min else f"{start:%d.%m.%Y} "
    until = f"{end:%d.%m.%Y} " if day and end.date() != start.date() else ""
    return f"{day}{start:%H:%M}–{until}{end:%H:%M}"


def _key(pair: TimeWindow, said: _Title) -> tuple[object, object]:
    return pair if said.days else (pair[0].time(), pair[1].time())


def _touches(window: TimeWindow, hours: Sequence[time]) -> bool:
    return window[0].time() in hours or window[1].time() in hours


def _tokens(title: str, published: date) -> list[TitleToken]:
    found: list[TitleToken] = []
    first = False
    for match in _TOKEN.finditer(title):
        try:
            found.append(_token(match))
        except ValueError:  # 31.02.2016, 12:75: no day and no hour
            continue
        first |= match.start() == 0
    days = [token for token in found if isinstance(token, date)]
    return found[1:] if first and found[0] == published and len(days) > 1 else found


def _token(match: re.Match[str]) -> TitleToken:
    part = match.groupdict()
    if part["until"]:
        return None
    if part["hour"]:
        return time(0 if part["hour"] == "24" else int(part["hour"]), int(part["minute"]))
    year = int(part["y1"] or part["y2"] or part["y3"])
    month = MONTHS.index(part["m3"].lower()) + 1 if part["m3"] else int(part["m1"] or part["m2"])
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError
    return date(year, month, int(part["d1"] or part["d2"] or part["d3"]))


def _read(tokens: Sequence[TitleToken]) -> _Title:
    """Days and hours that belong together follow each other: a title has either the days first, or the hours."""
    title = _Title()
    groups: list[tuple[list[date], list[_Hours]]] = []
    before: type | None = None
    for part in _parts(tokens):
        if isinstance(part, time):
            title.hours.append(part)
            continue
        if not groups:
            leading = type(part)
        if not groups or (type(part) is leading and before is not leading):
            groups.append(([], []))
        before = type(part)
        if isinstance(part, _Hours):
            groups[-1][1].append(part)
            title.days.update([part.last] if part.last else [])
        else:
            groups[-1][0].extend(part)
            title.days.update(part)
    title.pairs = [hours.on(day) for days, said in groups for hours in said for day in days or [date.min]]
    return title


def _parts(tokens: Sequence[TitleToken]) -> Iterator[list[date] | _Hours | time]:
    """Days ("24. – 26." is every day between), hours from and until, single hours."""
    place = 0
    while place < len(tokens):
        match tokens[place : place + 4]:
            case [time() as start, None, time() as end, *_]:
                yield _Hours(start, end, None)
                place += 3
            case [time() as start, None, date() as last, time() as end]:
                yield _Hours(start, end, last)
                place += 4
            case [date() as first, None, date() as last, *_]:
                yield _between(first, last)
                place += 3
            case [date() as day, *_]:
                yield [day]
                place += 1
            case [time() as hour, *_]:
                yield hour
                place += 1
            case _:
                place += 1


def _between(first: date, last: date) -> list[date]:
    count = (last - first).days + 1
    return [first + timedelta(days=n) for n in range(count)] if 0 < count <= _MOST_DAYS else [first, last]
