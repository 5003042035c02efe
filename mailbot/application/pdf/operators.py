"""The content of a page read strictly: only what all viewers draw alike (ISO 32000-2 §7.8.2, §8, §9, annex A).

Where operators or operands are wrong each viewer does something else: of ``0 1 1 1 rg`` one takes the last three and
draws in white, another one draws on in black. Whatever is not exactly as the standard has it is uncommon.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

_DELIMITED = rb"(?=[\0\t\n\f\r \[\]<>(){}/%]|\Z)"
_PLAIN = rb"[^()\\]*(?:\\[\s\S][^()\\]*){0,10000}"
_TOKEN = re.compile(
    rb"(?P<blank>[\0\t\n\f\r ]+|%[^\r\n]*)"
    rb"|(?P<n>[+-]?(?:\d{1,9}(?:\.\d{0,30})?|\.\d{1,30})" + _DELIMITED + rb")"
    rb"|(?P<N>/[^\0\t\n\f\r \[\]<>(){}/%]*)"
    rb"|(?P<s><[0-9A-Fa-f\0\t\n\f\r ]*>|\(" + _PLAIN + rb"(?:\(" + _PLAIN + rb"\)" + _PLAIN + rb"){0,1000}\))"
    rb"|(?P<mark><<|>>|\[|\])"
    rb"|(?P<word>[A-Za-z'\"][A-Za-z0-9]*\*?" + _DELIMITED + rb")"
)
_MOST = 150_000
"""Tokens of a page."""
TOO_LONG = "a content that is too long"
_OPERANDS = {
    **dict.fromkeys((b"w", b"J", b"j", b"M", b"i", b"Tc", b"Tw", b"Tz", b"TL", b"Ts", b"Tr", b"G", b"g"), "n"),
    **dict.fromkeys((b"m", b"l", b"Td", b"TD", b"d0"), "nn"),
    **dict.fromkeys((b"RG", b"rg"), "nnn"),
    **dict.fromkeys((b"re", b"v", b"y", b"K", b"k"), "nnnn"),
    **dict.fromkeys((b"c", b"cm", b"Tm", b"d1"), "nnnnnn"),
    **dict.fromkeys((b"Tj", b"'"), "s"),
    **dict.fromkeys((b"ri", b"gs", b"CS", b"cs", b"Do", b"BMC", b"MP"), "N"),
    **dict.fromkeys((b"h", b"S", b"s", b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*", b"n", b"W", b"W*"), ""),
    **dict.fromkeys((b"q", b"Q", b"BT", b"ET", b"T*", b"EMC"), ""),
    b"d": "an",
    b"Tf": "Nn",
    b"TJ": "a",
    b'"': "nns",
}
"""Kinds of the operands of each operator: number, name, string, array. Of patterns, shadings, pictures within the
content and compatibility sections viewers make different things."""
_COLOURS = {b"G": 1, b"g": 1, b"RG": 3, b"rg": 3, b"K": 4, b"k": 4}
_SET = (b"SC", b"SCN", b"sc", b"scn")
_TAGGED = (b"BDC", b"DP")
_PAINT = frozenset((b"S", b"s", b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*", b"n"))
_CLIP = frozenset((b"W", b"W*"))
_BEGIN = frozenset((b"m", b"re"))
_PATH = frozenset((b"m", b"re", b"l", b"c", b"v", b"y", b"h"))
_SHOW = frozenset((b"Td", b"TD", b"Tm", b"T*", b"Tj", b"TJ", b"'", b'"'))
_LOOKS = frozenset((b"w", b"J", b"j", b"M", b"d", b"i", b"ri", b"gs", b"CS", b"cs", *_COLOURS, *_SET))
"""What libraries of JavaScript also say between a path and its painting."""
_NOT_IN_TEXT = frozenset((b"q", b"Q", b"cm", b"Do", b"BT", *_BEGIN))
_MEASURES = (b"d0", b"d1")
"""A letter of a font begins with one of them, and nothing else has one (§9.6.4)."""
_PIXELS = re.compile(rb"\sBI\s[^<>()]{1,400}?\sID\s")
_PIXELS_END = re.compile(rb"\sEI\s{0,9}(?:Q\s{0,9})?\Z")
_END = 30
"""A letter of a font of pictures, which is drawn by one (pdfTeX)."""
_BORDER = 2.0
_PARTS = 0.001
"""How far a part of a colour may lie beyond 0 and 1."""

Operand = tuple[str, bytes]


class UncommonError(Exception):
    """Viewers may draw it otherwise; the text says what, for operators."""


class Things(Protocol):
    """What the names in a content stand for. Each raises UncommonError for what is not there, or uncommon."""

    def space(self, name: str) -> int:
        """How many parts a colour of a colour space has."""

    def colour(self, name: str, parts: tuple[float, ...]) -> None:
        """A colour of a colour space."""

    def state(self, name: str) -> None:
        """A graphics state."""

    def font(self, name: str) -> None:
        """A font."""

    def drawn(self, name: str) -> None:
        """A form or a picture."""


@dataclass(frozen=True, slots=True)
class _Spaces:
    """Names of the colour spaces of what is filled and what is stroked, and how many parts their colours have."""

    fill: tuple[str, int] = ("/DeviceGray", 1)
    stroke: tuple[str, int] = ("/DeviceGray", 1)


@dataclass(slots=True)
class _Reader:
    things: Things
    spaces: _Spaces = _Spaces()
    saved: list[_Spaces] = dataclasses.field(default_factory=list)
    in_text: bool = False
    path: bool = False
    clip: bool = False
    """Behind W: the next operator paints."""
    field: tuple[float, float] | None = None
    """Width and height of the look of a field."""
    frame: tuple[float, ...] = ()
    """The last rectangle."""

    def operate(self, operator: bytes, operands: list[Operand]) -> None:
        kinds = "".join(kind for kind, _ in operands)
        if operator in _SET:
            return self._set(operator, operands, kinds)
        if operator in _TAGGED:
            return _expect(kinds in ("NN", "ND"), operator)
        _expect(_OPERANDS.get(operator) == kinds, operator)
        if operator == b"BT" and self.clip and self._frames_field():
            self.path = self.clip = False
        self._ordered(operator)
        if operator == b"re":
            self.frame = tuple(float(value) for _, value in operands)
        self._named(operator, operands)
        if operator == b"q":
            self.saved.append(self.spaces)
        elif operator == b"Q":
            _expect(bool(self.saved), operator)
            self.spaces = self.saved.pop()
        elif operator in _COLOURS:
            self._use(operator, ("Device", _COLOURS[operator]))
            _expect(all(-_PARTS <= float(value) <= 1 + _PARTS for _, value in operands), operator)
        elif operator == b"Tr":
            _expect(operands[0][1] in (b"0", b"1", b"2", b"3"), operator)
        return None

    def _ordered(self, operator: bytes) -> None:
        """Whether an operator may stand where it does: in a text, a path, or outside of both (§8.2)."""
        if operator in _BEGIN:
            _expect(not self.in_text, operator)
            self.path = True
        elif operator in _PAINT or operator in _CLIP or operator in _PATH:
            _expect(self.path or operator in _PAINT, operator)  # nothing is painted where there is no path
            self.path = operator not in _PAINT
        else:
            _expect(not self.path or operator in _LOOKS, operator)
            _expect(not self.in_text or operator not in _NOT_IN_TEXT, operator)
            _expect(self.in_text or (operator not in _SHOW and operator != b"ET"), operator)
        _expect(not self.clip or operator in _PAINT, operator)
        self.clip = operator in _CLIP
        if operator in (b"BT", b"ET"):
            self.in_text = operator == b"BT"

    def _frames_field(self) -> bool:
        """Whether what clips is the frame of the field: pypdf begins the text behind it, and paints nothing."""
        if self.field is None or not self.frame:
            return False
        x, y, width, height = self.frame
        return max(x, y) <= _BORDER and min(width - self.field[0], height - self.field[1]) >= -3 * _BORDER

    def _named(self, operator: bytes, operands: list[Operand]) -> None:
        if operator in (b"CS", b"cs"):
            name = _name(operands[0])
            self._use(operator, (name, self.things.space(name)))
        elif operator == b"gs":
            self.things.state(_name(operands[0]))
        elif operator == b"Tf":
            self.things.font(_name(operands[0]))
        elif operator == b"Do":
            self.things.drawn(_name(operands[0]))

    def _use(self, operator: bytes, space: tuple[str, int]) -> None:
        stroke = operator.isupper()
        self.spaces = replace(self.spaces, stroke=space) if stroke else replace(self.spaces, fill=space)

    def _set(self, operator: bytes, operands: list[Operand], kinds: str) -> None:
        name, count = self.spaces.stroke if operator.isupper() else self.spaces.fill
        _expect(kinds == "n" * count, operator)
        parts = tuple(float(value) for _, value in operands)
        _expect(all(-_PARTS <= part <= 1 + _PARTS for part in parts), operator)
        self.things.colour(name, parts)


def look(content: bytes, things: Things, *, letter: bool = False, field: tuple[float, float] | None = None) -> None:
    """Read a content stream. Raises UncommonError. Linear.

    ``letter``: of a font (Type 3). ``field``: width and height of the look of a field.
    """
    start = content.find(b"BI") - 1
    if letter and start > 0 and _PIXELS.match(content, start) and _PIXELS_END.search(content, len(content) - _END):
        content = content[:start]
    reader, operands, first = _Reader(things, field=field), list[Operand](), letter
    for kind, value in _tokens(content):
        if kind != "word":
            operands.append((kind, value))
            continue
        _expect((value in _MEASURES) is first, value)
        reader.operate(value, operands)
        operands, first = [], False
    if operands or reader.path:
        raise UncommonError("a content that ends early")


def _tokens(content: bytes) -> Iterator[Operand]:
    """Operands and operators: n, N, s, a (of strings and numbers), D, word."""
    at, count = 0, 0
    within: list[bytes] = []
    while at < len(content):
        found = _TOKEN.match(content, at)
        count += 1
        if count > _MOST:
            raise UncommonError(TOO_LONG)
        if found is None:
            raise UncommonError("a content that is not plain")
        at = found.end()
        kind, value = found.lastgroup or "", found[0]
        if kind == "blank":
            continue
        if value in (b"[", b"<<"):
            within.append(value)
        elif value in (b"]", b">>"):
            opened = within.pop() if within else b""
            _expect(opened + value in (b"[]", b"<<>>"), value)
            if not within:
                yield "aD"[value == b">>"], b""
        elif within:
            _expect(b"<<" in within or kind in ("n", "s"), value)
        else:
            yield kind, value
    _expect(not within, b"[")


def _name(operand: Operand) -> str:
    """The name as a dictionary has it (§7.3.5)."""
    plain = re.sub(rb"#([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), operand[1])
    return plain.decode("utf-8", "replace")


def _expect(right: bool, operator: bytes) -> None:
    if not right:
        raise UncommonError(f"operator {operator[:8].decode('latin-1')!r}")
