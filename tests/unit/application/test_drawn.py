"""What a page draws beside its letters says nothing, or is a doubt."""

from __future__ import annotations

import math

import pytest

from fixtures.signing.pdf_writer import PAGE, TEXT, page, stream
from mailbot.application.read import read, reading
from tests.unit.application.pdfs import PICTURE, RESOURCES, doubts, drawn, line

LETTER = " ".join(
    line(text, 760 - 22 * i)
    for i, text in enumerate(
        (
            "Wniosek o nadanie nowego hasla awaryjnego oraz loginu do konta PUESC",
            "Ja, Adam Nowak.",
            "Stary login: adam@stara.example",
            "Nowy login: adam@nowa.example",
        )
    )
)
NO = "0 0 m 0 10 l 7 0 l 7 10 l S 11 0 m 11 7 l S 15 4 m 20 4 l 20 7 l 15 7 l 15 0 l 20 1 l S"
"""The word "nie" in strokes, ten units high."""
SAMPLE = (
    "0 10 m 2 0 l 4 7 l 6 0 l 8 10 l S 10 10 m 16 10 l 10 0 l 16 0 l S 18 0 7 10 re S "
    "27 0 m 27 10 l 33 7 l 27 5 l 33 0 l S"
)
"""The word "WZOR" in strokes."""
REFUSED = "0 0 m 0 10 l 7 0 l 7 10 l S 11 0 m 11 10 l S 21 0 m 15 0 l 15 10 l 21 10 l S 15 5 m 20 5 l S"
LOGO = "0.8 0 0 rg 60 790 m 90 830 110 830 130 790 c f 0 0 1 RG 3 w 140 790 m 160 830 l 180 790 l s"
BLOCKS = ("#...#.###.#####", "##..#..#..#....", "#.#.#..#..###..", "#..##..#..#....", "#...#.###.#####")
RING = (
    "105 793 m 105 799.6 99.6 805 93 805 c "
    "86.4 805 81 799.6 81 793 c 81 786.4 86.4 781 93 781 c 99.6 781 105 786.4 105 793 c"
)
CURVED = "40 780 m 40 785 45 790 50 790 c 540 790 l 545 790 550 785 550 780 c 550 600 l 40 600 l h S"


def _at(x: int, y: int, scale: float, strokes: str, before: str = "") -> str:
    return f"q {before} {scale} 0 0 {scale} {x} {y} cm {strokes} Q"


