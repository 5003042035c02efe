"""One page of a PDF as pdfium, the engine of Chromium, draws it: its picture, and which of its letters are seen.

A letter counts when taking all text out of the picture takes ink from all over its place, when it stands upright and is
large enough to be read, and when nothing else is written over it. No shape, colour, clip, mask or layer is modelled.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pypdfium2 as pdfium
import pypdfium2.raw as raw
from PIL import Image, ImageChops

from mailbot.application.document import UnreadableError
from mailbot.application.pdf.glyph import (
    DPI,
    POLISH,
    Box,
    Glyph,
    crossed,
    is_as_written,
    lacks_shapes,
    overwritten,
    too_small,
)
from mailbot.application.pdf.letterforms import ADDRESSES, address_doubts
from mailbot.application.pdf.lines import Run

_LETTERS = 10_000
_DEPTH = 12
"""Forms in forms that are looked into; pdfium draws 40, other viewers more."""
_MOST = 15_000
"""Objects of a page: more than letters, each of which may be one of its own."""
_PICTURES = 20_000_000
"""Dots of all pictures of a page: two scans of A4 at 300 dpi."""
_LINES = 20_000
"""Of all shapes of a page; a drawn signature has some hundred."""
_PAINTED = 60
"""Times the page that its objects may cover; each is drawn some ten times."""
_CONTRAST = 80
"""Of 255: how far the picture must change where a letter is taken away."""
_AROUND = 3.6
"""Points around a place that is looked at closer."""
_HYPHENS = "\x02\u00ad\u2010\u2011"
"""What pdfium gives for a hyphen at the end of a line, and what fonts call the same glyph."""
_TCPDF = "PoweredbyTCPDF(www.tcpdf.org)"
"""What that program writes unseen at the end of each file."""
_STRETCHED = 0.05
"""Of its width how far a letter may be drawn wider or narrower: pdfTeX does by 0.02, for even gaps (microtype)."""
_INK = [255 * (value > _CONTRAST) for value in range(256)]


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
        """Raises UnreadableError beyond the limits."""
        _check(page)
        self.page = page
        self._text = page.get_textpage()
        width, height = page.get_size()
        self.size = round(width * DPI / 72), round(height * DPI / 72)
        self.picture = self.draw()
        """With annotations and fields, as on the screen."""
        self.letters = list(self._letters())
        self._change = self._text_change()
        self.ink = self._change.point(_INK)
        """Where the page's text leaves ink: 255 there, else 0."""

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
        ink = self.ink
        for letter in self.letters:
            letter.seen = letter.upright and crossed(ink, letter.box)
        for word in self.words():
            if too_small(word):
                for letter in word:
                    letter.seen = False
            elif lacks_shapes(word):
                for letter in word:
                    letter.seen = True
        hidden = "".join(letter.text for letter in self.letters if not letter.seen)
        if hidden and hidden != _TCPDF:
            doubts.append(f"{len(hidden)} of {len(self.letters)} letters cannot be seen")
        if over := overwritten(self.letters, self.size):
            doubts.append(f"{over} letters are written over others")
        doubts += address_doubts(self.words(), self.letters, self._change, ink)
        if any(letter.text == "\ufffd" for letter in self.letters):
            doubts.append("letters without a meaning")
        return doubts

    def addresses(self) -> list[Word]:
        """The words with @ that are seen."""
        found: list[Word] = []
        for word in self.words():
            if len(found) == ADDRESSES:
                break
            if all(letter.seen for letter in word) and any(letter.text == "@" for letter in word):
                lefts, tops, rights, bottoms = zip(*(letter.box for letter in word), strict=True)
                box = min(lefts), min(tops), max(rights), max(bottoms)
                sure = frozenset(letter.text for letter in word) - {
                    letter.text for letter in word if not is_as_written(letter, word, self.letters, self.ink)
                }
                found.append(Word("".join(letter.text for letter in word).lower(), box, sure))
        return found

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
        left, right, bottom, top, at_x, at_y = (ctypes.c_double() for _ in range(6))
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
            raw.FPDFText_GetCharOrigin(self._text, i, at_x, at_y)
            x, y = at_x.value, at_y.value
            raw.FPDFText_GetMatrix(self._text, i, matrix)
            start, on, up = self._dot(x, y), (matrix.a, matrix.b), (matrix.c, matrix.d)
            upright = self._points(x, y, on, (1, 0)) and self._points(x, y, up, (0, -1))
            # The cell follows what the font says of its ascent, which LibreOffice leaves at 0 for its own fonts.
            points = max(raw.FPDFText_GetFontSize(self._text, i) * math.hypot(*up), 0.01)
            em = points * DPI / 72
            wide = points * _stretch(on, up)
            edges = (
                (left.value - x) / wide,
                (bottom.value - y) / points,
                (right.value - x) / wide,
                (top.value - y) / points,
            )
            font = raw.FPDFTextObj_GetFont(raw.FPDFText_GetTextObject(self._text, i))
            yield Glyph(
                "-" if text in _HYPHENS else text, box,
                cell[0], start[1], cell[2] - cell[0], max(cell[3] - cell[1], em), em,
                ctypes.addressof(font.contents) if font else 0, edges,
                parted, upright, text in POLISH and raw.FPDFFont_GetIsEmbedded(font) != 1,
            )  # fmt: skip
            parted = False

    def _points(self, x: float, y: float, way: tuple[float, float], wanted: tuple[int, int]) -> bool:
        """Whether a direction of the page points along ``wanted`` in the picture; italics lean by a third."""
        length = max(abs(way[0]), abs(way[1])) or 1.0
        x0, y0 = self._dot(x, y)
        x1, y1 = self._dot(x + 72 * way[0] / length, y + 72 * way[1] / length)
        along = (x1 - x0) * wanted[0] + (y1 - y0) * wanted[1]
        aside = abs((x1 - x0) * wanted[1]) + abs((y1 - y0) * wanted[0])
        return along > 0 and aside <= (0.05 if wanted[0] else 0.5) * along

    def bare(self, dpi: int) -> Image.Image:
        """The page in colour without its text, annotations and fields."""
        with self._without_text():
            drawn: Image.Image = self.page.render(
                scale=dpi / 72, draw_annots=False, may_draw_forms=False, rev_byteorder=True
            ).to_pil()
        return drawn.convert("RGB")

    def _text_change(self) -> Image.Image:
        """How far the page's text changes the picture, everywhere."""
        with self._without_text():
            bare = self.draw()
        return ImageChops.difference(self.picture, bare)

    @contextmanager
    def _without_text(self) -> Iterator[None]:
        texts = [found for found in self.page.get_objects(max_depth=_DEPTH) if found.type == raw.FPDF_PAGEOBJ_TEXT]
        for found in texts:
            raw.FPDFPageObj_SetIsActive(found, 0)
        try:
            yield
        finally:
            for found in texts:
                raw.FPDFPageObj_SetIsActive(found, 1)

    def words(self) -> Iterator[list[Glyph]]:
        """The letters, parted where blanks and lines part them."""
        word: list[Glyph] = []
        for letter in self.letters:
            if word and (letter.parted or abs(letter.y - word[-1].y) > 1):
                yield word
                word = []
            word.append(letter)
        if word:
            yield word


