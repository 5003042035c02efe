"""What a page shows counts, and nothing else."""

from __future__ import annotations

import pytest

from fixtures.signing.pdf_writer import CATALOG, FONT, PAGE, TEXT, page, picture, stream
from mailbot.application.data import Application
from mailbot.application.pdf.ocr import Engine
from mailbot.application.read import read, reading
from tests.unit.application.pdfs import HELVETICA, RESOURCES, doubts, drawn, line

PERSON = line("Ja, Adam Nowak.", 760)
OLD = line("Stary login: adam@stara.example", 740)
VISIBLE = f"{PERSON} {OLD} "
NEW = "Nowy login: zly@obcy.example"
LABEL = line("Nowy adres e-mail:", 664)
KNOWN = Application("Adam", "Nowak", "adam@stara.example", None)
COMPLETE = Application("Adam", "Nowak", "adam@stara.example", "zly@obcy.example")

SHOWN = {
    "plain": line(NEW),
    "outline": line(NEW, before="1 Tr"),
    "grey": line(NEW, before="0.3 g"),
    "red on white": line(NEW, before="1 0 0 rg"),
    "white on black": f"0 g 40 690 500 30 re f {line(NEW, before='1 g')}",
    "on a light ground": f"0.9 g 40 690 500 30 re f 0 g {line(NEW)}",
    "on a picture": f"q 500 0 0 30 40 690 cm /Im1 Do Q {line(NEW)}",
    "under a thin line": f"{line(NEW)} 40 703 500 1 re f",
    "under a clear rectangle": f"{line(NEW)} /Clear gs 40 690 500 30 re f",
    "inside the clip": f"q 40 690 500 30 re W n {line(NEW)} Q",
    "in a form": "/Fm1 Do",
    "kerned": "BT /F1 12 Tf 60 700 Td [(Nowy) -300 (log) 20 (in: zly@ob) 15 (cy.example)] TJ ET",
    "letter by letter": "BT /F1 12 Tf 60 700 Td " + " ".join(f"({c}) Tj" for c in NEW) + " ET",
    "in two columns": f"{line('Nowy login', 700)} {line('zly@obcy.example', 700, 300)}",
    "a little narrower": line(NEW, before="98 Tz"),
    "beside the unseen mark of TCPDF": line(NEW)
    + " "
    + line("Powered by TCPDF \\(www.tcpdf.org\\)", 1, 2, before="/F1 1 Tf 3 Tr"),
    "with leading": "BT /F1 12 Tf 14 TL 60 700 Td (Nowy login:) Tj T* (zly@obcy.example) Tj ET",
}
HIDDEN = {
    "mode 3": line(NEW, before="3 Tr"),
    "mode 3 set before": f"3 Tr {line(NEW)}",
    "mode 7": line(NEW, before="7 Tr"),
    "white": line(NEW, before="1 g"),
    "white in RGB": line(NEW, before="0.99 1 1 rg"),
    "white in CMYK": line(NEW, before="0 0 0 0 k"),
    "white by a colour space": line(NEW, before="/DeviceRGB cs 1 1 1 scn"),
    "black on black": f"0 g 40 690 500 30 re f {line(NEW)}",
    "without opacity": f"q /Clear gs {line(NEW)} Q",
    "tiny": line(NEW, before="/F1 1 Tf"),
    "off the page": line(NEW, x=-400),
    "below the page": line(NEW, y=-20),
    "half off the page": line(NEW, x=500),
    "outside the clip": f"q 0 0 10 10 re W n {line(NEW)} Q",
    "under a picture": f"{line(NEW)} q 500 0 0 30 40 690 cm /Im1 Do Q",
    "under a white box": f"{line(NEW)} 1 g 40 690 500 30 re f",
    "under a box of lines": f"{line(NEW)} 1 g 40 690 m 540 690 l 540 720 l 40 720 l h f",
    "under a box over the address": f"{line(NEW)} 1 g 130 690 300 30 re f",
    "turned": "BT /F1 12 Tf 0 1 -1 0 300 300 Tm (Nowy login: zly@obcy.example) Tj ET",
    "a form that is not painted": "",
}  # fmt: skip


