"""Dates and foreign words as a citizen reads them. Polish wall time, 24-hour clock, months in words."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from mailbot.unicode import nfc

WARSAW = ZoneInfo("Europe/Warsaw")
LINE = 78
"""Longest line of a mail (RFC 5322 §2.1.1, recommended)."""

_MONTHS = (
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
_COMPLAINT_DAYS = 3
_REFLECTED = 80
_LINKLIKE = re.compile(r"\S*(?:[a-z][a-z0-9+.-]*:/|www\.|@|\w\.[^\W\d_]{2,})\S*", re.IGNORECASE)
_MARKER = re.compile(r"\s*(?:\d+\. |[–-] )?")


def day(moment: datetime) -> str:
    """„4 listopada 2025 r.”: ends with the full stop of the abbreviation, so no other may follow."""
    local = moment.astimezone(WARSAW)
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year} r."


def hour(moment: datetime) -> str:
    """„14:05”."""
    return f"{moment.astimezone(WARSAW):%H:%M}"


def complaint_deadline(answered_at: datetime) -> datetime:
    """Last moment of a complaint: the third calendar day after the answer, whose own day is not counted (seed 001)."""
    last = answered_at.astimezone(WARSAW).date() + timedelta(days=_COMPLAINT_DAYS)
    return datetime.combine(last, time(23, 59, 59), WARSAW)


def reflected(text: str) -> str:
    """A citizen's words fit to be repeated to him: one line of at most 80 characters, nothing that a mail program would
    make a link, no control, invisible or bidirectional characters (domain.md §3.5)."""
    visible = "".join(_visible(c) for c in nfc(text))
    words = " ".join(_LINKLIKE.sub(" ", visible).split())
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
