"""Who wrote a mail: exactly one strict mailbox of the raw From field (RFC 5322 §3.4, RFC 6532), never anything else.

The grammar is stricter than RFC 5322 where readers are known to differ (no groups, routes, lists, obsolete forms, no
comment inside the address) and wider only where real clients are and no reader differs: dots and 8-bit text in an
unquoted display name, and as such a name the address itself, since it is the same whichever a reader takes. Whoever
takes a wider reading hands an account to the one who wrote the other half.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import idna

from mailbot.model import Header
from mailbot.text.address import normalise

MAX_LENGTH = 4_096
"""Octets of a From field that are read; longer than any name, short enough for every grammar."""

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9-]")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_ATOMS = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\x80-\xff-]++"
_QUOTED = rb'"[^"\\<>]*+(?:\\[^<>][^"\\<>]*+)*"'
_COMMENT = rb'\([^()<>@"\\]*+\)'
_ADDRESS = rb'([^\x00-\x20\x7f<>()\[\]\\,;:"@]++@[^\x00-\x20\x7f<>()\[\]\\,;:"@]++)'
_NAMED = re.compile(
    rb"[ \t]*+(?:(?:%b|%b|%b(?=[ \t]))[ \t]*+)*<%b>(?:[ \t]*+%b)?[ \t]*"
    % (_ATOMS, _QUOTED, _COMMENT, _ADDRESS, _COMMENT)
)
_REPEATED = re.compile(rb"[ \t]*+%b[ \t]*+<%b>[ \t]*+" % (_ADDRESS, _ADDRESS))
_BARE = re.compile(rb"[ \t]*+%b(?:[ \t]++%b)?[ \t]*" % (_ADDRESS, _COMMENT))
_ENCODED_WORD = re.compile(rb"=\?([^?]*)\?([BbQq])\?(.*?)\?=")
"""As wide as lenient readers: they decode words with blanks too."""
_CHARSET = re.compile(rb"(?:utf|iso|windows|cp|koi|us-ascii|ascii|latin|mac|gb|big5|euc|shift|ks)[\w-]*", re.IGNORECASE)
"""Names handed to Python's codecs; among the others are codecs that warn or run long (unicode_escape, idna)."""
_FORBIDDEN_IN_NAMES = re.compile(r"[\x00-\x1f\x7f<>\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Author:
    """The one address of a From, normalised, or None and the private reason why there is none."""

    address: str | None
    ambiguity: str | None = None


def read_from(headers: Sequence[Header]) -> Author:
    """The one strict mailbox of the one From field among ``headers``. Never raises (RFC 5322 §3.6.2, procedure P6)."""
    found = [h for h in headers if _NOT_IN_NAMES.sub("", h.name).lower() == "from"]
    if len(found) != 1:
        return Author(None, f"{len(found)} From fields")
    if found[0].name.lower() != "from":
        return Author(None, "odd characters in the name of the From field")
    return read_mailbox(found[0].value)


def read_mailbox(value: bytes) -> Author:
    """The one strict mailbox of a raw field value, folding included. Never raises."""
    if len(value) > MAX_LENGTH:
        return Author(None, f"From longer than {MAX_LENGTH} octets")
    text = _FOLD.sub(b"", value)
    if _CONTROL.search(text):
        return Author(None, "control character or bare line break in From")
    match = _NAMED.fullmatch(text) or _BARE.fullmatch(text)
    if match is None and (twice := _REPEATED.fullmatch(text)):
        name, author = _address(twice[1]), _address(twice[2])
        return author if name == author else Author(None, "From holds two addresses")
    if match is None:
        return Author(None, "From is not exactly one mailbox")
    start, end = match.span(1)
    if not _names_are_plain(text[:start] + b" " + text[end:]):
        return Author(None, "encoded display name with control characters or angle brackets")
    return _address(match[1])


def _names_are_plain(display: bytes) -> bool:
    return not any(_FORBIDDEN_IN_NAMES.search(_decoded(word)) for word in _ENCODED_WORD.finditer(display))


def _decoded(word: re.Match[bytes]) -> str:
    """Text of an encoded word (RFC 2047), as lenient readers would show it."""
    charset, encoding, payload = word.groups()
    try:
        data = (
            quopri.decodestring(payload, header=True)
            if encoding in b"Qq"
            else base64.b64decode(payload + b"=" * (-len(payload) % 4))
        )
    except binascii.Error:
        return ""
    name = charset.partition(b"*")[0]  # RFC 2231 §5: a language may follow
    try:
        return data.decode(name.decode() if _CHARSET.fullmatch(name) else "latin-1", "replace")
    except LookupError:
        return data.decode("latin-1")


def _address(spelt: bytes) -> Author:
    if b"=?" in spelt:
        return Author(None, "encoded word inside the address")
    try:
        text = spelt.decode("utf-8")
    except UnicodeDecodeError:
        return Author(None, "address is neither ASCII nor UTF-8")
    address = normalise(text)
    if address is None:
        return Author(None, "not an address")
    local, _, domain = address.rpartition("@")
    spelt_local, _, spelt_domain = text.rpartition("@")
    if local.casefold() != spelt_local.casefold():  # POSTMASTER is lower-cased (RFC 5321 §4.5.1)
        return Author(None, "local part has another normal form")
    if not text.isascii() and domain != spelt_domain.lower() and not _round_trips(domain, spelt_domain):
        return Author(None, "internationalised domain does not survive the round trip")
    return Author(address)


def _round_trips(ascii_domain: str, spelt: str) -> bool:
    try:
        return idna.decode(ascii_domain) == unicodedata.normalize("NFC", spelt.lower())
    except idna.IDNAError:
        return False
