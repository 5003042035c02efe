"""Writes letters into the envelopes of other programs: opaque S/MIME (RFC 5652), winmail.dat ([MS-OXTNEF])."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_DATA = bytes.fromhex("06092a864886f70d010701")
_SIGNED = bytes.fromhex("06092a864886f70d010702")
_ENVELOPED = bytes.fromhex("06092a864886f70d010703")
_BEGIN_FILE, _TITLE, _FILE = 0x00069002, 0x00018010, 0x0006800F
_PROPERTIES, _FILE_PROPERTIES, _CODEPAGE = 0x00069003, 0x00069005, 0x00069007


def signed(entity: bytes, chunk: int = 0) -> bytes:
    """SignedData around a MIME entity, without signers; ``chunk``: BER with the content in pieces of so many octets."""
    if not chunk:
        content = _tlv(0x30, _DATA + _tlv(0xA0, _tlv(0x04, entity)))
        body = _tlv(0x30, b"\x02\x01\x01" + b"\x31\x00" + content + b"\x31\x00")
        return _tlv(0x30, _SIGNED + _tlv(0xA0, body))
    pieces = b"".join(_tlv(0x04, entity[at : at + chunk]) for at in range(0, len(entity), chunk))
    content = _open(0x30, _DATA + _open(0xA0, _open(0x24, pieces)))
    return _open(0x30, _SIGNED + _open(0xA0, _open(0x30, b"\x02\x01\x01" + _open(0x31, b"") + content + b"\x31\x00")))


def enveloped() -> bytes:
    """The beginning of EnvelopedData, as much as tells it from signed data."""
    return _tlv(0x30, _ENVELOPED + _tlv(0xA0, _tlv(0x30, b"\x02\x01\x00" + b"\x31\x00")))


def tnef(text: str = "", files: Sequence[tuple[str, bytes]] = (), html: bytes = b"", rich: bytes = b"") -> bytes:
    """winmail.dat with the letter as Unicode, as HTML or as compressed RTF, and files."""
    letter = [
        *([(0x1000, 0x1F, (text + "\0").encode("utf-16-le"))] if text else []),
        *([(0x1013, 0x102, html)] if html else []),
        *([(0x1009, 0x102, rich)] if rich else []),
    ]
    found = b"\x78\x9f\x3e\x22\x01\x00" + _attribute(1, _CODEPAGE, struct.pack("<II", 1250, 0))
    if letter:
        found += _attribute(1, _PROPERTIES, _properties(letter))
    for name, data in files:
        found += _attribute(2, _BEGIN_FILE, bytes(14))
        found += _attribute(2, _TITLE, b"SHORT~1.PDF\0")
        found += _attribute(2, _FILE, data)
        found += _attribute(2, _FILE_PROPERTIES, _properties([(0x3707, 0x1F, (name + "\0").encode("utf-16-le"))]))
    return found


def _properties(items: Sequence[tuple[int, int, bytes]]) -> bytes:
    """A named one, a boolean and a list of numbers before them: what a reader has to step over."""
    named = struct.pack("<HH16sII", 0x1F, 0x8001, bytes(16), 1, 6) + "ab\0".encode("utf-16-le") + bytes(2)
    found = named + struct.pack("<II", 1, 2) + bytes(4)
    found += struct.pack("<HHI", 0x0B, 0x0E1B, 1) + struct.pack("<HHIII", 0x1003, 0x0E2A, 2, 7, 8)
    for name, kind, value in items:
        found += struct.pack("<HHII", kind, name, 1, len(value)) + value + bytes(-len(value) % 4)
    return struct.pack("<I", len(items) + 3) + found


def _attribute(level: int, name: int, value: bytes) -> bytes:
    return struct.pack("<BII", level, name, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def _tlv(tag: int, contents: bytes) -> bytes:
    size = len(contents)
    if size < 0x80:
        return bytes([tag, size]) + contents
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + contents


def _open(tag: int, contents: bytes) -> bytes:
    return bytes([tag, 0x80]) + contents + b"\0\0"
