"""The few pieces of PDF syntax (ISO 32000-2 §7.2-7.3) that a signature depends on, with their exact places in the file.

pyHanko finds the objects; the signature dictionary itself is read here because coverage is a question about bytes, and
because pyHanko reads the hex string of /Contents octet by octet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from pyhanko.pdf_utils.generic import decode_pdfdocencoding, parse_pdf_date

MAX_TOKENS = 4_000
"""In one dictionary. A signature dictionary has some forty, with build properties (/Prop_Build) a hundred."""

_SPACE = rb"[\0\t\n\f\r ]"
_REGULAR = rb"[^\0\t\n\f\r ()<>\[\]{}/%]"
_TOKEN = re.compile(
    _SPACE + rb"*+(?:(?P<open><<|\[)|(?P<close>>>|\])|(?P<name>/" + _REGULAR + rb"*+)"
    rb"|(?P<hex><[0-9A-Fa-f\0\t\n\f\r ]*+>)|(?P<string>\()|(?P<word>" + _REGULAR + rb"++))"
)
_REFERENCE = re.compile(rb"\d{1,10}" + _SPACE + rb"++\d{1,5}" + _SPACE + rb"++R(?!" + _REGULAR + rb")")
_OBJECT = re.compile(_SPACE + rb"*+(\d{1,10})" + _SPACE + rb"++(\d{1,5})" + _SPACE + rb"++obj(?!" + _REGULAR + rb")")
_XREF = re.compile(rb"/(?:X|#58)(?:R|#52)(?:e|#65)(?:f|#66)(?!" + _REGULAR + rb")")
_IN_STRING = re.compile(rb"[()\\]")
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n|[\r\n])|(.))|\r\n?", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_BLANKS = bytes.maketrans(b"\t\n\r", b"   ")  # in PDFDocEncoding (table D.3), unknown to pyHanko
_CLOSES = {b"<<": b">>", b"[": b"]"}


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a dictionary: its bytes as written, and where they stand."""

    raw: bytes
    start: int
    end: int


def read_object(data: bytes, offset: int, number: int, generation: int) -> tuple[dict[str, Value], int, int]:
    """(entries by name, start, end) of the dictionary that is object ``number generation`` at ``offset``.

    Strict where readers differ: another object number, a key that stands twice, a comment or anything that is no PDF
    raises ValueError.
    """
    header = _OBJECT.match(data, offset)
    if header is None or (int(header[1]), int(header[2])) != (number, generation):
        raise ValueError("the cross-reference table does not lead to the object")
    return read_dictionary(data, header.end())


def read_dictionary(data: bytes, position: int) -> tuple[dict[str, Value], int, int]:
    """(entries by name, start, end) of the dictionary at ``position``; as strict as ``read_object``."""
    tokens = _Tokens(data, position)
    if tokens.next() != b"<<":
        raise ValueError("the object is not a dictionary")
    start = tokens.start
    entries: dict[str, Value] = {}
    while (key := tokens.next()) != b">>":
        name = key.decode("latin-1")
        if not key.startswith(b"/") or name in entries:
            raise ValueError("a key is no name or stands twice")
        entries[name] = tokens.value()
    return entries, start, tokens.end


