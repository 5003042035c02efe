"""One page of a PDF as pdfium, the engine of Chromium, draws it: its picture, and which of its letters are seen.

A letter counts when taking all text out of the picture takes ink from all over its place, when it stands upright and is
large enough to be read, and when nothing else is written over it. No shape, colour, clip, mask or layer is modelled.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import pypdfium2 as pdfium
import pypdfium2.raw as raw
from PIL import Image, ImageChops

from mailbot.application.document import UnreadableError
from mailbot.application.lines import Run

DPI = 200
"""What tesseract needs; everything is drawn at this scale."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom; dots from the upper left corner."""

_LETTERS = 10_000
_CONTRAST = 80
"""Of 255: how far the picture must change where a letter is taken away."""
_SPAN = 0.6
"""Of a letter's place that its ink must cross, both ways."""
_TALL, _WIDE = 4.0 * DPI / 72, 0.2
"""Dots (4 points) of the tallest letter of a word; mean width of its letters in heights."""
_LEAST = 3
"""Letters of the shortest word that is known with one of them missing."""
_SHORT = 4
"""Letters of the shortest word that surely has a tall one."""
_AROUND = 3.6
"""Points around a place that is looked at closer."""
_COVERED = 3.0
"""Times the page that the places of its letters may cover."""
_LIGATURE = 3
"""Letters that one glyph may stand for, as ffi does."""
_HYPHEN = "\x02"
"""What pdfium gives for a hyphen at the end of a line."""
_UNLIKE = 1.3
"""Times that one letter of an address may be as large as another."""
_PALER = 90
"""Of 255: how much paler than another one a letter of an address may be."""
_MARKS = {
    ".": (-0.25, -0.02, 0.12, 0.0, 0.22),
    "-": (-0.45, -0.35, -0.08, 0.15, 0.6),
    "_": (-0.02, 0.0, 0.4, 0.25, 0.8),
}
"""How a mark is drawn, in heights of its cell: its highest upper edge, highest and lowest lower edge (down from the
baseline), least and largest width."""
_POLISH = "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ"
_LOW = "acemnrsuvwxz"
"""Letters as tall as an o."""
_ROUND = (1.12, 1.18)
"""Heights of such letters: less has an o, more a zero."""
_BAR = (1.2, 1.5)
"""Widths of an l on the page: less has an l, more a one. Where they are drawn alike (serifs) nothing is sure."""
_INK = [255 * (value > _CONTRAST) for value in range(256)]
_TWICE = [255 * (value > 1) for value in range(256)]
_MORE = [min(value + 1, 255) for value in range(256)]


@dataclass(slots=True)
class Glyph:
    """A character that a text object of the page draws."""

    text: str
    box: Box
    """Of its glyph."""
    x: float
    y: float
    """Where it begins on its baseline; dots."""
    advance: float
    size: float
    """Width and height of its cell; dots."""
    parted: bool
    """A blank stands before it."""
    upright: bool
    lacks_shape: bool
    """A Polish letter of a font that the file does not bring: pdfium's own has none, other viewers draw it."""
    seen: bool = True


@dataclass(frozen=True, slots=True)
class Word:
    """An address in its place, in small letters."""

    text: str
    box: Box
    sure: frozenset[str] = frozenset()
    """Its signs that are drawn as such: dots low, hyphens between, underscores below, 0 not like o, 1 not like l."""


