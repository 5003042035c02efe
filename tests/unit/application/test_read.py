"""Every format people send; the content decides, never the name."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest

from fixtures.signing import application as written
from fixtures.signing.application import FORMATS, TEXTS, Data, write
from mailbot.application.data import Application
from mailbot.application.read import LARGEST, read, reading

UNREADABLE = Application(None, None, None, None, readable=False)
DATA = Data(genitive="Adama Szymańskiego")
NOMINATIVE, GENITIVE = ("Adam", "Szymański"), ("Adama", "Szymańskiego")
TEXT = f"Imię: Adam\nNazwisko: Szymański\nDotychczasowy login: {DATA.old}\nNowy adres e-mail: {DATA.new}\n"
COMPLETE = Application("Adam", "Szymański", DATA.old, DATA.new)
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
READ = [extension for extension in FORMATS if extension not in ("odt", "rtf")]


@pytest.mark.parametrize("style", TEXTS)
@pytest.mark.parametrize("extension", READ)
def test_every_format_and_every_style(extension: str, style: str) -> None:
    found = read(write(DATA, extension, style), "cokolwiek.bin")
    assert (found.given, found.surname) == (GENITIVE if style == "inflected" else NOMINATIVE)
    assert (found.old_login, found.new_email, found.readable) == (DATA.old, DATA.new, True)


@pytest.mark.parametrize("style", TEXTS)
@pytest.mark.parametrize("extension", READ)
def test_what_is_left_out_is_missing(extension: str, style: str) -> None:
    found = read(write(Data(old=""), extension, style), "")
    assert (found.old_login, found.new_email) == (None, DATA.new)
    found = read(write(Data(new=""), extension, style), "")
    assert (found.old_login, found.new_email) == (DATA.old, None)


def test_xml() -> None:
    assert read(written.as_xml(DATA), "") == COMPLETE


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1250", "iso8859-2", "utf-16", "utf-16-le", "utf-16-be"])
def test_plain_text_in_any_encoding(encoding: str) -> None:
    assert read(TEXT.encode(encoding), "") == COMPLETE


# ------------------------------------------------------------------------------------------------------ XML


def _xml(inner: str, head: str = "") -> bytes:
    return f"<?xml version='1.0' encoding='UTF-8'?>{head}<w:Wniosek xmlns:w='urn:example'>{inner}</w:Wniosek>".encode()


FOUR = (
    "<imie>Adam</imie><nazwisko>Szymański</nazwisko>"
    f"<staryLogin>{DATA.old}</staryLogin><nowyEmail>{DATA.new}</nowyEmail>"
)


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        (FOUR, COMPLETE),
        (FOUR.replace("<", "<w:").replace("<w:/", "</w:"), COMPLETE),
        (f"<dane>{FOUR}</dane>", COMPLETE),
        (FOUR.replace("staryLogin", "login"), COMPLETE),
        (f"<imieNazwisko>Adam Szymański</imieNazwisko><stare><email>{DATA.old}</email></stare>"
         f"<nowe><email>{DATA.new}</email></nowe>", COMPLETE),
        (f"<osoba imie='Adam' nazwisko='Szymański'/><StaryLogin>{DATA.old}</StaryLogin>"
         f"<NowyLogin>{DATA.new}</NowyLogin>",
         COMPLETE),
        (f"<tresc>Ja, Adam Szymański, proszę o zmianę loginu z {DATA.old} na {DATA.new}.</tresc>", COMPLETE),
        (f"<tresc>Ja, Adam Szymański,\nproszę o zmianę loginu z {DATA.old} na {DATA.new}.</tresc>", COMPLETE),
        (FOUR + f"<nowyEmail>{DATA.old}</nowyEmail>", Application("Adam", "Szymański", DATA.old, None)),
        (FOUR + "<ds:Signature xmlns:ds='http://www.w3.org/2000/09/xmldsig#'>"
         "<imie>Jan</imie></ds:Signature>", COMPLETE),
        (FOUR.replace("staryLogin", "email").replace("nowyEmail", "email2"),
         Application("Adam", "Szymański", None, None)),
        ("<imie/><nazwisko/>", Application(None, None, None, None, readable=False)),
    ],
)  # fmt: skip
def test_elements_are_labels(inner: str, expected: Application) -> None:
    found = read(_xml(inner), "")
    assert (found.given, found.surname, found.old_login, found.new_email) == (
        expected.given, expected.surname, expected.old_login, expected.new_email,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("inner", "sure"),
    [
        ("<w:uwaga>Proszę</w:uwaga>", True),
        ("<a:uwaga xmlns:a='http://crd.gov.pl/xml/schematy/struktura/2009/11/16/'>Proszę</a:uwaga>", True),
        ("<a:uwaga xmlns:a='urn:another'>Proszę</a:uwaga>", False),
        ("<s:Signature xmlns:s='http://www.w3.org/2000/09/xmldsig#evil'>Nie wnoszę</s:Signature>", False),
        ("<s:Signature xmlns:s='http://www.w3.org/2000/09/xmldsig#'>AbC+/=</s:Signature>", True),
        ("<s:Signature xmlns:s='http://www.w3.org/2000/09/xmldsig#'>Nie wnoszę</s:Signature>", False),
        ("<s:Signature xmlns:s='http://www.w3.org/2000/09/xmldsig#'><uwaga>x</uwaga></s:Signature>", False),
        ("<s:X509IssuerName xmlns:s='http://www.w3.org/2000/09/xmldsig#'>CN=a, O=Do spraw b</s:X509IssuerName>", True),
        ("<p:PodpisZP xmlns:p='http://crd.gov.pl/xml/schematy/ppzp/'><p:Imie>Jan Adam</p:Imie></p:PodpisZP>", True),
        ("<p:PodpisZP xmlns:p='http://crd.gov.pl/xml/schematy/ppzp/x'><p:Imie>Jan</p:Imie></p:PodpisZP>", False),
    ],
)  # fmt: skip
def test_meaning_has_a_namespace(inner: str, sure: bool) -> None:
    """Elements of another language than the letter's may mean anything; what stands in a signature is not read."""
    assert (not read(_xml(FOUR + inner), "").doubts) is sure


