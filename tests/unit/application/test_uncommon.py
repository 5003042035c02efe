"""What viewers draw otherwise than pdfium does: it is there for one reader, and not, or something else, for another."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import pytest
from PIL import Image
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from fixtures.signing.pdf_writer import CATALOG, FONT, PAGE, TEXT, page, stream
from mailbot.application.pdf import cmaps, fontfiles, fonts
from mailbot.application.pdf.operators import UncommonError
from mailbot.application.read import read
from tests.unit.application.pdfs import HELVETICA, PICTURE, RESOURCES, doubts, drawn, line

LINES = " ".join(
    line(text, 700 - 30 * i)
    for i, text in enumerate(
        ("Imie: Adam", "Nazwisko: Nowak", "Dotychczasowy login: adam@stara.example", "Nowy login: adam@nowa.example")
    )
)
WHITE = b"<< /FunctionType 2 /Domain [0 1] /C0 [1] /C1 [1] /N 1 >>"
GAMMA = b"<< /WhitePoint [0.95 1 1.09] /Gamma 0.001 >>"
FORM = "/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << " + RESOURCES.decode() + " >>"
FULL = "q 595 0 0 842 0 0 cm /Im1 Do Q"


def _with(resources: bytes, **objects: bytes) -> dict[int, bytes]:
    return {PAGE: page(TEXT, b"", b"/Font << /F1 5 0 R >>" + resources)} | {
        int(n[1:]): one for n, one in objects.items()
    }


def _font(entries: str, **objects: bytes) -> dict[int, bytes]:
    return {FONT: f"<< /Type /Font {entries} >>".encode()} | {int(n[1:]): one for n, one in objects.items()}


def _profile(*curve: int) -> bytes:
    """A profile of greys (ICC.1 §8): its curve."""
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 2) + b"x" + bytes(80),
        b"wtpt": b"XYZ " + bytes(4) + struct.pack(">iii", 0xF6D6, 0x10000, 0xD32D),
        b"kTRC": b"curv" + struct.pack(f">II{len(curve)}H", 0, len(curve), *curve) + bytes(-2 * len(curve) % 4),
        b"cprt": b"text" + bytes(4) + b"x" + bytes(3),
    }
    table, body = struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        tag += bytes(-len(tag) % 4)
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(tag))
        body += tag
    size = 128 + len(table) + len(body)
    head = struct.pack(">I4sI12s12s4s", size, b"lcms", 0x02100000, b"mntrGRAYXYZ ", bytes(12), b"acsp")
    return (head + bytes(28) + tags[b"wtpt"][8:]).ljust(128, b"\0") + table + body


def _profiled(*curve: int) -> dict[int, bytes]:
    return _with(b" /ColorSpace << /C [/ICCBased 10 0 R] >>", n10=stream(_profile(*curve), "/N 1"))


def _pictured(data: bytes, entries: str, *, deflate: bool = True) -> dict[int, bytes]:
    """The content, under a picture of one dot as large as the page."""
    high = "" if "/Height" in entries else "/Height 1"
    head = f"/Type /XObject /Subtype /Image /Width 1 {high} {entries}"
    return {6: stream(data, head, deflate=deflate)}


def _jpeg(**saved: object) -> bytes:
    out = io.BytesIO()
    Image.new("L", (1, 1), 255).save(out, "JPEG", **saved)
    return out.getvalue()


GREY = "/ColorSpace /DeviceGray /BitsPerComponent 8"
PICTURES: dict[str, dict[int, bytes]] = {
    "packed by deflate": _pictured(b"\xff", GREY),
    "not packed": _pictured(b"\xff\n", GREY, deflate=False),
    "a JPEG": _pictured(_jpeg(), f"{GREY} /Filter /DCTDecode", deflate=False),
    "a JPEG in parts": _pictured(_jpeg(progressive=True), f"{GREY} /Filter /DCTDecode", deflate=False),
    "in letters": _pictured(
        base64.a85encode(zlib.compress(b"\xff")) + b"~>", f"{GREY} /Filter [/ASCII85Decode /FlateDecode]", deflate=False
    ),
    "rows of PNG": _pictured(b"\0\xff", f"{GREY} /DecodeParms << /Predictor 15 /Columns 1 >>"),
    "numbers of colours": _pictured(b"\x80", "/ColorSpace [/Indexed /DeviceRGB 1 <000000FFFFFF>] /BitsPerComponent 1"),
    "a stencil": _pictured(b"\x80", "/ImageMask true /Decode [0 1]"),
    "with a mask": _pictured(b"\xff", f"{GREY} /SMask 10 0 R") | {10: stream(b"\xff", PICTURE.decode())},
    "with colours left out": _pictured(b"\xff", f"{GREY} /Mask [255 255]"),
}
ODD_PICTURES: dict[str, dict[int, bytes]] = {
    "fewer dots than it says": _pictured(b"", GREY),
    "more dots than it says": _pictured(bytes(99), GREY),
    "packed by deflate and broken": _pictured(
        zlib.compress(b"\xff" * 9)[:-5], f"{GREY} /Filter /FlateDecode", deflate=False
    ),
    "packed in another way": _pictured(b"\0\xff\x80", f"{GREY} /Filter /RunLengthDecode", deflate=False),
    "packed by nothing": _pictured(b"\xff", f"{GREY} /Filter null", deflate=False),
    "a JPEG of another size": _pictured(
        _jpeg(), f"{GREY} /Filter /DCTDecode".replace("8", "8 /Height 2"), deflate=False
    ),
    "a JPEG that ends early": _pictured(_jpeg()[:-20], f"{GREY} /Filter /DCTDecode", deflate=False),
    "a JPEG that is turned": _pictured(_jpeg(), f"{GREY} /Filter /DCTDecode /Decode [1 0]", deflate=False),
    "a depth that is none": _pictured(b"\xff", GREY.replace("8", "3")),
    "inks": _pictured(bytes(4), GREY.replace("Gray", "CMYK")),
    "colours that are not named": _pictured(b"\2", "/ColorSpace [/Indexed /DeviceGray 1 <00FF>] /BitsPerComponent 8"),
    "colours left out that are no numbers": _pictured(b"\xff", f"{GREY} /Mask [0.0 255.0]"),
    "a stencil of bytes": _pictured(b"\xff", "/ImageMask true /BitsPerComponent 8"),
    "half a stencil": _pictured(b"\x80", "/ImageMask true /Decode [.5 1]"),
    "another predictor": _pictured(b"\xff", f"{GREY} /DecodeParms << /Predictor 3 >>"),
    "rows of another width": _pictured(b"\0\xff", f"{GREY} /DecodeParms << /Predictor 15 /Columns 2 >>"),
    "an entry that nobody knows": _pictured(b"\xff", f"{GREY} /Other 1"),
}
COMMON: dict[str, tuple[str, dict[int, bytes]]] = {
    "plain": (LINES, {}),
    "a device space by name": (f"/DeviceRGB cs 0 0 0 scn {LINES}", {}),
    "letters by their names": (
        LINES,
        _font(
            "/Subtype /TrueType /BaseFont /Arial "
            "/Encoding << /BaseEncoding /WinAnsiEncoding /Differences [140 /Sacute 143 /uni0179] >>"
        ),
    ),
    "a profile": (f"/C cs 0 sc {LINES}", _profiled(0, 65535)),
    "a colour between a path and its painting": (f"60 500 m 300 500 l 0 G S {LINES}", {}),
    "painting of no path": (f"0 g f {LINES}", {}),
    "a clip": (f"q 0 0 595 842 re W n {LINES} Q", {}),
    "content that is marked": (f"/P << /MCID 0 /Lang (pl) >> BDC {LINES} EMC", {}),
    "a graphics state": (f"/G gs {LINES}", _with(b" /ExtGState << /G << /BM /Normal /ca 1 /SMask /None >> >>")),
    "a graphics state of Apple": (f"/G gs {LINES}", _with(b" /ExtGState << /G << /AAPL:AA true >> >>")),
    "a form": ("/Fm2 Do", _with(b" /XObject << /Fm2 10 0 R >>", n10=stream(LINES.encode(), FORM))),
    "Arial": (LINES, _font("/Subtype /TrueType /BaseFont /Arial,Bold /Encoding /WinAnsiEncoding")),
}
UNCOMMON: dict[str, tuple[str, dict[int, bytes]]] = {
    "an operand too many": (f"0 1 1 1 rg {LINES}", {}),
    "an operand too few": (f"1 1 rg {LINES}", {}),
    "a number with an exponent": (f"1e-9 g {LINES}", {}),
    "a number with a comma": (f"1,0 g {LINES}", {}),
    "a number with two signs": (f"--1 g {LINES}", {}),
    "a number without digits": (f". g {LINES}", {}),
    "a colour beyond 1": (f"7 g 0 g {LINES}", {}),
    "a mode that is none": (LINES.replace("Tf", "Tf -1 Tr"), {}),
    "a mode and a half": (LINES.replace("Tf", "Tf 2.9 Tr"), {}),
    "an operator that is none": (f"1 zz {LINES}", {}),
    "a compatibility section": (f"BX {LINES} EX", {}),
    "a state given back too often": (f"Q {LINES}", {}),
    "a state within a text": (LINES.replace("BT", "BT q Q"), {}),
    "a clip of nothing": (f"W n {LINES}", {}),
    "a clip that is not painted": (f"0 0 9 9 re W {LINES}", {}),
    "a picture within the content": (f"BI /W 9 /H 1 /BPC 8 /CS /G ID EI 1 g Q EI {LINES}", {}),
    "a font that is not there": (LINES.replace("/F1 12 Tf", "/F1 12 Tf /F9 12 Tf /F1 12 Tf"), {}),
    "a state that is not there": (f"/G gs {LINES}", {}),
    "a form that is not there": (f"/Nope Do {LINES}", {}),
    "a default space": (LINES, _with(b" /ColorSpace << /DefaultGray [/Separation /X /DeviceGray " + WHITE + b"] >>")),
    "a default space of great gamma": (
        f"0.45 g {LINES}",
        _with(b" /ColorSpace << /DefaultGray [/CalGray " + GAMMA + b"] >>"),
    ),
    "a space of great gamma": (f"/C cs 0.45 sc {LINES}", _with(b" /ColorSpace << /C [/CalGray " + GAMMA + b"] >>")),
    "a profile that turns colours round": (f"/C cs 1 sc {LINES}", _profiled(65535, 0)),
    "a profile that is none": (
        f"/C cs 0 sc {LINES}",
        _with(b" /ColorSpace << /C [/ICCBased 7 0 R] >>", n7=stream(b"x", "/N 1")),
    ),
    "a font of the graphics state": (
        LINES.replace("Tf", "Tf /G gs"),
        _with(b" /ExtGState << /G << /Font [5 0 R 12] >> >>"),
    ),
    "overprint": (f"/G gs {LINES}", _with(b" /ExtGState << /G << /op true /OPM 1 >> >>")),
    "a blend mode": (f"/G gs {LINES}", _with(b" /ExtGState << /G << /BM /Lighten >> >>")),
    "a halftone": (f"/G gs {LINES}", _with(b" /ExtGState << /G << /HT << /HalftoneType 1 >> >> >>")),
    "a knockout group": (
        "/Fm2 Do",
        _with(
            b" /XObject << /Fm2 10 0 R >>",
            n10=stream(LINES.encode(), f"{FORM} /Group << /S /Transparency /K true >>"),
        ),
    ),
    "a form in the place of a page of another file": (
        "/Fm2 Do",
        _with(b" /XObject << /Fm2 10 0 R >>", n10=stream(LINES.encode(), f"{FORM} /Ref << /F (a.pdf) /Page 0 >>")),
    ),
    "a picture that not all can read": (
        f"{FULL} {LINES}",
        {6: stream(b"x", "/Type /XObject /Subtype /Image /Width 1 /Height 1 /Filter /JPXDecode", deflate=False)},
    ),
    "a picture with another one": (
        f"{FULL} {LINES}",
        {6: stream(b"\xff", f"{PICTURE.decode()} /Alternates [<< /Image 6 0 R >>]")},
    ),
    "a letter's measure on a page": (f"9 0 d0 {LINES}", {}),
    "letters by names that no viewer knows": (
        LINES,
        _font("/Subtype /TrueType /BaseFont /Arial /Encoding << /Differences [65 /c66] >>"),
    ),
    "letters by numbers that are none": (
        LINES,
        _font("/Subtype /Type1 /BaseFont /Helvetica /Encoding << /Differences [65.0 /B] >>"),
    ),
    "an encoding of other letters": (LINES, _font("/Subtype /Type1 /BaseFont /Helvetica /Encoding /MacExpertEncoding")),
    "a blank that is wide for some": (
        LINES,
        _font("/Subtype /Type1 /BaseFont /Helvetica /FirstChar 32 /LastChar 32 /Widths [65814]"),
    ),
    "numbers of no collection": (
        LINES,
        _font(
            "/Subtype /Type0 /BaseFont /Arial /Encoding /Identity-H /DescendantFonts [<< /Type /Font "
            "/Subtype /CIDFontType2 /BaseFont /Arial /CIDToGIDMap /Identity /FontDescriptor 10 0 R >>]",
            n10=b"<< /Type /FontDescriptor /FontName /Arial /FontFile2 11 0 R >>",
            n11=stream(b"\0\1\0\0" + bytes(8)),
        ),
    ),
    "Wingdings": (LINES, _font("/Subtype /TrueType /BaseFont /Wingdings /Encoding /WinAnsiEncoding")),
    "a font of no kind": (LINES, _font("/BaseFont /Helvetica")),
    "numbers looked up in a map of Unicode": (
        LINES,
        _font(
            "/Subtype /Type0 /BaseFont /Arial /Encoding /UniJIS-UCS2-H /DescendantFonts [<< /Type /Font "
            "/Subtype /CIDFontType2 /BaseFont /Arial "
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) /Supplement 1 >> >>]"
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "objects"), COMMON.values(), ids=COMMON)
def test_what_all_viewers_draw_alike(content: str, objects: dict[int, bytes]) -> None:
    assert read(drawn(content, objects=objects), "").doubts == ()


@pytest.mark.parametrize(("content", "objects"), UNCOMMON.values(), ids=UNCOMMON)
def test_what_viewers_draw_otherwise_is_a_doubt(content: str, objects: dict[int, bytes]) -> None:
    assert any("alike" in doubt for doubt in doubts(drawn(content, objects=objects)))


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_pictures_that_all_viewers_unpack_alike(picture: dict[int, bytes]) -> None:
    """A white one, below the text."""
    assert read(drawn(f"{FULL} {LINES}", objects=picture), "").doubts == ()


@pytest.mark.parametrize("picture", ODD_PICTURES.values(), ids=ODD_PICTURES)
def test_pictures_that_some_viewers_leave_out_are_doubts(picture: dict[int, bytes]) -> None:
    """In one viewer such a picture is not there, and in the next it covers the page."""
    assert any("alike" in doubt for doubt in read(drawn(f"{FULL} {LINES}", objects=picture), "").doubts)


def _paper(profile: bytes) -> dict[int, bytes]:
    intent = "/S /GTS_PDFA1 /OutputConditionIdentifier (x) /DestOutputProfile 10 0 R"
    root = f"<< /Type /Catalog /Pages 2 0 R /OutputIntents [<< /Type /OutputIntent {intent} >>] >>"
    return {CATALOG: root.encode(), 10: stream(profile, "/N 1")}


def test_colours_of_the_paper() -> None:
    """MuPDF and Acrobat show a page as it would be on the paper that the file names."""
    assert read(drawn(LINES, objects=_paper(_profile(0, 65535))), "").doubts == ()
    assert read(drawn(LINES, objects=_paper(_profile(65535, 0))), "").doubts


def test_colours_of_a_group() -> None:
    turned = {10: stream(_profile(65535, 0), "/N 1")}
    group = b"/Group << /S /Transparency /CS [/ICCBased 10 0 R] >>"
    assert read(drawn(LINES, extra=group, objects=turned), "").doubts
    assert read(drawn(LINES, extra=b"/Group << /S /Transparency /CS /DeviceRGB >>"), "").doubts == ()


@pytest.mark.parametrize(
    "entries",
    [
        "/Subtype /Popup /Rect [0 0 595 842] /Open true /AP << /N 8 0 R >>",
        "/Subtype /Widget /FT /Sig /T (s) /Rect [60 60 300 140] /AP << /N << /On 8 0 R /Off 8 0 R >> >>",
    ],
)
def test_annotations_that_some_viewers_draw_are_doubts(entries: str) -> None:
    objects = {9: f"<< /Type /Annot /F 4 /P 3 0 R {entries} >>".encode()}
    assert read(drawn(LINES, extra=b"/Annots [9 0 R]", form="1 g 0 0 595 842 re f", objects=objects), "").doubts


@pytest.mark.parametrize(
    "entry",
    [
        "/ViewerPreferences << /ViewArea /TrimBox >>",
        "/AF [<< /Type /Filespec /F (umowa.pdf) /EF << /F 10 0 R >> >>]",
    ],
)
def test_what_else_the_file_may_show_is_a_doubt(entry: str) -> None:
    objects = {
        CATALOG: f"<< /Type /Catalog /Pages 2 0 R {entry} >>".encode(),
        10: stream(b"x", "/Type /EmbeddedFile"),
    }
    assert read(drawn(LINES, objects=objects), "").doubts


@pytest.mark.parametrize(
    "entry", ["/Rotate 45", "/Rotate 90.5", "/CropBox [0 0 0 0]", "/CropBox /None", "/CropBox [0 0 595]"]
)
def test_a_page_whose_place_is_not_plain_is_a_doubt(entry: str) -> None:
    assert doubts(drawn(LINES, extra=entry.encode()))


def test_a_page_whose_corners_are_named_in_another_order() -> None:
    assert read(drawn(LINES, extra=b"/CropBox [595 842 0 0] /Rotate -360"), "").doubts == ()


@pytest.mark.parametrize("entry", ["/F (other.bin)", "/FFilter /ASCIIHexDecode", "/DP << /Predictor 12 >>"])
def test_a_stream_that_readers_unpack_otherwise_is_a_doubt(entry: str) -> None:
    objects = {TEXT: stream(LINES.encode(), entry)}
    assert "a stream that readers unpack otherwise" in doubts(drawn("", objects=objects))


def test_a_letter_of_a_picture_is_common() -> None:
    """As pdfTeX draws fonts of pictures (Type 3)."""
    letter = b"100 0 0 0 100 100 d1 q 100 0 0 100 0 0 cm BI /W 1 /H 1 /BPC 1 /IM true /D [1 0] ID \x80 EI Q"
    font = "/Subtype /Type3 /FontBBox [0 0 9 9] /FontMatrix [.01 0 0 .01 0 0] /CharProcs << /a 11 0 R >> /FirstChar 97"
    names = "/LastChar 97 /Widths [100] /Encoding << /Differences [97 /a] >> /Resources << >>"
    resources = b" /Font << /F1 5 0 R /F2 10 0 R >>"
    objects = {
        PAGE: page(TEXT, b"", resources),
        FONT: HELVETICA,
        10: f"<< /Type /Font {font} {names} >>".encode(),
        11: stream(letter),
    }
    found = doubts(drawn(f"{LINES} BT /F2 9 Tf 9 9 Td (a) Tj ET", objects=objects))
    assert not any("alike" in doubt for doubt in found)


def _sfnt(*tables: tuple[int, int, bytes]) -> bytes:
    """A font that has nothing but its 'cmap'."""
    head, body = struct.pack(">HH", 0, len(tables)), b""
    for platform, encoding, table in tables:
        head += struct.pack(">HHI", platform, encoding, 4 + 8 * len(tables) + len(body))
        body += table
    return struct.pack(">IHHHH4sIII", 0x10000, 1, 0, 0, 0, b"cmap", 0, 28, len(head + body)) + head + body


def _form_0(shift: int) -> bytes:
    return struct.pack(">HHH", 0, 262, 0) + bytes((code + shift) % 256 for code in range(256))


def _form_4(first: int, glyph: int) -> bytes:
    """Ninety letters from the code ``first``."""
    ends, starts, deltas = (first + 89, 0xFFFF), (first, 0xFFFF), ((glyph - first) % 65536, 1)
    return struct.pack(">7H2HH2H2H2H", 4, 32, 0, 4, 0, 0, 0, *ends, 0, *starts, *deltas, 0, 0)


def _form_12(first: int, glyph: int) -> bytes:
    return struct.pack(">HHIIIIII", 12, 0, 28, 0, 1, first, first + 89, glyph)


@pytest.mark.parametrize(
    "tables",
    [
        [],
        [(1, 0, _form_0(0)), (3, 1, _form_4(33, 33)), (3, 10, _form_12(33, 33))],
        [(1, 0, _form_0(0)), (3, 0, _form_4(0xF021, 33))],
        [(3, 0, _form_4(33, 7))],
    ],
)
def test_tables_of_a_font_that_agree(tables: list[tuple[int, int, bytes]]) -> None:
    cmaps.check(_sfnt(*tables))


@pytest.mark.parametrize(
    "tables",
    [
        [(1, 0, _form_0(0)), (3, 1, _form_4(33, 34))],
        [(1, 0, _form_0(1)), (3, 0, _form_4(0xF021, 33))],
        [(3, 0, _form_4(0xF021, 33)), (3, 1, _form_4(33, 40))],
        [(3, 1, _form_4(33, 33)), (3, 10, _form_12(33, 34))],
        [(0, 3, _form_4(33, 33)), (3, 1, _form_4(33, 34))],
        [(1, 0, _form_0(0)), (1, 0, _form_0(0))],
        [(3, 1, b"\0\x08" + bytes(20))],
        [(3, 1, b"\0\x04" + b"\xff" * 20)],
    ],
)
def test_tables_of_a_font_that_differ_are_uncommon(tables: list[tuple[int, int, bytes]]) -> None:
    with pytest.raises(UncommonError):
        cmaps.check(_sfnt(*tables))


def test_a_font_that_is_cut_is_uncommon() -> None:
    whole = _sfnt((1, 0, _form_0(0)))
    for size in (0, 3, 13, 30, 60, len(whole) - 300):
        with pytest.raises(UncommonError):
            cmaps.check(whole[: max(size, 0)])


def _described(kind: str, *keys: str) -> DictionaryObject:
    file = DecodedStreamObject()
    file.set_data(_sfnt((1, 0, _form_0(0))))
    described = DictionaryObject({NameObject(key): file for key in keys})
    return DictionaryObject({NameObject("/Subtype"): NameObject(kind), NameObject("/FontDescriptor"): described})


def test_a_font_with_its_file() -> None:
    fonts.check(_described("/TrueType", "/FontFile2"))


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("/TrueType", ("/FontFile2", "/FontFile3")),
        ("/Type1", ("/FontFile", "/FontFile2")),
        ("/Type1", ("/FontFile2",)),
        ("/TrueType", ("/FontFile",)),
        ("/CIDFontType2", ()),
        ("/Type9", ("/FontFile",)),
    ],
)
def test_a_font_with_another_file_is_uncommon(kind: str, keys: tuple[str, ...]) -> None:
    with pytest.raises(UncommonError):
        fonts.check(_described(kind, *keys))


def _objects(*objects: bytes) -> bytes:
    """An INDEX (Adobe TN 5176 §5)."""
    offsets = [1 + sum(map(len, objects[:i])) for i in range(len(objects) + 1)]
    return struct.pack(f">HB{len(offsets)}B", len(objects), 1, *offsets) + b"".join(objects)


def _cff(numbers: bool) -> bytes:
    dictionary = b"\x1e\x0c\x1f\x1d\x0c\x1e\x0c\x1e\x0f" + b"\xf7\x0c\x11"  # a real, an integer: no operators
    return b"\1\0\4\1" + _objects(b"Name") + _objects(b"\x8b\x8b\x8b\x0c\x1e" * numbers + dictionary)


def _opentype(cff: bytes) -> bytes:
    return struct.pack(">4sHHHH4sIII", b"OTTO", 1, 0, 0, 0, b"CFF ", 0, 28, len(cff)) + cff


SFNT = _sfnt((1, 0, _form_0(0)))


@pytest.mark.parametrize(
    ("data", "kind", "key", "own"),
    [
        (b"%!PS-AdobeFont", "/Type1", "/FontFile", None),
        (SFNT, "/TrueType", "/FontFile2", None),
        (SFNT, "/CIDFontType2", "/FontFile3", "/OpenType"),
        (_cff(False), "/Type1", "/FontFile3", "/Type1C"),
        (_cff(True), "/CIDFontType0", "/FontFile3", "/CIDFontType0C"),
        (_opentype(_cff(False)), "/CIDFontType0", "/FontFile3", "/OpenType"),
    ],
)
def test_a_font_file_of_its_kind(data: bytes, kind: str, key: str, own: str | None) -> None:
    fontfiles.check(data, kind, key, own)


@pytest.mark.parametrize(
    ("data", "kind", "key", "own"),
    [
        (SFNT, "/Type1", "/FontFile", None),
        (_opentype(_cff(False)), "/CIDFontType2", "/FontFile2", None),
        (_opentype(_cff(False)), "/CIDFontType2", "/FontFile3", "/OpenType"),
        (_cff(False), "/TrueType", "/FontFile3", "/Type1C"),
        (_cff(False), "/CIDFontType0", "/FontFile3", "/OpenType"),
        (_opentype(_cff(True)), "/CIDFontType0", "/FontFile3", "/OpenType"),
        (_cff(True), "/Type1", "/FontFile3", "/Type1C"),
        (_cff(False)[:9], "/Type1", "/FontFile3", "/Type1C"),
        (b"OTTO" + bytes(40), "/CIDFontType0", "/FontFile3", "/OpenType"),
        (b"", "/TrueType", "/FontFile2", None),
    ],
)
def test_a_font_file_of_another_kind_is_uncommon(data: bytes, kind: str, key: str, own: str | None) -> None:
    """Of a font of numbers in an OpenType file some viewers take the numbers as they are, others look them up."""
    with pytest.raises(UncommonError):
        fontfiles.check(data, kind, key, own)
