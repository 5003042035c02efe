"""What a page draws beside its letters: rules, frames and grounds, which say nothing, or something that may.

The page is drawn without its text. What is left must be edges that run level or upright for a while, small dots, and
at most one small logo in its head and one in its foot, whose words are read. Anything else may cross out or deny what
the letters say, or mark it as a sample: a doubt, in whatever way it is drawn (lines, shapes, pictures, patterns).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from PIL import Image, ImageChops, ImageOps

from mailbot.application.pdf.glyph import Box, Glyph
from mailbot.application.pdf.ocr import Engine
from mailbot.application.pdf.sheet import Sheet

_DPI = 100
_LEAST = 3
"""Of 255: what no eye sees."""
_LONG = 24
"""Dots: 6 mm of an edge that belongs to a rule; letters have shorter ones."""
_SOFT = 8
"""Dots within which a colour may not change without an edge: words may be blurred."""
_UPRIGHT = 10
"""Dots of one that ends at a rule: the side of a box round one line."""
_GAP = 8
"""Dots between two strokes of a dashed rule."""
_THICK = 9
"""Dots that the edges of one rule are never wide."""
_TILE, _STRAY = 32, 40
"""Dots of a side, and how many of them may be left over: the corner of a round frame."""
_RINGED = [255 * (value > 25) for value in range(256)]
"""Of 255: how full of edges a part of a logo is; the arc of a circle fills an eighth."""
_DOT, _FLAT = 8, 4
"""Width of what is left of dots under one another, height of the ends of strokes."""
_ALL_STRAY = 400
_HEAD, _FOOT = 0.18, 0.86
"""Parts of the height of a page above and below which a logo may stand."""
_LEAST_LOGO, _LOGO = 25, (250, 120)
"""Dots: 6 mm, which no word in a line has; 63 x 30 mm."""
_TURNS = tuple(range(-165, 181, 15))
"""Degrees in which a logo may be written: recognition reads what leans by less than ten."""
_FRAME = 20
"""Dots of paper around a logo, without which recognition finds no line in it."""
_STRUCK, _ACROSS = 2, 0.6
"""Letters of a word that a line runs through, and how far: a frame touches the first one."""
_AROUND = 3
"""Dots of the page's picture around a letter that are its own."""
_EDGE = [255 * (value > _LEAST) for value in range(256)]
_WHITE = 255, 255, 255
_STEP = [255 * (value > 3 * _LEAST) for value in range(256)]
_TURNED = Image.Transpose.TRANSPOSE
_SAID = re.compile(r"[^\W\d_]{2,}")
_WORD = re.compile(r"[^\W\d_]{3,}")

Combined = Callable[[Image.Image, Image.Image], Image.Image]


@dataclass(frozen=True, slots=True)
class Drawing:
    """``words``: what the logos of a page say."""

    words: str = ""
    doubts: tuple[str, ...] = ()


def drawing(sheet: Sheet, places: Sequence[Box], engine: Engine) -> Drawing:
    """``places``: of fields and signatures, whose looks are judged elsewhere (``widgets``)."""
    doubts = list(_text_doubts(sheet))
    if any(_lies_in(letter, place) for letter in sheet.letters for place in places):
        doubts.append("a field on the text")
    picture = sheet.bare(_DPI)
    if picture.getextrema() == ((255, 255),) * 3:
        return Drawing("", tuple(doubts))
    edges = _edges(picture)
    scale = picture.width / sheet.size[0]
    if any(sum(_is_struck(edges, letter, scale) for letter in word) >= _STRUCK for word in sheet.words()):
        doubts.append("lines through letters")
    words: dict[str, None] = {}
    rest = _rest(edges)
    logos = _logos(rest)
    for logo in logos:
        framed = ImageOps.expand(picture.crop(logo), _FRAME, _WHITE)
        for turn in _TURNS:
            turned = framed.rotate(turn, Image.Resampling.BILINEAR, expand=True, fillcolor=_WHITE)
            said = f"{_read(turned, engine)}\n{engine.read_line(turned.convert('L'), _DPI)}"
            words |= dict.fromkeys(_WORD.findall(said))
        picture.paste(_WHITE, logo)
    if logos:
        edges = _edges(picture)
        rest = _rest(edges)
    if _strange(rest) or _is_soft(picture, edges):
        doubts.append("something is drawn that is no text, rule or small logo")
    elif _SAID.search(_read(picture, engine)):
        doubts.append("rules that look like letters")
    return Drawing("\n".join(words), tuple(doubts))


