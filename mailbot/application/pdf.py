"""PDF → what its pages show, and the values of its form fields. Text in annotations, attachments and loose objects, and
XFA forms (whose look is not that of the pages), do not count.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from pypdf import PdfReader, apply_configuration
from pypdf.generic import DictionaryObject, StreamObject

from mailbot.application.addresses import label_role
from mailbot.application.document import Document, UnreadableError
from mailbot.application.labels import name_label
from mailbot.application.paint import IDENTITY, Box, Matrix, Painter, Run, multiply, numbers, resolved

_PAGES = 20
_WIDGETS = 500
_STREAM = 20_000_000
_HIDDEN = 1 << 0 | 1 << 1 | 1 << 5
"""Invisible, Hidden, NoView (ISO 32000-2 §12.5.3)."""
_PASSWORD = 1 << 13
_UNSURE = "\ufffd"
"""A field that shows something else than its value."""
_GAP, _COLUMN = 0.2, 2.0
"""Ems between two runs of one line that part words, and columns."""


def read_pdf(data: bytes) -> Document:
    """The visible text and the form of a PDF.

    Raises UnreadableError beyond the limits, pypdf's errors for broken files.
    """
    with apply_configuration(
        zlib_maximum_output_length=_STREAM,
        lzw_maximum_output_length=_STREAM,
        run_length_maximum_output_length=_STREAM,
        array_based_stream_maximum_output_length=_STREAM,
        maximum_declared_stream_length=_STREAM,
        stream_parsing_work_maximum_count=500_000,
        jbig2dec_binary=None,
    ):
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise UnreadableError("password")
        form = resolved(resolved(reader.trailer["/Root"]).get("/AcroForm")) or DictionaryObject()
        if "/XFA" in form:
            raise UnreadableError("XFA")
        if len(reader.pages) > _PAGES:
            raise UnreadableError("pages")
        pages = [_page(reader, page, form) for page in reader.pages]
    pairs = [pair for page in pages for pair in page.pairs]
    return Document("\n\n".join(page.text for page in pages), tuple(pairs), any(page.pictures for page in pages))


def _page(reader: PdfReader, page: Any, form: DictionaryObject) -> Document:
    """One page: its lines, its fields, and whether it is only a picture."""
    matrix, box = _view(page)
    painter = Painter(reader, box)
    painter.state = type(painter.state)(ctm=matrix, clip=box)
    if "/Contents" in page:
        painter.run(page["/Contents"], page.get("/Resources"))
    runs, pairs = painter.visible(), []
    for widget in _widgets(page):
        label, value = _label(widget), _value(reader, widget, form)
        if label and (name_label(label) or label_role(label)):
            pairs.append((label, value))
        elif value:
            runs.append(_placed(widget, value, matrix))
    text = _lines(runs)
    shown = (box[2] - box[0]) * (box[3] - box[1])
    return Document(text, tuple(pairs), not text.strip() and painter.area_of_pictures() > 0.2 * shown)


def _view(page: Any) -> tuple[Matrix, Box]:
    """From page space to what a person sees: the crop box, turned (§14.11.2)."""
    left, bottom, right, top = numbers([*page.cropbox.lower_left, *page.cropbox.upper_right], 4)
    width, height = right - left, top - bottom
    turned: dict[int, Matrix] = {
        90: (0, -1, 1, 0, 0, width),
        180: (-1, 0, 0, -1, width, height),
        270: (0, 1, -1, 0, height, 0),
    }
    angle = int(numbers([page.get("/Rotate", 0)], 1)[0]) % 360
    shown = (0.0, 0.0, height, width) if angle in (90, 270) else (0.0, 0.0, width, height)
    return multiply((1, 0, 0, 1, -left, -bottom), turned.get(angle, IDENTITY)), shown


def _lines(runs: list[Run]) -> str:
    """Runs as lines from top to bottom, each from left to right; wide gaps are tabs, high ones empty lines."""
    lines: list[list[Run]] = []
    for run in sorted(runs, key=lambda run: (-run.y, run.x0)):
        if lines and abs(lines[-1][0].y - run.y) <= 0.4 * max(lines[-1][0].size, run.size):
            lines[-1].append(run)
        else:
            lines.append([run])
    out: list[str] = []
    for i, line in enumerate(lines):
        if i and lines[i - 1][0].y - line[0].y > 2.5 * max(line[0].size, lines[i - 1][0].size):
            out.append("")
        out.append(_joined(sorted(line, key=lambda run: run.x0)))
    return "\n".join(out)


def _joined(line: list[Run]) -> str:
    text, right = "", line[0].x0
    for run in line:
        gap = (run.x0 - right) / run.size
        if gap > _COLUMN:
            text = text.rstrip() + "\t"
        elif gap > _GAP and not text.endswith((" ", "\t")):
            text += " "
        text += run.text
        right = max(right, run.x1)
    return re.sub(r" {8,}", "\t", text.strip())


# ------------------------------------------------------------------------------------------------ form fields


def _widgets(page: Any) -> Iterator[Any]:
    """Text fields a page shows (§12.7.5.3)."""
    annotations = resolved(page.get("/Annots")) or []
    for annotation in list(annotations)[:_WIDGETS]:
        widget = resolved(annotation)
        if not isinstance(widget, DictionaryObject) or widget.get("/Subtype") != "/Widget" or "/OC" in widget:
            continue
        flags, kind = _inherited(widget, "/F") or 0, _inherited(widget, "/FT")
        if kind in ("/Tx", "/Ch") and not int(flags) & _HIDDEN and not int(_inherited(widget, "/Ff") or 0) & _PASSWORD:
            left, bottom, right, top = numbers(resolved(widget.get("/Rect", ())), 4)
            if abs(right - left) > 3 and abs(top - bottom) > 3:
                yield widget


def _inherited(widget: Any, key: str) -> Any:
    """A field's attribute, its own or that of a field above it (§12.7.4.1)."""
    for _ in range(20):
        if not isinstance(widget, DictionaryObject):
            return None
        if key in widget:
            return resolved(widget[key])
        widget = resolved(widget.get("/Parent"))
    return None


