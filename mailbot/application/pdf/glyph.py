"""A letter as a page draws it: its place, its size, its ink. What of it a person can read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from PIL import Image

DPI = 200
"""What tesseract needs; everything is drawn at this scale."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom; dots from the upper left corner."""

_SPAN = 0.6
"""Of a letter's place that its ink must cross, both ways."""
_TALL, _WIDE = 4.0 * DPI / 72, 0.2
"""Dots (4 points) of the tallest letter of a word; mean width of its letters in heights."""
_LEAST = 3
"""Letters of the shortest word that is known with one of them missing."""
_SHORT = 4
"""Letters of the shortest word that surely has a tall one."""
_COVERED = 3.0
"""Times the page that the places of its letters may cover."""
_LIGATURE = 3
"""Letters that one glyph may stand for, as ffi does."""
_TWICE = [255 * (value > 1) for value in range(256)]
_MORE = [min(value + 1, 255) for value in range(256)]
_MARKS = {
    ".": (-0.25, -0.02, 0.12, 0.0, 0.22),
    "-": (-0.45, -0.35, -0.08, 0.15, 0.6),
    "_": (-0.02, 0.0, 0.4, 0.25, 0.8),
}
"""How a mark is drawn, in heights of its cell: its highest upper edge, highest and lowest lower edge (down from the
baseline), least and largest width."""
POLISH = "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ"
_LOW = "acemnrsuvwxz"
"""Letters as tall as an o."""
_ROUND = (1.12, 1.18)
"""Heights of such letters: less has an o, more a zero."""
_BAR = (1.2, 1.5)
"""Widths of an l on the page: less has an l, more a one. Where they are drawn alike (serifs) nothing is sure."""


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
    """Width of its cell, and height: the em, or more; dots."""
    em: float
    font: int
    shape: Box
    """The edges of its glyph on the page, in ems from where it begins."""
    parted: bool
    """A blank stands before it."""
    upright: bool
    lacks_shape: bool
    """A Polish letter of a font that the file does not bring: pdfium's own has none, other viewers draw it."""
    seen: bool = True


def is_as_written(letter: Glyph, word: Sequence[Glyph], letters: Sequence[Glyph], ink: Image.Image) -> bool:
    """Whether one of the signs that are misread is drawn as that sign and not as the one it is taken for."""
    if letter.text in _MARKS:
        return is_mark(ink, letter)
    if letter.text in "0oO":
        low = [drawn(ink, other)[1] for other in word if other.text in _LOW]
        ratio = drawn(ink, letter)[1] / max(median(low), 1) if low else 1.15
        return ratio < _ROUND[0] if letter.text == "o" else ratio > _ROUND[1]
    if letter.text in "1l":
        bars = [
            drawn(ink, other)[0]
            for other in letters
            if other.text == "l" and other.seen and abs(other.size - letter.size) < 1
        ]
        ratio = drawn(ink, letter)[0] / max(median(bars), 1) if bars else 1.4
        return ratio < _BAR[0] if letter.text == "l" else ratio > _BAR[1]
    return False


def _ligatures(letters: Iterable[Glyph]) -> Iterator[list[Glyph]]:
    """The letters that are seen; those of one ligature together."""
    ligature: list[Glyph] = []
    for letter in letters:
        if letter.seen:
            if ligature and (letter.box != ligature[0].box or len(ligature) == _LIGATURE):
                yield ligature
                ligature = []
            ligature.append(letter)
    if ligature:
        yield ligature


def overwritten(letters: Iterable[Glyph], size: tuple[int, int]) -> int:
    """How many of the seen letters have another one on most of their place."""
    boxes = [place for one in _ligatures(letters) if (place := whole(one[0].box, size))]
    area = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes)
    if area > _COVERED * size[0] * size[1]:
        return len(boxes)
    pile = Image.new("L", size)
    for box in boxes:
        pile.paste(pile.crop(box).point(_MORE), box)
    twice = pile.point(_TWICE)
    return sum(share(twice.crop(box)) > 0.5 for box in boxes)


def crossed(ink: Image.Image, box: Box) -> bool:
    """Whether the ink in a letter's place reaches across it, both ways."""
    x0, y0, x1, y1 = box
    width, height = ink.size
    if x0 < -1 or y0 < -1 or x1 > width + 1 or y1 > height + 1:
        return False
    found = ink.crop((max(int(x0) - 1, 0), max(int(y0) - 1, 0), int(x1) + 2, int(y1) + 2)).getbbox()
    return found is not None and found[2] - found[0] >= _SPAN * (x1 - x0) and found[3] - found[1] >= _SPAN * (y1 - y0)


def is_mark(ink: Image.Image, letter: Glyph) -> bool:
    """Whether a dot, hyphen or underscore is drawn where and as wide as one is."""
    highest, low, lowest, narrowest, widest = (part * letter.size for part in _MARKS[letter.text])
    left, right, above = round(letter.box[0]), round(letter.box[2]), round(letter.y + highest - 0.05 * letter.size)
    found = ink.crop((left, above, max(right, left + 1), round(letter.y + lowest + 0.05 * letter.size) + 1)).getbbox()
    if found is None:
        return False
    top, bottom, wide = above + found[1] - letter.y, above + found[3] - letter.y, found[2] - found[0]
    return highest - 1 <= top and low - 1 <= bottom <= lowest + 1 and narrowest <= wide <= widest


def drawn(ink: Image.Image, letter: Glyph) -> tuple[int, int]:
    """Width and height of the ink in a letter's place, dots."""
    left, top, right, bottom = (round(edge) for edge in letter.box)
    found = ink.crop((left, top, max(right, left + 1), max(bottom, top + 1))).getbbox() or (0, 0, 0, 0)
    return found[2] - found[0], found[3] - found[1]


def too_small(word: list[Glyph]) -> bool:
    """Whether a person cannot read a word for its size; in a short one no letter may be tall."""
    if not any(letter.text.isalnum() for letter in word):
        return False
    tall = max(letter.box[3] - letter.box[1] for letter in word)
    if len(word) < _SHORT:
        return tall < _TALL / 2
    return tall < _TALL or sum(abs(letter.advance) for letter in word) / len(word) < _WIDE * tall


def lacks_shapes(word: list[Glyph]) -> bool:
    """Whether all that is not seen of a word are a few Polish letters that pdfium has no shape for.

    What is seen of the word tells which it is, and recognition must find it there all the same (``alike``). Which
    Polish letter it is, the name of its glyph tells, as it tells other viewers: /ToUnicode must agree (``second``).
    """
    missing = [letter for letter in word if not letter.seen]
    few = len(word) >= _LEAST and 0 < len(missing) <= max(1, len(word) // 4)
    return few and all(letter.lacks_shape and letter.upright for letter in missing)


def whole(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    x0, y0, x1, y1 = (
        max(round(box[0]), 0),
        max(round(box[1]), 0),
        min(round(box[2]), size[0]),
        min(round(box[3]), size[1]),
    )
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


def share(part: Image.Image) -> float:
    found = part.histogram()
    return found[255] / (part.width * part.height)


def most(part: Image.Image) -> int:
    """The highest value of a part of a picture."""
    return max((value for value, count in enumerate(part.histogram()) if count), default=0)
