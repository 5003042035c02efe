"""Dates, numbers and foreign words as a citizen reads them, in Polish or English. Polish wall time, 24-hour clock."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from datetime import date, datetime, time

from mailbot.clocks import WARSAW
from mailbot.mask import mask
from mailbot.ruleset.titles import MONTHS
from mailbot.unicode import nfc

LINE = 78
"""Longest line of a mail (RFC 5322 §2.1.1, recommended)."""

_ENGLISH_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_REFLECTED = 80
_LINKLIKE = re.compile(r"\S*(?:[a-z][a-z0-9+.-]*:/|www\.|@|\w\.[^\W\d_]{2,})\S*", re.IGNORECASE)
_MARKER = re.compile(r"\s*(?:\d+\. |[–-] )?")


def day(at: datetime, language: str = "pl") -> str:
    """„4 listopada 2025 r.”: ends with the full stop of the abbreviation, so no other may follow. “4 November 2025”."""
    return date_in_words(at.astimezone(WARSAW).date(), language)


def date_in_words(on: date, language: str = "pl") -> str:
    """The same of a day without an hour."""
    if language == "en":
        return f"{on.day} {_ENGLISH_MONTHS[on.month - 1]} {on.year}"
    return f"{on.day} {MONTHS[on.month - 1]} {on.year} r."


def hour(at: datetime) -> str:
    """„14:05”."""
    return f"{at.astimezone(WARSAW):%H:%M}"


def moment(at: datetime, language: str = "pl") -> str:
    """„4 listopada 2025 r., godz. 14:05”; “4 November 2025, 14:05”."""
    between = ", " if language == "en" else ", godz. "
    return f"{day(at, language)}{between}{hour(at)}"


def hours(number: int, language: str = "pl") -> str:
    """How long, as it follows „w ciągu” (genitive): „1 godziny”, „4 godzin”; “4 hours”."""
    if language == "en":
        return f"{number} hour" if number == 1 else f"{number} hours"
    return f"{number} godziny" if number == 1 else f"{number} godzin"


def days(number: int, language: str = "pl") -> str:
    """„1 dzień”, „3 dni”; “3 days”."""
    if language == "en":
        return f"{number} day" if number == 1 else f"{number} days"
    return f"{number} dzień" if number == 1 else f"{number} dni"


def opening(opens: time, closes: time, language: str = "pl") -> str:
    """„od 7:30 do 15:30”; “from 7:30 to 15:30”."""
    first, second = ("from", "to") if language == "en" else ("od", "do")
    return f"{first} {opens.hour}:{opens:%M} {second} {closes.hour}:{closes:%M}"


def reflected(text: str) -> str:
    """A citizen's words fit to be repeated to him: one line of at most 80 characters, nothing that a mail program would
    make a link, no control, invisible or bidirectional characters, no personal number or password (domain.md §3.5)."""
    visible = "".join(_visible(c) for c in nfc(text))  # before masking: a number may be broken by what nobody sees
    words = " ".join(_LINKLIKE.sub(" ", mask(visible)).split())
    return words if len(words) <= _REFLECTED else words[: _REFLECTED - 1].rstrip() + "…"


def fold(text: str) -> str:
    """The text with every line longer than 78 characters broken at spaces, its rest under the text of a list item."""
    if all(len(line) <= LINE for line in text.split("\n")):
        return text
    return "\n".join(_fold_line(line) for line in text.split("\n"))


def _fold_line(line: str) -> str:
    if len(line) <= LINE:
        return line
    marker = _MARKER.match(line)
    indent = " " * len(marker.group()) if marker else ""
    broken = textwrap.wrap(line, LINE, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(broken)


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] == "Z" or category == "Cc":
        return " "
    return "" if category[0] == "C" else character
