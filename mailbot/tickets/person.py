"""The name a ticket is found by: that of the account, else the one in the letter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mailbot.model import Account
from mailbot.text.mask import mask
from mailbot.text.unicode import flat

_LETTERS = re.compile(r"[a-z]+")
_BETWEEN = "0"
"""Stands after the surname: before every letter in the order of any database, so that a surname alone is a range."""
_LEAST = 2
"""Letters of a name by which anybody may be looked for."""
_LENGTH = 240


def person(account: Account | None, names: Sequence[str]) -> tuple[str | None, str | None]:
    """What to show, and the key. ``names``: words of the letter, the surname last."""
    words = [account.given, account.surname] if account is not None else list(names)
    shown = mask(" ".join(words)).strip()[:_LENGTH]
    return (shown, _key(words[-1:], words[:-1])) if shown else (None, None)


def ranges(said: str) -> Iterator[tuple[str, str]]:
    """The keys (from, to) of people called ``said``: a surname, or the beginning of one, or full names in any order."""
    words = said.split()
    for key in sorted({_key(words[-1:], words[:-1]), _key(words[:1], words[1:])}):
        if len(key) >= _LEAST and key[0] != _BETWEEN:
            yield key, _after(key)


def _key(surname: Sequence[str], given: Sequence[str] = ()) -> str:
    first, rest = "".join(_plain(surname)), "".join(_plain(given))
    return (f"{first}{_BETWEEN}{rest}" if rest else first)[:_LENGTH]


def _plain(words: Sequence[str]) -> list[str]:
    return _LETTERS.findall(flat(" ".join(words)))


def _after(key: str) -> str:
    """The first key that does not begin with ``key``."""
    last = key[-1]
    return key[:-1] + chr(ord(last) + 1) if last != "z" else key + "zzzz"