@pytest.mark.parametrize(
    "head",
    [
        "<!DOCTYPE w:Wniosek>",
        "<!DOCTYPE w:Wniosek [<!ENTITY a 'b'>]>",
        "<!DOCTYPE w:Wniosek SYSTEM 'file:///etc/passwd'>",
        "<!DOCTYPE w:Wniosek [<!ENTITY x SYSTEM 'file:///etc/hostname'>]>",
    ],
)
def test_a_dtd_is_refused(head: str) -> None:
    assert read(_xml(FOUR, head), "") == UNREADABLE
    assert read(_xml(FOUR, head).decode().replace("UTF-8", "UTF-16").encode("utf-16"), "") == UNREADABLE


def test_deep_xml_is_refused() -> None:
    assert read(b"<a>" * 100_000, "") == UNREADABLE
    assert read(b"<a>" * 100_000 + b"</a>" * 100_000, "") == UNREADABLE


@pytest.mark.parametrize(
    "inner",
    [
        FOUR.replace("<imie>", "<imie styl='ukryty'>"),
        FOUR + "<uwaga>\u202eA</uwaga>",
        FOUR + "<uwaga>" + "\n" * 40 + "koniec</uwaga>",
        FOUR + "<plik>" + "QUJD" * 100 + "</plik>",
        FOUR + "<!-- to jest wzór -->",
        "<uwaga>A</uwaga>" + "\n" * 40 + FOUR,
        "<uwaga>A</uwaga>" + "<x/>\n" * 200 + FOUR,
    ],
)
def test_xml_that_may_show_something_else_is_a_doubt(inner: str) -> None:
    assert read(_xml(inner), "").doubts
    assert not read(_xml(FOUR), "").doubts


def test_what_the_parts_of_xml_are_called_is_said_beside_the_text() -> None:
    """A letter within <cytat> is a quotation, however long it is."""
    found = reading(_xml(f"<cytat><tresc>{TEXT}</tresc></cytat>"))
    assert "— cytat." in found.text.splitlines()
    assert "— imie." not in reading(_xml(FOUR)).text


def test_elements_that_only_hold_text_say_nothing_of_it() -> None:
    lines = "".join(f"<akapit>{line}</akapit>" for line in TEXT.splitlines())
    found = reading(f"<?xml version='1.0'?><Dokument><tresc>{lines}</tresc></Dokument>".encode())
    assert (found.application, found.text.rstrip()) == (reading(TEXT.encode()).application, TEXT.rstrip())
    assert (
        "nie: "
        in reading(f"<?xml version='1.0'?><Dokument><nie><akapit>{DATA.new}</akapit></nie></Dokument>".encode()).text
    )


@pytest.mark.parametrize(
    "page",
    [
        "<?xml-stylesheet href='a.xsl'?><a>{}</a>",
        "<html xmlns='http://www.w3.org/1999/xhtml'><body>{}</body></html>",
        "<svg xmlns='http://www.w3.org/2000/svg'><text>{}</text></svg>",
        "<!DOCTYPE html><html><body>{}</body></html>",
        "<a><b xmlns='http://www.w3.org/1999/xhtml'>{}</b></a>",
        "Tekst\n<p style='color:white'>{}</p>",
        "<o:document xmlns:o='urn:oasis:names:tc:opendocument:xmlns:office:1.0'>{}</o:document>",
        "<o:document xmlns:o='http://openoffice.org/2000/office'>{}</o:document>",
        "<x:xdp xmlns:x='http://ns.adobe.com/xdp/'>{}</x:xdp>",
        "<w:Dokument xmlns:w='http://crd.gov.pl/wzor/2013/12/12/1410/'>{}</w:Dokument>",
        "<s>{}</s>",
        "Tekst\n<s>{}</s>",
        "Tekst\n<ukryj hidden>{}</ukryj>",
        "Tekst\n<!-- {} -->",
        "Tekst\n<![CDATA[ {}",
        "<?xml version='1.0' encoding='UTF-7'?><a>{}</a>",
        "<?xml version='1.0' encoding='Shift_JIS'?><a>{}</a>",
    ],
)
def test_languages_of_pages_are_for_a_person(page: str) -> None:
    assert read(page.format(TEXT).encode(), "") == UNREADABLE


def test_letters_by_their_numbers_are_a_doubt() -> None:
    """An editor shows the numbers; of letters that an encoding lacks they are usual."""
    assert not read(_xml(FOUR.replace("ń", "&#324;")), "").doubts
    assert read(_xml(FOUR.replace("Adam", "&#65;&#x64;am")), "").doubts
    assert read(_xml(FOUR.replace("Adam", "&#65;dam")).decode().replace("UTF-8", "UTF-16").encode("utf-16"), "").doubts


