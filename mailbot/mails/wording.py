"""Dates, numbers and foreign words as a citizen reads them, in the language of the mail; Polish wall time."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from datetime import date, datetime, time

from mailbot.clocks import WARSAW
from mailbot.ruleset import languages
from mailbot.ruleset.languages import POLISH
from mailbot.ruleset.model import Language
from mailbot.text.mask import mask
from mailbot.text.unicode import nfc

LINE = 78
"""Longest line of a mail (RFC 5322 §2.1.1, recommended)."""

_REFLECTED = 80
_LINKLIKE = re.compile(r"\S*(?:[a-z][a-z0-9+.-]*:/|www\.|@|\w\.[^\W\d_]{2,})\S*", re.IGNORECASE)
_MARKER = re.compile(r"\s*(?:\d+\. |[–-] )?")


def day(at: datetime, language: Language = POLISH) -> str:
    """„4 listopada 2025 r.”: ends with the full stop of the abbreviation, so no other may follow. “4 November 2025”."""
    return date_in_words(at.astimezone(WARSAW).date(), language)


def date_in_words(on: date, language: Language = POLISH) -> str:
    """The same of a day without an hour."""
    return language.forms["day"].format(day=on.day, month=language.months[on.month - 1], year=on.year)


def hour(at: datetime) -> str:
    """„14:05”."""
    at = at.astimezone(WARSAW)
    return f"{at.hour:02}:{at.minute:02}"


def moment(at: datetime, language: Language = POLISH) -> str:
    """„4 listopada 2025 r., godz. 14:05”; “4 November 2025, 14:05”."""
    return language.forms["moment"].format(day=day(at, language), hour=hour(at))


def hours(number: int, language: Language = POLISH) -> str:
    """How long, as it follows „w ciągu” (genitive): „1 godziny”, „4 godzin”; “4 hours”."""
    return languages.told(language.hours, number)


def days(number: int, language: Language = POLISH) -> str:
    """„1 dzień”, „3 dni”; “3 days”."""
    return languages.told(language.days, number)


def opening(opens: time, closes: time, language: Language = POLISH) -> str:
    """„od 7:30 do 15:30”; “from 7:30 to 15:30”."""
    times = {"opens": f"{opens.hour}:{opens:%M}", "closes": f"{closes.hour}:{closes:%M}"}
    return language.forms["opening"].format(**times)


def reflected(text: str) -> str:
    """A citizen's words fit to be repeated to him: one line of at most 80 characters, nothing that a mail program would
    make a link, no control, invisible or bidirectional characters, no personal number or password (procedure §3.5)."""
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
