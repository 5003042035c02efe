"""E-mail addresses: one normal form for comparing logins and for writing envelopes."""

from __future__ import annotations

from functools import lru_cache

from email_validator import EmailNotValidError, validate_email


@lru_cache(maxsize=4096)
def normalise(address: str) -> str | None:
    """The address with its domain lower-cased and in ASCII (IDNA 2008), or None when it is not one (RFC 5321 §4.1.2).

    Quoted local parts, address literals and route portions are refused: no PUESC login has them, attacks do.
    """
    try:
        valid = validate_email(address, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        return None
    return f"{valid.local_part}@{valid.ascii_domain}"


def login_key(address: str) -> str | None:
    """What two spellings of one login share: the normal form, case-folded whole. None when it is no address."""
    normal = normalise(address)
    return normal.casefold() if normal else None


def domain(address: str) -> str:
    """The part behind the last @, lower-cased."""
    return address.rpartition("@")[2].lower()