# ------------------------------------------------------------------------------------------------------ plain text


def test_an_address_in_angle_brackets_is_no_page() -> None:
    assert read(TEXT.replace(DATA.new, f"<{DATA.new}>").encode(), "") == COMPLETE
    assert read(TEXT.replace(DATA.new, f"<mailto:{DATA.new}>").encode(), "") == COMPLETE


def test_line_ends_of_old_macs_are_line_ends() -> None:
    assert reading(TEXT.replace("\n", "\r").encode()) == reading(TEXT.encode())


@pytest.mark.parametrize(
    "text",
    [
        TEXT + "\u202eNowy",
        TEXT + "\u2066a\u2069",
        TEXT + "z\u200bero",
        TEXT.replace("Nowy", "N\u0336owy"),
        TEXT + "\x1b[8mukryte",
        TEXT + "abc\b\b\b",
        TEXT.replace("Imię", "Nie\rImię"),
        TEXT + "\n" * 30 + "koniec",
        TEXT + "wstęp" + " " * 300 + "koniec",
        TEXT + "wstęp" + " " * 90 + "koniec",
        TEXT + "wstęp" + "\t" * 30 + "koniec",
        TEXT + "wstęp" + "." * 300 + "koniec",
        TEXT + ".\n" * 30 + "koniec",
        TEXT + ("\n" * 12 + "Dziękuję.") * 10 + "koniec",
        TEXT + "\f" * 9 + "koniec",
        TEXT + "dziękuję bardzo " * 80 + "koniec",
        TEXT + "\u3164",
    ],
)
def test_text_that_may_look_otherwise_is_a_doubt(text: str) -> None:
    assert read(text.encode(), "").doubts


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1250", "iso8859-2", "utf-16"])
def test_plain_letters_are_no_doubt(encoding: str) -> None:
    letter = f"{' ' * 60}Ełk, 20.11.2026\n\n{TEXT}„cytat” – to nic\n".replace("\n", "\r\n")
    assert not read(letter.replace("–", "-").encode(encoding, "replace"), "").doubts


# ------------------------------------------------------------------------------------------------------ two readers


@pytest.mark.parametrize(
    "before", [b"\n", b"\xef\xbb\xbf", TEXT.encode(), b"{\\rtf1 ", b"<html>", b"PK\x03\x04", b"GIF89a"]
)
def test_a_pdf_behind_something_else_is_for_a_person(before: bytes) -> None:
    assert read(before + write(DATA, "pdf", "labels"), "") == UNREADABLE


@pytest.mark.parametrize("extension", ["odt", "rtf"])
def test_formats_that_hide_too_well_are_for_a_person(extension: str) -> None:
    assert read(write(DATA, extension, "labels"), "") == UNREADABLE


# ------------------------------------------------------------------------------------------------------------ Word


def _docx(body: str, more: dict[str, str] | None = None, drop: tuple[str, ...] = ()) -> bytes:
    """A package as the fixtures write it, with ``body`` for its own and ``more`` parts."""
    parts: dict[str, str] = {}
    with zipfile.ZipFile(io.BytesIO(write(DATA, "docx", "labels"))) as package:
        parts = {name: package.read(name).decode() for name in package.namelist() if name not in drop}
    parts["word/document.xml"] = f"<w:document xmlns:w='{WORD}' {OTHER_SPACES}><w:body>{body}</w:body></w:document>"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in (parts | (more or {})).items():
            package.writestr(name, content)
    return out.getvalue()


RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
OTHER_SPACES = (
    f"xmlns:r='{RELATIONS}' "
    "xmlns:w14='http://schemas.microsoft.com/office/word/2010/wordml' "
    "xmlns:mc='http://schemas.openxmlformats.org/markup-compatibility/2006' mc:Ignorable='w14'"
)


def _paragraphs(text: str) -> str:
    return "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in text.splitlines())


def _styles(*styles: str) -> dict[str, str]:
    return {"word/styles.xml": f"<w:styles xmlns:w='{WORD}'>{''.join(styles)}</w:styles>"}


LIE = "<w:t>Nowy login: zly@obcy.example</w:t>"


def _run(properties: str) -> str:
    return f"<w:p><w:r><w:rPr>{properties}</w:rPr>{LIE}</w:r></w:p>"


def _paragraph(properties: str) -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r>{LIE}</w:r></w:p>"


