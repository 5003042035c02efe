"""The tables of a TrueType font that say which letter a code draws ('cmap', ISO 14496-22 §5.2.1). Pure.

A simple font may bring several of them, and flags and an encoding that contradict each other: then each viewer looks
its letters up in another one, and a file shows a contract in one of them and an application in the next.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from collections.abc import Mapping

from mailbot.application.pdf.operators import UncommonError

_MOST = 16
_SEGMENTS = 5_000
_MAC, _SYMBOL = (1, 0), (3, 0)
_PRIVATE = 0xF000
"""Where fonts of symbols have their codes."""
_CODES = range(33, 256)
_ASCII = 127


def check(font: bytes) -> None:
    """Whether all tables of a font draw the same letter for each code of an octet. Raises UncommonError."""
    try:
        found = _tables(font)
    except (struct.error, IndexError, ValueError) as error:
        raise UncommonError("a font whose tables cannot be read") from error
    for code in _CODES:
        if len(_letters(found, code)) > 1:
            raise UncommonError("a font of several tables that differ")


def _letters(found: list[tuple[tuple[int, int], Mapping[int, int]]], code: int) -> set[int]:
    """The glyphs that a code may mean."""
    named = code if code < _ASCII else ord(bytes([code]).decode("mac_roman"))
    glyphs = set()
    for kind, table in found:
        if kind == _SYMBOL:
            glyphs |= {table.get(_PRIVATE + code, 0), table.get(code, 0)}
        else:
            glyphs.add(table.get(code if kind == _MAC else named, 0))
    return glyphs - {0}


def _tables(font: bytes) -> list[tuple[tuple[int, int], Mapping[int, int]]]:
    (count,) = struct.unpack_from(">H", font, 4)
    places = {font[12 + 16 * i : 16 + 16 * i]: struct.unpack_from(">I", font, 20 + 16 * i)[0] for i in range(count)}
    if len(places) != count:
        raise ValueError("a table twice")
    if b"cmap" not in places:
        return []
    start = places[b"cmap"]
    (count,) = struct.unpack_from(">H", font, start + 2)
    if count > _MOST:
        raise ValueError("tables")
    found = []
    for i in range(count):
        platform, encoding, offset = struct.unpack_from(">HHI", font, start + 4 + 8 * i)
        found.append(((platform, encoding), _table(font, start + offset)))
    if len({kind for kind, _ in found}) != count:
        raise ValueError("a table twice")
    return found


def _table(font: bytes, at: int) -> Mapping[int, int]:
    """Code → glyph of one table. Raises struct.error, ValueError."""
    (form,) = struct.unpack_from(">H", font, at)
    if form == 0:
        return dict(enumerate(struct.unpack_from("256B", font, at + 6)))
    if form == 4:
        return _segments(font, at)
    if form == 6:
        first, count = struct.unpack_from(">HH", font, at + 6)
        return dict(enumerate(struct.unpack_from(f">{count}H", font, at + 10), first))
    if form == 12:
        return _groups(font, at)
    if form == 14:
        return {}  # variants of letters, which no code of an octet means
    raise ValueError("a form")


def _segments(font: bytes, at: int) -> Mapping[int, int]:
    (twice,) = struct.unpack_from(">H", font, at + 6)
    count, found = twice // 2, dict[int, int]()
    if count > _SEGMENTS:
        raise ValueError("segments")
    ends = struct.unpack_from(f">{count}H", font, at + 14)
    starts = struct.unpack_from(f">{count}H", font, at + 16 + twice)
    deltas = struct.unpack_from(f">{count}H", font, at + 16 + 2 * twice)
    places = at + 16 + 3 * twice
    for i, (first, last, delta) in enumerate(zip(starts, ends, deltas, strict=True)):
        (offset,) = struct.unpack_from(">H", font, places + 2 * i)
        for code in _asked(first, last):
            glyph = code
            if offset:
                (glyph,) = struct.unpack_from(">H", font, places + 2 * i + offset + 2 * (code - first))
            found.setdefault(code, (glyph + delta) & 0xFFFF if glyph or not offset else 0)
    return found


def _groups(font: bytes, at: int) -> Mapping[int, int]:
    (count,) = struct.unpack_from(">I", font, at + 12)
    if count > _SEGMENTS:
        raise ValueError("groups")
    found = dict[int, int]()
    for i in range(count):
        first, last, glyph = struct.unpack_from(">III", font, at + 16 + 12 * i)
        for code in _asked(first, last):
            found.setdefault(code, glyph + code - first)
    return found


def _asked(first: int, last: int) -> list[int]:
    """The codes of a range that an octet may mean."""
    return _MEANT[bisect_left(_MEANT, first) : bisect_right(_MEANT, last)]


_MEANT = sorted(
    {*_CODES, *(_PRIVATE + code for code in _CODES), *(ord(bytes([code]).decode("mac_roman")) for code in _CODES)}
)