def _check(page: pdfium.PdfPage) -> None:
    """Raise UnreadableError for what the engine may leave out without a word, or draw for ever."""
    dots = lines = 0
    painted = 0.0
    across, down = ctypes.c_uint(), ctypes.c_uint()
    frame = page.get_mediabox()
    for count, found in enumerate(page.get_objects(max_depth=_DEPTH)):
        if found.level >= _DEPTH - 2 or count > _MOST:
            raise UnreadableError("shapes")
        if found.type == raw.FPDF_PAGEOBJ_IMAGE and raw.FPDFImageObj_GetImagePixelSize(found, across, down):
            dots += across.value * down.value
        if found.type == raw.FPDF_PAGEOBJ_PATH:
            lines += raw.FPDFPath_CountSegments(found)
        painted += _common(found.get_bounds(), frame)
    drawn = 0
    for i in range(min(raw.FPDFPage_GetAnnotCount(page), _MOST)):
        annotation = raw.FPDFPage_GetAnnot(page, i)
        drawn += max(raw.FPDFAnnot_GetObjectCount(annotation), 0) + 1 if annotation else 0
        raw.FPDFPage_CloseAnnot(annotation)
        if drawn > _MOST:
            raise UnreadableError("shapes of annotations")
    if dots > _PICTURES:
        raise UnreadableError("pictures")
    if lines > _LINES or painted > _PAINTED * _common(frame, frame):
        raise UnreadableError("shapes")


def _stretch(on: tuple[float, float], up: tuple[float, float]) -> float:
    """How much wider than high letters are drawn, within bounds: an o of half its width is taken for an l."""
    ratio = math.hypot(*on) / (math.hypot(*up) or 1)
    return min(max(ratio, 1 - _STRETCHED), 1 + _STRETCHED)


def _common(one: Box, other: Box) -> float:
    """The area that two places of a page (left, bottom, right, top) share."""
    wide, high = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0.0) * max(high, 0.0)


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