class Sheet:
    """A page of an open document. ``close`` it before the document."""

    def __init__(self, page: pdfium.PdfPage) -> None:
        self.page = page
        self._text = page.get_textpage()
        width, height = page.get_size()
        self.size = round(width * DPI / 72), round(height * DPI / 72)
        self.picture = self.draw()
        """With annotations and fields, as on the screen."""
        self.letters = list(self._letters())
        self._change = self._text_change()
        self._ink = self._change.point(_INK)

    def close(self) -> None:
        """Give back pdfium's part."""
        self._text.close()
        self.page.close()

    def draw(self, *, annotations: bool = True, paper: bool = False) -> Image.Image:
        """The page in grey, on the screen or as it is printed."""
        bitmap = self.page.render(
            scale=DPI / 72,
            grayscale=True,
            draw_annots=annotations,
            may_draw_forms=annotations,
            optimize_mode="print" if paper else None,
        )
        picture: Image.Image = bitmap.to_pil()
        self.size = picture.size
        return picture

    def all_text(self) -> str:
        """Every character of the page's text objects, seen or not."""
        return "".join(letter.text for letter in self.letters)

    def look(self) -> list[str]:
        """Mark the letters that are not seen. Returns what is doubtful, for operators."""
        doubts = []
        if changed(self.picture, self.draw(paper=True)).getbbox():
            doubts.append("screen and paper differ")
        ink = self._ink
        for letter in self.letters:
            letter.seen = letter.upright and _crossed(ink, letter.box)
        for word in self._words():
            if _too_small(word):
                for letter in word:
                    letter.seen = False
            elif _lacks_shapes(word):
                for letter in word:
                    letter.seen = True
        hidden = sum(not letter.seen for letter in self.letters)
        if hidden:
            doubts.append(f"{hidden} of {len(self.letters)} letters cannot be seen")
        if over := self._overwritten():
            doubts.append(f"{over} letters are written over others")
        if any(self._is_mixed(word) for word in self._words()):
            doubts.append("an address in letters of two kinds")
        if any(letter.text == "\ufffd" for letter in self.letters):
            doubts.append("letters without a meaning")
        return doubts

    def addresses(self) -> list[Word]:
        """The words with @ that are seen."""
        found = []
        for word in self._words():
            if all(letter.seen for letter in word) and any(letter.text == "@" for letter in word):
                lefts, tops, rights, bottoms = zip(*(letter.box for letter in word), strict=True)
                box = min(lefts), min(tops), max(rights), max(bottoms)
                sure = frozenset(letter.text for letter in word) - {
                    letter.text for letter in word if not self._is_as_written(letter, word)
                }
                found.append(Word("".join(letter.text for letter in word).lower(), box, sure))
        return found

    def _is_mixed(self, word: list[Glyph]) -> bool:
        """Whether an eye may pass over a letter of an address because the others are larger or darker."""
        if not any(letter.text == "@" for letter in word):
            return False
        sizes = [letter.size for letter in word]
        inks = [_most(self._change.crop(place)) for letter in word if (place := _whole(letter.box, self.size))]
        return max(sizes) > _UNLIKE * min(sizes) or max(inks, default=0) - min(inks, default=0) > _PALER

    def _is_as_written(self, letter: Glyph, word: list[Glyph]) -> bool:
        """Whether one of the signs that are misread is drawn as that sign and not as the one it is taken for."""
        if letter.text in _MARKS:
            return _is_mark(self._ink, letter)
        if letter.text in "0oO":
            low = [_drawn(self._ink, other)[1] for other in word if other.text in _LOW]
            ratio = _drawn(self._ink, letter)[1] / max(median(low), 1) if low else 1.15
            return ratio < _ROUND[0] if letter.text == "o" else ratio > _ROUND[1]
        if letter.text in "1l":
            bars = [
                _drawn(self._ink, other)[0]
                for other in self.letters
                if other.text == "l" and other.seen and abs(other.size - letter.size) < 1
            ]
            ratio = _drawn(self._ink, letter)[0] / max(median(bars), 1) if bars else 1.4
            return ratio < _BAR[0] if letter.text == "l" else ratio > _BAR[1]
        return False

    def runs(self) -> list[Run]:
        """The letters that are seen, in their places."""
        return [
            Run(letter.text, letter.x, letter.x + letter.advance, letter.y, max(letter.size, 1.0), letter.parted)
            for letter in self.letters
            if letter.seen
        ]

    def place(self, left: float, bottom: float, right: float, top: float) -> Box:
        """A rectangle of the page (points of its own space) in the picture."""
        corners = [self._dot(x, y) for x, y in ((left, bottom), (right, top))]
        (x0, y0), (x1, y1) = corners
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)

    def _dot(self, x: float, y: float) -> tuple[float, float]:
        across, down = ctypes.c_int(), ctypes.c_int()
        width, height = self.size
        # Eight times as large: pdfium answers in whole dots.
        raw.FPDF_PageToDevice(self.page, 0, 0, width * 8, height * 8, 0, x, y, across, down)
        return across.value / 8, down.value / 8

    def _letters(self) -> Iterator[Glyph]:
        count = self._text.count_chars()
        if count > _LETTERS:
            raise UnreadableError("letters")
        left, right, bottom, top = (ctypes.c_double() for _ in range(4))
        loose, matrix = raw.FS_RECTF(), raw.FS_MATRIX()
        parted = True
        for i in range(count):
            text = chr(raw.FPDFText_GetUnicode(self._text, i))
            if text.isspace() or not raw.FPDFText_GetTextObject(self._text, i):
                parted = parted or text.isspace()
                continue
            if raw.FPDFText_HasUnicodeMapError(self._text, i) == 1 or text in "\0\ufffe\uffff":
                text = "\ufffd"
            raw.FPDFText_GetCharBox(self._text, i, left, right, bottom, top)
            box = self.place(left.value, bottom.value, right.value, top.value)
            raw.FPDFText_GetLooseCharBox(self._text, i, loose)
            cell = self.place(loose.left, loose.bottom, loose.right, loose.top)
            raw.FPDFText_GetCharOrigin(self._text, i, left, bottom)
            x, y = left.value, bottom.value
            raw.FPDFText_GetMatrix(self._text, i, matrix)
            start, on, up = self._dot(x, y), (matrix.a, matrix.b), (matrix.c, matrix.d)
            upright = self._points(x, y, on, (1, 0)) and self._points(x, y, up, (0, -1))
            yield Glyph(
                "-" if text == _HYPHEN else text, box, cell[0], start[1], cell[2] - cell[0], cell[3] - cell[1],
                parted, upright, text in _POLISH and not self._has_font(i),
            )  # fmt: skip
            parted = False

    def _has_font(self, index: int) -> bool:
        """Whether the font of a character is in the file."""
        font = raw.FPDFTextObj_GetFont(raw.FPDFText_GetTextObject(self._text, index))
        return bool(raw.FPDFFont_GetIsEmbedded(font) == 1)

    def _points(self, x: float, y: float, way: tuple[float, float], wanted: tuple[int, int]) -> bool:
        """Whether a direction of the page points along ``wanted`` in the picture; italics lean by a third."""
        length = max(abs(way[0]), abs(way[1])) or 1.0
        x0, y0 = self._dot(x, y)
        x1, y1 = self._dot(x + 72 * way[0] / length, y + 72 * way[1] / length)
        along = (x1 - x0) * wanted[0] + (y1 - y0) * wanted[1]
        aside = abs((x1 - x0) * wanted[1]) + abs((y1 - y0) * wanted[0])
        return along > 0 and aside <= (0.05 if wanted[0] else 0.5) * along

    def _text_change(self) -> Image.Image:
        """How far the page's text changes the picture, everywhere."""
        texts = [found for found in self.page.get_objects(max_depth=12) if found.type == raw.FPDF_PAGEOBJ_TEXT]
        for found in texts:
            raw.FPDFPageObj_SetIsActive(found, 0)
        bare = self.draw()
        for found in texts:
            raw.FPDFPageObj_SetIsActive(found, 1)
        return ImageChops.difference(self.picture, bare)

    def _words(self) -> Iterator[list[Glyph]]:
        word: list[Glyph] = []
        for letter in self.letters:
            if word and (letter.parted or abs(letter.y - word[-1].y) > 1):
                yield word
                word = []
            word.append(letter)
        if word:
            yield word

    def _ligatures(self) -> Iterator[list[Glyph]]:
        """The letters that are seen; those of one ligature together."""
        ligature: list[Glyph] = []
        for letter in self.letters:
            if letter.seen:
                if ligature and (letter.box != ligature[0].box or len(ligature) == _LIGATURE):
                    yield ligature
                    ligature = []
                ligature.append(letter)
        if ligature:
            yield ligature

    def _overwritten(self) -> int:
        """How many of the seen letters have another one on most of their place."""
        boxes = [whole for ligature in self._ligatures() if (whole := _whole(ligature[0].box, self.size))]
        area = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes)
        if area > _COVERED * self.size[0] * self.size[1]:
            return len(boxes)
        pile = Image.new("L", self.size)
        for box in boxes:
            pile.paste(pile.crop(box).point(_MORE), box)
        twice = pile.point(_TWICE)
        return sum(_share(twice.crop(box)) > 0.5 for box in boxes)