QUIET = {
    "nothing": "",
    "rules": " ".join(f"60 {y} m 540 {y} l S" for y in range(490, 760, 22)),
    "a dashed rule": "[1 2] 0 d 60 640 m 540 640 l S [6 4] 0 d 60 620 m 540 620 l S",
    "a frame": "2 w 40 500 515 300 re S",
    "a round frame": CURVED,
    "a table": " ".join(f"60 {y} 200 20 re S 260 {y} 280 20 re S" for y in range(560, 660, 20)),
    "a box round one line": "55 690 300 14 re S",
    "a ground": "0.9 g 40 560 515 60 re f 0.2 0.4 0.8 rg 40 630 515 20 re f",
    "bullets": " ".join(f"40 {y} 4 4 re f" for y in (650, 628, 606)),
    "a logo in the head": LOGO,
    "a small ring": f"0.8 0.2 0.2 rg {RING} f 0.2 0.4 0.8 rg 100.5 784 18 18 re f 60 770 475 1.5 re f",
    "a logo in the foot": f"q 1 0 0 1 100 -750 cm {LOGO} Q",
}
SAYING = {
    "a word in strokes": _at(40, 697, 1, NO),
    "a word between the lines": _at(60, 725, 0.8, NO),
    "a word below": _at(60, 400, 3, NO),
    "a large word": _at(60, 200, 12, SAMPLE, "0.7 G 0.2 w"),
    "a pale word": _at(60, 200, 12, SAMPLE, "0.95 G 1 w"),
    "a yellow word": _at(60, 200, 12, SAMPLE, "1 1 0.7 RG 1 w"),
    "a word as bright as its ground": f"1 0.5 0.5 rg 50 180 480 160 re f {_at(60, 200, 12, SAMPLE, '.37 .77 .5 RG')}",
    "a word in bars": "8 w 100 100 m 100 400 l S 100 396 m 200 396 l S 200 100 m 200 400 l S 250 100 m 250 400 l S "
    "300 100 m 300 400 l S 300 104 m 400 104 l S 300 250 m 400 250 l S 300 396 m 400 396 l S",
    "a cross": "0 0 m 595 842 l S 0 842 m 595 0 l S",
    "a pale cross": "0.94 G 6 w 0 0 m 595 842 l S 0 842 m 595 0 l S",
    "a line struck out": "60 697 m 240 697 l S",
    "a pale line struck out": "0.85 G 60 697 m 240 697 l S",
    "a white line through": "1 G 1.5 w 60 697 m 240 697 l S",
    "a box to tick": "44 694 10 10 re S",
    "a ticked box": "44 694 10 10 re S 44 694 m 54 704 l S 54 694 m 44 704 l S",
    "a picture": "q 40 0 0 40 300 400 cm /Im1 Do Q",
    "a word in blocks": " ".join(
        f"{100 + 8 * x} {400 - 8 * y} 8 8 re f" for y, row in enumerate(BLOCKS) for x, on in enumerate(row) if on == "#"
    ),
    "a small picture": "q 12 0 0 12 44 694 cm /Im1 Do Q",
    "a gradient": "q 60 200 480 160 re W n /Sh1 sh Q",
    "a large logo": f"q 2.2 0 0 2.2 -60 -1020 cm {LOGO} Q",
    "a logo in the middle": f"q 1 0 0 1 0 -350 cm {LOGO} Q",
    "a blank that is drawn": "BT /F2 12 Tf 40 694 Td (a) Tj ET",
}  # fmt: skip
PIXELS = bytes((7 * x * x + 13 * x * y) % 256 for y in range(32) for x in range(32))
OBJECTS = {
    PAGE: page(
        TEXT,
        b"",
        RESOURCES.replace(b"/F1 5 0 R", b"/F1 5 0 R /F2 10 0 R")
        + b" /Shading << /Sh1 << /ShadingType 2 /ColorSpace /DeviceGray /Coords [280 0 320 0] "
        b"/Function << /FunctionType 2 /Domain [0 1] /C0 [1] /C1 [0.6] /N 1 >> >> >>",
    ),
    6: stream(PIXELS, PICTURE.replace(b"/Width 1 /Height 1", b"/Width 32 /Height 32").decode()),
    10: b"<< /Type /Font /Subtype /Type3 /FontMatrix [0.001 0 0 0.001 0 0] /FontBBox [0 0 1000 1000] /FirstChar 97 "
    b"/LastChar 97 /Widths [1000] /Encoding << /Type /Encoding /Differences [97 /space] >> "
    b"/CharProcs << /space 11 0 R >> /Resources << >> >>",
    11: stream(b"1000 0 0 0 1000 1000 d1 100 0 200 700 re f 500 0 200 700 re f"),
}


@pytest.mark.parametrize("content", QUIET.values(), ids=QUIET)
def test_rules_frames_and_a_small_logo_say_nothing(content: str) -> None:
    found = read(drawn(f"q {content} Q {LETTER}", objects=OBJECTS), "")
    assert found.doubts == ()
    assert found.missing == ()


@pytest.mark.parametrize("content", SAYING.values(), ids=SAYING)
def test_anything_else_may_say_something(content: str) -> None:
    assert doubts(drawn(f"{LETTER} {content}", objects=OBJECTS))


@pytest.mark.parametrize(
    "angle", [0, 60, -150, *(pytest.param(a, marks=pytest.mark.campaign) for a in (15, -75, 120, 165, 180))]
)
def test_what_a_logo_says_is_read_if_it_is_turned(angle: int) -> None:
    along, up = 3 * math.cos(math.radians(angle)), 3 * math.sin(math.radians(angle))
    x, y = 110 - (along * 10.5 - up * 5), 795 - (up * 10.5 + along * 5)
    way = f"{along:.4f} {up:.4f} {-up:.4f} {along:.4f} {x:.2f} {y:.2f}"
    said = reading(drawn(f"{LETTER} q {way} cm 1.5 w {REFUSED} Q")).seen or ""
    assert "NIE" in said.upper().split()