@pytest.mark.parametrize(
    "odd",
    [
        _run("<w:vanish/>"),
        _run("<w:webHidden/>"),
        _run("<w:color w:val='FFFFFF'/>"),
        _run("<w:color w:val='000000' w:themeColor='background1'/>"),
        _run("<w:color w:val='00FF00'/>"),
        _run("<w:highlight w:val='black'/>"),
        _run("<w:shd w:val='clear' w:fill='000000'/>"),
        _run("<w:sz w:val='2'/>"),
        _run("<w:sz w:val='6'/>"),
        _run("<w:w w:val='1'/>"),
        _run("<w:position w:val='-600'/>"),
        _run("<w:spacing w:val='-400'/>"),
        _run("<w:strike/>"),
        _run("<w:rFonts w:ascii='Wingdings'/>"),
        _run("<w14:textFill/>"),
        _run("<w:u w:val='thick'/>"),
        _paragraph("<w:ind w:left='-9000'/>"),
        _paragraph("<w:ind w:left='20000'/>"),
        _paragraph("<w:spacing w:line='10' w:lineRule='exact'/>"),
        _paragraph("<w:framePr w:y='-9000'/>"),
        _paragraph("<w:numPr><w:numId w:val='1'/></w:numPr>"),
        _paragraph("<w:bidi/>"),
        f"<w:p><w:del><w:r>{LIE}</w:r></w:del></w:p>",
        f"<w:p><w:ins><w:r>{LIE}</w:r></w:ins></w:p>",
        "<w:p><w:r><w:instrText>Nowy login: zly@obcy.example</w:instrText></w:r></w:p>",
        f"<w:p><w:r><w:ruby><w:rt><w:r>{LIE}</w:r></w:rt></w:ruby></w:r></w:p>",
        f"<w:sdt><w:sdtPr><w:dataBinding/></w:sdtPr><w:sdtContent><w:p><w:r>{LIE}</w:r></w:p></w:sdtContent></w:sdt>",
        f"<mc:AlternateContent><mc:Fallback><w:p><w:r>{LIE}</w:r></w:p></mc:Fallback></mc:AlternateContent>",
        f"<w:tbl><w:tr><w:trPr><w:trHeight w:val='1' w:hRule='exact'/></w:trPr><w:tc><w:p><w:r>{LIE}</w:r></w:p></w:tc>"
        "</w:tr></w:tbl>",
        f"<w:tbl><w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p><w:r>{LIE}</w:r></w:p></w:tc></w:tr></w:tbl>",
        f"<w:tbl><w:tblGrid><w:gridCol w:w='9000'/><w:gridCol w:w='9000'/></w:tblGrid><w:tr><w:tc><w:p/></w:tc><w:tc>"
        f"<w:p><w:r>{LIE}</w:r></w:p></w:tc></w:tr></w:tbl>",
        "<w:altChunk/>",
        "<w:p><w:r><w:drawing/></w:r></w:p>",
        "<w:sectPr><w:headerReference/></w:sectPr>",
        "<w:sectPr><w:pgSz w:w='200' w:h='200'/></w:sectPr>",
        f"<w:p>Nowy login<w:r>{LIE}</w:r></w:p>",
    ],
)
def test_what_word_may_hide_or_replace_is_for_a_person(odd: str) -> None:
    assert read(_docx(_paragraphs(TEXT)), "") == COMPLETE
    assert read(_docx(_paragraphs(TEXT) + odd), "") == UNREADABLE


LIBREOFFICE = (
    "<w:p><w:pPr><w:pStyle w:val='Heading2'/><w:bidi w:val='0'/><w:spacing w:before='200' w:after='120'/>"
    "<w:jc w:val='center'/><w:rPr></w:rPr></w:pPr><w:r><w:rPr></w:rPr><w:t>Wniosek</w:t></w:r></w:p>{}"
    "<w:p><w:hyperlink r:id='rId2' w:history='1'><w:r><w:rPr><w:rStyle w:val='Link'/></w:rPr><w:t>Link</w:t>"
    "</w:r></w:hyperlink></w:p><w:tbl><w:tblPr><w:tblInd w:w='-7' w:type='dxa'/><w:tblLayout w:type='fixed'/></w:tblPr>"
    "</w:tbl><w:sectPr><w:type w:val='nextPage'/><w:pgSz w:w='11906' w:h='16838'/><w:pgNumType w:fmt='decimal'/>"
    "<w:formProt w:val='false'/><w:textDirection w:val='lrTb'/>"
    "<w:docGrid w:type='default' w:linePitch='600' w:charSpace='32768'/></w:sectPr>"
)
HEADING = (
    "<w:style w:styleId='Heading2' w:type='paragraph'><w:pPr><w:numPr><w:ilvl w:val='1'/><w:numId w:val='1'/></w:numPr>"
    "<w:kinsoku w:val='true'/><w:overflowPunct w:val='true'/></w:pPr></w:style>"
    "<w:style w:styleId='Link' w:type='character'>"
    "<w:rPr><w:color w:val='0563C1'/><w:u w:val='single'/></w:rPr></w:style>"
)


def test_a_letter_of_libreoffice_is_plain() -> None:
    """As its version 7.4 writes it: headings in a list that is nowhere defined, links, tables, the page."""
    body = LIBREOFFICE.format(_paragraphs(TEXT))
    assert not read(_docx(body, _styles(HEADING)), "").missing
    lists = RELS.format(f"<Relationship Id='r' Type='{RELATIONS}/numbering' Target='numbering.xml'/>")
    assert read(_docx(body, {**_styles(HEADING), "word/_rels/document.xml.rels": lists}), "") == UNREADABLE


GHOST = "<w:style w:styleId='{}' w:type='paragraph' {}>{}<w:rPr><w:vanish/></w:rPr></w:style>"