def _lies_in(letter: Glyph, place: Box) -> bool:
    left, top, right, bottom = place
    x, y = (letter.box[0] + letter.box[2]) / 2, (letter.box[1] + letter.box[3]) / 2
    return letter.text.isalnum() and left < x < right and top < y < bottom


def _text_doubts(sheet: Sheet) -> Iterator[str]:
    """What its text objects draw that no letter explains, and letters that something white runs through."""
    left = sheet.ink.copy()
    for letter in sheet.letters:
        x0, y0, x1, y1 = letter.box
        left.paste(0, (int(x0) - _AROUND, int(y0) - _AROUND, int(x1) + _AROUND + 1, int(y1) + _AROUND + 1))
    if left.histogram()[255] > _STRAY:
        yield "ink that belongs to no letter"
    if any(_is_cut(sheet.ink, word) for word in sheet.words()):
        yield "words cut through"


def _is_cut(ink: Image.Image, word: Sequence[Glyph]) -> bool:
    """Whether some line of dots through all letters of a word has no ink."""
    letters = [letter for letter in word if letter.seen and letter.text.isalnum()]
    if len(letters) < _STRUCK:
        return False
    lefts, tops, rights, bottoms = zip(*(letter.box for letter in letters), strict=True)
    top, bottom = round(max(tops)) + 1, round(min(*bottoms, *(letter.y for letter in letters))) - 1
    if bottom <= top:
        return False
    lines = ink.crop((round(min(lefts)), top, max(round(max(rights)), round(min(lefts)) + 1), bottom))
    return any(not lines.crop((0, y, lines.width, y + 1)).getbbox() for y in range(lines.height))


def _read(picture: Image.Image, engine: Engine) -> str:
    """What recognition finds, of letters large and small."""
    grey = picture.convert("L")
    return "\n".join(engine.read(grey.reduce(smaller), _DPI) or "" for smaller in (1, 2))


def _is_struck(edges: Image.Image, letter: Glyph, scale: float) -> bool:
    """Whether something runs through the middle of a letter; what underlines it does not."""
    if not letter.seen or not letter.text.isalnum():
        return False
    left, top, right, bottom = letter.box
    bottom = min(bottom, letter.y)
    heart = left, top + 0.25 * (bottom - top), right, bottom - 0.2 * (bottom - top)
    x0, y0, x1, y1 = (round(edge * scale) for edge in heart)
    found = edges.crop((x0, y0, max(x1, x0 + 1), max(y1, y0 + 1))).getbbox()
    return found is not None and found[2] - found[0] >= _ACROSS * (x1 - x0)


def _logos(rest: Image.Image) -> list[tuple[int, int, int, int]]:
    """The place of the one in the head and of the one in the foot, where there is one."""
    found = []
    for top, bottom in ((0, round(_HEAD * rest.height)), (round(_FOOT * rest.height), rest.height)):
        zone = rest.crop((0, top, rest.width, bottom)).reduce(_DOT).point(_RINGED)
        if box := zone.getbbox():
            x0, y0, x1, y1 = (edge * _DOT for edge in box)
            if _LEAST_LOGO <= x1 - x0 <= _LOGO[0] and _LEAST_LOGO <= y1 - y0 <= _LOGO[1]:
                found.append((x0 - 2 * _DOT, top + y0 - 2 * _DOT, x1 + 2 * _DOT, top + y1 + 2 * _DOT))
    return found


