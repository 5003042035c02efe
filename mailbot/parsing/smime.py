"""Opaque S/MIME (RFC 8551 §3.5.2): a letter that its own signature wraps. The signature proves nothing here.

Read by offset down to the content alone: asn1crypto takes 40 s for 20 MB in the chunks that mail programs write.
"""

from __future__ import annotations

import re

_LABELS = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_ENTITY = re.compile(rb"\s{0,99}(?:content-[a-z-]{2,30}|mime-version)[ \t]{0,9}:", re.IGNORECASE)
_OID, _OCTETS, _CHUNKS, _SEQUENCE, _EXPLICIT = 0x06, 0x04, 0x24, 0x30, 0xA0  # X.690 §8: tags
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")  # RFC 5652 §5.1
_DEPTH_MAX = 8
_END_OF_CONTENTS = b"\0\0"


class Sealed(ValueError):
    """Encrypted, compressed or damaged: the letter may be inside, and nobody can read it here."""


def is_labelled(content_type: str, filename: str) -> bool:
    """Gateways and old programs send it as octet-stream: then the name tells (RFC 8551 §3.2.1)."""
    return content_type in _LABELS or filename.lower().endswith(".p7m")


def entity(data: bytes) -> bytes | None:
    """The MIME entity that was signed; None for a file that somebody signed, and for a signature without content.

    Raises Sealed.
    """
    try:
        content = _content(data)
    except IndexError:
        raise Sealed("CMS cut off") from None
    return content if content and _ENTITY.match(content) else None


def _content(data: bytes) -> bytes | None:
    """eContent of SignedData (RFC 5652 §3, §5.1, §5.2)."""
    at = _inside(data, 0, _SEQUENCE)
    _, start, end = _head(data, at)
    if data[at] != _OID or data[start:end] != _SIGNED_DATA:
        raise Sealed("CMS, but not signed data")
    at = _inside(data, _inside(data, _behind(data, at), _EXPLICIT), _SEQUENCE)
    at = _behind(data, _behind(data, at))  # version, digestAlgorithms
    at = _behind(data, _inside(data, at, _SEQUENCE))  # eContentType
    if data[at] != _EXPLICIT:
        return None
    pieces: list[bytes] = []
    _octets(data, _inside(data, at, _EXPLICIT), pieces)
    return b"".join(pieces)


def _octets(data: bytes, at: int, pieces: list[bytes], depth: int = 0) -> int:
    """Adds the pieces of an OCTET STRING, primitive or constructed (X.690 §8.7); the offset behind it."""
    tag, start, end = _head(data, at)
    if tag == _OCTETS and end is not None:
        pieces.append(data[start:end])
        return end
    if tag != _CHUNKS or depth >= _DEPTH_MAX:
        raise Sealed("CMS with another content")
    at = start
    while _goes_on(data, at, end):
        at = _octets(data, at, pieces, depth + 1)
    return at + (0 if end is not None else len(_END_OF_CONTENTS))


def _inside(data: bytes, at: int, tag: int) -> int:
    """Offset of the first element in the one at ``at``."""
    found, start, _ = _head(data, at)
    if found != tag:
        raise Sealed("no CMS")
    return start


def _behind(data: bytes, at: int, depth: int = 0) -> int:
    """Offset behind the element at ``at``."""
    _, start, end = _head(data, at)
    if end is not None:
        return end
    if depth >= _DEPTH_MAX:
        raise Sealed("CMS nested too deep")
    at = start
    while _goes_on(data, at, end):
        at = _behind(data, at, depth + 1)
    return at + len(_END_OF_CONTENTS)


def _goes_on(data: bytes, at: int, end: int | None) -> bool:
    """Whether an element comes at ``at``, inside one that ends at ``end`` or with an end mark (X.690 §8.1.5)."""
    return at < end if end is not None else data[at : at + 2] != _END_OF_CONTENTS


def _head(data: bytes, at: int) -> tuple[int, int, int | None]:
    """Tag, offset of the contents and of their end; None: of indefinite length. Raises IndexError where it is cut."""
    length = data[at + 1]
    start = at + 2
    if length == 0x80:
        return data[at], start, None
    if length > 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    if start + length > len(data):
        raise IndexError
    return data[at], start, start + length