def _label(widget: Any) -> str:
    """What a field is called: its alternate name, which a screen reader says, else its own."""
    return str(_inherited(widget, "/TU") or _inherited(widget, "/T") or "")


def _value(reader: PdfReader, widget: Any, form: DictionaryObject) -> str:
    """The value of a field, when it is what the field shows; U+FFFD when it shows something else."""
    value = _inherited(widget, "/V")
    value = value if isinstance(value, str) else ""
    appearance = resolved((resolved(widget.get("/AP")) or {}).get("/N"))
    if not isinstance(appearance, StreamObject):
        return value
    painter = Painter(reader, (-1e6, -1e6, 1e6, 1e6))
    painter.form(appearance, appearance.get("/Resources", form.get("/DR")))
    shown = _bones("".join(run.text for run in painter.visible()))
    drawn_anew = bool(resolved(form.get("/NeedAppearances", False)))
    if shown == _bones(value) or (drawn_anew and not shown):
        return value
    return _UNSURE


def _bones(text: str) -> str:
    """What any encoding of a form's font keeps of a text."""
    return re.sub(r"[^a-z0-9@]", "", text.lower())


def _placed(widget: Any, value: str, matrix: Matrix) -> Run:
    """A value as a run in its place, for forms whose labels stand only on the page."""
    left, bottom, right, top = numbers(resolved(widget["/Rect"]), 4)
    size = min(abs(top - bottom), 12.0)
    x, y = (
        min(left, right) + 2,
        max(bottom, top) - 0.8 * size if abs(top - bottom) > 30 else min(bottom, top) + 0.25 * size,
    )
    x, y = x * matrix[0] + y * matrix[2] + matrix[4], x * matrix[1] + y * matrix[3] + matrix[5]
    return Run(" ".join(value.split()), x, x + abs(right - left), y, size)
