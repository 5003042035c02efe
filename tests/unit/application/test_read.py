"""Every format people send; the content decides, never the name."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
import yaml

from fixtures.signing import application as written
from fixtures.signing.application import FORMATS, TEXTS, Data, write
from mailbot.application.data import Application
from mailbot.application.read import LARGEST, read

UNREADABLE = Application(None, None, None, None, readable=False)
DATA = Data(genitive="Adama Szymańskiego")
NOMINATIVE, GENITIVE = ("Adam", "Szymański"), ("Adama", "Szymańskiego")
TEXT = f"Imię: Adam\nNazwisko: Szymański\nDotychczasowy login: {DATA.old}\nNowy adres e-mail: {DATA.new}\n"
COMPLETE = Application("Adam", "Szymański", DATA.old, DATA.new)
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
ODF = "urn:oasis:names:tc:opendocument:xmlns"


@pytest.mark.parametrize("style", TEXTS)
@pytest.mark.parametrize("extension", FORMATS)
def test_every_format_and_every_style(extension: str, style: str) -> None:
    found = read(write(DATA, extension, style), "cokolwiek.bin")
    assert (found.given, found.surname) == (GENITIVE if style == "inflected" else NOMINATIVE)
    assert (found.old_login, found.new_email, found.readable) == (DATA.old, DATA.new, True)


@pytest.mark.parametrize("style", TEXTS)
@pytest.mark.parametrize("extension", FORMATS)
def test_what_is_left_out_is_missing(extension: str, style: str) -> None:
    found = read(write(Data(old=""), extension, style), "")
    assert (found.old_login, found.new_email) == (None, DATA.new)
    found = read(write(Data(new=""), extension, style), "")
    assert (found.old_login, found.new_email) == (DATA.old, None)


def test_xml() -> None:
    assert read(written.as_xml(DATA), "") == COMPLETE


def test_every_application_of_the_corpus(corpora: Path) -> None:
    mails = yaml.safe_load((corpora / "citizens" / "mails.yaml").read_text(encoding="utf-8"))
    specs = [spec["app"] for mail in mails for spec in mail["attachments"] if "app" in spec]
    assert specs
    for spec in specs:
        data = Data(spec.get("name", ""), spec.get("old", ""), spec.get("new", ""))
        for extension, style in (("pdf", "labels"), ("docx", "prose"), ("txt", "numbered"), ("xml", "labels")):
            found = read(write(data, extension, style), "")
            assert (found.given, found.surname) == (data.given, data.surname), (spec, style)
            assert (found.old_login, found.new_email) == (data.old or None, data.new or None), (spec, style)


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


def test_html() -> None:
    rows = "".join(f"<tr><td>{line.replace(': ', '</td><td>')}</td></tr>" for line in TEXT.splitlines())
    hidden = "<p style='display:none'>Nowy login: zly@obcy.example</p>"
    page = f"<!DOCTYPE html><html><body><table>{rows}</table>{hidden}</body></html>"
    assert read(page.encode(), "") == COMPLETE


# --------------------------------------------------------------------------------------------- Word, OpenDocument


def _docx(body: str, **parts: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("word/document.xml", f"<w:document xmlns:w='{WORD}'><w:body>{body}</w:body></w:document>")
        for name, content in parts.items():
            package.writestr(f"word/{name}.xml", content)
    return out.getvalue()


def _paragraphs(text: str) -> str:
    return "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in text.splitlines())


LIE = "<w:t>Nowy login: zly@obcy.example</w:t>"
STYLES = f"<w:styles xmlns:w='{WORD}'><w:style w:styleId='Ghost'><w:rPr><w:vanish/></w:rPr></w:style></w:styles>"


@pytest.mark.parametrize(
    "hidden",
    [
        f"<w:p><w:r><w:rPr><w:vanish/></w:rPr>{LIE}</w:r></w:p>",
        f"<w:p><w:r><w:rPr><w:color w:val='FFFFFF'/></w:rPr>{LIE}</w:r></w:p>",
        f"<w:p><w:r><w:rPr><w:sz w:val='2'/></w:rPr>{LIE}</w:r></w:p>",
        f"<w:p><w:r><w:rPr><w:rStyle w:val='Ghost'/></w:rPr>{LIE}</w:r></w:p>",
        f"<w:p><w:pPr><w:pStyle w:val='Ghost'/></w:pPr><w:r>{LIE}</w:r></w:p>",
        f"<w:p><w:del><w:r>{LIE}</w:r></w:del></w:p>",
        "<w:p><w:r><w:instrText>Nowy login: zly@obcy.example</w:instrText></w:r></w:p>",
        f"<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent><w:p><w:r>{LIE}</w:r></w:p></w:sdtContent></w:sdt>",
    ],
)
def test_what_word_hides_does_not_count(hidden: str) -> None:
    assert read(_docx(_paragraphs(TEXT) + hidden, styles=STYLES), "") == COMPLETE


def test_what_word_shows_counts() -> None:
    shown = f"<w:p><w:ins><w:r><w:rPr><w:vanish w:val='0'/><w:color w:val='000000'/></w:rPr>{LIE}</w:r></w:ins></w:p>"
    assert read(_docx(_paragraphs(TEXT) + shown, styles=STYLES), "").new_email is None  # two values


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


def test_a_picture_in_word_is_a_scan() -> None:
    assert read(_docx("<w:p><w:r><w:drawing/></w:r></w:p>"), "") == UNREADABLE


def _odt(body: str, styles: str = "") -> bytes:
    out = io.BytesIO()
    spaces = " ".join(f"xmlns:{short}='{ODF}:{short}:1.0'" for short in ("office", "text", "table", "style"))
    spaces += f" xmlns:fo='{ODF}:xsl-fo-compatible:1.0'"
    with zipfile.ZipFile(out, "w") as package:
        package.writestr(
            "content.xml",
            f"<office:document-content {spaces}><office:automatic-styles>{styles}</office:automatic-styles>"
            f"<office:body><office:text>{body}</office:text></office:body></office:document-content>",
        )
    return out.getvalue()


@pytest.mark.parametrize(
    "hidden",
    [
        "<text:p text:style-name='T1'>Nowy login: zly@obcy.example</text:p>",
        "<text:p><text:span text:style-name='T2'>Nowy login: zly@obcy.example</text:span></text:p>",
        "<text:p>Koniec<office:annotation><text:p>Nowy login: zly@obcy.example</text:p></office:annotation></text:p>",
        "<text:tracked-changes><text:p>Nowy login: zly@obcy.example</text:p></text:tracked-changes>",
        "<text:section text:display='none'><text:p>Nowy login: zly@obcy.example</text:p></text:section>",
        "<text:p><text:hidden-text>Nowy login: zly@obcy.example</text:hidden-text></text:p>",
    ],
)
def test_what_opendocument_hides_does_not_count(hidden: str) -> None:
    styles = (
        "<style:style style:name='T1'><style:text-properties text:display='none'/></style:style>"
        "<style:style style:name='T2'><style:text-properties fo:color='#ffffff'/></style:style>"
    )
    body = "".join(f"<text:p>{line.replace(': ', ':<text:tab/>')}</text:p>" for line in TEXT.splitlines())
    assert read(_odt(body + hidden, styles), "") == COMPLETE


@pytest.mark.parametrize(
    "hidden",
    [
        r"{\v Nowy login: zly@obcy.example\par}",
        r"{\deleted Nowy login: zly@obcy.example\par}",
        r"{\cf2 Nowy login: zly@obcy.example\par}",
        r"{\fs2 Nowy login: zly@obcy.example\par}",
        r"{\*\unknown Nowy login: zly@obcy.example\par}",
        r"{\info{\title Nowy login: zly@obcy.example}}",
        r"{\header Nowy login: zly@obcy.example\par}",
    ],
)
def test_what_rtf_hides_does_not_count(hidden: str) -> None:
    data = written.as_rtf(TEXT)[:-1] + hidden.encode() + b"}"
    data = data.replace(b"\\pard", b"{\\colortbl;\\red0\\green0\\blue0;\\red255\\green255\\blue255;}\\pard", 1)
    assert read(data, "") == COMPLETE


def test_rtf_with_a_code_page_and_a_table() -> None:
    cells = [line.replace(": ", "\\cell ").encode("cp1250") for line in TEXT.splitlines()]
    rows = b"".join(b"\\trowd " + cell + b"\\cell\\row " for cell in cells)
    data = b"{\\rtf1\\ansi\\ansicpg1250 " + b"".join(b"\\'%02x" % c if c > 127 else bytes([c]) for c in rows) + b"}"
    assert read(data, "") == COMPLETE


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