class _Tokens:
    """Tokens one by one; ``start`` and ``end`` are the place of the last."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data, self.start, self.end = data, position, position
        self.left = MAX_TOKENS

    def next(self) -> bytes:
        self.left -= 1
        match = _TOKEN.match(self.data, self.end)
        if match is None or self.left < 0 or match.lastgroup is None:
            raise ValueError("not a PDF token, or too many of them")
        self.start, self.end = match.span(match.lastgroup)
        if match.lastgroup == "string":
            self.end = self._string_end()
        return self.data[self.start : self.end]

    def value(self) -> Value:
        """The next whole value: a reference is three tokens, an array or dictionary many."""
        token = self.next()
        start, expected = self.start, [_CLOSES[token]] if token in _CLOSES else []
        if token in _CLOSES.values():
            raise ValueError("a key without a value")
        if reference := _REFERENCE.match(self.data, start):
            self.end = reference.end()
        while expected:
            token = self.next()
            if token in _CLOSES:
                expected.append(_CLOSES[token])
            elif token in _CLOSES.values() and token != expected.pop():
                raise ValueError("brackets do not match")
        return Value(self.data[start : self.end], start, self.end)

    def _string_end(self) -> int:
        """End of a literal string: its parentheses balance unless escaped (§7.3.4.2)."""
        depth, position = 1, self.start + 1
        while depth:
            match = _IN_STRING.search(self.data, position)
            if match is None:
                raise ValueError("a string has no end")
            position = match.end() + (match[0] == b"\\")
            depth += (match[0] == b"(") - (match[0] == b")")
        return position


def integers(value: Value | None) -> list[int]:
    """An array of non-negative integers; [] for anything else."""
    if value is None or not re.fullmatch(rb"\[[0-9\0\t\n\f\r ]{1,20000}\]", value.raw):
        return []
    return [int(word) for word in re.findall(rb"\d+", value.raw)]


def xref_stream_entries(data: bytes) -> int:
    """How many entries all cross-reference streams of a file claim to have (§7.5.8).

    pyHanko counts through them even when there is no data behind: a small file could keep it busy for hours. The
    trailer of a classic table that calls itself /XRef, as some programs write, is counted like a stream.
    Raises ValueError for a dictionary that is not plain enough to be sure.
    """
    total = 0
    for mark in _XREF.finditer(data):
        heads = (data.rfind(word, 0, mark.start()) + len(word) for word in (b"obj", b"trailer"))
        entries, start, end = read_dictionary(data, max(heads))
        sections = integers(entries["/Index"]) if "/Index" in entries else []
        if not start < mark.start() < end or any("#" in name for name in entries) or len(sections) % 2:
            raise ValueError("a cross-reference stream that readers could take in two ways")
        total += sum(sections[1::2]) if sections else int(entries["/Size"].raw)
    return total


def text(value: Value | None) -> str | None:
    """A text string (§7.9.2.2): UTF-16BE or UTF-8 with their marks, else PDFDocEncoding. None: there is no text."""
    if value is None:
        return None
    try:
        octets = _octets(value.raw)
        if octets.startswith(b"\xfe\xff"):
            return octets[2:].decode("utf-16-be")
        if octets.startswith(b"\xef\xbb\xbf"):
            return octets[3:].decode("utf-8")
        return str(decode_pdfdocencoding(octets.translate(_BLANKS)))  # type: ignore[no-untyped-call]
    except ValueError:
        return None


def date(value: Value | None) -> datetime | None:
    """A date (§7.9.4) that says its offset from UT; else None."""
    try:
        found = parse_pdf_date(text(value) or "", strict=False)
    except Exception:  # PdfReadError, ValueError, OverflowError: a date that is none
        return None
    return found if found.tzinfo else None


def hexadecimal(value: Value | None) -> bytes:
    """Octets of a hex string (§7.3.4.3) with an even number of digits. Raises ValueError."""
    if value is None or not value.raw.startswith(b"<") or value.raw.startswith(b"<<"):
        raise ValueError("not a hex string")
    return bytes.fromhex(value.raw[1:-1].decode("ascii"))


def _octets(raw: bytes) -> bytes:
    if raw.startswith(b"("):
        return _ESCAPE.sub(_unescape, raw[1:-1])
    digits = re.sub(_SPACE, b"", raw[1:-1]) if raw.startswith(b"<") else b"-"
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))


def _unescape(match: re.Match[bytes]) -> bytes:
    octal, broken_line, other = match[1], match[2], match[3]
    if octal:
        return bytes([int(octal, 8) & 0xFF])
    if broken_line:
        return b""
    return _ESCAPED.get(other, other) if other else b"\n"
