"""PDF → what a person sees of it, or why that is not certain.

pdfium draws the pages and gives the letters that the drawing shows (``sheet``, ``widgets``); a strict pypdf must see
the same file (``second``); and what tesseract reads in the picture must be what was read (``ocr``, ``alike``). None of
them is believed alone, and no trick of the format is modelled: where they differ, a person decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pypdfium2 as pdfium

from mailbot.application.data import MOST_PICTURES, Application, Reading
from mailbot.application.document import Document, UnreadableError
from mailbot.application.letter import alike
from mailbot.application.letter.addresses import label_role
from mailbot.application.letter.fields import fields
from mailbot.application.letter.labels import name_label
from mailbot.application.pdf import ocr, picture
from mailbot.application.pdf.drawn import drawing
from mailbot.application.pdf.glyph import DPI
from mailbot.application.pdf.lines import lines
from mailbot.application.pdf.operators import TOO_LONG
from mailbot.application.pdf.second import Second, letters
from mailbot.application.pdf.sheet import Sheet, Word, closer
from mailbot.application.pdf.widgets import OnPage, on_page

MARK, _END = b"%PDF-", b"%%EOF"
_WHITE_SPACE = b"\0\t\n\f\r "
_PAGES = 5
_LONGEST_SIDE = 1_300
"""Points: A3 has 1,191. A page of 14,000 takes gigabytes to draw."""
_LOOKS = (200, 300, 400, 500)
"""Dots per inch of closer looks at one address."""
_PLACES = 4
"""At which it is looked for so."""
_SPECKS = "~`"
"""Signs that recognition finds between words set wide; where no letter is one, what is drawn is judged (``drawn``)."""
_LONGEST = 12_000
"""Characters on all pages: an application is a page, and what says more is for a person."""


@dataclass(frozen=True, slots=True)
class _Page:
    text: str
    pairs: tuple[tuple[str, str], ...]
    """Printed labels of fields, and their values."""
    stamps: str
    drawn: str
    """What its logos say."""
    addresses: tuple[Word, ...]
    seen: str | None
    """By tesseract; None: it took too long."""
    picture: bool
    """It shows something, and no letter."""
    view: bytes
    doubts: tuple[str, ...]


def read_pdf(data: bytes) -> Reading:
    """The application in a PDF, with every doubt.

    Raises UnreadableError beyond the limits, PdfiumError for broken files, ConfigError where a part of the reader is
    not there.
    """
    engine = ocr.engine()
    with _opened(data) as document:
        second, doubts = _second(data, len(document))
        pages = [_page(document, i, second, engine) for i in range(min(len(document), _PAGES))]
        text = "\n\n".join(page.text for page in pages)
        pairs = tuple(pair for page in pages for pair in page.pairs)
        found = fields(Document(text, pairs, any(page.picture for page in pages)))
        doubts += [f"page {i}: {doubt}" for i, page in enumerate(pages, 1) for doubt in page.doubts]
        doubts += _unseen(document, found, pages, engine)
    said = "\n".join([text, *(f"{label}: {value}" for label, value in pairs)])
    seen = "\n\n".join(f"{page.seen or ''}\n{page.drawn}".strip() for page in pages)
    return Reading(
        replace(found, doubts=(*found.doubts, *doubts)),
        said,
        seen.translate({ord(sign): None for sign in _SPECKS if sign not in said}),
        tuple(page.view for page in pages[:MOST_PICTURES]),
    )


@contextmanager
def _opened(data: bytes) -> Iterator[pdfium.PdfDocument]:
    with pdfium.PdfDocument(data) as document:
        document.init_forms()  # before any page is loaded: without it no field is drawn
        if any(max(document.get_page_size(i)) > _LONGEST_SIDE for i in range(min(len(document), _PAGES))):
            raise UnreadableError("a page is too large")
        yield document


def _second(data: bytes, count: int) -> tuple[Second | None, list[str]]:
    doubts = [] if data.startswith(MARK) else ["the file begins with something else"]
    if data.count(MARK) > 1 or data.rpartition(_END)[2].strip(_WHITE_SPACE):
        doubts.append("another file in it, or behind it")
    if count > _PAGES:  # that is a doubt without a second opinion, and each of thousands costs it
        return None, [*doubts, f"{count} pages"]
    try:
        second = Second(data)
    except Exception as error:  # whatever a second parser stumbles over, the first may have read otherwise
        return None, [*doubts, f"not to be read strictly: {type(error).__name__}"]
    if second.pages != count:
        doubts.append(f"{count} pages, and {second.pages} by another reader")
    return second, [*doubts, *second.doubts]


def _page(document: pdfium.PdfDocument, index: int, second: Second | None, engine: ocr.Engine) -> _Page:
    sheet = Sheet(document[index])
    try:
        doubts = sheet.look()
        looks, drawn_anew = (second.looks(index), second.drawn_anew) if second else ([], False)
        beside = on_page(sheet, document.formenv, looks, drawn_anew=drawn_anew)
        doubts += beside.doubts
        beyond = drawing(sheet, beside.places, engine)
        doubts += beyond.doubts
        if second is not None:
            doubts += _differences(sheet, beside, second, index)
        runs, pairs = sheet.runs(), []
        for field in beside.fields:
            label = field.label(sheet)
            if name_label(label) or label_role(label):
                pairs.append((label, field.value))
            else:
                runs.append(field.run())
        return _Page(
            lines(runs),
            tuple(pairs),
            beside.stamps,
            beyond.words,
            (*sheet.addresses(), *(field.word() for field in beside.fields)),
            engine.read(sheet.picture, DPI),
            not runs and not pairs and sheet.picture.getextrema() != (255, 255),
            picture.png(sheet.picture),
            tuple(doubts),
        )
    finally:
        sheet.close()


def _differences(sheet: Sheet, beside: OnPage, second: Second, index: int) -> list[str]:
    """What the second reader sees otherwise on a page."""
    try:
        uncommon = second.uncommon(index)
        if uncommon == TOO_LONG:  # to read all of it once more costs too much
            return [uncommon]
        theirs, values = second.letters(index), second.values(index)
        draws, redrawn = second.draws(index), second.redrawn(index)
        lie, annotations = second.names_lie(index), second.annotations(index)
    except Exception as error:
        return [f"not to be read by another reader: {type(error).__name__}"]
    mine: Counter[str] = letters(sheet.all_text())
    doubts = []
    if different := (mine - theirs).total() + (theirs - mine).total():
        doubts.append(f"{different} letters are others for another reader")
    if values != sorted(beside.values):
        doubts.append("other fields for another reader")
    if annotations != beside.annotations:
        doubts.append("other annotations for another reader")
    if lie:
        doubts.append("letters under other names")
    if draws:
        doubts.append("a field with a drawing")
    if redrawn:
        doubts.append("a field that shows something else when it is drawn anew")
    if uncommon:
        doubts.append(f"not alike in all viewers: {uncommon}")
    return doubts


def _unseen(document: pdfium.PdfDocument, found: Application, pages: Sequence[_Page], engine: ocr.Engine) -> list[str]:
    """What was read and does not stand in the picture, or the other way round."""
    stamps = "\n".join(page.stamps for page in pages)
    text = "\n".join(said for page in pages for said in (page.text, *(value for _, value in page.pairs)))
    if any(page.seen is None for page in pages):
        return ["reading the picture took too long"]
    seen = "\n".join(page.seen or "" for page in pages)
    if len(text) > _LONGEST or len(seen) > _LONGEST:
        return ["more text than an application has"]
    doubts = []
    if not alike.same_words(text, seen, stamps):
        doubts.append("the picture shows other words")
    for name, datum in (("given name", found.given), ("surname", found.surname)):
        if datum and not alike.has_datum(datum, seen):
            doubts.append(f"the {name} is not in the picture")
    for address in (found.old_login, found.new_email):
        if address and not doubts and not _in_picture(document, address, seen, pages, engine):
            doubts.append("an address is not in the picture")
    return doubts


def _in_picture(
    document: pdfium.PdfDocument, address: str, seen: str, pages: Sequence[_Page], engine: ocr.Engine
) -> bool:
    """Whether an address was read in the picture, at the first look or in one of its own line alone."""
    places = [
        (index, word) for index, page in enumerate(pages) for word in page.addresses if address.lower() in word.text
    ]
    if alike.has_address(address, seen, frozenset.intersection(*(word.sure for _, word in places)) if places else ()):
        return True
    for index, word in places[:_PLACES]:
        page = document[index]
        try:
            for dpi in _LOOKS:
                reading = engine.read_line(closer(page, word.box, dpi), dpi)
                if alike.has_address(address, reading, word.sure):
                    return True
        finally:
            page.close()
    return False
