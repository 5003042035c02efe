"""DKIM (RFC 6376) over dkimpy, with rules of our own: a valid signature must also cover what we act upon.

dkimpy, like most verifiers, still says "pass" when text was appended under l=; and a signature that leaves the
subject, the date or the content type out lets anybody change what a citizen asks. Such signatures are "policy".
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import dkim
from dkim.util import InvalidTagValueList, parse_tag_value

from mailbot.errors import ResolverUnavailable
from mailbot.model import Header
from mailbot.sender.alignment import aligned
from mailbot.sender.resolver import Resolver
from mailbot.sender.verdict import Result

MAX_SIGNATURES = 5
"""Signatures looked at, from the top: each costs a look-up and a hash of the body."""

_MUST_COVER = ("from", "subject", "date", "content-type", "mime-version")
_ALGORITHMS = frozenset({b"rsa-sha256", b"ed25519-sha256"})  # RFC 8301 §3.1: no rsa-sha1
_CLOCK_SLOP = timedelta(hours=10)
_silent = logging.getLogger("mailbot.dkimpy")
_silent.disabled = True  # it would name domains, and the result word says enough


class _Verifier(dkim.DKIM):  # type: ignore[misc]  # dkimpy has no types
    """dkimpy, except that t= and x= are left to us: it compares them with the clock of the machine, not of the mail."""

    def __init__(self, raw: bytes, expected: Mapping[bytes, bytes]) -> None:
        super().__init__(raw, logger=_silent, minkey=1024)
        self._expected = expected

    def verify_headerprep(self, idx: int = 0) -> tuple[dict[bytes, bytes], list[bytes], list[Any]]:
        fields = [(name, value) for name, value in self.headers if name.lower() == b"dkim-signature"]
        tags: dict[bytes, bytes] = parse_tag_value(fields[idx][1])
        if tags != self._expected:
            raise dkim.MessageFormatError("dkimpy sees other header fields than we do")
        dkim.validate_signature_fields({k: v for k, v in tags.items() if k not in (b"t", b"x")})
        self.domain, self.selector = tags[b"d"], tags[b"s"]
        covered = [name.strip().lower() for name in tags[b"h"].split(b":")]
        self.include_headers = tuple(covered)
        return tags, covered, fields


def check(raw: bytes, headers: Sequence[Header], domain: str, resolver: Resolver, now: datetime) -> tuple[Result, ...]:
    """A result for each of the first signatures aligned with ``domain`` (ASCII, RFC 7489 §3.1.1). Never raises.

    ``now`` is the arrival of the mail. Signatures of other domains are not checked: they cannot vouch for the From.
    """
    present = {h.name.lower() for h in headers}
    return tuple(
        Result("dkim", _verify(raw, index, tags, present, resolver, now), {"header.d": _text(tags[b"d"])})
        for index, tags in _signatures(headers)
        if aligned(_text(tags.get(b"d", b"")), domain)
    )


def signed_at(headers: Sequence[Header], domain: str) -> Iterator[int]:
    """t= (seconds since 1970) of the signatures aligned with ``domain``."""
    for _, tags in _signatures(headers):
        if aligned(_text(tags.get(b"d", b"")), domain) and tags.get(b"t", b"").isdigit():
            yield int(tags[b"t"][:15])


def signers(headers: Sequence[Header]) -> frozenset[str]:
    """d= (lower-case) of the signatures that the mail bears, valid or not."""
    return frozenset(_text(tags.get(b"d", b"")).lower() for _, tags in _signatures(headers))


def weak(headers: Sequence[Header], domain: str) -> bool:
    """Does a signature aligned with ``domain`` leave open what we act upon, whoever verified it?"""
    present = {h.name.lower() for h in headers}
    return any(
        aligned(_text(tags.get(b"d", b"")), domain) and not _covers(tags, present) for _, tags in _signatures(headers)
    )


def _signatures(headers: Sequence[Header]) -> Iterator[tuple[int, Mapping[bytes, bytes]]]:
    values = [h.value for h in headers if h.name.lower() == "dkim-signature"]
    for index, value in enumerate(values[:MAX_SIGNATURES]):
        try:
            yield index, parse_tag_value(value)
        except InvalidTagValueList:
            continue


def _verify(
    raw: bytes, index: int, tags: Mapping[bytes, bytes], present: set[str], resolver: Resolver, now: datetime
) -> str:
    """The result word of one signature (RFC 8601 §2.7.1)."""
    if not _acceptable(tags, present, now):
        return "policy"

    def key(name: bytes, timeout: float = 0) -> bytes | None:
        return _key(name, tags, resolver)

    try:
        return "pass" if _Verifier(raw, tags).verify(index, dnsfunc=key) else "fail"
    except ResolverUnavailable:
        return "temperror"
    except Exception:  # dkimpy raises whatever a malformed signature or key makes it raise
        return "permerror"


def _acceptable(tags: Mapping[bytes, bytes], present: set[str], now: datetime) -> bool:
    """Does the signature cover what we act upon, today?"""
    if tags.get(b"a") not in _ALGORITHMS or not _covers(tags, present):
        return False
    signed, expires = tags.get(b"t", b"0"), tags.get(b"x", b"9" * 15)
    if not (signed.isdigit() and expires.isdigit()):
        return False
    return int(signed[:15]) <= (now + _CLOCK_SLOP).timestamp() and now.timestamp() <= int(expires[:15])


def _covers(tags: Mapping[bytes, bytes], present: set[str]) -> bool:
    """All of the body (no l=), and every header field that changes what a citizen asks."""
    covered = {_text(name).strip().lower() for name in tags.get(b"h", b"").split(b":")}
    return b"l" not in tags and not any(name in present and name not in covered for name in _MUST_COVER)


def _key(name: bytes, tags: Mapping[bytes, bytes], resolver: Resolver) -> bytes | None:
    """The one key record, or None when there is none for this use (RFC 6376 §3.6.1: t=y counts as unsigned)."""
    records = resolver.lookup(_text(name).rstrip("."), "TXT")
    if len(records) != 1:
        return None
    record = records[0].encode("latin-1", "replace")
    key = parse_tag_value(record)
    flags = key.get(b"t", b"").split(b":")
    identity = tags.get(b"i", b"@" + tags[b"d"]).rpartition(b"@")[2]
    services = key.get(b"s", b"*").split(b":")
    if b"y" in flags or (b"s" in flags and identity.lower() != tags[b"d"].lower()):
        return None
    return record if b"*" in services or b"email" in services else None


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")
