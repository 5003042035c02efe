"""What other readers may see in the raw header block: a From we do not see, or two of a header there must be one of.

A forged From hides behind differences between parsers (design notes: espoofer's classes): a name with a blank or an odd
byte in it, a first line that begins with a blank, line breaks that only some readers take for line breaks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mailbot.model import Header
from mailbot.text.remembered import remembered

MAX_BLOCK = 262_144
"""Octets of header looked at; a longer header block is a doubt."""

SINGLE = ("from", "subject", "date", "to", "message-id", "content-type", "content-transfer-encoding")
"""Fields that may stand once (RFC 5322 §3.6, RFC 2045 §3) and whose double would change what the citizen asks."""

_BREAK = rb"(?:\r\n|\r(?!\n)|\n)"
_END = re.compile(rb"\r\n%b|\r(?!\n)%b|\n%b" % (_BREAK, _BREAK, _BREAK))
"""Two line breaks; spelt out, for so the search leaps from break to break."""
_NAME = re.compile(rb"^([^ \t:\n][^:\n]*+(?:\n[ \t][^:\n]*+)*):", re.MULTILINE)
_FIELD_END = re.compile(rb"(?<!\r)\n|\r\n(?![ \t])|\Z")
_NOT_IN_NAMES = bytes(set(range(256)) - set(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"))


@dataclass(frozen=True, slots=True)
class HeaderBlock:
    """``from_doubt``: why another reader may see another From, or None. ``doubled``: names out of SINGLE seen twice."""

    from_doubt: str | None
    doubled: tuple[str, ...]


def inspect(raw: bytes, headers: Sequence[Header] = ()) -> HeaderBlock:
    """Look at the header block of a whole message. Never raises. ``headers``: what we read there; where everybody must
    read the same, they tell all."""
    names = [_bare(header.name) for header in headers]
    if names.count("from") == 1 and headers[names.index("from")].name.lower() == "from" and _are_all(raw, headers):
        return HeaderBlock(None, tuple(name for name in SINGLE if names.count(name) > 1))
    return _inspected(raw)


def _are_all(raw: bytes, headers: Sequence[Header]) -> bool:
    """Whether these fields are the block to the octet, each with a colon and a space behind its name, and CRLF ends
    every line."""
    written = b"".join([b"%b: %b\r\n" % (header.name.encode(), header.value) for header in headers]) + b"\r\n"
    return len(written) <= MAX_BLOCK and raw.startswith(written)


@remembered(512, 80)
def _bare(name: str) -> str:
    """The name of a field as lenient readers take it."""
    return name.encode().translate(None, _NOT_IN_NAMES).decode().lower()


def _inspected(raw: bytes) -> HeaderBlock:
    """The definition of ``inspect``, which is slow."""
    head = raw[:MAX_BLOCK]
    end = _END.search(head)
    if end is None and len(raw) > MAX_BLOCK:
        return HeaderBlock(f"header block longer than {MAX_BLOCK} octets", ())
    block = head[: end.start() + 2] if end else head
    names: Counter[bytes] = Counter()
    froms: list[re.Match[bytes]] = []
    for match in _NAME.finditer(block):
        name = match[1].translate(None, _NOT_IN_NAMES).lower()
        names[name] += 1
        if name == b"from":
            froms.append(match)
    doubled = tuple(name for name in SINGLE if names[name.encode()] > 1)
    return HeaderBlock(_from_doubt(block, end[0] if end else b"", froms), doubled)


def _from_doubt(block: bytes, end: bytes, froms: list[re.Match[bytes]]) -> str | None:
    if block[:1] in (b" ", b"\t"):
        return "first line of the header begins with a blank"
    if block.count(b"\r") != block.count(b"\r\n") or end in (b"\r\n\n", b"\n\r\n"):
        return "line breaks that readers take differently"
    if len(froms) != 1:
        return f"{len(froms)} From fields"
    if froms[0][1].lower() != b"from":
        return "odd bytes in the name of the From field"
    if b"\r\n" in block:
        start, finish = froms[0].start(), _FIELD_END.search(block, froms[0].end())
        if (start and block[start - 2 : start] != b"\r\n") or (finish and finish[0] == b"\n"):
            return "From field bounded by a bare line feed"
    return None