def closer(page: pdfium.PdfPage, box: Box, dpi: int) -> Image.Image:
    """A place of a page and a little around it, drawn anew at ``dpi``."""
    width, height = page.get_size()
    left, top, right, bottom = (edge * 72 / DPI for edge in box)
    crop = left - _AROUND, height - bottom - _AROUND, width - right - _AROUND, top - _AROUND
    drawn = page.render(scale=dpi / 72, grayscale=True, crop=tuple(max(edge, 0.0) for edge in crop))
    picture: Image.Image = drawn.to_pil()
    return picture


def changed(one: Image.Image, other: Image.Image) -> Image.Image:
    """Where two pictures differ by more than the edges of letters do: 255 there, else 0."""
    return ImageChops.difference(one, other).point(_INK)


def _crossed(ink: Image.Image, box: Box) -> bool:
    """Whether the ink in a letter's place reaches across it, both ways."""
    x0, y0, x1, y1 = box
    width, height = ink.size
    if x0 < -1 or y0 < -1 or x1 > width + 1 or y1 > height + 1:
        return False
    found = ink.crop((max(int(x0) - 1, 0), max(int(y0) - 1, 0), int(x1) + 2, int(y1) + 2)).getbbox()
    return found is not None and found[2] - found[0] >= _SPAN * (x1 - x0) and found[3] - found[1] >= _SPAN * (y1 - y0)