@pytest.mark.parametrize(
    ("styles", "known"),
    [
        (_styles(GHOST.format("Unused", "", "")), COMPLETE),
        (_styles(GHOST.format("Used", "", "")), UNREADABLE),
        (_styles(GHOST.format("USED", "", "")), UNREADABLE),
        (_styles(GHOST.format("Other", "w:default='1'", "")), UNREADABLE),
        (_styles(GHOST.format("a", "", "<w:name w:val='Normal'/>")), UNREADABLE),
        (
            _styles(
                "<w:style w:styleId='Used'><w:basedOn w:val='Ghost'/></w:style>",
                GHOST.format("Ghost", "", ""),
            ),
            UNREADABLE,
        ),
        (_styles("<w:style w:styleId='Used'/><w:style w:styleId='used'/>"), UNREADABLE),
        (
            _styles(
                "<w:docDefaults><w:rPrDefault><w:rPr><w:color w:val='FFFFFF'/></w:rPr></w:rPrDefault></w:docDefaults>"
            ),
            UNREADABLE,
        ),
    ],
)
def test_the_styles_of_word(styles: dict[str, str], known: Application) -> None:
    used = _paragraph("<w:pStyle w:val='Used'/>").replace(LIE, "<w:t>Z poważaniem</w:t>")
    assert read(_docx(_paragraphs(TEXT) + used, styles), "") == known


RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELS = "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>{}</Relationships>"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"


@pytest.mark.parametrize(
    "parts",
    [
        {"_rels/.rels": RELS.format(f"<Relationship Id='a' Type='{RELATION}/officeDocument' Target='other/doc.xml'/>")},
        {
            "_rels/.rels": RELS.format(
                f"<Relationship Id='a' Type='{RELATION}/officeDocument' Target='word/document.xml'/>"
                f"<Relationship Id='b' Type='{RELATION}/officeDocument' Target='other/doc.xml'/>"
            )
        },
        {
            "word/_rels/document.xml.rels": RELS.format(
                f"<Relationship Id='a' Type='{RELATION}/styles' Target='inne.xml'/>"
            )
        },
        {"word/_rels/fontTable.xml.rels": RELS.format("")},
        {"word/fontTable.xml": f"<w:fonts xmlns:w='{WORD}'><w:font><w:altName w:val='Wingdings'/></w:font></w:fonts>"},
        {"word/settings.xml": f"<w:settings xmlns:w='{WORD}'><w:linkStyles/></w:settings>"},
        {"word/theme/theme1.xml": f"<a:theme xmlns:a='{DRAWING}'><a:latin typeface='Symbol'/></a:theme>"},
        {"[Content_Types].xml": "<Types xmlns='http://schemas.openxmlformats.org/package/2006/content-types'/>"},
        {"WORD/document.xml": "<a/>"},
        *({name: "<a/>"} for name in ("word\\document.xml", "/word/document.xml", "./word/document.xml", "mimetype")),
        *({f"word/{name}": "<a/>"} for name in ("%64ocument.xml", "document.xml.", "document.xml/[0].piece")),
        {
            "_rels/.rels": RELS.format(
                f"<Relationship Id='a' Type='{RELATION}/officeDocument' Target='word/document.xml'/>"
                f"<Relationship Id='b' Type='{RELATION}/OfficeDocument' Target='other/doc.xml'/>"
            )
        },
        {
            "_rels/.rels": RELS.format(
                f"<Relationship Id='a' Type='{RELATION}/officeDocument' Target='word/document.xml' "
                "TargetMode='External'/>"
            )
        },
    ],
)
def test_the_parts_of_a_word_file(parts: dict[str, str]) -> None:
    assert read(_docx(_paragraphs(TEXT), parts), "") == UNREADABLE


THEME = (
    f"<a:theme xmlns:a='{DRAWING}'><a:themeElements><a:clrScheme name='x'>"
    "<a:dk1><a:sysClr val='windowText'/></a:dk1><a:accent1><a:srgbClr val='4472C4'/></a:accent1>"
    "<a:accent4><a:srgbClr val='FFC000'/></a:accent4><a:hlink><a:srgbClr val='0563C1'/></a:hlink>"
    "</a:clrScheme></a:themeElements></a:theme>"
)


@pytest.mark.parametrize(
    ("colour", "known"),
    [
        ("w:themeColor='accent1' w:themeShade='BF'", COMPLETE),
        ("w:themeColor='hyperlink'", COMPLETE),
        ("w:themeColor='text1' w:themeTint='BF'", COMPLETE),
        ("w:themeColor='text1' w:themeTint='20'", UNREADABLE),
        ("w:themeColor='accent4'", UNREADABLE),
        ("w:themeColor='background1'", UNREADABLE),
        ("w:themeColor='accent2'", UNREADABLE),
        ("w:themeColor='text1' w:themeShade='x'", UNREADABLE),
    ],
)
def test_colours_of_a_theme(colour: str, known: Application) -> None:
    """Word writes its headings and addresses in them; what is spelt beside them does not count."""
    run = _run(f"<w:color w:val='2F5496' {colour}/>").replace(LIE, "<w:t>Z poważaniem</w:t>")
    assert read(_docx(_paragraphs(TEXT) + run, {"word/theme/theme1.xml": THEME}), "") == known


def test_fonts_of_other_scripts_draw_none_of_our_letters() -> None:
    """LibreOffice names those that the machine has for them."""
    run = _run("<w:rFonts w:eastAsia='Noto Serif CJK SC' w:cs='Lohit Devanagari'/>").replace(
        LIE, "<w:t>Z poważaniem</w:t>"
    )
    assert not read(_docx(_paragraphs(TEXT) + run), "").doubts
    assert read(_docx(_paragraphs(TEXT) + run.replace("w:eastAsia", "w:hint='eastAsia' w:eastAsia")), "") == UNREADABLE


