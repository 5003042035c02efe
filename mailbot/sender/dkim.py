"""DKIM (RFC 6376), with rules of our own: a valid signature must also cover what we act upon.

Most verifiers still say "pass" when text was appended under l=; and a signature that leaves the subject or the date out
lets anybody change what a citizen asks. Such signatures are "policy". dkimpy finds the fields and makes them canonical;
the signature itself is checked by ``cryptography``, which knows Ed25519 (RFC 8463) and bounds what a foreign key costs.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice

import dkim
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from dkim.canonicalization import CanonicalizationPolicy, InvalidCanonicalizationPolicyError
from dkim.util import InvalidTagValueList, parse_tag_value

from mailbot.errors import ResolverUnavailable
from mailbot.model import Header
from mailbot.sender.alignment import aligned
from mailbot.sender.resolver import Resolver
from mailbot.sender.verdict import MethodResult

MAX_SIGNATURES = 5
"""Signatures of the From domain that are checked, from the top: each costs a look-up and a hash of the body."""

Tags = Mapping[bytes, bytes]
_Verify = Callable[[bytes, bytes], None]
"""(signature, SHA-256 digest); raises InvalidSignature."""

_MUST_COVER = ("from", "subject", "date", "mime-version")
_CONTENT = ("content-type", "content-transfer-encoding")
"""What gives the signed octets of the body their meaning. Gmail signs neither."""
_KINDS = {b"rsa-sha256": b"rsa", b"ed25519-sha256": b"ed25519"}
"""Algorithms we check → the kind of key they need (k=)."""
_REFUSED = frozenset({b"rsa-sha1"})
"""RFC 8301 §3.1: never valid, which is another thing than not known to us."""
_LEAST_RSA, _MOST_RSA = 1024, 16_384
"""Bits of a modulus: RFC 8301 §3.2; what OpenSSL takes."""
_CLOCK_SLOP = timedelta(hours=10)
_silent = logging.getLogger("mailbot.dkimpy")
_silent.disabled = True  # it would name domains, and the result word says enough


class _Unknown(Exception):
    """An algorithm or a key that we cannot check: RFC 8601 "neutral", which is no failure."""


class _NoKey(Exception):
    """No key record for this use, or one that is broken, revoked or for another hash."""


def check(
    raw: bytes, headers: Sequence[Header], domain: str, resolver: Resolver, now: datetime, *, strict: bool
) -> tuple[MethodResult, ...]:
    """A result for each of the first signatures aligned with ``domain`` (ASCII, RFC 7489 §3.1.1). Never raises.

    ``now`` is the arrival of the mail. Signatures of other domains are not checked: they cannot vouch for the From.
    ``strict``: they must also cover how the body is to be read.
    """
    present = {h.name.lower() for h in headers}
    return tuple(
        MethodResult("dkim", _verify(raw, index, tags, present, resolver, now, strict), {"header.d": _text(tags[b"d"])})
        for index, tags in islice(_aligned(headers, domain), MAX_SIGNATURES)
    )


def signed_at(headers: Sequence[Header], domain: str) -> Iterator[int | None]:
    """t= (seconds since 1970) of each signature aligned with ``domain``; None where it has none."""
    for _, tags in _aligned(headers, domain):
        stamp = tags.get(b"t", b"")
        yield int(stamp[:15]) if stamp.isdigit() else None


def signers(headers: Sequence[Header]) -> frozenset[str]:
    """d= (lower-case) of the signatures that the mail bears, valid or not."""
    return frozenset(_text(tags[b"d"]).lower() for tags in _signatures(headers) if tags and b"d" in tags)


def weak(headers: Sequence[Header], domain: str, *, strict: bool) -> bool:
    """Does a signature aligned with ``domain``, or one we cannot read, leave open what we act upon?

    Whoever verified: another's "pass" does not say which signature held, so every one counts.
    """
    present = {h.name.lower() for h in headers}
    return any(
        tags is None or (_is_of(tags, domain) and not _covers(tags, present, strict)) for tags in _signatures(headers)
    )


def _signatures(headers: Sequence[Header]) -> Iterator[Tags | None]:
    """The tags of each DKIM-Signature from the top; None: they cannot be read."""
    for header in headers:
        if header.name.lower() == "dkim-signature":
            try:
                yield parse_tag_value(header.value)
            except InvalidTagValueList:
                yield None


def _aligned(headers: Sequence[Header], domain: str) -> Iterator[tuple[int, Tags]]:
    for index, tags in enumerate(_signatures(headers)):
        if tags is not None and _is_of(tags, domain):
            yield index, tags


def _is_of(tags: Tags, domain: str) -> bool:
    return aligned(_text(tags.get(b"d", b"")), domain)


def _verify(
    raw: bytes, index: int, tags: Tags, present: set[str], resolver: Resolver, now: datetime, strict: bool
) -> str:
    """The result word of one signature (RFC 8601 §2.7.1)."""
    algorithm = tags.get(b"a", b"")
    if algorithm in _REFUSED or not _covers(tags, present, strict) or not _in_time(tags, now):
        return "policy"
    if algorithm not in _KINDS:
        return "neutral"
    try:
        return "pass" if _holds(raw, index, tags, _key(tags, resolver)) else "fail"
    except ResolverUnavailable:
        return "temperror"
    except _Unknown:
        return "neutral"
    except Exception:  # dkimpy raises whatever a malformed signature makes it raise
        return "permerror"


def _in_time(tags: Tags, now: datetime) -> bool:
    """t= and x= against the clock of the mail (dkimpy takes that of the machine)."""
    signed, expires = tags.get(b"t", b"0"), tags.get(b"x", b"9" * 15)
    if not (signed.isdigit() and expires.isdigit()):
        return False
    return int(signed[:15]) <= (now + _CLOCK_SLOP).timestamp() and now.timestamp() <= int(expires[:15])


def _covers(tags: Tags, present: set[str], strict: bool) -> bool:
    """All of the body (no l=), and every header field that changes what a citizen asks."""
    covered = {_text(name) for name in _names(tags)}
    needed = (*_MUST_COVER, *_CONTENT) if strict else _MUST_COVER
    return b"l" not in tags and not any(name in present and name not in covered for name in needed)


def _names(tags: Tags) -> list[bytes]:
    """The fields of h=, in its order."""
    return [name.strip().lower() for name in tags.get(b"h", b"").split(b":")]


def _holds(raw: bytes, index: int, tags: Tags, verify: _Verify) -> bool:
    """RFC 6376 §3.7 and §6.1.3. Raises what dkimpy raises over a malformed signature or message."""
    message = dkim.DKIM(raw, logger=_silent)
    field = [(name, value) for name, value in message.headers if name.lower() == b"dkim-signature"][index]
    if parse_tag_value(field[1]) != tags:
        raise dkim.MessageFormatError("dkimpy sees other header fields than we do")
    dkim.validate_signature_fields({k: v for k, v in tags.items() if k not in (b"t", b"x")})
    try:
        form = CanonicalizationPolicy.from_c_value(tags.get(b"c", b"simple/simple"))
    except InvalidCanonicalizationPolicyError as error:
        raise _Unknown from error
    if hashlib.sha256(form.canonicalize_body(message.body)).digest() != _decoded(tags[b"bh"]):
        return False
    digest = hashlib.sha256()
    names = [*_names(tags), b"from"]  # once more than signed: a From added above must break it (§8.15)
    dkim.hash_headers(digest, form, form.canonicalize_headers(message.headers), names, field, tags)
    try:
        verify(_decoded(tags[b"b"]), digest.digest())
    except InvalidSignature:
        return False
    return True


def _key(tags: Tags, resolver: Resolver) -> _Verify:
    """What checks a signature with the one key record of its selector (RFC 6376 §3.6.1, §6.1.2)."""
    name = f"{_text(tags[b's'])}._domainkey.{_text(tags[b'd'])}".rstrip(".")
    records = resolver.lookup(name, "TXT")
    if len(records) != 1:
        raise _NoKey
    record = parse_tag_value(records[0].encode("latin-1", "replace"))
    if b"v" in record and (next(iter(record)) != b"v" or record[b"v"] != b"DKIM1"):
        raise _NoKey  # v= stands first, and another version is no key at all
    if not _may_be_used(record, tags) or not record.get(b"p"):  # an empty p= is a revoked key
        raise _NoKey
    kind = record.get(b"k", b"rsa")
    if kind != _KINDS[tags[b"a"]]:
        raise _NoKey if kind in _KINDS.values() else _Unknown
    return _ed25519(_decoded(record[b"p"])) if kind == b"ed25519" else _rsa(_decoded(record[b"p"]))


def _may_be_used(record: Tags, tags: Tags) -> bool:
    """h=, s= and t= of a key record. A domain that only tests (t=y) counts as unsigned."""
    flags, services = _words(record.get(b"t", b"")), _words(record.get(b"s", b"*"))
    identity = tags.get(b"i", b"@" + tags[b"d"]).rpartition(b"@")[2]
    return (
        b"sha256" in _words(record.get(b"h", b"sha256"))
        and not services.isdisjoint({b"*", b"email"})
        and b"y" not in flags
        and (b"s" not in flags or identity.lower() == tags[b"d"].lower())
    )


def _words(value: bytes) -> set[bytes]:
    return {word.strip() for word in value.split(b":")}


@lru_cache(maxsize=256)
def _rsa(spelt: bytes) -> _Verify:
    try:
        key = load_der_public_key(spelt)
    except UnsupportedAlgorithm as error:
        raise _Unknown from error
    if not isinstance(key, RSAPublicKey) or key.key_size < _LEAST_RSA:
        raise _NoKey
    if key.key_size > _MOST_RSA:
        raise _Unknown
    return lambda signature, digest: key.verify(signature, digest, PKCS1v15(), Prehashed(SHA256()))


def _ed25519(spelt: bytes) -> _Verify:
    """RFC 8463 §3: the key is its bare 32 octets, and what is signed is the digest."""
    return Ed25519PublicKey.from_public_bytes(spelt).verify


def _decoded(base64_text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(base64_text.split()), validate=True)
    except binascii.Error as error:
        raise dkim.MessageFormatError("not base64") from error


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")
