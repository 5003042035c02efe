"""A letter of an address is the one that is drawn, whatever its font calls it."""

from __future__ import annotations

import pytest

from fixtures.signing.pdf_writer import PAGE, TEXT, page, stream
from mailbot.application.read import reading
from tests.unit.application.pdfs import HELVETICA, RESOURCES, doubts, drawn, line

LIE = "page 1: an address with letters under the names of others"
PERSON = line("Ja, Adam Nowak. Stary login: adam@stara.example", 740)


def _named(shown: str, said: str) -> bytes:
    """A page whose new address is drawn as ``shown`` in a font of its own that calls the letters as in ``said``."""
    codes = range(1, len(shown) + 1)
    units = " ".join(f"<{code:02x}> <{ord(name):04x}>" for code, name in zip(codes, said, strict=True))
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def 1 begincodespacerange <00> <FF> "
        f"endcodespacerange {len(said)} beginbfchar {units} endbfchar endcmap end end"
    )
    font = (
        f"<< /Type /Font /Subtype /Type3 /FontBBox [0 -250 600 1000] /FontMatrix [0.001 0 0 0.001 0 0] /FirstChar 1 "
        f"/LastChar {len(shown)} /Widths [{'600 ' * len(shown)}] /ToUnicode 11 0 R "
        f"/Resources << /Font << /C 10 0 R >> >> "
        f"/Encoding << /Type /Encoding /Differences [1 {' '.join(f'/g{code}' for code in codes)}] >> "
        f"/CharProcs << {' '.join(f'/g{code} {20 + code} 0 R' for code in codes)} >> >>"
    )
    glyphs = {
        20 + code: stream(f"600 0 d0 BT /C 1000 Tf ({letter}) Tj ET".encode()) for code, letter in enumerate(shown, 1)
    }
    text = "".join(f"{code:02x}" for code in codes)
    content = f"{PERSON} {line('Nowy login:', 700)} BT /F2 12 Tf 1 0 0 1 130 700 Tm <{text}> Tj ET"
    courier = HELVETICA.replace(b"Helvetica", b"Courier")
    objects = {10: courier, 11: stream(cmap.encode()), 12: font.encode(), **glyphs}
    fonts = RESOURCES.replace(b"/F1 5 0 R", b"/F1 5 0 R /F2 12 0 R")
    return drawn(content, objects={PAGE: page(TEXT, b"", fonts), **objects})


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ("samiek@poczta.example", "samlek@poczta.example"),
        ("sam1ek@poczta.example", "samlek@poczta.example"),
        ("sam1ek@poczta.example", "samiek@poczta.example"),
        ("samlek@poczta.example", "samiek@poczta.example"),
        ("samlek@poczta.example", "sam1ek@poczta.example"),
        ("sam0ek@poczta.example", "samoek@poczta.example"),
        ("sam0ek@nasza.example", "samoek@nasza.example"),
        ("sam5ek@poczta.example", "samsek@poczta.example"),
        ("sam0ek@poczta.example", "samOek@poczta.example"),
        ("samqek@poczta.example", "samgek@poczta.example"),
        ("samgek@poczta.example", "samqek@poczta.example"),
    ],
)
def test_a_letter_that_is_drawn_as_another_is_a_doubt(shown: str, said: str) -> None:
    """Recognition takes the one for the other; who owns ``said`` must not pass for who signed ``shown``."""
    assert LIE in doubts(_named(shown, said))


@pytest.mark.parametrize("address", ["samlek1@poczta.example", "g.qiolj0@nasza.example"])
def test_letters_that_are_drawn_as_themselves(address: str) -> None:
    found = reading(_named(address, address)).application
    assert (found.new_email, LIE in found.doubts) == (address, False)


@pytest.mark.parametrize(("width", "sure"), [(98, True), (90, False), (50, False)])
def test_a_letter_may_be_a_little_narrower(width: int, sure: bool) -> None:
    """pdfTeX makes even gaps by it; an o of half its width is taken for an l."""
    new = f"BT /F1 12 Tf 60 700 Td (Nowy login: zly@) Tj {width} Tz (o) Tj 100 Tz (bcy.example) Tj ET"
    assert (LIE not in doubts(drawn(f"{PERSON} {new}"))) is sure