def _is_mark(ink: Image.Image, letter: Glyph) -> bool:
    """Whether a dot, hyphen or underscore is drawn where and as wide as one is."""
    highest, low, lowest, narrowest, widest = (part * letter.size for part in _MARKS[letter.text])
    left, right, above = round(letter.box[0]), round(letter.box[2]), round(letter.y + highest - 0.05 * letter.size)
    found = ink.crop((left, above, max(right, left + 1), round(letter.y + lowest + 0.05 * letter.size) + 1)).getbbox()
    if found is None:
        return False
    top, bottom, wide = above + found[1] - letter.y, above + found[3] - letter.y, found[2] - found[0]
    return highest - 1 <= top and low - 1 <= bottom <= lowest + 1 and narrowest <= wide <= widest


def _drawn(ink: Image.Image, letter: Glyph) -> tuple[int, int]:
    """Width and height of the ink in a letter's place, dots."""
    left, top, right, bottom = (round(edge) for edge in letter.box)
    found = ink.crop((left, top, max(right, left + 1), max(bottom, top + 1))).getbbox() or (0, 0, 0, 0)
    return found[2] - found[0], found[3] - found[1]


def _too_small(word: list[Glyph]) -> bool:
    """Whether a person cannot read a word for its size; in a short one no letter may be tall."""
    if not any(letter.text.isalnum() for letter in word):
        return False
    tall = max(letter.box[3] - letter.box[1] for letter in word)
    if len(word) < _SHORT:
        return tall < _TALL / 2
    return tall < _TALL or sum(abs(letter.advance) for letter in word) / len(word) < _WIDE * tall


def _lacks_shapes(word: list[Glyph]) -> bool:
    """Whether all that is not seen of a word are a few Polish letters that pdfium has no shape for.

    What is seen of the word tells which it is, and recognition must find it there all the same (``alike``).
    """
    missing = [letter for letter in word if not letter.seen]
    few = len(word) >= _LEAST and 0 < len(missing) <= max(1, len(word) // 4)
    return few and all(letter.lacks_shape and letter.upright for letter in missing)


def _whole(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    x0, y0, x1, y1 = (
        max(round(box[0]), 0),
        max(round(box[1]), 0),
        min(round(box[2]), size[0]),
        min(round(box[3]), size[1]),
    )
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


def _share(part: Image.Image) -> float:
    found = part.histogram()
    return found[255] / (part.width * part.height)


def _most(part: Image.Image) -> int:
    """The highest value of a part of a picture."""
    return max((value for value, count in enumerate(part.histogram()) if count), default=0)
