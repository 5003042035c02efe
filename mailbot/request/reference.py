"""Ticket numbers named in a text."""

from __future__ import annotations

import re
from itertools import islice

from mailbot.request.characters import visible

_TICKET = re.compile(
    r"(?<![^\W_])ZGL[\s:#.–—_-]{0,4}(?:(?:nr|numer|no)\b[\s:#.–—_-]{0,4})?([0-9]{6,10})(?![0-9])", re.IGNORECASE
)

_MOST = 20
"""Numbers that are looked up for one mail; nobody has so many tickets to write about at once."""


def tickets(text: str) -> tuple[str, ...]:
    """Ticket numbers in ``text`` as "ZGL" + digits, each once, in order, the first ``_MOST`` (procedure §2: 6 to 10
    digits, any case).

    A space, colon, dash, "#" or "nr" may stand between the letters and the digits.
    """
    found = dict.fromkeys("ZGL" + digits for digits in _TICKET.findall(visible(text)))
    return tuple(islice(found, _MOST))
