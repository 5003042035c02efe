"""The day that a letter bears: one of long ago, or of a day to come, was not meant now. Pure.

Only the line of place and date, and the day of signing, may be too old: what happened, and when somebody was born, has
dates of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta

from mailbot.text.unicode import flat

_OLDEST = timedelta(days=90)
"""As long as an honest letter may have lain; what was signed more than 30 days ago is a person's anyway."""
_AHEAD = timedelta(days=1)
_BORN = 2012
"""A date alone of this year or before is when somebody was born, in a cell of a table."""
_SHORT = ("sty", "lut", "mar", "kwi", "maj", "cze", "lip", "sie", "wrz", "paz", "lis", "gru")
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_MONTHS = {name: 1 + number % 12 for number, name in enumerate((*_SHORT, *_ROMAN))}
"""Names by their first three letters, and Roman numbers."""
_DAY = (
    r"(?:(?P<day>\d{1,2})(?:[./-](?P<month>\d{1,2})[./-]|[ .]{1,2}(?P<name>[a-z]{1,12})[ .]{1,2})"
    r"(?P<year>\d{4}|\d\d(?(name)(?=[ ]?r\b)))"
    r"|(?P<y>\d{4})[.-](?P<m>\d\d)[.-](?P<d>\d\d))(?!\d)"
)
_LINE = re.compile(
    rf"(?m)(?:^|(?<=\t))[ \t]*(?:[^\W\d_]{{1,40}}[ ,/:.-]{{1,9}}){{0,5}}{_DAY}"
    r"[ ]{0,3}(?:r\.?|rok\w?)?[ .]{0,3}(?=\t|$)"
)
_SIGNED = re.compile(
    r"\b(?:podpisano|opatrzono|podpisal[ea]m|podpisan\w\s(?=(?:podpisem|profilem|elektr|cyfr|kwalif|zauf|osobi)))"
    rf"[^\n\d]{{0,80}}{_DAY}"
)
"""When somebody says that he signed."""
_ANYWHERE = re.compile(rf"(?<![\d.@]){_DAY}(?![@\w]|[.][^\s])")
_STREET = re.compile(
    r"\b(?:ul(?:ic[aey])?|al(?:ej[aei])?|os(?:iedl[aeu])?|pl(?:ac(?:u|em)?)?|rond[oau]|skwer\w*)\b\.?[ ]{0,3}"
    r"\d{1,2}\.?[ ]?(?:[a-z]{4,12}|[ivx]{1,4})\b"
)
"""One that is called after a day: the number of its house is no year ("ul. 3 Maja 17")."""
_TOLD = re.compile(
    r"\b(?:ur|urodz\w*|od|rok|konto\w*|login\w*|zalozon\w*|\w{2,}(?:lem|lam|alo|ilo|ala|ila|aly|ily|yl|al|il|el|ano|ono|eto))\b"
)
"""What makes of a line a birth date or something that happened."""


def untimely(text: str, at: datetime) -> tuple[str, ...]:
    """A doubt when a line of place and date of ``text`` names a day far from ``at``, when the mail came, and when any
    day of it is still to come: "Proszę o to po 1.01.2030"."""
    today, low = at.date(), _STREET.sub(" ", flat(text))
    if any(day > today + _AHEAD for day in map(_date, _ANYWHERE.finditer(low)) if day):
        return ("data w piśmie: przyszła",)
    if all(today - _OLDEST <= day for day in _days(low)):
        return ()
    return ("data pisma: dawna",)


def _days(low: str) -> Iterator[date]:
    for found in _LINE.finditer(low):
        front = low[found.start() : found.start("d" if found["d"] else "day")]
        day = None if _TOLD.search(front) else _date(found)
        if day and (day.year > _BORN or any(c.isalpha() for c in front)):
            yield day
    yield from filter(None, map(_date, _SIGNED.finditer(low)))


def _date(found: re.Match[str]) -> date | None:
    month = found["m"] or found["month"] or _MONTHS.get(found["name"]) or _MONTHS.get(found["name"][:3])
    if month is None:
        return None
    year = found["y"] or found["year"]
    with suppress(ValueError):
        return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(found["d"] or found["day"]))
    return None
