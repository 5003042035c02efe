"""What a font file is, told by its octets: viewers go by them, by its key, or by the kind of the font (§9.9). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from mailbot.application.pdf import cmaps
from mailbot.application.pdf.operators import UncommonError

_TRUETYPE = (b"\0\1\0\0", b"true")
_OPENTYPE = b"OTTO"
_BARE = b"\1\0"
_TYPE_1 = (b"%!", b"\x80\x01")
_KINDS = {
    ("/Type1", "/FontFile", None): _TYPE_1,
    ("/Type1", "/FontFile3", "/Type1C"): (_BARE,),
    ("/Type1", "/FontFile3", "/OpenType"): (_OPENTYPE,),
    ("/TrueType", "/FontFile2", None): _TRUETYPE,
    ("/TrueType", "/FontFile3", "/OpenType"): _TRUETYPE,
    ("/CIDFontType0", "/FontFile3", "/CIDFontType0C"): (_BARE,),
    ("/CIDFontType0", "/FontFile3", "/OpenType"): (_OPENTYPE,),
    ("/CIDFontType2", "/FontFile2", None): _TRUETYPE,
    ("/CIDFontType2", "/FontFile3", "/OpenType"): _TRUETYPE,
}
"""Kind of the font, key of its file and the file's own kind → how the file begins (ISO 32000-2 table 124)."""
_ROS = b"\x0c\x1e"
"""The operator that makes a font one of numbers (Adobe TN 5176 §9)."""
_ESCAPE, _REAL, _LONG, _SHORT, _LAST_OPERATOR = 12, 30, 29, 28, 21


def check(data: bytes, kind: str, key: str, own: object) -> None:
    """Whether a font file is what its font says, and its letters are found in one way. Raises UncommonError.

    ``own``: /Subtype of the file.
    """
    if not data.startswith(_KINDS.get((kind, key, str(own) if key == "/FontFile3" else None), ())):
        raise UncommonError("a font with a file of another kind")
    if kind == "/TrueType":
        cmaps.check(data)
    if data.startswith((_BARE, _OPENTYPE)) and (kind, data[:4] == _OPENTYPE) != ("/CIDFontType0", False):
        try:
            numbered = _ROS in _operators(data)
        except IndexError as error:
            raise UncommonError("a font that cannot be read") from error
        if numbered:  # some viewers look the numbers up in it, others take them as they are
            raise UncommonError("a font of numbers in the place of another")


def _operators(data: bytes) -> list[bytes]:
    """Of the first dictionary of a CFF font (Adobe TN 5176 §4 to §9)."""
    start = _table(data) if data.startswith(_OPENTYPE) else 0
    at = start + data[start + 2]
    (*_, (_, at)) = _index(data, at)
    ((first, last), *_) = _index(data, at)
    return list(_read(data[first:last]))


def _table(data: bytes) -> int:
    """Where the CFF font begins in an OpenType font."""
    for i in range(int.from_bytes(data[4:6])):
        entry = data[12 + 16 * i : 28 + 16 * i]
        if entry[:4] == b"CFF ":
            return int.from_bytes(entry[8:12])
    raise IndexError


def _index(data: bytes, at: int) -> list[tuple[int, int]]:
    """Where the objects of an INDEX begin and end. Raises IndexError."""
    count, size = int.from_bytes(data[at : at + 2]), data[at + 2]
    if not 0 < count < len(data) or not 1 <= size <= 4:
        raise IndexError
    offsets = [int.from_bytes(data[at + 3 + size * i : at + 3 + size * (i + 1)]) for i in range(count + 1)]
    base = at + 2 + size * (count + 1)
    return [(base + one, base + other) for one, other in pairwise(offsets)]


def _read(dictionary: bytes) -> Iterator[bytes]:
    """Its operators, without their operands."""
    at = 0
    while at < len(dictionary):
        first = dictionary[at]
        if first <= _LAST_OPERATOR:
            size = 1 + (first == _ESCAPE)
            yield dictionary[at : at + size]
        elif first == _REAL:
            size = 1
            while at + size < len(dictionary) and dictionary[at + size] & 0x0F != 0x0F:
                size += 1
            size += 1
        else:
            size = {_SHORT: 3, _LONG: 5}.get(first, 1 if first < 247 else 2)
        at += size
