"""A file that was signed and then carried as text: what mail programs and gateways do to line ends and encodings."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from mailbot.signatures.detect import Detected, detect

_MAX = 1_000_000
"""Octets; each form is digested once."""
_BASE64 = re.compile(rb"[A-Za-z0-9+/\r\n]{16,}={0,2}\s*")
_QUOTED = re.compile(rb"=(?:[0-9A-F]{2}|[ \t]*\r?\n)")


def may_have_changed(octets: bytes) -> bool:
    """Is it text with line ends, which may be others than those that were signed?"""
    return (
        len(octets) <= _MAX and detect(octets) in (Detected.TEXT, Detected.XML) and bool(re.search(rb"[\r\n]", octets))
    )


def forms(octets: bytes) -> Iterator[bytes]:
    """What text that arrived as ``octets`` may have been: other line ends, at the end too; base64, quoted-printable.

    A digest says which it was: whatever fits is what the person signed.
    """
    if len(octets) > _MAX or detect(octets) not in (Detected.TEXT, Detected.XML):
        return
    found = [*_line_ends(octets)]
    if _BASE64.fullmatch(octets):
        found += _decoded(octets)
    elif _QUOTED.search(octets):
        plain = binascii.a2b_qp(octets)
        found += [plain, *_line_ends(plain)]
    yield from (form for form in dict.fromkeys(found) if form != octets)


def _line_ends(octets: bytes) -> Iterator[bytes]:
    unix = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    for text in (unix, unix.rstrip(b"\n") + b"\n", unix.rstrip(b"\n")):
        yield text.replace(b"\n", b"\r\n")
        yield text


def _decoded(octets: bytes) -> list[bytes]:
    try:
        return [binascii.a2b_base64(octets)]
    except ValueError:
        return []
