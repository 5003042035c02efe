"""What a PDF page paints: runs of text with their place, without those nobody sees (ISO 32000-2 §8, §9).

A run does not count when it is painted in render mode 3 or 7, without opacity, in the colour of what lies under it, too
small, off the page, outside the clip, in optional content, or when a picture or a filled rectangle is painted over it.
What a font's /ToUnicode says of its glyphs is taken on trust: only pictures of the glyphs could tell.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from pypdf.generic import ContentStream, DictionaryObject, StreamObject
from pypdf.generic._font import Font

from mailbot.application.document import UnreadableError

Matrix = tuple[float, float, float, float, float, float]
Box = tuple[float, float, float, float]
"""Left, bottom, right, top."""
Color = tuple[float, ...]

IDENTITY: Matrix = (1, 0, 0, 1, 0, 0)
_BLACK, _WHITE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
_INVISIBLE_MODES = (3, 7)
_SMALLEST = 3.0
"""Points."""
_DIFFERENT = 0.15
"""How far text and ground must differ in one of red, green, blue (0 to 1)."""
_OPERATIONS = 200_000
_RUNS = 20_000
_SHAPES = 600
_FORMS = 500
_DEPTH = 10
_CURVE = 100
"""Counts as so many corners: a subpath with a curve is no rectangle."""
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})


@dataclass(frozen=True, slots=True)
class Run:
    """Text shown by one string: where it begins and ends on its baseline, and its size in points."""

    text: str
    x0: float
    x1: float
    y: float
    size: float


@dataclass(frozen=True, slots=True)
class _Shown:
    run: Run
    color: Color
    order: int
    centres: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Shape:
    """An opaque rectangle or picture (colour None)."""

    box: Box
    color: Color | None
    order: int


@dataclass(frozen=True, slots=True)
class _State:
    """Graphics and text state, as far as it decides what is seen (§8.4, §9.3)."""

    ctm: Matrix = IDENTITY
    clip: Box = (-1e9, -1e9, 1e9, 1e9)
    fill: Color = _BLACK
    stroke: Color = _BLACK
    fill_space: Any = None
    stroke_space: Any = None
    alpha: float = 1.0
    font: Font | None = None
    size: float = 0.0
    mode: int = 0
    leading: float = 0.0
    char_space: float = 0.0
    word_space: float = 0.0
    scale: float = 1.0
    rise: float = 0.0


def multiply(m: Matrix, n: Matrix) -> Matrix:
    """m × n (§8.3.4)."""
    return (
        m[0] * n[0] + m[1] * n[2],
        m[0] * n[1] + m[1] * n[3],
        m[2] * n[0] + m[3] * n[2],
        m[2] * n[1] + m[3] * n[3],
        m[4] * n[0] + m[5] * n[2] + n[4],
        m[4] * n[1] + m[5] * n[3] + n[5],
    )


def box_of(m: Matrix, left: float, bottom: float, right: float, top: float) -> Box:
    """The upright box around a rectangle transformed by ``m``."""
    xs = [x * m[0] + y * m[2] + m[4] for x in (left, right) for y in (bottom, top)]
    ys = [x * m[1] + y * m[3] + m[5] for x in (left, right) for y in (bottom, top)]
    return min(xs), min(ys), max(xs), max(ys)


def _inside(box: Box, x: float, y: float) -> bool:
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def numbers(values: Any, count: int) -> list[float]:
    """The first ``count`` operands as floats. Raises UnreadableError when they are none."""
    try:
        found = [float(value) for value in list(values)[:count]]
    except (TypeError, ValueError) as error:
        raise UnreadableError("operand") from error
    if len(found) < count or not all(abs(value) < 1e9 for value in found):
        raise UnreadableError("operand")
    return found


def _matrix(values: Any) -> Matrix:
    a, b, c, d, e, f = numbers(values, 6)
    return a, b, c, d, e, f


def resolved(value: Any) -> Any:
    """The object behind a reference."""
    return value.get_object() if hasattr(value, "get_object") else value


@dataclass(slots=True)
class Painter:
    """Runs the content of one page. ``box`` is what is shown of the page."""

    pdf: Any
    box: Box
    state: _State = field(default_factory=_State)
    shown: list[_Shown] = field(default_factory=list)
    shapes: list[_Shape] = field(default_factory=list)
    order: int = 0
    operations: int = 0
    forms: int = 0
    fonts: dict[int, Font | None] = field(default_factory=dict)
    tm: Matrix = IDENTITY
    line: Matrix = IDENTITY
    path: list[tuple[Box, int]] = field(default_factory=list)
    clips: bool = False
    optional: list[bool] = field(default_factory=list)

    def run(self, content: Any, resources: Any, depth: int = 0) -> None:
        """Execute a content stream. Raises UnreadableError beyond the limits."""
        resources = resolved(resources)
        resources = resources if isinstance(resources, dict) else DictionaryObject()
        stack: list[_State] = []
        marks = len(self.optional)
        for operands, operator in ContentStream(content, self.pdf, "bytes").operations:
            self.operations += 1
            if self.operations > _OPERATIONS or len(self.shown) > _RUNS or len(self.shapes) > _SHAPES:
                raise UnreadableError("page too complex")
            if operator == b"q":
                stack.append(self.state)
            elif operator == b"Q":
                self.state = stack.pop() if stack else self.state
            elif operator == b"Do":
                self._do(resources, operands, depth)
            elif operator in _OPERATORS:
                _OPERATORS[operator](self, operands, resources)
        del self.optional[marks:]

    def visible(self) -> list[Run]:
        """The runs a person sees, in the order they were painted."""
        return [shown.run for shown in self.shown if self._seen(shown)]

    def area_of_pictures(self) -> float:
        """Square points that pictures take, overlaps counted twice."""
        return sum((s.box[2] - s.box[0]) * (s.box[3] - s.box[1]) for s in self.shapes if s.color is None)

    def _seen(self, shown: _Shown) -> bool:
        y = shown.run.y + 0.25 * shown.run.size
        if not all(_inside(self.box, x, y) for x in shown.centres):
            return False
        around = [
            s
            for s in self.shapes
            if s.box[1] <= y <= s.box[3] and s.box[0] <= shown.run.x1 and s.box[2] >= shown.run.x0
        ]
        if any(s.order > shown.order and s.box[0] <= x <= s.box[2] for s in around for x in shown.centres):
            return False
        under = [s for s in around if s.order < shown.order and _inside(s.box, shown.centres[0], y)]
        ground = under[-1].color if under else _WHITE
        ground = _WHITE if ground is None else ground
        return max(abs(a - b) for a, b in zip(shown.color, ground, strict=True)) >= _DIFFERENT

    # ------------------------------------------------------------------------------------------- graphics

    def _do(self, resources: Any, operands: list[Any], depth: int) -> None:
        xobject = resolved((resolved(resources.get("/XObject")) or {}).get(operands[0]))
        if not isinstance(xobject, StreamObject) or any(self.optional) or "/OC" in xobject:
            return
        if xobject.get("/Subtype") == "/Image":
            self.picture()
            return
        self.forms += 1
        if xobject.get("/Subtype") != "/Form" or depth >= _DEPTH or self.forms > _FORMS:
            raise UnreadableError("XObject")
        self.form(xobject, xobject.get("/Resources", resources), depth + 1)

    def form(self, form: Any, resources: Any, depth: int = 0) -> None:
        """Paint a form XObject or an appearance stream (§8.10)."""
        before, tm, line = self.state, self.tm, self.line
        self.state = replace(before, ctm=multiply(_matrix(resolved(form.get("/Matrix", IDENTITY))), before.ctm))
        if "/BBox" in form:
            self._clip(box_of(self.state.ctm, *numbers(resolved(form["/BBox"]), 4)))
        self.run(form, resources, depth)
        self.state, self.tm, self.line = before, tm, line

    def picture(self, *_: Any) -> None:
        """An image fills the unit square (§8.9.5)."""
        self._cover(box_of(self.state.ctm, 0, 0, 1, 1), None)

    def _cover(self, box: Box, color: Color | None) -> None:
        clip = self.state.clip
        box = max(box[0], clip[0]), max(box[1], clip[1]), min(box[2], clip[2]), min(box[3], clip[3])
        if box[2] - box[0] > 2 and box[3] - box[1] > 2 and self.state.alpha > 0.3 and not any(self.optional):
            self.order += 1
            self.shapes.append(_Shape(box, color, self.order))

    def _clip(self, box: Box) -> None:
        old = self.state.clip
        self.state = replace(
            self.state, clip=(max(box[0], old[0]), max(box[1], old[1]), min(box[2], old[2]), min(box[3], old[3]))
        )

    def rectangle(self, operands: list[Any], _: Any) -> None:
        """re"""
        x, y, width, height = numbers(operands, 4)
        self.path.append((box_of(self.state.ctm, x, y, x + width, y + height), 4))

    def point(self, operands: list[Any], *, first: bool = False, curve: bool = False) -> None:
        """m, l, c, v, y: a subpath is kept as the box around its points and their number."""
        x, y = numbers(operands[-2:], 2)
        place = box_of(self.state.ctm, x, y, x, y)
        if first or not self.path:
            self.path.append((place, 1))
            return
        old, count = self.path[-1]
        box = min(old[0], place[0]), min(old[1], place[1]), max(old[2], place[2]), max(old[3], place[3])
        self.path[-1] = box, count + (_CURVE if curve else 1)

    def end_path(self, *_: Any) -> None:
        """n, S: nothing is filled; a pending clip takes effect."""
        if self.clips and self.path:
            boxes = [box for box, _ in self.path]
            left, bottom = min(box[0] for box in boxes), min(box[1] for box in boxes)
            self._clip((left, bottom, max(box[2] for box in boxes), max(box[3] for box in boxes)))
        self.path, self.clips = [], False

    def fill_path(self, *_: Any) -> None:
        """f, B and their kin: four corners are a rectangle, other shapes let something show."""
        for box, count in self.path[:_SHAPES]:
            if count in (4, 5):
                self._cover(box, self.state.fill)
        self.end_path()

    def clip_path(self, *_: Any) -> None:
        """W"""
        self.clips = True

    def transform(self, operands: list[Any], _: Any) -> None:
        """cm"""
        self.state = replace(self.state, ctm=multiply(_matrix(operands), self.state.ctm))

    def extended(self, operands: list[Any], resources: Any) -> None:
        """gs: opacity, and the font (§8.4.5)."""
        found = resolved((resolved(resources.get("/ExtGState")) or {}).get(operands[0])) or {}
        if "/ca" in found:
            self.state = replace(self.state, alpha=numbers([found["/ca"]], 1)[0])
        if "/Font" in found:
            font, size = resolved(found["/Font"])
            self.state = replace(self.state, font=self._font(font), size=numbers([size], 1)[0])

    def begin_marked(self, operands: list[Any], _: Any) -> None:
        """BMC, BDC: what belongs to optional content may be switched off, so it does not count (§8.11)."""
        self.optional.append(operands[:1] == ["/OC"])

    def end_marked(self, *_: Any) -> None:
        """EMC"""
        if self.optional:
            self.optional.pop()

    # --------------------------------------------------------------------------------------------- colour

    def color(self, operands: list[Any], *, stroke: bool = False, space: Any = None) -> None:
        """g, rg, k, sc, scn and the stroking ones, as red, green, blue."""
        values = [float(value) for value in operands if isinstance(value, (int, float))]
        if len(values) == 1:
            tint = isinstance(space, list) and space and space[0] in ("/Separation", "/DeviceN")
            found = (1 - values[0] if tint else values[0],) * 3
        elif len(values) == 3:
            found = (values[0], values[1], values[2])
        elif len(values) == 4:
            found = tuple(max(0.0, 1 - value - values[3]) for value in values[:3])  # type: ignore[assignment]
        else:
            found = _BLACK
        self.state = replace(self.state, stroke=found) if stroke else replace(self.state, fill=found)

    def space(self, operands: list[Any], resources: Any, *, stroke: bool = False) -> None:
        """cs, CS: the colour becomes black (§8.6.8)."""
        named = resolved((resolved(resources.get("/ColorSpace")) or {}).get(operands[0], operands[0]))
        if stroke:
            self.state = replace(self.state, stroke_space=named, stroke=_BLACK)
        else:
            self.state = replace(self.state, fill_space=named, fill=_BLACK)

    # ----------------------------------------------------------------------------------------------- text

    def begin_text(self, *_: Any) -> None:
        """BT"""
        self.tm = self.line = IDENTITY

    def set_font(self, operands: list[Any], resources: Any) -> None:
        """Tf"""
        font = (resolved(resources.get("/Font")) or {}).get(operands[0])
        self.state = replace(self.state, font=self._font(font), size=numbers(operands[1:], 1)[0])

    def _font(self, font: Any) -> Font | None:
        font = resolved(font)
        if not isinstance(font, DictionaryObject):
            return None
        if id(font) not in self.fonts:
            self.fonts[id(font)] = Font.from_font_resource(font)
        return self.fonts[id(font)]

    def text_matrix(self, operands: list[Any], _: Any) -> None:
        """Tm"""
        self.tm = self.line = _matrix(operands)

    def move(self, operands: list[Any], _: Any) -> None:
        """Td"""
        x, y = numbers(operands, 2)
        self.tm = self.line = multiply((1, 0, 0, 1, x, y), self.line)

    def move_leading(self, operands: list[Any], resources: Any) -> None:
        """TD"""
        self.state = replace(self.state, leading=-numbers(operands, 2)[1])
        self.move(operands, resources)

    def next_line(self, *_: Any) -> None:
        """T*"""
        self.move([0, -self.state.leading], None)

    def quote(self, operands: list[Any], _: Any) -> None:
        """' and ": the next line, then the string, which is the last operand."""
        if len(operands) == 3:
            word, char = numbers(operands, 2)
            self.state = replace(self.state, word_space=word, char_space=char)
        self.next_line()
        self.show(operands[-1:], None)

    def show(self, operands: list[Any], _: Any) -> None:
        """Tj, TJ: each string is a run; numbers move the pen (§9.4.3)."""
        values = operands[0] if operands and isinstance(operands[0], list) else operands
        for value in values:
            if isinstance(value, (int, float)):
                self._advance(-numbers([value], 1)[0] / 1000 * self.state.size * self.state.scale)
            elif isinstance(value, bytes):
                self._string(value)

    def _advance(self, x: float) -> None:
        self.tm = multiply((1, 0, 0, 1, x, 0), self.tm)

    def _string(self, data: bytes) -> None:
        state, font = self.state, self.state.font
        if font is None or not font.interpretable:
            return
        start = multiply((1, 0, 0, 1, 0, state.rise), multiply(self.tm, state.ctm))
        unit = (start[0] ** 2 + start[1] ** 2) ** 0.5
        upright = start[0] > 0 and abs(start[1]) < 0.2 * start[0] and start[3] > 0
        letters, places = [], []
        width = 0.0
        for letter, wide in _letters(font, data):
            advance = (
                wide / 1000 * state.size + state.char_space + (state.word_space if letter == " " else 0)
            ) * state.scale
            letters.append(letter)
            places.append(start[4] + (width + advance / 2) * unit)
            width += advance
        self._advance(width)
        text = "".join(letters).translate(_LIGATURES)
        height = abs(state.size) * (start[2] ** 2 + start[3] ** 2) ** 0.5
        if not text or not upright or height < _SMALLEST or state.mode in _INVISIBLE_MODES or state.alpha < 0.1:
            return
        if any(self.optional) or not _inside(state.clip, places[0], start[5] + 0.25 * height):
            return
        self.order += 1
        color = state.stroke if state.mode in (1, 5) else state.fill
        run = Run(text, start[4], start[4] + width * unit, start[5], height)
        self.shown.append(_Shown(run, color, self.order, tuple(places)))

    def number(self, name: str, operands: list[Any]) -> None:
        """Tc, Tw, Tz, TL, Ts, Tr"""
        value = numbers(operands, 1)[0]
        kind: Any = {"scale": value / 100, "mode": int(value)}.get(name, value)
        self.state = replace(self.state, **{name: kind})


