"""One-page PDFs with a content stream of one's own, and the form filled in."""

from __future__ import annotations

import ctypes
import io

import pypdfium2 as pdfium
import pypdfium2.raw as raw
import pytest
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject

from fixtures.signing.pdf_writer import CATALOG, FONT, PAGE, PAGES, TEXT, Pdf, page, stream
from mailbot.application.pdf import ocr
from mailbot.application.pdf.glyph import DPI
from mailbot.application.read import read

HELVETICA = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
RESOURCES = b"/Font << /F1 5 0 R >> /XObject << /Im1 6 0 R /Fm1 8 0 R >> /ExtGState << /Clear 7 0 R >>"
PICTURE = b"/Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8"


def drawn(content: str, *, extra: bytes = b"", form: str = "", objects: dict[int, bytes] | None = None) -> bytes:
    """A page with font F1, picture Im1, form Fm1 and the graphics state Clear (no opacity)."""
    found = Pdf()
    return found.save(
        {
            CATALOG: b"<< /Type /Catalog /Pages 2 0 R "
            b"/AcroForm << /Fields [9 0 R] /DR << /Font << /F1 5 0 R >> >> >> >>",
            PAGES: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            PAGE: page(TEXT, extra, RESOURCES),
            TEXT: stream(content.encode("latin-1")),
            FONT: HELVETICA,
            6: stream(b"\x80", PICTURE.decode()),
            7: b"<< /Type /ExtGState /ca 0 >>",
            8: stream(form.encode("latin-1"), "/Type /XObject /Subtype /Form /BBox [0 0 595 842]"),
            9: b"<< >>",
            **(objects or {}),
        }
    )


def line(text: str, y: int = 700, x: int = 60, before: str = "") -> str:
    """One line of text at a place; ``before`` stands in front of the string."""
    return f"BT /F1 12 Tf {before} 1 0 0 1 {x} {y} Tm ({text}) Tj ET"


def doubts(data: bytes) -> tuple[str, ...]:
    """Those of a PDF whose words nobody reads in the picture of the page: that takes half of the time, and doubts what
    another one may have missed."""
    whole = ocr.Engine.read

    def parts(engine: ocr.Engine, picture: Image.Image, dpi: int) -> str | None:
        return None if dpi == DPI else whole(engine, picture, dpi)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ocr.Engine, "read", parts)
        found = read(data, "").doubts
    unread = "reading the picture took too long"
    assert unread in found or any("not readable" in doubt for doubt in found)
    return tuple(doubt for doubt in found if doubt != unread)


def fill(data: bytes, values: dict[str, str], *, appearances: bool) -> bytes:
    """A form filled in as a PDF program does it."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    writer.update_page_form_field_values(writer.pages[0], dict(values), auto_regenerate=False)
    if not appearances:
        for widget in writer.pages[0]["/Annots"]:  # type: ignore[attr-defined]
            widget.get_object().pop(NameObject("/AP"), None)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def typed(data: bytes, values: dict[str, str], *, flat: bool = False) -> bytes:
    """A form filled in as Chromium does it: pdfium takes the letters one by one, and saves; ``flat``: as it prints."""
    with pdfium.PdfDocument(data) as document:
        document.init_forms()
        page, form, out = document[0], document.formenv, io.BytesIO()
        for i in range(raw.FPDFPage_GetAnnotCount(page)):
            annotation = raw.FPDFPage_GetAnnot(page, i)
            room = ctypes.create_string_buffer(200)
            size = raw.FPDFAnnot_GetFormFieldName(
                form, annotation, ctypes.cast(room, ctypes.POINTER(ctypes.c_ushort)), 200
            )
            value = values.get(room.raw[: size - 2].decode("utf-16-le"), "")
            assert not value or raw.FORM_SetFocusedAnnot(form, annotation)
            for letter in value:
                raw.FORM_OnChar(form, page, ord(letter), 0)
            raw.FPDFPage_CloseAnnot(annotation)
        raw.FORM_ForceToKillFocus(form)
        assert not flat or raw.FPDFPage_Flatten(page, raw.FLAT_PRINT) == raw.FLATTEN_SUCCESS
        document.save(out)
        return out.getvalue()
