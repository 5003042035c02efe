"""Whether a letter of an address is drawn as the letter it is called: fonts may call an i an l, and recognition agrees.

Letters of one name and font have one shape, to the hundredth of an em, wherever they stand on a page; and some of those
that are taken for one another differ in a part that can be measured. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import median

from PIL import Image

from mailbot.application.pdf.glyph import Box, Glyph, drawn, most, whole

ADDRESSES = 30
"""Of a page; each is compared with all its letters."""
_UNLIKE = 1.3
"""Times that one letter of an address may be as large as another."""
_PALER = 90
"""Of 255: how much paler than another one a letter of an address may be."""
_SAME = 0.002
"""Ems by which the edges of one letter may lie apart in two places; those of 1 and l do by more in every font."""
_PAIRS = (("1", "l"), ("0", "o"))
_LIGATURES = ("ffi", "ffl", "ff", "fi", "fl", "fj", "ft", "tt", "ti")
_TOUCH = 0.01
_DOTTED, _WHOLE = "ij", "l1"
"""Letters with a gap below their dot, and those that are taken for them and have none."""
_LOW = "acemnorsuvwxz"
_ROUND = 1.18
"""Heights of such letters that none of them has; a zero, a 5 or a 2 has more."""
_BROAD = 0.74
"""Heights that a zero is wide at most, and a capital O more."""
_TAIL, _HOOK = 0.15, 0.4
"""Of its height what hangs of a g or q, and of its width where that begins: left of it, the hook of a g."""


def address_doubts(
    words: Iterable[Sequence[Glyph]], letters: Sequence[Glyph], change: Image.Image, ink: Image.Image
) -> list[str]:
    """``letters``: all of a page. ``change``: how far its text changes the picture; ``ink``: where by enough."""
    addresses = [word for word in words if any(letter.text == "@" for letter in word)]
    doubts = []
    if len(addresses) > ADDRESSES:
        return ["more addresses than an application has"]
    if any(_is_mixed(word, change) for word in addresses):
        doubts.append("an address in letters of two kinds")
    if any(_is_strange(word, letters, ink) for word in addresses):
        doubts.append("an address with letters under the names of others")
    return doubts


def _is_mixed(word: Sequence[Glyph], change: Image.Image) -> bool:
    """Whether an eye may pass over a letter of an address because the others are larger or darker."""
    sizes = [letter.em for letter in word]
    inks = [_darkness(letter, change) for letter in word]
    return max(sizes) > _UNLIKE * min(sizes) or max(inks) - min(inks) > _PALER


def _darkness(letter: Glyph, change: Image.Image) -> float:
    """Of 255; a stroke that is as thin as a dot may share its ink with the next row of them."""
    x0, y0, x1, y1 = letter.box
    if letter.text not in "-_":
        return most(change.crop(place)) if (place := whole(letter.box, change.size)) else 0
    around = whole((x0, y0 - 1, x1, y1 + 1), change.size) or (0, 0, 1, 1)
    rows = (most(change.crop((around[0], y, around[2], y + 1))) for y in range(around[1], around[3]))
    return min(sum(rows) / max(y1 - y0, 1), 255)


def _is_strange(word: Sequence[Glyph], letters: Sequence[Glyph], ink: Image.Image) -> bool:
    """Whether a letter of an address has the look of another one."""
    plain = [letter for letter in _unbound(word) if letter.text.isalnum()]
    if len({letter.font for letter in plain}) > 1:
        return True
    names = {letter.text for letter in plain}
    shapes: dict[str, list[Box]] = {}
    for letter in _unbound([other for other in letters if plain and other.font == plain[0].font]):
        if letter.seen:
            shapes.setdefault(letter.text, []).append(letter.shape)
    if any(not _are_same(shapes.get(name, ())) for name in names):
        return True
    if any({one, other} & names and _meet(shapes.get(one, ()), shapes.get(other, ())) for one, other in _PAIRS):
        return True
    low = [drawn(ink, letter)[1] for letter in plain if letter.text in _LOW]
    return any(_is_other(letter, low, ink) for letter in plain)


def _are_same(shapes: Sequence[Box]) -> bool:
    return all(max(edge) - min(edge) <= _SAME for edge in zip(*shapes, strict=True))


def _meet(some: Sequence[Box], others: Sequence[Box]) -> bool:
    """Whether letters of two names have one shape."""
    return bool(some and others) and _are_same((*some[:1], *others[:1]))


def _unbound(letters: Sequence[Glyph]) -> Iterator[Glyph]:
    """Those that are no part of a ligature, whose box is that of its glyph, or a share of it."""
    bound: set[int] = set()
    for i in range(len(letters)):
        for name in _LIGATURES:
            part = letters[i : i + len(name)]
            if "".join(letter.text for letter in part) == name and _is_one(part):
                bound.update(range(i, i + len(name)))
    return (letter for i, letter in enumerate(letters) if i not in bound)


def _is_one(part: Sequence[Glyph]) -> bool:
    """Whether the boxes of some letters are one, or one cut into shares."""
    return all(
        one.box == other.box or (one.box[1::2] == other.box[1::2] and abs(other.box[0] - one.box[2]) < _TOUCH * one.em)
        for one, other in pairwise(part)
    )


def _is_other(letter: Glyph, low: Sequence[int], ink: Image.Image) -> bool:
    if letter.text in _DOTTED + _WHOLE:
        return _has_gap(letter, ink) != (letter.text in _DOTTED)
    if letter.text in "0O":
        left, bottom, right, top = letter.shape
        return (right - left > _BROAD * (top - bottom)) != (letter.text == "O")
    if letter.text in _LOW:
        return bool(low) and drawn(ink, letter)[1] > _ROUND * median(low)
    if letter.text in "gq":
        return _is_hooked(letter, ink) != (letter.text == "g")
    return False


def _has_gap(letter: Glyph, ink: Image.Image) -> bool:
    """Whether a line of dots within the letter has no ink."""
    part = _cut(letter, ink, 0.0)
    rows = [part.crop((0, y, part.width, y + 1)).getbbox() is not None for y in range(part.height)]
    inner = rows[rows.index(True) : len(rows) - rows[::-1].index(True)] if any(rows) else []
    return not all(inner)


def _is_hooked(letter: Glyph, ink: Image.Image) -> bool:
    """Whether what hangs of it reaches to the left."""
    tail = _cut(letter, ink, 1 - _TAIL)
    found = tail.getbbox()
    return found is not None and found[0] < _HOOK * tail.width


def _cut(letter: Glyph, ink: Image.Image, below: float) -> Image.Image:
    """The picture of a letter, below a part of its height."""
    x0, y0, x1, y1 = letter.box
    left, top = round(x0), round(y0 + below * (y1 - y0))
    return ink.crop((left, top, max(round(x1), left + 1), max(round(y1), top + 1)))