def test_a_theme_whose_colours_the_settings_turn_round() -> None:
    run = _run("<w:color w:val='2F5496' w:themeColor='text1'/>").replace(LIE, "<w:t>Z poważaniem</w:t>")
    turned = f"<w:settings xmlns:w='{WORD}'><w:clrSchemeMapping w:t1='light1'/></w:settings>"
    parts = {"word/theme/theme1.xml": THEME, "word/settings.xml": turned}
    assert read(_docx(_paragraphs(TEXT) + run, parts), "") == UNREADABLE


def test_a_line_of_no_list() -> None:
    """LibreOffice says so of its headings."""
    for number, known in (("0", COMPLETE), ("1", UNREADABLE)):
        line = _paragraph(f"<w:numPr><w:ilvl w:val='0'/><w:numId w:val='{number}'/></w:numPr>")
        assert read(_docx(_paragraphs(TEXT) + line.replace(LIE, "<w:t>Z poważaniem</w:t>")), "") == known


def test_a_zip_that_hides_a_file_or_calls_it_otherwise() -> None:
    data = _docx(_paragraphs(TEXT))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("word/document.xml", "<a/>")
    hidden, at = out.getvalue()[: out.getvalue().index(b"PK\1\2")], data.index(b"PK\1\2")
    end = bytearray(data[-22:])
    struct.pack_into("<I", end, 16, at + len(hidden))
    assert read(data[:at] + hidden + data[at:-22] + bytes(end), "") == UNREADABLE
    name = zipfile.ZipInfo("word/other.xml")
    name.extra = struct.pack("<HHBI", 0x7075, 22, 1, zlib.crc32(b"word/other.xml")) + b"word/document.xml"
    with zipfile.ZipFile(io.BytesIO(data)) as package, zipfile.ZipFile(out := io.BytesIO(), "w") as other:
        for part in package.namelist():
            other.writestr(part, package.read(part))
        other.writestr(name, "<a/>")
    assert read(out.getvalue(), "") == UNREADABLE


def test_pages_that_push_the_others_out_of_sight() -> None:
    new_page = "<w:p><w:r><w:br w:type='page'/></w:r></w:p>"
    assert not read(_docx(_paragraphs(TEXT) + new_page + _paragraphs("koniec")), "").doubts
    for gap in (new_page * 3, (new_page + _paragraphs("Dziękuję.")) * 9):
        assert read(_docx(_paragraphs(TEXT) + gap + _paragraphs("koniec")), "").doubts


def test_a_zip_with_something_around_it_is_for_a_person() -> None:
    data = _docx(_paragraphs(TEXT))
    assert read(data, "") == COMPLETE
    for other in (data + b"%PDF-1.7", b"PK\x03\x04" + data, data[:-2] + b"\x04\x00abcd"):
        assert read(other, "") == UNREADABLE


NUMBERED = "<w:pPr><w:numPr><w:ilvl w:val='0'/><w:numId w:val='1'/></w:numPr></w:pPr>"
NUMBERING = (
    f"<w:numbering xmlns:w='{WORD}'><w:abstractNum w:abstractNumId='0'><w:lvl w:ilvl='0'><w:start w:val='1'/>"
    "<w:numFmt w:val='decimal'/><w:lvlText w:val='%1.'/><w:lvlJc w:val='left'/><w:pPr><w:tabs><w:tab w:val='num' "
    "w:pos='720'/></w:tabs><w:ind w:left='720' w:hanging='360'/></w:pPr><w:rPr><w:rFonts w:ascii='Symbol'/></w:rPr>"
    "</w:lvl></w:abstractNum><w:num w:numId='1'><w:abstractNumId w:val='0'/></w:num></w:numbering>"
)


def _field(instruction: str, shown: str = "1") -> str:
    """As Word writes it, a run for each part."""
    parts = (
        "<w:fldChar w:fldCharType='begin'/>",
        f"<w:instrText xml:space='preserve'> {instruction} </w:instrText>",
        "<w:fldChar w:fldCharType='separate'/>",
        f"<w:rPr><w:noProof/></w:rPr><w:t>{shown}</w:t>",
        "<w:fldChar w:fldCharType='end'/>",
    )
    return "".join(f"<w:r>{part}</w:r>" for part in parts)


FOOT = (
    "<w:p><w:pPr><w:pStyle w:val='Stopka'/></w:pPr><w:r><w:t xml:space='preserve'>Strona </w:t></w:r>"
    + _field("PAGE")
    + "<w:r><w:t xml:space='preserve'> z </w:t></w:r>"
    "<w:fldSimple w:instr=' NUMPAGES \\* MERGEFORMAT '><w:r><w:t>1</w:t></w:r></w:fldSimple></w:p>"
)


