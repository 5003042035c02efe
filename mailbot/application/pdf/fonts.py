"""Fonts whose letters all viewers take from one place (ISO 32000-2 §9.6 to §9.9): of two places each takes its own."""

from __future__ import annotations

import re
from typing import Any

from pypdf._codecs.adobe_glyphs import adobe_glyphs
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, NameObject, StreamObject

from mailbot.application.fontnames import FONT
from mailbot.application.pdf import fontfiles
from mailbot.application.pdf.operators import UncommonError

_KINDS = ("/Type1", "/MMType1", "/TrueType", "/CIDFontType0", "/CIDFontType2")
_SIMPLE = ("/Type1", "/MMType1", "/TrueType")
_KEYS = frozenset(("/FontFile", "/FontFile2", "/FontFile3"))
_SUBSET = re.compile(r"/(?:[A-Z]{6}\+)?")
_STYLE = re.compile(r"(?:PS)?(?:MT)?(?:[-,](?:Roman|Regular|(?:Bold)?(?:Italic|Oblique)?)(?:MT)?)?\Z")
_PLAIN = re.compile(FONT.pattern.replace(" ", " ?"))
_WIDEST, _LAST = 10_000, 0xFFFF
_ENCODINGS = ("/WinAnsiEncoding", "/MacRomanEncoding", "/StandardEncoding")
_BY_NUMBER = re.compile(r"/(?:\.notdef|uni[0-9A-F]{4}|u[0-9A-F]{4,6})")
_STANDARD = frozenset(("Helvetica", "Times", "Courier", "Symbol", "ZapfDingbats"))


def check(font: DictionaryObject) -> None:
    """Raises UncommonError."""
    kind = font.get("/Subtype")
    if kind == "/Type3":
        return None
    if kind == "/Type0" and not _is_of_chromium(font):
        below = resolved(font.get("/DescendantFonts"))
        if resolved(font.get("/Encoding")) != "/Identity-H" or not isinstance(below, ArrayObject) or len(below) != 1:
            raise UncommonError("a font whose numbers viewers look up otherwise")
        font = resolved(below[0])
        kind = font.get("/Subtype") if isinstance(font, DictionaryObject) else None
        about = resolved(font.get("/CIDSystemInfo")) if isinstance(font, DictionaryObject) else None
        if not isinstance(about, DictionaryObject) or not about.keys() >= {"/Registry", "/Ordering", "/Supplement"}:
            raise UncommonError("a font of numbers of no collection")
        _check_places(font)
    elif kind == "/Type0":
        return None
    if kind not in _KINDS:
        raise UncommonError("a font of an unknown kind")
    if kind in _SIMPLE:
        _check_widths(resolved(font.get("/Widths", ())))
        _check_encoding(resolved(font.get("/Encoding")), named=kind == "/TrueType")
    described = resolved(font.get("/FontDescriptor"))
    files = _KEYS.intersection(described) if isinstance(described, DictionaryObject) else frozenset()
    if not files and kind in _SIMPLE:
        return _check_name(str(font.get("/BaseFont")))
    if len(files) != 1:
        raise UncommonError("a font with two files, or of numbers and without one")
    (key,) = files
    file = resolved(described.raw_get(key))
    if not isinstance(file, StreamObject) or (kind != "/CIDFontType2" and "/CIDToGIDMap" in font):
        raise UncommonError("a font with a file that is none")
    fontfiles.check(file.get_data(), "/Type1" if kind == "/MMType1" else str(kind), key, file.get("/Subtype"))
    return None


def _check_places(font: Any) -> None:
    """Whether it is plain how wide the letters of a font of numbers are (§9.7.4.3), each once."""
    rows = [resolved(one) for one in resolved(font.get("/W", ()))] if isinstance(font, DictionaryObject) else []
    said: set[int] = set()
    at = 0
    while at < len(rows):
        listed = at + 1 < len(rows) and isinstance(rows[at + 1], ArrayObject)
        if not isinstance(rows[at], int) or not (listed or (at + 2 < len(rows) and isinstance(rows[at + 1], int))):
            raise UncommonError("widths of letters")
        last = rows[at] + len(rows[at + 1]) - 1 if listed else rows[at + 1]
        _check_widths(rows[at + 1] if listed else [rows[at + 2]])
        numbers = range(max(rows[at], 0), min(last, _LAST) + 1)
        if len(numbers) != last - rows[at] + 1 or not said.isdisjoint(numbers):
            raise UncommonError("widths of letters")
        said.update(numbers)
        at += 2 if listed else 3
    _check_widths([resolved(font.get("/DW", 0))] if isinstance(font, DictionaryObject) else [])


def _check_widths(widths: Any) -> None:
    """Whether they are numbers that all viewers can hold: some have 16 bits for them."""
    found = [resolved(width) for width in widths]
    if not all(isinstance(width, (int, float)) and 0 <= width <= _WIDEST for width in found):
        raise UncommonError("widths of letters")


def _check_encoding(encoding: Any, *, named: bool) -> None:
    """Whether all viewers know the names of the letters (§9.6.5).

    ``named``: the font finds its letters by Unicode. For ``/c65`` some viewers take the code then, others /ToUnicode.
    """
    if isinstance(encoding, DictionaryObject):
        base, differences = resolved(encoding.get("/BaseEncoding")), resolved(encoding.get("/Differences"))
    else:
        base, differences = encoding, None
    if base is not None and base not in _ENCODINGS:
        raise UncommonError("an encoding of letters")
    for one in map(resolved, differences if isinstance(differences, ArrayObject) else ()):
        known = isinstance(one, int) or (isinstance(one, NameObject) and (not named or _is_known(one)))
        if not known:
            raise UncommonError("letters by names of their own")


def _is_known(name: str) -> bool:
    return name in adobe_glyphs or _BY_NUMBER.fullmatch(name) is not None


def _is_of_chromium(font: DictionaryObject) -> bool:
    """What Chromium fills ’ into a field in: each viewer has a font of its own for these numbers, which are common."""
    below = resolved(font.get("/DescendantFonts"))
    descendant = resolved(below[0]) if isinstance(below, ArrayObject) and below else None
    described = resolved(descendant.get("/FontDescriptor")) if isinstance(descendant, DictionaryObject) else None
    brought = isinstance(described, DictionaryObject) and not _KEYS.isdisjoint(described)
    return font.get("/BaseFont") == "/ChromeSansMM" and resolved(font.get("/Encoding")) == "/GBK-EUC-H" and not brought


def _check_name(name: str) -> None:
    """Whether a font that is not in the file is one with plain letters: Wingdings has none."""
    family = _STYLE.sub("", _SUBSET.sub("", name, count=1))
    if family not in _STANDARD and _PLAIN.fullmatch(family) is None:
        raise UncommonError("a font of an unknown name")


def resolved(found: Any) -> Any:
    """What a reference means."""
    return found.get_object() if isinstance(found, IndirectObject) else found
