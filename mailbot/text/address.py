"""E-mail addresses: one normal form for comparing logins and for writing envelopes."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

_LONGEST = 254
"""Characters of an address (RFC 3696, erratum 1690)."""
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN = re.compile(
    rf"(?!.*--)[a-z0-9_!#$%&'*+/=?^`{{|}}~-]+(?:\.[a-z0-9_!#$%&'*+/=?^`{{|}}~-]+)*@({_LABEL}(?:\.{_LABEL})*\.({_LABEL}))"
)
"""An address as most are: small letters before the @, a domain of ASCII without Punycode behind it."""


def normalise(address: str) -> str | None:
    """The address with its domain lower-cased and in ASCII (IDNA 2008), or None when it is not one (RFC 5321 §4.1.2).

    Quoted local parts, address literals and route portions are refused: no PUESC login has them, attacks do. So is a
    local part that is not in NFC (the Kelvin sign): rewritten, it would be somebody else's mailbox.
    """
    if len(address) > _LONGEST:
        return None
    plain = _PLAIN.fullmatch(address)
    if plain is None or plain[2].lower() in _special():
        return _validated(address)
    return address[: plain.start(1)] + plain[1].lower()


@cache
def _special() -> frozenset[str]:
    """Last labels of the domains that no mail reaches."""
    from email_validator import SPECIAL_USE_DOMAIN_NAMES  # slow to load, and most commands see no address

    return frozenset(name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES)


@lru_cache(maxsize=4096)
def _validated(address: str) -> str | None:
    """The definition of ``normalise``, which is slow."""
    from email_validator import EmailNotValidError, validate_email

    if not unicodedata.is_normalized("NFC", address.rpartition("@")[0]):
        return None
    try:
        valid = validate_email(address, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        return None
    return f"{valid.local_part}@{valid.ascii_domain}"


def login_key(address: str) -> str | None:
    """What two spellings of one login share: the normal form in lower case. None when it is no address.

    Only letters that are each other's capital and small letter are one (Ł, ł). Case folding makes more the same: ß and
    ss, ſ and s, ﬁ and fi, ς and σ. These are mailboxes of different people.
    """
    normal = normalise(address)
    if normal is None:
        return None
    return normal.lower() if normal.isascii() else "".join(map(_small, normal))


def _small(letter: str) -> str:
    small = letter.lower()
    return small if small.upper() == letter else letter


def domain(address: str) -> str:
    """The part behind the last @, lower-cased."""
    return address.rpartition("@")[2].lower()
