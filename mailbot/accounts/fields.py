"""The words in which admins write an account, shared by the CSV import and the YAML directory."""

from __future__ import annotations

import unicodedata

from mailbot.model import Account, AccountStatus
from mailbot.request.names import words
from mailbot.text import address

FIRST_BIRTH_YEAR = 1900
NAME_LENGTH = 120
KEY_LENGTH = 240

SCOPES = {"podstawowy": "podstawowy", "rozszerzony": "rozszerzony"}
STATUSES = {
    "aktywne": AccountStatus.ACTIVE,
    "active": AccountStatus.ACTIVE,
    "zablokowane": AccountStatus.BLOCKED,
    "blocked": AccountStatus.BLOCKED,
}
SEXES = {"m": "m", "f": "f", "k": "f"}
"""Polish registers write K (kobieta) and M."""
FLAGS = {"tak": True, "true": True, "yes": True, "1": True, "nie": False, "false": False, "no": False, "0": False}


def login(text: str) -> str:
    """An e-mail address in its normal form (address.normalise). Raises ValueError."""
    normal = address.normalise(text)
    if normal is None:
        raise ValueError("is not an e-mail address; mend: correct it")
    return normal


def name(text: str) -> str:
    """A given name or surname in NFC with single spaces. Raises ValueError saying what is wrong and how to mend it."""
    tidy = " ".join(unicodedata.normalize("NFC", text).split())
    if not any(c.isalpha() for c in tidy):
        raise ValueError("is empty; mend: write the name")
    if len(tidy) > NAME_LENGTH:
        raise ValueError(f"is longer than {NAME_LENGTH} characters; mend: shorten it")
    if any(unicodedata.category(c).startswith("C") for c in tidy):
        raise ValueError("has control or invisible characters; mend: type it anew")
    return tidy


def birth_year(text: str, this_year: int) -> int:
    """A year in which a living person can be born, four digits. Raises ValueError."""
    if not (len(text) == 4 and text.isascii() and text.isdigit() and FIRST_BIRTH_YEAR <= int(text) <= this_year):
        raise ValueError(
            f"is not a year between {FIRST_BIRTH_YEAR} and {this_year}; mend: write the year of birth, four digits"
        )
    return int(text)


def namesakes(one: Account, other: Account) -> bool:
    """Whether two accounts with different logins may be of people whom name and birth year do not tell apart."""
    if one.login == other.login or one.birth_year != other.birth_year:
        return False
    return words(one.surname) == words(other.surname) and words(one.given)[:1] == words(other.given)[:1]


def surname_key(surname: str) -> str:
    """What the surnames of namesakes share: by it and the birth year the registry finds them.

    Of a surname that is all ligatures only the beginning: who is found by it is compared whole.
    """
    return " ".join(words(surname))[:KEY_LENGTH]
