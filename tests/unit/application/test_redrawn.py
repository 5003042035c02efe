"""Fields of a form that say one thing where they are drawn by their looks, and another where a viewer draws them."""

from __future__ import annotations

import pytest

from fixtures.signing.pdf_writer import CATALOG, PAGE, TEXT, page, stream
from mailbot.application.read import read
from tests.unit.application.pdfs import RESOURCES, doubts, drawn, line

LINES = " ".join(
    line(text, 760 - 30 * i)
    for i, text in enumerate(
        ("Imie: Adam", "Nazwisko: Nowak", "Dotychczasowy login: adam@stara.example", "Nowy adres e-mail:")
    )
)
OURS, OTHER = "adam@nowa.example", "inny@nowa.example"
LABELLED, APART = "180 664 500 684", "60 300 380 320"


def _form(*fields: tuple[str, str, str], more: str = "", form: str = "") -> bytes:
    """``fields``: value, what its look shows, and its place; all are one field of the form."""
    objects = {}
    for i, (value, shown, rect) in enumerate(fields):
        entries = "/Type /XObject /Subtype /Form /BBox [0 0 320 20] /Resources << /Font << /F1 5 0 R >> >>"
        objects[20 + i] = stream(line(shown, 5, 2).encode(), entries)
        widget = f"<< /Type /Annot /Subtype /Widget /T (a) /V ({value}) /Rect [{rect}] /AP << /N {20 + i} 0 R >>"
        kind = "" if "/FT" in more else "/FT /Tx"
        objects[10 + i] = f"{widget} {kind} {more} >>".encode()
    kids = " ".join(f"{10 + i} 0 R" for i in range(len(fields)))
    shared = "/DR << /Font << /F1 5 0 R /Sym << /Type /Font /Subtype /Type1 /BaseFont /Symbol >> >> >>"
    catalog = f"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [{kids}] {shared} {form} >> >>"
    annotations = f"/Annots [{kids}]".encode()
    return drawn(LINES, objects={CATALOG: catalog.encode(), PAGE: page(TEXT, annotations, RESOURCES), **objects})


@pytest.mark.parametrize(
    "more",
    [
        "",
        "/DA (/F1 12 Tf 0 g)",
        "/DA (0 0 0.5 rg /Helv 0 Tf)",
        "/MaxLen 40 /MK << /BG [0.9 0.9 1] /BC [0 0 0] >> /BS << /W 1 >> /Q 1",
        f"/FT /Ch /Ff 131072 /Opt [({OURS}) ({OTHER})] /I [0]",
    ],
)
def test_a_field_that_shows_its_value_in_every_viewer(more: str) -> None:
    found = read(_form((OURS, OURS, LABELLED), more=more), "")
    assert (found.new_email, found.doubts) == (OURS, ())


@pytest.mark.parametrize(
    "more",
    [
        "/DA (/F1 12 Tf 1 g)",
        "/DA (/F1 12 Tf 0 0 0 0 k)",
        "/DA (/F1 12 Tf 3 Tr)",
        "/DA (/F1 0.4 Tf 0 g)",
        "/DA (/Sym 12 Tf 0 g)",
        "/DA (/ZaDb 12 Tf 0 g)",
        "/MaxLen 3",
        "/MK << /BG [0] >>",
        "/MK << /R 180 >>",
        "/MK << /BC [0] >> /BS << /W 30 >>",
        f"/Ff 33554432 /RV (<p>{OTHER}</p>)",
        f"/FT /Ch /Ff 131072 /Opt [[({OURS}) ({OTHER})]]",
        f"/FT /Ch /Ff 131072 /Opt [({OURS}) ({OTHER})] /I [1]",
    ],
)
def test_a_field_that_shows_something_else_when_it_is_drawn_anew(more: str) -> None:
    assert doubts(_form((OURS, OURS, LABELLED), more=more))


def test_each_place_of_a_field_shows_its_value() -> None:
    """The look beside the label is another one than that of the same field elsewhere."""
    assert read(_form((OURS, OURS, LABELLED), (OURS, OURS, APART)), "").doubts == ()
    assert read(_form((OTHER, OURS, LABELLED), (OTHER, OTHER, APART)), "").doubts
    assert read(_form((OTHER, OTHER, APART), (OTHER, OURS, LABELLED)), "").doubts
