"""The name by which people find a ticket: that of the account, or the one the letter gives."""

from __future__ import annotations

from collections.abc import Sequence

from mailbot.model import Account
from mailbot.request.characters import fold
from mailbot.storage.values import fit
from mailbot.text.mask import mask

_LENGTH = 240
"""Characters of the columns ticket.person and person_key."""


def name(words: Sequence[str], account: Account | None) -> str | None:
    """``words``: as the letter gives them. None: nobody said a name."""
    said = mask(f"{account.given} {account.surname}" if account else " ".join(words)).strip()
    return fit(said, _LENGTH) if said else None


def key(name: str) -> str:
    """What two spellings of one name share: its words without case and diacritics, in the order of the alphabet."""
    return fit(" ".join(sorted(word for part in name.replace("-", " ").split() if (word := fold(part)))), _LENGTH)