def _office_letter(text: str = "", head: str = "", foot: str = FOOT, section: str = "", **more: str) -> bytes:
    """A letter with a head and a foot, a content control and a list, as Word 365 writes it."""
    control = (
        "<w:sdt><w:sdtPr><w:alias w:val='Login'/><w:tag w:val='login'/><w:id w:val='1'/><w:placeholder><w:docPart "
        "w:val='D1'/></w:placeholder><w:text/></w:sdtPr><w:sdtContent>{}</w:sdtContent></w:sdt>"
    )
    lines = "".join(f"<w:p>{NUMBERED}<w:r><w:t>{line}</w:t></w:r></w:p>" for line in TEXT.splitlines())
    body = (
        control.format(lines)
        + text
        + (
            "<w:sectPr w:rsidR='1'><w:headerReference w:type='default' r:id='h'/><w:footerReference w:type='default' "
            f"r:id='f'/>{section}<w:pgSz w:w='11906' w:h='16838'/></w:sectPr>"
        )
    )
    styles = _styles(
        "<w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:asciiTheme='minorHAnsi'/><w:kern w:val='2'/>"
        "<w:lang w:val='pl-PL'/><w14:ligatures xmlns:w14='http://schemas.microsoft.com/office/word/2010/wordml' "
        "w14:val='standardContextual'/></w:rPr></w:rPrDefault></w:docDefaults>",
        "<w:style w:styleId='Stopka' w:type='paragraph'><w:name w:val='footer'/><w:pPr><w:tabs>"
        "<w:tab w:val='center' w:pos='4536'/><w:tab w:val='right' w:pos='9072'/></w:tabs></w:pPr></w:style>",
    )
    relations = "".join(
        f"<Relationship Id='{name}' Type='{RELATIONS}/{kind}' Target='{target}'/>"
        for name, kind, target in (
            ("h", "header", "header1.xml"),
            ("f", "footer", "footer1.xml"),
            ("n", "numbering", "numbering.xml"),
        )
    )
    parts = {
        **styles,
        "word/_rels/document.xml.rels": RELS.format(relations),
        "word/header1.xml": f"<w:hdr xmlns:w='{WORD}'>{head or _paragraphs('Helpdesk PUESC')}</w:hdr>",
        "word/footer1.xml": f"<w:ftr xmlns:w='{WORD}'>{foot}</w:ftr>",
        "word/numbering.xml": NUMBERING,
    }
    return _docx(body, {**parts, **{name.replace("_", "/") + ".xml": part for name, part in more.items()}})


def test_a_letter_of_word() -> None:
    found = reading(_office_letter())
    assert found.application == COMPLETE
    assert not found.application.doubts
    lines = [line for line in found.text.splitlines() if line]
    assert (lines[0], lines[-1]) == ("Helpdesk PUESC", "Strona 1 z 1")
    assert "zly@obcy.example" in reading(_office_letter(head=f"<w:p><w:r>{LIE}</w:r></w:p>")).text


LEVEL = "<w:lvl w:ilvl='8'><w:lvlText w:val=' '/><w:pPr><w:ind w:left='6480' w:hanging='180'/></w:pPr></w:lvl>"


def test_the_last_levels_of_a_list_may_begin_far_to_the_right() -> None:
    """Each list that Word defines has nine; a paragraph may be of the first six."""
    deep = NUMBERING.replace("</w:abstractNum>", f"{LEVEL}</w:abstractNum>")
    assert not reading(_office_letter(word_numbering=deep)).application.doubts
    used = NUMBERED.replace("w:ilvl w:val='0'", "w:ilvl w:val='8'")
    lie = f"<w:p>{used}<w:r>{LIE}</w:r></w:p>"
    assert reading(_office_letter(word_numbering=deep, text=lie)).application == UNREADABLE


@pytest.mark.parametrize(
    "letter",
    [
        _office_letter(section="<w:titlePg/>"),
        _office_letter(section="<w:headerReference w:type='first' r:id='h'/>"),
        _office_letter(text="<w:p><w:pPr><w:sectPr/></w:pPr></w:p>"),
        _office_letter(head=_run("<w:vanish/>")),
        _office_letter(foot=_run("<w:color w:val='FFFFFF'/>")),
        _office_letter(foot=f"<w:p>{_field('DATE')}</w:p>"),
        _office_letter(foot=f"<w:p>{_field('PAGE', 'Nowy login: zly@obcy.example')}</w:p>"),
        _office_letter(foot=f"<w:p>{_field('IF 1 = 1 x y')}</w:p>"),
        _office_letter(foot="<w:p><w:fldSimple w:instr='AUTHOR'><w:r><w:t>1</w:t></w:r></w:fldSimple></w:p>"),
        _office_letter(foot="<w:p><w:r><w:fldChar w:fldCharType='begin'/></w:r></w:p>"),
        _office_letter(foot="<w:p><w:r><w:fldChar w:fldCharType='end'/></w:r></w:p>"),
        _office_letter(word_numbering=NUMBERING.replace("%1.", "Nie ")),
        _office_letter(word_numbering=NUMBERING.replace("</w:lvl>", "<w:lvlPicBulletId w:val='1'/></w:lvl>")),
        _office_letter(word_numbering=NUMBERING.replace("w:left='720'", "w:left='-9000'")),
        _office_letter(word_numbering=NUMBERING.replace("<w:rPr>", "<w:rPr><w:sz w:val='900'/>")),
        _office_letter(
            text=f"<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent><w:p><w:r>{LIE}</w:r></w:p></w:sdtContent></w:sdt>"
        ),
        _office_letter(text="<w:p><w:pPr><w:tabs><w:tab w:val='left' w:pos='40000'/></w:tabs></w:pPr></w:p>"),
    ],
    ids=range(17),
)
def test_what_a_letter_of_word_may_not_have(letter: bytes) -> None:
    assert read(letter, "") == UNREADABLE