NOT_FOR_CERTAIN = {"on a picture", "under a thin line", "in a form"}
"""Recognition does not read the first two, and a form without resources of its own is read in two ways."""


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_seen_counts(name: str) -> None:
    found = read(drawn(VISIBLE + SHOWN[name], form=line(NEW)), "")
    assert found == COMPLETE
    assert bool(found.doubts) is (name in NOT_FOR_CERTAIN)


@pytest.mark.parametrize("content", HIDDEN.values(), ids=HIDDEN)
def test_what_nobody_sees_does_not_count(content: str) -> None:
    found = read(drawn(VISIBLE + content, form=line(NEW)), "")
    assert found == KNOWN
    assert bool(found.doubts) is bool(content)


def test_optional_content_is_doubt() -> None:
    catalog = (
        b"<< /Type /Catalog /Pages 2 0 R /OCProperties << /OCGs [10 0 R] /D << /Order [10 0 R] /OFF [10 0 R] >> >> >>"
    )
    resources = RESOURCES + b" /Properties << /Layer 10 0 R >>"
    layer = b"<< /Type /OCG /Name (L) >>"
    objects = {CATALOG: catalog, PAGE: page(TEXT, b"", resources), 10: layer}
    found = read(drawn(f"{VISIBLE} /OC /Layer BDC {line(NEW)} EMC", objects=objects), "")
    assert found == KNOWN
    assert found.doubts


def test_a_crop_box_hides() -> None:
    assert read(drawn(VISIBLE + line(NEW), extra=b"/CropBox [0 720 595 842]"), "") == KNOWN


def test_a_turned_page_is_read_as_it_is_seen() -> None:
    turned = f"q 0 1 -1 0 842 0 cm {VISIBLE} {line(NEW)} Q"
    assert read(drawn(turned, extra=b"/Rotate 90 /MediaBox [0 0 842 842]"), "").missing == ()


def test_annotations_and_loose_objects_do_not_count() -> None:
    note = b"<< /Type /Annot /Subtype /FreeText /Rect [60 690 400 720] /Contents (Nowy login: zly@obcy.example) >>"
    data = drawn(VISIBLE, extra=b"/Annots [10 0 R]", objects={10: note, 11: b"(" + NEW.encode() + b")"})
    assert read(data, "") == KNOWN


@pytest.mark.parametrize("hidden", ["", line(NEW, before="3 Tr"), f"{line(NEW)} q 595 0 0 842 0 0 cm /Im1 Do Q"])
def test_a_scan_is_not_readable(hidden: str) -> None:
    page = f"q 595 0 0 842 0 0 cm /Im1 Do Q {hidden}" if "Im1" not in hidden else hidden
    assert read(drawn(page), "") == Application(None, None, None, None, readable=False)
    assert read(picture(bytes(100), 10, 10).save({}), "").readable is False


def test_an_empty_page_is_not_readable() -> None:
    assert read(drawn(""), "").readable is False


def _field(
    value: str, name: str = "Nowy adres e-mail", more: str = "", rect: str = "60 640 400 660"
) -> dict[int, bytes]:
    widget = f"<< /Type /Annot /Subtype /Widget /FT /Tx /T ({name}) /V ({value}) /Rect [{rect}] {more} >>"
    shown = line("adam@nowa.example", 5, 2)
    entries = "/Type /XObject /Subtype /Form /BBox [0 0 340 20] /Resources << /Font << /F1 5 0 R >> >>"
    return {
        9: widget.encode("latin-1"),
        10: stream(shown.encode(), entries),
    }


@pytest.mark.parametrize(
    ("more", "value", "new"),
    [
        ("", "adam@nowa.example", "adam@nowa.example"),
        ("/F 4 /AP << /N 10 0 R >>", "adam@nowa.example", "adam@nowa.example"),
        ("/AP << /N 10 0 R >>", "zly@obcy.example", None),  # it shows another value than it holds
        ("/F 2", "adam@nowa.example", None),
        ("/F 32", "adam@nowa.example", None),
        ("", "adam@nowa", None),
        ("", "adam@nowa.example, zly@obcy.example", None),
    ],
)
def test_a_field_counts_when_it_shows_its_value(more: str, value: str, new: str | None) -> None:
    data = drawn(VISIBLE + LABEL, extra=b"/Annots [9 0 R]", objects=_field(value, more=more))
    found = read(data, "")
    assert found == Application("Adam", "Nowak", "adam@stara.example", new)
    assert bool(found.doubts) is (new is None or "/AP" not in more)


