"""Where the objects of a PDF stand (ISO 32000-2 §7.5.4 to §7.5.8, annex F): in one place for all readers, or a doubt.

Readers differ in what they make of an object that a later section gives back, that one section or one object stream
lists twice, or that the head of a file for slow networks calls its first page.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterator
from itertools import chain

from pypdf import PdfReader
from pypdf.errors import PyPdfError
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, NumberObject, StreamObject, read_object

_START = re.compile(rb"startxref\s+(\d{1,10})\s+%%EOF")
_TABLE = re.compile(rb"\s*xref\b")
_ROWS = re.compile(rb"\s*(\d{1,7})[ ]+(\d{1,7})(?=\s)")
_ROW = re.compile(rb"\s{0,3}(\d{10}) (\d{5}) ([nf])")
_TRAILER = re.compile(rb"\s*trailer\b\s*")
_OBJECT = re.compile(rb"\s*(\d{1,10})\s+(\d{1,5})\s+obj\b\s*")
_LENGTH = re.compile(rb"/Length\s*(?:\d{1,10}\s+\d{1,5}\s+R|\d{1,10})(?=[\s/>])")
_FIRST = re.compile(rb"%PDF-[^\r\n]{0,20}[\r\n]+(?:%[^\r\n]{0,100}[\r\n]+)*\s*\d{1,10}\s+\d{1,5}\s+obj\b\s*")
_SECTIONS, _MOST = 60, 200_000
_FREE, _PLAIN, _PACKED = range(3)

_Entry = tuple[int, int, int]
"""Free; at an octet, of a generation; or in an object stream, at a place of it (§7.5.8.3)."""


class PlaceError(Exception):
    """An object stands in several places; the text says which kind of."""


def check(data: bytes, reader: PdfReader, reached: Collection[int], pages: list[int]) -> None:
    """Raises PlaceError. ``reached``: numbers of the objects of the document; ``pages``: of its pages."""
    try:
        places = _places(data, reader)
        for number in reached:
            _check_one(data, reader, number, places.get(number, (_FREE, 0, 0)))
        _check_streams(reader, {number: place for number, place in places.items() if number in reached})
        _check_first_page(data, reader, pages)
    except (PyPdfError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise PlaceError("cross-references that are not plain") from error


def _places(data: bytes, reader: PdfReader) -> dict[int, _Entry]:
    """Of all objects, by the newest section that lists them."""
    found: dict[int, _Entry] = {}
    start = _START.match(data, max(data.rfind(b"startxref"), 0))
    waiting, seen = [int(start[1]) if start else -1], set[int]()
    while waiting:
        at = waiting.pop()
        if at in seen:  # a table and its stream may both name the one before
            continue
        if not 0 <= at < len(data) or len(seen) > _SECTIONS or len(found) > _MOST:
            raise PlaceError("cross-references that are not plain")
        entries, trailer = _section(data, reader, at)
        if not seen and "/Root" not in trailer:
            raise PlaceError("a file without a root")
        seen.add(at)
        for number, place in entries.items():
            found.setdefault(number, place)
        waiting += [_whole(trailer[key]) for key in ("/Prev", "/XRefStm") if key in trailer]
    return found


def _section(data: bytes, reader: PdfReader, at: int) -> tuple[dict[int, _Entry], DictionaryObject]:
    table = _TABLE.match(data, at)
    entries, end = _table(data, table.end()) if table else (None, 0)
    if entries is None:
        head = _OBJECT.match(data, at)
        end = head.end() if head else -1
    stream = io.BytesIO(data)
    stream.seek(end)
    trailer = read_object(stream, reader)
    if not isinstance(trailer, DictionaryObject):
        raise PlaceError("cross-references that are not plain")
    rows = entries if entries is not None else list(_rows(trailer))
    places = dict(rows)
    if len(places) != len(rows):
        raise PlaceError("an object that is listed twice")
    return places, trailer


def _table(data: bytes, at: int) -> tuple[list[tuple[int, _Entry]], int]:
    """The entries of a table, and where its trailer begins."""
    entries: list[tuple[int, _Entry]] = []
    while rows := _ROWS.match(data, at):
        first, count, at = int(rows[1]), int(rows[2]), rows.end()
        for number in range(first, first + count):
            row = _ROW.match(data, at)
            if row is None or len(entries) > _MOST:
                raise PlaceError("cross-references that are not plain")
            entries.append((number, (_PLAIN if row[3] == b"n" else _FREE, int(row[1]), int(row[2]))))
            at = row.end()
    trailer = _TRAILER.match(data, at)
    if trailer is None:
        raise PlaceError("cross-references that are not plain")
    return entries, trailer.end()


def _rows(section: DictionaryObject) -> Iterator[tuple[int, _Entry]]:
    """The entries of a cross-reference stream."""
    if not isinstance(section, StreamObject):
        raise PlaceError("cross-references that are not plain")
    widths = _wholes(section["/W"])
    index = _wholes(section["/Index"]) if "/Index" in section else [0, _whole(section["/Size"])]
    octets, size, at = section.get_data(), sum(widths), 0
    if len(widths) != 3 or min(widths) < 0 or size < 1 or sum(index[1::2]) > _MOST:
        raise PlaceError("cross-references that are not plain")
    for number in chain.from_iterable(
        range(one, one + many) for one, many in zip(index[::2], index[1::2], strict=True)
    ):
        row = octets[at : at + size]
        if len(row) < size:
            raise PlaceError("cross-references that are not plain")
        kind = int.from_bytes(row[: widths[0]]) if widths[0] else _PLAIN
        middle = int.from_bytes(row[widths[0] : widths[0] + widths[1]])
        yield number, (kind, middle, int.from_bytes(row[widths[0] + widths[1] :]))
        at += size


def _check_one(data: bytes, reader: PdfReader, number: int, place: _Entry) -> None:
    """Whether the other reader finds an object in its place, and a stream says how long it is (§7.3.8.2)."""
    kind, where, more = place
    theirs = {
        (_PLAIN, at[number], generation)
        for generation, at in reader.xref.items()
        if number in at and reader.xref_free_entry.get(generation, {}).get(number) is not True
    }
    if number in reader.xref_objStm:
        theirs = {(_PACKED, *reader.xref_objStm[number])}
    if kind == _FREE:
        if theirs:
            raise PlaceError("an object that was given back")
        return
    if theirs != {place}:
        raise PlaceError("an object in several places")
    if kind == _PLAIN:
        head = _OBJECT.match(data, where)
        if head is None or int(head[1]) != number or int(head[2]) != more:
            raise PlaceError("an object that is not in its place")
        end = data.find(b"stream", where)
        before = data[where:end] if end >= 0 else b"endobj"
        if b"endobj" not in before and _LENGTH.search(before) is None:
            raise PlaceError("a stream without a length")


def _check_streams(reader: PdfReader, places: dict[int, _Entry]) -> None:
    """Whether an object stream lists each object once, where the cross-references say (§7.5.7)."""
    for holder in {where for kind, where, _ in places.values() if kind == _PACKED}:
        stream = IndirectObject(holder, 0, reader).get_object()
        if not isinstance(stream, StreamObject):
            raise PlaceError("an object stream that is none")
        head = stream.get_data()[: _whole(stream["/First"])].partition(b"%")[0].split()
        listed, starts = list(map(int, head[::2])), list(map(int, head[1::2]))
        if len(listed) != _whole(stream["/N"]) or len(set(listed)) != len(listed) or sorted(starts) != starts:
            raise PlaceError("an object that is listed twice")
        for number, (kind, where, at) in places.items():
            if kind == _PACKED and where == holder and listed[at] != number:
                raise PlaceError("an object that is not in its place")


def _check_first_page(data: bytes, reader: PdfReader, pages: list[int]) -> None:
    """Whether the first page is the one that the head of a linearized file names: Chrome shows that one."""
    first = _FIRST.match(data)
    stream = io.BytesIO(data)
    stream.seek(first.end() if first else 0)
    head = read_object(stream, reader) if first else None
    if isinstance(head, DictionaryObject) and "/Linearized" in head:
        shown = _whole(head.get("/P", NumberObject(0)))
        if not 0 <= shown < len(pages) or pages[shown] != _whole(head["/O"]):
            raise PlaceError("another first page")


def _wholes(found: object) -> list[int]:
    if not isinstance(found, ArrayObject):
        raise ValueError("not numbers")
    return [_whole(one) for one in found]


def _whole(found: object) -> int:
    if not isinstance(found, int):
        raise ValueError("not a number")
    return int(found)
