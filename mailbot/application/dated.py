"""The day that a letter bears: one of long ago, or of a day to come, was not meant now. Pure.

Only the line of place and date counts: what happened, and when somebody was born, has dates of its own.
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
_LINE = re.compile(
    r"(?m)(?:^|(?<=\t))[ \t]*(?:[^\W\d_]{1,40}[ ,/:.-]{1,9}){0,5}"
    r"(?:(?P<day>\d{1,2})(?:[./-](?P<month>\d{1,2})[./-]|[ .]{1,2}(?P<name>[a-z]{1,12})[ .]{1,2})(?P<year>\d{4}|\d\d)"
    r"|(?P<y>\d{4})[.-](?P<m>\d\d)[.-](?P<d>\d\d))(?!\d)[ ]{0,3}(?:r\.?|rok\w?)?[ .]{0,3}(?=\t|$)"
)
_TOLD = re.compile(
    r"\b(?:ur|urodz\w*|od|rok|konto\w*|login\w*|zalozon\w*|\w{2,}(?:lem|lam|alo|ilo|ala|ila|aly|ily|yl|al|il|el|ano|ono|eto))\b"
)
"""What makes of a line a birth date or something that happened."""


def untimely(text: str, at: datetime) -> tuple[str, ...]:
    """A doubt when a line of place and date of ``text`` names a day far from ``at``, when the mail came."""
    today = at.date()
    if all(today - _OLDEST <= day <= today + _AHEAD for day in _days(flat(text))):
        return ()
    return ("data pisma: dawna albo przyszła",)


def _days(low: str) -> Iterator[date]:
    for found in _LINE.finditer(low):
        month = found["m"] or found["month"] or _MONTHS.get(found["name"]) or _MONTHS.get(found["name"][:3])
        year = found["y"] or found["year"]
        front = low[found.start() : found.start("d" if found["d"] else "day")]
        if month is None or _TOLD.search(front):
            continue
        with suppress(ValueError):
            day = date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(found["d"] or found["day"]))
            if day.year > _BORN or any(c.isalpha() for c in front):
                yield day
