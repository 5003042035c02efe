"""Deflates (RFC 1951) what is about to be sealed, against what most mails have in common.

Header fields, the frame of the HTML and most sentences of our mails are the same in all of them. They stand in
``packing.bin``, lines of mails of the shipped rules with CRLF, and of a mail only the rest is kept: of ours a
fifteenth, of short letters a third. A rule set with other words gains less and loses nothing.

What was deflated against these octets is inflated against these alone: no octet of the file may ever change.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import cache
from pathlib import Path
from typing import Any

from mailbot.errors import ConfigError, SealBroken

_FILE = Path(__file__).with_name("packing.bin")
_SHA256 = "2b3f79e18fe126d0bf623f532d64d0b49396dc685d365f302a4fc9f371ef7b9e"
_LEVEL = 2  # higher ones cost time and gain little
_MEMORY = 8


def packed(plain: bytes) -> bytes:
    """``plain``, deflated. Raises SealBroken."""
    packer = _packer().copy()
    octets: bytes = packer.compress(plain) + packer.flush()
    return octets


def unpacked(octets: bytes) -> bytes:
    """What ``packed`` made them of. Raises SealBroken, zlib.error."""
    return zlib.decompressobj(-zlib.MAX_WBITS, zdict=_common()).decompress(octets)


def prove() -> None:
    """Raises ConfigError where nothing could be sealed or opened: better before the first mail than with each."""
    try:
        _common()
    except SealBroken as error:
        raise ConfigError(error.reason) from error


@cache
def _common() -> bytes:
    common = _FILE.read_bytes() if _FILE.is_file() else b""
    if hashlib.sha256(common).hexdigest() != _SHA256:
        raise SealBroken(f"{_FILE}: is damaged, and no mail opens without it; mend: install mailbot anew")
    return common


@cache
def _packer() -> Any:
    """One that has read what is common, to be copied: that is quicker than to read it again."""
    return zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, _MEMORY, zlib.Z_DEFAULT_STRATEGY, zdict=_common())