def _strange(rest: Image.Image) -> bool:
    """Whether more is left than what rules and dots leave."""
    if not rest.getbbox():
        return False
    if rest.histogram()[255] > _ALL_STRAY:
        return True
    for x, y in product(range(0, rest.width, _TILE), range(0, rest.height, _TILE)):
        tile = rest.crop((x, y, x + _TILE, y + _TILE))
        box = tile.getbbox()
        if box and box[2] - box[0] > _DOT and box[3] - box[1] > _FLAT and tile.histogram()[255] > _STRAY:
            return True
    return False


def _is_soft(picture: Image.Image, edges: Image.Image) -> bool:
    """Whether a colour changes somewhere without an edge."""
    for turned in (False, True):
        near = _ran(edges.transpose(_TURNED) if turned else edges, _SOFT, ImageChops.lighter)
        for channel in picture.split():
            along = channel.transpose(_TURNED) if turned else channel
            if ImageChops.subtract(_changes(along, (_SOFT, 0)).point(_STEP), near).getbbox():
                return True
    return False


def _rest(edges: Image.Image) -> Image.Image:
    """The edges that belong to no rule, frame or ground."""
    level = _rules(edges)
    upright = _rules(edges.transpose(_TURNED)).transpose(_TURNED)
    beside = _ran(_ran(level.transpose(_TURNED), _LONG, ImageChops.lighter), -_LONG, ImageChops.lighter)
    sides = ImageChops.darker(_thin(_opened(edges.transpose(_TURNED), _UPRIGHT)), beside).transpose(_TURNED)
    return ImageChops.subtract(edges, ImageChops.lighter(ImageChops.lighter(level, upright), sides))


def _edges(picture: Image.Image) -> Image.Image:
    """255 where a dot has another colour than the one to its left or above it."""
    found = Image.new("L", picture.size)
    for channel in picture.split():
        for way in ((1, 0), (0, 1)):
            found = ImageChops.lighter(found, _changes(channel, way))
    return found.point(_EDGE)


def _changes(channel: Image.Image, way: tuple[int, int]) -> Image.Image:
    """How far each dot differs from the one that lies ``way`` before it."""
    shifted = channel.copy()
    shifted.paste(channel, way)
    return ImageChops.difference(channel, shifted)


def _rules(edges: Image.Image) -> Image.Image:
    """The edges that run level, without a gap or with those of a dashed rule."""
    return ImageChops.lighter(_thin(_opened(edges, _LONG)), _thin(_opened(_closed(edges, _GAP), 2 * _LONG)))


def _thin(runs: Image.Image) -> Image.Image:
    """The level ones that do not lie upon each other, as in a picture where every dot is an edge."""
    return ImageChops.subtract(runs, _opened(runs.transpose(_TURNED), _THICK).transpose(_TURNED))


def _opened(picture: Image.Image, length: int) -> Image.Image:
    """Without what is shorter than ``length``, from left to right."""
    return _ran(_ran(picture, length, ImageChops.darker), -length, ImageChops.lighter)


def _closed(picture: Image.Image, length: int) -> Image.Image:
    """With the gaps filled in that are shorter than ``length``."""
    return ImageChops.invert(
        _ran(ImageChops.invert(_ran(picture, length, ImageChops.lighter)), -length, ImageChops.lighter)
    )


def _ran(picture: Image.Image, length: int, combined: Combined) -> Image.Image:
    """Each dot combined with the ``length`` - 1 to its left, or to its right where that is negative."""
    done, sign = 1, 1 if length > 0 else -1
    while done < abs(length):
        step = min(done, abs(length) - done)
        shifted = Image.new("L", picture.size)
        shifted.paste(picture, (sign * step, 0))
        picture = combined(picture, shifted)
        done += step
    return picture
