"""PESEL: the Polish number of a person (Act of 24 September 2010 on population registration, art. 15-16).

The number itself is never stored, logged or put into an error text; only its keyed hash is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailbot.secret import Secret

_WEIGHTS = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
_CENTURIES = (1900, 2000, 2100, 2200, 1800)  # the month is raised by 0, 20, 40, 60 or 80


@dataclass(frozen=True, slots=True)
class Pesel:
    """What a PESEL says about the person."""

    birth: date
    sex: str
    """"m" or "f"."""


def parse(text: str) -> Pesel:
    """Birth date and sex of a PESEL. Raises ValueError, whose text says what is wrong without the number."""
    if not re.fullmatch(r"[0-9]{11}", text):
        hint = (
            " (a spreadsheet drops leading zeros: format the column as text)"
            if re.fullmatch("[0-9]{8,10}", text)
            else ""
        )
        raise ValueError(f"is not 11 digits; mend: write all digits, nothing else{hint}")
    digits = [int(c) for c in text]
    if sum(w * d for w, d in zip(_WEIGHTS, digits, strict=True)) % 10:
        raise ValueError("has a wrong check digit; mend: correct the number")
    century, month = divmod(int(text[2:4]), 20)
    try:
        birth = date(_CENTURIES[century] + int(text[:2]), month, int(text[4:6]))
    except ValueError:
        raise ValueError("holds a date that does not exist; mend: correct the number") from None
    return Pesel(birth, "m" if digits[9] % 2 else "f")


def keyed_hash(secret: Secret, text: str) -> str:
    """HMAC-SHA256 (64 hex digits) of a PESEL: shows which are equal, cannot be read back without the key."""
    return secret.mac("pesel", text).hex()