def test_a_table_of_word() -> None:
    rows = "".join(
        "<w:tr>" + "".join(f"<w:tc>{_paragraphs(cell)}</w:tc>" for cell in line.split(": ")) + "</w:tr>"
        for line in TEXT.splitlines()
    )
    assert read(_docx(f"<w:tbl>{rows}</w:tbl>"), "") == COMPLETE
    columns = [line.split(": ") for line in TEXT.splitlines()]
    across = "".join(
        "<w:tr>" + "".join(f"<w:tc>{_paragraphs(pair[row])}</w:tc>" for pair in columns) + "</w:tr>" for row in (0, 1)
    )
    assert read(_docx(f"<w:tbl>{across}</w:tbl>"), "") == COMPLETE


# ------------------------------------------------------------------------------------------------ what is not read


def _zip(**entries: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in entries.items():
            package.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \r\n\t",
        b"\x00" * 1000,
        b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) * 20,
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000),
        b"%PDF-1.7\nnothing",
        b"PK\x03\x04 no zip",
        b"1234567890",
        _zip(a=b"b"),
        _zip(**{"wniosek.txt": TEXT.encode()}),
        _zip(**{"word/document.xml": b"<a/>" + b" " * 50_000_000}),
        _zip(**{"word/document.xml": b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>"}),
        _zip(**{f"a{i}": b"" for i in range(2_500)} | {"content.xml": b"<a/>"}),
        b"{\\rtf1" + b"{" * 100_000 + TEXT.encode() + b"}" * 100_000,
        b"a" * (LARGEST + 1),
    ],
    ids=range(16),
)
def test_what_cannot_be_read_is_said_so(data: bytes) -> None:
    assert read(data, "wniosek.pdf") == UNREADABLE


A4 = '<w:pgSz w:w="11906" w:h="16838"/>'
SMALL = '<w:pgSz w:w="10000" w:h="10000"/>'


def _on_page(size: str, left: int, right: int, paragraph: str, gutter: int = 0) -> bytes:
    lines = "".join(
        f"<w:p><w:pPr>{paragraph}</w:pPr><w:r>{'<w:tab/>' * ('<w:tab ' in paragraph)}<w:t>{line}</w:t></w:r></w:p>"
        for line in TEXT.splitlines()
    )
    margins = f'<w:pgMar w:left="{left}" w:right="{right}" w:gutter="{gutter}"/>'
    return _docx(f"{lines}<w:sectPr>{size}{margins}</w:sectPr>")


@pytest.mark.parametrize(
    ("size", "left", "right", "paragraph"),
    [
        (A4, 1417, 1417, ""),
        (A4, 1417, 1417, '<w:ind w:left="4956" w:firstLine="708"/>'),
        (A4, 1417, 1417, '<w:ind w:left="720" w:hanging="360"/>'),
        (A4, 720, 720, '<w:tabs><w:tab w:val="left" w:pos="5103"/></w:tabs>'),
        (A4, 1417, 1417, '<w:tabs><w:tab w:val="right" w:pos="9072"/></w:tabs>'),
    ],
)
def test_lines_on_a_page_of_word(size: str, left: int, right: int, paragraph: str) -> None:
    assert not read(_on_page(size, left, right, paragraph), "").missing


@pytest.mark.parametrize(
    ("size", "left", "right", "paragraph", "gutter"),
    [
        (SMALL, 3000, 0, "", 3000),
        (SMALL, 2000, 1000, '<w:ind w:left="5400" w:firstLine="5400"/>', 0),
        (SMALL, 2000, 1000, '<w:ind w:left="5000" w:right="2000"/>', 0),
        (A4, 300, 1417, '<w:ind w:left="0" w:hanging="720"/>', 0),
        (A4, 0, 1417, "", 0),
        (SMALL, 2000, 1000, '<w:tabs><w:tab w:val="left" w:pos="10000"/></w:tabs>', 0),
        (SMALL, 2000, 1000, '<w:tabs><w:tab w:val="right" w:pos="9900"/></w:tabs>', 0),
    ],
)
def test_measures_of_word_that_lead_off_the_page_together(
    size: str, left: int, right: int, paragraph: str, gutter: int
) -> None:
    """LibreOffice shows an empty page, or lines without their first letters."""
    assert read(_on_page(size, left, right, paragraph, gutter), "") == UNREADABLE


def test_a_table_of_word_lies_on_its_page() -> None:
    def table(*columns: int, page: str = A4, indent: int = 0) -> bytes:
        grid = "".join(f'<w:gridCol w:w="{column}"/>' for column in columns)
        cells = "".join(
            f'<w:tc><w:tcPr><w:tcW w:w="{column}" w:type="dxa"/></w:tcPr><w:p/></w:tc>' for column in columns
        )
        about = f'<w:tblPr><w:tblInd w:w="{indent}" w:type="dxa"/></w:tblPr><w:tblGrid>{grid}</w:tblGrid>'
        rows = f"{about}<w:tr>{cells}</w:tr>"
        margins = '<w:pgMar w:left="2000" w:right="1000"/>'
        return _docx(f"{_paragraphs(TEXT)}<w:tbl>{rows}</w:tbl><w:p/><w:sectPr>{page}{margins}</w:sectPr>")

    assert not read(table(3000, 6000), "").missing
    assert read(table(5000, 5900), "") == UNREADABLE
    assert read(table(3000, 6000, page=SMALL), "") == UNREADABLE
    assert read(table(3000, 4000, page=SMALL, indent=900), "") == UNREADABLE
