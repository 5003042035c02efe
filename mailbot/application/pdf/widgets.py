"""The fields of a form, as pdfium draws them on a page (ISO 32000-2 §12.5, §12.7).

What a field holds counts where it is drawn, and by the label that is printed beside it: its names in the file are seen
by nobody. Anything else that lies on a page, but links, may hide or say what the reader does not know: a doubt.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pypdfium2.raw as raw
from PIL import Image

from mailbot.application.document import UnreadableError
from mailbot.application.letter.alike import bones
from mailbot.application.pdf.glyph import DPI, Box
from mailbot.application.pdf.lines import Run, lines, parted
from mailbot.application.pdf.sheet import Sheet, Word, changed

_POINT = DPI / 72
_MOST = 200
_LOWEST = 8 * _POINT
"""Dots: the height of a field in which a person can read."""
_STAMP = 300 * 120 * _POINT**2
"""Square dots of what a drawn signature may cover (10 x 4 cm)."""
_EDGE = 2 * _POINT
"""Dots of a field that are its border."""
_INK = 14
"""Dots that each letter of a value must draw at least."""
_HIDDEN = raw.FPDF_ANNOT_FLAG_INVISIBLE | raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW
_TEXTS = (raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX)


@dataclass(frozen=True, slots=True)
class Field:
    """A field with a value, and where it lies in the picture of its page."""

    name: str
    value: str
    box: Box
    shown: str | None
    """The text in its look; None: it has none of its own, and each viewer draws another."""
    hidden: bool

    def shows_its_value(self, *, drawn_anew: bool) -> bool:
        """Whether its look says nothing else; where viewers draw it anew, an old and empty look does not count."""
        shown = bones(self.shown or "")
        return shown == bones(self.value) or (not shown and (self.shown is None or drawn_anew))

    def run(self) -> Run:
        """The value as a run of text in its place."""
        left, top, right, bottom = self.box
        size = max(min(bottom - top, 12 * _POINT), 1.0)
        y = top + 0.8 * size + _EDGE if bottom - top > 30 * _POINT else bottom - 0.25 * size
        return Run(" ".join(self.value.split()), left + _EDGE, right, y, size)

    def label(self, sheet: Sheet) -> str:
        """What is printed beside it: to its left, or else right above it, as far as it goes."""
        left, top, right, bottom = self.box
        beside = [run for run in sheet.runs() if top <= run.y <= bottom and run.x1 <= left + _EDGE]
        above = [run for run in sheet.runs() if top - 2 * run.size <= run.y < top]
        over = [run for run in above if left - _EDGE <= run.x0 <= right]
        last = max((run.y for run in over), default=0.0)
        columns = parted([run for run in above if abs(last - run.y) < run.size / 2])
        named = [run for column in columns if any(run in over for run in column) for run in column]
        return lines(beside) or lines(named)

    def word(self) -> Word:
        """The value as a word whose signs were not looked at."""
        return Word("".join(self.value.split()).lower(), self.box)


@dataclass(frozen=True, slots=True)
class OnPage:
    """What lies on one page beside its content."""

    fields: tuple[Field, ...] = ()
    """Those with a value that is drawn."""
    values: tuple[tuple[str, str], ...] = ()
    """Names and values of all that are filled in, drawn or not."""
    stamps: str = ""
    """Text that drawn signatures show: it is seen, but says nothing of the matter."""
    places: tuple[Box, ...] = ()
    """Of fields, filled in or not, and of drawn signatures."""
    annotations: int = 0
    """How many there are, of all kinds."""
    doubts: tuple[str, ...] = ()


def on_page(sheet: Sheet, form: Any, looks: Sequence[str | None], *, drawn_anew: bool) -> OnPage:
    """``form``: pdfium's form environment. ``looks``: the text in the look of each annotation (``second``).
    ``drawn_anew``: each viewer draws the fields itself (/NeedAppearances)."""
    count = raw.FPDFPage_GetAnnotCount(sheet.page)
    if not count:
        return OnPage()
    if count > _MOST:
        raise UnreadableError("annotations")
    fields: list[Field] = []
    stamps: list[str] = []
    places: list[Box] = []
    doubts: list[str] = []
    drawn = 0
    for i in range(count):
        annotation = raw.FPDFPage_GetAnnot(sheet.page, i)
        if not annotation:  # a reference to nothing, as programs leave it that make fields into text
            continue
        look = looks[drawn] if drawn < len(looks) else None
        drawn += 1
        try:
            kind = raw.FPDFAnnot_GetSubtype(annotation)
            field_kind = raw.FPDFAnnot_GetFormFieldType(form, annotation) if kind == raw.FPDF_ANNOT_WIDGET else None
            if field_kind in _TEXTS:
                fields.append(_field(sheet, form, annotation, look))
            elif field_kind == raw.FPDF_FORMFIELD_SIGNATURE:
                stamps.append(look or "")
                left, top, right, bottom = _place(sheet, annotation)
                places.append((left, top, right, bottom))
                if (right - left) * (bottom - top) > _STAMP:
                    doubts.append("a large signature")
            elif kind != raw.FPDF_ANNOT_LINK:  # poppler and Firefox draw what opens beside one, pdfium does not
                doubts.append(f"an annotation of kind {kind}, field {field_kind}")
        finally:
            raw.FPDFPage_CloseAnnot(annotation)
    filled = [field for field in fields if field.value]
    faults = _faults(sheet, filled, drawn_anew=drawn_anew)
    doubts += [f"field {i} {fault}" for i, fault in enumerate(faults, 1) if fault]
    if not drawn_anew and any(field.shown is None for field in filled):
        doubts.append("a field has no look of its own")
    if any(bones(field.shown or "") for field in fields if not field.value):
        doubts.append("an empty field shows something")
    seen = tuple(field for field, fault in zip(filled, faults, strict=True) if not fault)
    places += [field.box for field in fields]
    values = tuple((f.name, f.value) for f in filled)
    return OnPage(seen, values, "\n".join(stamps), tuple(places), drawn, tuple(doubts))


def _faults(sheet: Sheet, fields: list[Field], *, drawn_anew: bool) -> list[str]:
    """For each field why its value does not count; empty: it is drawn as one can read it."""
    ink = changed(sheet.picture, sheet.draw(annotations=False)) if fields else sheet.picture
    width, height = sheet.size
    faults = []
    for i, field in enumerate(fields):
        left, top, right, bottom = field.box
        if field.hidden or left < 0 or top < 0 or right > width or bottom > height:
            faults.append("is not on the page")
        elif bottom - top < _LOWEST or right - left < _LOWEST or not _inked(ink, field):
            faults.append("cannot be read")
        elif not field.shows_its_value(drawn_anew=drawn_anew):
            faults.append("shows something else")
        elif any(_overlap(field.box, other.box) for other in fields[:i]):
            faults.append("lies on another")
        else:
            faults.append("")
    return faults


def _inked(ink: Image.Image, field: Field) -> bool:
    left, top, right, bottom = field.box
    inside = ink.crop((round(left + _EDGE), round(top + _EDGE), round(right - _EDGE), round(bottom - _EDGE)))
    return inside.histogram()[255] >= _INK * len("".join(field.value.split()))


def _overlap(one: Box, other: Box) -> bool:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across > _EDGE and down > _EDGE


def _field(sheet: Sheet, form: Any, annotation: Any, look: str | None) -> Field:
    secret = raw.FPDFAnnot_GetFormFieldFlags(form, annotation) & raw.FPDF_FORMFLAG_TEXT_PASSWORD
    return Field(
        _field_name(form, annotation),
        _wide(lambda *room: raw.FPDFAnnot_GetFormFieldValue(form, annotation, *room)),
        _place(sheet, annotation),
        look,
        bool(raw.FPDFAnnot_GetFlags(annotation) & _HIDDEN or secret),
    )


def _place(sheet: Sheet, annotation: Any) -> Box:
    rect = raw.FS_RECTF()
    raw.FPDFAnnot_GetRect(annotation, rect)
    return sheet.place(rect.left, rect.bottom, rect.right, rect.top)


def _field_name(form: Any, annotation: Any) -> str:
    return _wide(lambda *room: raw.FPDFAnnot_GetFormFieldName(form, annotation, *room))


def _wide(ask: Callable[..., int]) -> str:
    """A text that pdfium gives as UTF-16LE with an end, after it has said how long it is."""
    size = ask(None, 0)
    room = ctypes.create_string_buffer(size)
    ask(ctypes.cast(room, ctypes.POINTER(ctypes.c_ushort)), size)
    with suppress(UnicodeDecodeError):
        return room.raw[:size].decode("utf-16-le").rstrip("\0")
    return "\ufffd"
