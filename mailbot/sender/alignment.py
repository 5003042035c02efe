"""Do two domains belong together (RFC 7489 §3.1-§3.2)? Domains are compared in ASCII, lower-cased."""

from __future__ import annotations

from functools import cache

import idna
from publicsuffixlist import PublicSuffixList

from mailbot.text.remembered import remembered


@cache
def _suffixes() -> PublicSuffixList:
    """The list, read once when it is first needed (60 ms)."""
    return PublicSuffixList()


@remembered(4096, 255)
def ascii_domain(domain: str) -> str | None:
    """``domain`` lower-cased and in ASCII (IDNA 2008), without a final dot; None when it is no domain of two labels."""
    text = domain.removesuffix(".").lower()
    try:
        text = text if text.isascii() else idna.encode(text).decode("ascii")
    except idna.IDNAError:
        return None
    labels = text.split(".")
    if len(labels) < 2 or not all(
        0 < len(label) < 64 and label.replace("-", "").replace("_", "").isalnum() for label in labels
    ):
        return None
    return text


@remembered(4096, 255)
def organisational_domain(domain: str) -> str:
    """The registered domain above ``domain`` (ASCII); a public suffix is its own (RFC 7489 §3.2)."""
    return str(_suffixes().privatesuffix(domain) or domain)


def aligned(identifier: str, author: str, *, strict: bool = False) -> bool:
    """Does ``identifier`` (a domain, any spelling) vouch for the domain ``author`` (ASCII) of a From address?"""
    domain = ascii_domain(identifier)
    if domain is None:
        return False
    return domain == author or (not strict and organisational_domain(domain) == organisational_domain(author))