FORM = "/Type /XObject /Subtype /Form /BBox [0 0 500 400]"
TEXT_FIELD = "/Subtype /Widget /FT /Tx /T (a) /Rect [50 500 545 600] /AP << /N 13 0 R >>"
ANNOTATIONS = {
    "a field on the text": ("/Subtype /Widget /FT /Tx /T (a) /Rect [50 650 545 780]", ""),
    "a field that is crossed": (TEXT_FIELD, "0 0 m 90 90 l S"),
    "a field with a curve": (TEXT_FIELD, "0 0 m 9 9 8 8 7 0 c f"),
    "a field with no value that says something": (
        TEXT_FIELD, "BT /F1 12 Tf 5 5 Td (Nie) Tj ET",
    ),
    "a large signature": ("/Subtype /Widget /FT /Sig /T (a) /Rect [50 300 545 600] /AP << /N 13 0 R >>", ""),
    "a signature on the text": ("/Subtype /Widget /FT /Sig /T (a) /Rect [50 690 250 710] /AP << /N 13 0 R >>", ""),
    "a link with a border": ("/Subtype /Link /Rect [50 697 250 750]", ""),
    "a link with a look": ("/Subtype /Link /Border [0 0 0] /Rect [50 500 250 600] /AP << /N 13 0 R >>", ""),
}  # fmt: skip


@pytest.mark.parametrize(("entries", "look"), ANNOTATIONS.values(), ids=ANNOTATIONS)
def test_fields_and_links_say_nothing_beside_their_values(entries: str, look: str) -> None:
    objects = {
        9: f"<< /Type /Annot /F 4 {entries} >>".encode(),
        13: stream(look.encode(), f"{FORM} /Resources << /Font << /F1 5 0 R >> >>"),
    }
    assert doubts(drawn(LETTER, extra=b"/Annots [9 0 R]", objects=objects))


def test_a_drawn_signature_and_a_quiet_link_are_no_doubt() -> None:
    look = "0.8 0 0 RG 1 1 198 58 re S 0 0.4 0.8 rg 20 10 m 60 60 80 50 90 10 c f"
    signature = b"<< /Type /Annot /F 4 /Subtype /Widget /FT /Sig /T (a) /Rect [50 500 250 560] /AP << /N 13 0 R >> >>"
    link = b"<< /Type /Annot /Subtype /Link /Border [0 0 0] /Rect [60 690 250 706] >>"
    objects = {9: signature, 12: link, 13: stream(look.encode(), FORM)}
    assert read(drawn(LETTER, extra=b"/Annots [9 0 R 12 0 R]", objects=objects), "").doubts == ()


def test_what_the_engine_may_leave_out_is_not_read() -> None:
    """pdfium draws no more than 40 forms in one another, other viewers do."""
    form = "/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << /XObject << /F {} 0 R >> >>"
    nested = {30 + i: stream(b"/F Do", form.format(31 + i)) for i in range(60)}
    nested |= {8: nested[30], 90: stream(b"8 w 100 100 m 500 600 l S", FORM)}
    assert read(drawn(f"{LETTER} /Fm1 Do", objects=nested), "").doubts == ("not readable: shapes",)
    wide = stream(b"\x80", PICTURE.replace(b"/Width 1 /Height 1", b"/Width 20000 /Height 20000").decode())
    large = drawn(f"{LETTER} q 9 0 0 9 60 400 cm /Im1 Do Q", objects={6: wide})
    assert read(large, "").doubts == ("not readable: pictures",)
    assert read(drawn(LETTER + " 0 0 1 1 re f" * 16_000), "").doubts == ("not readable: shapes",)


@pytest.mark.parametrize(
    "costly",
    [
        "0 0 m " + "595 842 l 0 421 l " * 11_000 + "S",
        "0 0 595 842 re f " * 61,
        "400 w " + "0 0 m 595 842 l S " * 61,
        "BT /F1 900 Tf " + "1 0 0 1 0 100 Tm (WWW) Tj " * 200 + "ET",
    ],
    ids=["lines", "areas", "strokes", "letters"],
)
def test_what_costs_too_much_to_draw_is_not_drawn(costly: str) -> None:
    """Counted before the engine draws: by time it would be another thing on another machine."""
    assert read(drawn(f"{LETTER} {costly}"), "").doubts == ("not readable: shapes",)