def _letters(font: Font, data: bytes) -> list[tuple[str, float]]:
    """Letters of a string and their widths in thousandths of the size; U+FFFD where the font tells no letter."""
    if isinstance(font.encoding, dict):
        codes = [font.encoding.get(byte, "\ufffd") for byte in data]
        widths = [font.get_text_width(chr(byte)) for byte in data]
    else:
        codes = list(data.decode(font.encoding, "replace"))
        widths = [font.get_text_width(code) for code in codes]
    known = font.character_map
    composite = font.sub_type == "Type0"
    return [
        (str(known.get(code, "\ufffd" if composite and code not in known else code)), width)
        for code, width in zip(codes, widths, strict=True)
    ]


_OPERATORS: dict[bytes, Any] = {
    b"cm": Painter.transform,
    b"gs": Painter.extended,
    b"re": Painter.rectangle,
    b"m": lambda painter, operands, _: painter.point(operands, first=True),
    b"l": lambda painter, operands, _: painter.point(operands),
    **dict.fromkeys((b"c", b"v", b"y"), lambda painter, operands, _: painter.point(operands, curve=True)),
    **dict.fromkeys((b"n", b"S", b"s"), Painter.end_path),
    **dict.fromkeys((b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*"), Painter.fill_path),
    **dict.fromkeys((b"W", b"W*"), Painter.clip_path),
    b"INLINE IMAGE": Painter.picture,
    **dict.fromkeys((b"BMC", b"BDC"), Painter.begin_marked),
    b"EMC": Painter.end_marked,
    **dict.fromkeys((b"g", b"rg", b"k"), lambda painter, operands, _: painter.color(operands)),
    **dict.fromkeys((b"G", b"RG", b"K"), lambda painter, operands, _: painter.color(operands, stroke=True)),
    **dict.fromkeys(
        (b"sc", b"scn"), lambda painter, operands, _: painter.color(operands, space=painter.state.fill_space)
    ),
    **dict.fromkeys(
        (b"SC", b"SCN"),
        lambda painter, operands, _: painter.color(operands, stroke=True, space=painter.state.stroke_space),
    ),
    b"cs": Painter.space,
    b"CS": lambda painter, operands, resources: painter.space(operands, resources, stroke=True),
    b"BT": Painter.begin_text,
    b"Tf": Painter.set_font,
    b"Tm": Painter.text_matrix,
    b"Td": Painter.move,
    b"TD": Painter.move_leading,
    b"T*": Painter.next_line,
    **dict.fromkeys((b"Tj", b"TJ"), Painter.show),
    **dict.fromkeys((b"'", b'"'), Painter.quote),
    b"Tc": lambda painter, operands, _: painter.number("char_space", operands),
    b"Tw": lambda painter, operands, _: painter.number("word_space", operands),
    b"Tz": lambda painter, operands, _: painter.number("scale", operands),
    b"TL": lambda painter, operands, _: painter.number("leading", operands),
    b"Ts": lambda painter, operands, _: painter.number("rise", operands),
    b"Tr": lambda painter, operands, _: painter.number("mode", operands),
}