def test_a_field_without_a_printed_label_does_not_count() -> None:
    more = "/F 4 /AP << /N 10 0 R >>"
    found = read(drawn(VISIBLE, extra=b"/Annots [9 0 R]", objects=_field("adam@nowa.example", more=more)), "")
    assert found == KNOWN


def test_a_field_without_a_telling_name_is_read_in_its_place() -> None:
    data = drawn(
        VISIBLE + line("Nowy login:", 645), extra=b"/Annots [9 0 R]",
        objects=_field("adam@nowa.example", "Text1", rect="200 640 400 660"),
    )  # fmt: skip
    assert read(data, "").new_email == "adam@nowa.example"


def test_text_and_field_that_differ_are_doubt() -> None:
    data = drawn(VISIBLE + line(NEW) + LABEL, extra=b"/Annots [9 0 R]", objects=_field("adam@nowa.example"))
    assert read(data, "") == KNOWN


def test_lines_follow_the_page_and_not_the_file() -> None:
    data = drawn(f"{line('trzecia', 600)} {line('pierwsza', 700)} {line('druga', 650)} {line('obok', 650, 300)}")
    assert reading(data).text.split() == ["pierwsza", "druga", "obok", "trzecia"]


POLISH_HELVETICA = (
    b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding << /Type /Encoding /BaseEncoding /WinAnsiEncoding "
    b"/Differences [1 /aogonek /cacute /eogonek /lslash /nacute /sacute /zdotaccent] >> >>"
)


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        ("Proszę o hasło awaryjne", True),
        ("Szymański", True),
        ("łąśęńż", False),
        ("Wńioęsek", True),
        ("nść", False),
    ],
)
def test_polish_letters_of_a_font_that_is_not_in_the_file(text: str, sure: bool) -> None:
    """pdfium has no shape for them, other viewers do: what is seen of a word tells which it is."""
    octal = str.maketrans({letter: f"\\{code:03o}" for code, letter in enumerate("ąćęłńśż", 1)})
    found = doubts(drawn(line(text.translate(octal)), objects={5: POLISH_HELVETICA}))
    assert (not any("cannot be seen" in doubt for doubt in found)) is sure


@pytest.mark.parametrize(("named", "sure"), [("0119", True), ("0105", False), ("0117", False)])
def test_letters_that_pdfium_has_no_shape_for_mean_what_others_draw(named: str, sure: bool) -> None:
    """Other viewers draw the glyph by its name, whatever /ToUnicode calls it: ę must not be shown as ą."""
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def 1 begincodespacerange <00> <FF> "
        f"endcodespacerange 1 beginbfchar <03> <{named}> endbfchar endcmap end end"
    )
    font = POLISH_HELVETICA.replace(b"/Encoding", b"/ToUnicode 10 0 R /Encoding", 1)
    page = f"{line('Prosz' + chr(92) + '003 o nowy login')} {line('Prosz' + chr(92) + '003 o nowe', 670)}"
    found = doubts(drawn(page, objects={5: font, 10: stream(cmap.encode())}))
    assert ("page 1: letters under other names" in found) is not sure


def test_a_font_of_numbers_must_be_in_the_file() -> None:
    """What its numbers mean, each viewer finds out in a font of its own."""
    font = b"<< /Type /Font /Subtype /Type0 /BaseFont /Arial /Encoding /Identity-H /ToUnicode 11 0 R "
    font += b"/DescendantFonts [10 0 R] >>"
    numbers = b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Arial /CIDSystemInfo << /Registry (Adobe) /Ordering "
    numbers += b"(Identity) /Supplement 0 >> >>"
    found = read(
        drawn(
            "BT /F1 12 Tf 60 700 Td <00480049> Tj ET", objects={5: font, 10: numbers, 11: stream(b"begincmap endcmap")}
        ),
        "",
    )
    assert "a font of numbers that is not in the file" in found.doubts


