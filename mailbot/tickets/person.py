"""The name by which people find a ticket: that of the account, or the one the letter gives."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mailbot.model import Account
from mailbot.secret import Secret
from mailbot.storage import personal
from mailbot.storage.values import fit
from mailbot.text.mask import mask
from mailbot.text.unicode import flat

_LENGTH = 240
"""Characters of the columns ticket.person and person_key."""
_LETTERS = re.compile(r"[a-z]+")
_BETWEEN = "0"
"""Stands after the surname: before every letter in the order of any database, so that a surname alone is a range."""
_LEAST = 2
"""Letters by which anybody may be looked for."""


def name(words: Sequence[str], account: Account | None) -> str | None:
    """``words``: as the letter gives them, the surname last. None: nobody said a name."""
    said = mask(f"{account.given} {account.surname}" if account else " ".join(words)).strip()
    return fit(said, _LENGTH) if said else None


def key(name: str) -> str:
    """What spellings of one name share: the last word, then the others, without case, diacritics and signs."""
    words = name.split()
    return _key(words[-1:], words[:-1])


def ranges(said: str, secret: Secret) -> Iterator[tuple[str, str]]:
    """The keys (from, to) of people called ``said``: a surname, or full names in any order; where names are not sealed
    the beginning of either does."""
    words = said.split()
    for first in sorted({_key(words[-1:], words[:-1]), _key(words[:1], words[1:])}):
        if len(first) >= _LEAST and first[0] != _BETWEEN:
            yield from ((form, _after(form)) for form in personal.name_forms(secret, first))


def _key(surname: Sequence[str], given: Sequence[str]) -> str:
    first, rest = ("".join(_LETTERS.findall(flat(" ".join(words)))) for words in (surname, given))
    return (f"{first}{_BETWEEN}{rest}" if rest else first)[:_LENGTH]


def _after(key: str) -> str:
    """The first key that does not begin with ``key``."""
    last = key[-1]
    return key[:-1] + chr(ord(last) + 1) if last != "z" else key + "zzzz"
