"""What a terminal is shown of a ticket: moments of the office's clock, a stranger's text that steers nothing."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from mailbot.clocks import WARSAW
from mailbot.text.mask import mask
from mailbot.text.unicode import visible


def minute(at: datetime) -> str:
    """Local time: "2026-11-30 14:05"."""
    return f"{at.astimezone(WARSAW):%Y-%m-%d %H:%M}"


def second(at: datetime) -> str:
    """The same to the second."""
    return f"{at.astimezone(WARSAW):%Y-%m-%d %H:%M:%S}"


def shown(text: str) -> str:
    """A citizen's text for a terminal: masked, and without characters that would steer it."""
    letters = (c if c == "\n" or unicodedata.category(c)[0] != "C" else " " for c in visible(text))
    return mask("".join(letters))