@pytest.mark.parametrize("odd", ["0.6 g (x) Tj 0 g", "/F1 4 Tf (.) Tj /F1 12 Tf"])
def test_an_address_in_letters_of_two_kinds_is_a_doubt(odd: str) -> None:
    """An eye that expects its own address passes over a pale or a tiny letter."""
    shown = f"BT /F1 12 Tf 1 0 0 1 60 700 Tm (Nowy login: adam) Tj {odd} (s@nowa.example) Tj ET"
    assert "page 1: an address in letters of two kinds" in read(drawn(shown), "").doubts
    assert not reading(drawn(shown.replace(odd, ""))).application.doubts


def _renamed(units: str, names: str = "") -> dict[int, bytes]:
    """Helvetica whose /ToUnicode has these pairs of codes."""
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def 1 begincodespacerange <00> <FF> "
        f"endcodespacerange 1 beginbfchar {units} endbfchar endcmap end end"
    )
    encoding = f"/Encoding << /Type /Encoding /BaseEncoding /WinAnsiEncoding {names} >> /ToUnicode 10 0 R >>"
    return {FONT: HELVETICA.partition(b"/Encoding")[0] + encoding.encode(), 10: stream(cmap.encode())}


@pytest.mark.parametrize("hyphen", ["002d", "00ad", "2010", "2011"])
def test_a_hyphen_by_any_of_its_names_is_one(hyphen: str) -> None:
    found = read(drawn(line("Nowy login: jan-maria@nowa.example"), objects=_renamed(f"<2d> <{hyphen}>")), "")
    assert (found.new_email, found.doubts) == ("jan-maria@nowa.example", ())


def test_a_ligature_is_the_letters_that_it_stands_for() -> None:
    """Its glyph is called "fi", and so does /ToUnicode; one cell of it is narrower than those of other letters."""
    shown = line("Nowy login: jan@\\214rma.example")
    found = read(drawn(shown, objects=_renamed("<8c> <00660069>", "/Differences [140 /fi]")), "")
    assert (found.new_email, found.doubts) == ("jan@firma.example", ())
    lie = read(drawn(shown, objects=_renamed("<8c> <0066006c>", "/Differences [140 /fi]")), "")
    assert lie.doubts


def test_a_reference_to_no_annotation_is_none() -> None:
    """Programs leave them that make the fields of a form into text."""
    shown = f"{VISIBLE} {line(NEW)}"
    assert read(drawn(shown, extra=b"/Annots [77 0 R 78 0 R]"), "").doubts == ()


def test_readers_must_see_the_same_annotations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailbot.application.pdf.second.Second.annotations", lambda *_: 1)
    assert "page 1: other annotations for another reader" in read(drawn(f"{VISIBLE} {line(NEW)}"), "").doubts


@pytest.mark.parametrize(
    ("printed", "x", "more"),
    [
        ("Nowy adres e-mail", 56, ""),
        ("Nowy adres e-mail pana Zalewskiego, znajomego z pracy", 60, ""),
        ("Nowy adres e-mail", 60, line("Uwagi", 664, 400)),
    ],
)
def test_the_label_of_a_field_goes_as_far_as_it_is_printed(printed: str, x: int, more: str) -> None:
    """Also where it begins before the field or ends behind it; another column is another label."""
    field = _field("adam@nowa.example", more="/F 4 /AP << /N 10 0 R >>", rect="60 640 200 660")
    data = drawn(VISIBLE + line(printed, 664, x) + more, extra=b"/Annots [9 0 R]", objects=field)
    assert f"{printed}: adam@nowa.example" in reading(data).text.splitlines()


@pytest.mark.parametrize(("written", "kept"), [(NEW, False), (f"~ {NEW}", True)])
def test_a_speck_that_recognition_takes_for_a_sign_is_none(
    written: str, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_by = Engine.read
    monkeypatch.setattr(Engine, "read", lambda *given: f"~ {read_by(*given)}")
    assert ("~" in (reading(drawn(line(written))).seen or "")) is kept


def test_a_file_behind_another_one_is_a_doubt() -> None:
    """Which of them is shown, and from where its objects are counted, each viewer says for itself."""
    one, other = drawn(VISIBLE + line(NEW)), drawn(VISIBLE + line(NEW.replace("obcy", "dobr")))
    assert not read(one + b"\r\n\0 ", "").doubts
    assert read(one + other, "").doubts
    assert read(one + b"\nUmowa", "").doubts
