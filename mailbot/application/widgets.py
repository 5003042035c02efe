"""The fields of a form, as pdfium draws them on a page (ISO 32000-2 §12.5, §12.7).

What a field holds counts where it is drawn, and by the label that is printed beside it: its names in the file are seen
by nobody. Anything else that lies on a page, but links, may hide or say what the reader does not know: a doubt.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pypdfium2.raw as raw
from PIL import Image

from mailbot.application.document import UnreadableError
from mailbot.application.lines import Run
from mailbot.application.sheet import DPI, Box, Sheet, Word, changed

_POINT = DPI / 72
_MOST = 200
_LOWEST = 8 * _POINT
"""Dots: the height of a field in which a person can read."""
_EDGE = 2 * _POINT
"""Dots of a field that are its border."""
_INK = 14
"""Dots that each letter of a value must draw at least."""
_HIDDEN = raw.FPDF_ANNOT_FLAG_INVISIBLE | raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW
_BESIDE = (raw.FPDF_ANNOT_LINK, raw.FPDF_ANNOT_POPUP)
_TEXTS = (raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX)


@dataclass(frozen=True, slots=True)
class Field:
    """A field with a value, and where it lies in the picture of its page."""

    name: str
    value: str
    box: Box
    drawn: bool
    """The file says how it looks, so that every viewer draws the same."""

    def run(self) -> Run:
        """The value as a run of text in its place."""
        left, top, right, bottom = self.box
        size = max(min(bottom - top, 12 * _POINT), 1.0)
        y = top + 0.8 * size + _EDGE if bottom - top > 30 * _POINT else bottom - 0.25 * size
        return Run(" ".join(self.value.split()), left + _EDGE, right, y, size)

    def word(self) -> Word:
        """The value as a word whose signs were not looked at."""
        return Word("".join(self.value.split()).lower(), self.box)


@dataclass(frozen=True, slots=True)
class OnPage:
    """What lies on one page beside its content."""

    fields: tuple[Field, ...] = ()
    stamps: str = ""
    """Text that drawn signatures show: it is seen, but says nothing of the matter."""
    doubts: tuple[str, ...] = ()


def on_page(sheet: Sheet, form: Any, *, drawn_anew: bool) -> OnPage:
    """``form``: pdfium's form environment. ``drawn_anew``: each viewer draws the fields itself (/NeedAppearances)."""
    count = raw.FPDFPage_GetAnnotCount(sheet.page)
    if not count:
        return OnPage()
    if count > _MOST:
        raise UnreadableError("annotations")
    fields: list[Field] = []
    stamps: list[str] = []
    doubts: list[str] = []
    for i in range(count):
        annotation = raw.FPDFPage_GetAnnot(sheet.page, i)
        try:
            kind = raw.FPDFAnnot_GetSubtype(annotation)
            field_kind = raw.FPDFAnnot_GetFormFieldType(form, annotation) if kind == raw.FPDF_ANNOT_WIDGET else None
            if field_kind in _TEXTS:
                fields.append(_field(sheet, form, annotation))
            elif field_kind == raw.FPDF_FORMFIELD_SIGNATURE:
                stamps.append(_text_of(annotation))
            elif kind not in _BESIDE:
                doubts.append(f"an annotation of kind {kind}, field {field_kind}")
        finally:
            raw.FPDFPage_CloseAnnot(annotation)
    filled = [field for field in fields if field.value]
    doubts += _looks(sheet, filled, drawn_anew=drawn_anew)
    return OnPage(tuple(filled), "\n".join(stamps), tuple(doubts))


def _looks(sheet: Sheet, fields: list[Field], *, drawn_anew: bool) -> list[str]:
    """What is doubtful in how the fields look."""
    if not fields:
        return []
    doubts = []
    ink = changed(sheet.picture, sheet.draw(annotations=False))
    width, height = sheet.size
    for i, field in enumerate(fields, 1):
        left, top, right, bottom = field.box
        if left < 0 or top < 0 or right > width or bottom > height:
            doubts.append(f"field {i} is not on the page")
        elif bottom - top < _LOWEST or right - left < _LOWEST or not _inked(ink, field):
            doubts.append(f"field {i} cannot be read")
        elif not field.drawn and not drawn_anew:
            doubts.append(f"field {i} has no look of its own")
        if any(_overlap(field.box, other.box) for other in fields[: i - 1]):
            doubts.append(f"field {i} lies on another")
    return doubts


def _inked(ink: Image.Image, field: Field) -> bool:
    left, top, right, bottom = field.box
    inside = ink.crop((round(left + _EDGE), round(top + _EDGE), round(right - _EDGE), round(bottom - _EDGE)))
    return inside.histogram()[255] >= _INK * len("".join(field.value.split()))


def _overlap(one: Box, other: Box) -> bool:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across > _EDGE and down > _EDGE


def _field(sheet: Sheet, form: Any, annotation: Any) -> Field:
    """A field; one that is hidden or a password lies nowhere, which no page has room for."""
    rect = raw.FS_RECTF()
    raw.FPDFAnnot_GetRect(annotation, rect)
    box = sheet.place(rect.left, rect.bottom, rect.right, rect.top)
    flags = raw.FPDFAnnot_GetFlags(annotation)
    secret = raw.FPDFAnnot_GetFormFieldFlags(form, annotation) & raw.FPDF_FORMFLAG_TEXT_PASSWORD
    if flags & _HIDDEN or secret or not flags & raw.FPDF_ANNOT_FLAG_PRINT:
        box = (-1.0, -1.0, -1.0, -1.0)
    return Field(
        _wide(lambda *room: raw.FPDFAnnot_GetFormFieldName(form, annotation, *room)),
        _wide(lambda *room: raw.FPDFAnnot_GetFormFieldValue(form, annotation, *room)),
        box,
        raw.FPDFAnnot_GetAP(annotation, raw.FPDF_ANNOT_APPEARANCEMODE_NORMAL, None, 0) > 2,
    )


def _text_of(annotation: Any) -> str:
    """The text objects in the look of an annotation."""
    texts = []
    for i in range(min(raw.FPDFAnnot_GetObjectCount(annotation), _MOST)):
        found = raw.FPDFAnnot_GetObject(annotation, i)
        texts += _texts_in(found, 0)
    return " ".join(texts)


def _texts_in(found: Any, depth: int) -> list[str]:
    kind = raw.FPDFPageObj_GetType(found)
    if kind == raw.FPDF_PAGEOBJ_TEXT:
        return [_wide(lambda *room: raw.FPDFTextObj_GetText(found, None, *room))]
    if kind != raw.FPDF_PAGEOBJ_FORM or depth > 5:
        return []
    count = min(raw.FPDFFormObj_CountObjects(found), _MOST)
    return [text for i in range(count) for text in _texts_in(raw.FPDFFormObj_GetObject(found, i), depth + 1)]


def _wide(ask: Callable[..., int]) -> str:
    """A text that pdfium gives as UTF-16LE with an end, after it has said how long it is."""
    size = ask(None, 0)
    room = ctypes.create_string_buffer(size)
    ask(ctypes.cast(room, ctypes.POINTER(ctypes.c_ushort)), size)
    with suppress(UnicodeDecodeError):
        return room.raw[:size].decode("utf-16-le").rstrip("\0")
    return "\ufffd"
