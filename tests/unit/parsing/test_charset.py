"""Polish letters survive three charsets, three transfer encodings and broken declarations (failures.md, no. 9)."""

from __future__ import annotations

import base64
import quopri
import unicodedata

import pytest

from mailbot.parsing import charset
from tests.unit.parsing.mails import SENTENCE, SUBJECT, mail, read

CHARSETS = ("utf-8", "iso-8859-2", "windows-1250")


@pytest.mark.parametrize("label", CHARSETS)
@pytest.mark.parametrize("transfer", ["8bit", "quoted-printable", "base64"])
def test_body_matrix(label: str, transfer: str) -> None:
    data = SENTENCE.encode(label)
    data = {"quoted-printable": quopri.encodestring, "base64": base64.encodebytes}.get(transfer, bytes)(data)
    fields = (f"Content-Type: text/plain; charset={label}", f"Content-Transfer-Encoding: {transfer}")
    message = read(mail(data, *(f.encode() for f in fields)))
    assert message.text == SENTENCE
    assert not message.repairs
    assert not message.damage


@pytest.mark.parametrize("label", CHARSETS)
@pytest.mark.parametrize("form", ["raw", "Q", "B"])
def test_header_matrix(label: str, form: str) -> None:
    data = SUBJECT.encode(label)
    if form == "Q":
        data = b"=?%b?Q?%b?=" % (label.encode(), quopri.encodestring(data, header=True).replace(b"=\n", b""))
    elif form == "B":
        data = b"=?%b?B?%b?=" % (label.encode(), base64.b64encode(data))
    message = read(mail(subject=data))
    assert message.subject == SUBJECT
    assert bool(message.repairs) == (form == "raw")
    assert not message.damage


@pytest.mark.parametrize(
    ("declared", "really"),
    [
        (None, "utf-8"),
        (None, "iso-8859-2"),
        (None, "windows-1250"),
        ("us-ascii", "utf-8"),
        ("us-ascii", "iso-8859-2"),
        ("us-ascii", "windows-1250"),
        ("iso-8859-1", "utf-8"),
        ("iso-8859-1", "iso-8859-2"),
        ("iso-8859-1", "windows-1250"),
        ("windows-1252", "utf-8"),
        ("windows-1252", "windows-1250"),
        ("utf-8", "iso-8859-2"),
        ("utf-8", "windows-1250"),
        ("iso-8859-2", "utf-8"),
        ("iso-8859-2", "windows-1250"),
        ("windows-1250", "utf-8"),
        ("windows-1250", "iso-8859-2"),
        ("x-unknown", "iso-8859-2"),
        ("punycode", "utf-8"),
        ("hex", "windows-1250"),
        ("\0", "utf-8"),
    ],
)
def test_wrong_declaration_is_repaired_and_noted(declared: str | None, really: str) -> None:
    decoded = charset.decode(SENTENCE.encode(really), declared)
    assert decoded.text == SENTENCE
    assert decoded.repair is not None
    assert really in decoded.repair
    assert not decoded.lossy


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Grüße aus München, schöne Straße", "iso-8859-1"),
        ("España, mañana: ¿Dónde está el niño?", "iso-8859-1"),
        ("100 m³ za £5 ± 10 %", "iso-8859-1"),
        ("forêt, être, même, goût français", "windows-1252"),
        ("Příliš žluťoučký kůň úpěl", "iso-8859-2"),
        ("Miloš Kowalski prosi o zmianę hasła", "iso-8859-2"),
        ("Привет, хочу сменить пароль", "koi8-r"),
        ("SPÓŁKA RÓŻA SP. Z O.O.", "iso-8859-2"),
        ("SPÓŁKA", "windows-1250"),
        ("Zażółć „gęślą” jaźń – 5 €", "windows-1250"),
        ("日本語のメール", "iso-2022-jp"),
        ("Україна і Łódź", "utf-8"),
    ],
)
def test_right_declaration_is_believed(text: str, label: str) -> None:
    assert charset.decode(text.encode(label), label) == charset.Decoded(text)


@pytest.mark.parametrize("label", ["iso-8859-2", "windows-1250"])
def test_capitals_that_happen_to_be_utf8_are_polish(label: str) -> None:
    assert charset.decode("SPÓŁKA".encode(label)).text == "SPÓŁKA"


def test_encoded_word_with_a_lie_stays_as_declared() -> None:
    message = read(mail(subject=b"=?iso-8859-1?Q?HAS=A3O_AWARYJNE_PUESC_PROCEDURA_SPECJALNA?="))
    assert message.subject.startswith("HAS£O ")


def test_bytes_that_nothing_explains_go_to_a_person() -> None:
    message = read(mail(b"a\xff\xfe\x81b", b"Content-Type: text/plain; charset=utf-8"))
    assert "\ufffd" in message.text
    assert any("bytes" in reason for reason in message.damage)


def test_one_hurt_character_keeps_utf8() -> None:
    decoded = charset.decode("Zażółć gęślą ja".encode() + b"\xc5" + "ń".encode(), "utf-8")
    assert decoded.text == "Zażółć gęślą ja\ufffdń"
    assert decoded.lossy


def test_nfd_becomes_nfc() -> None:
    assert charset.decode(unicodedata.normalize("NFD", "Zażółć").encode(), "utf-8").text == "Zażółć"


@pytest.mark.parametrize("label", ["UTF-8*pl", "'utf-8'", " utf8 ", "CP-1250", "latin2", "iso-8859-8-i"])
def test_known_labels(label: str) -> None:
    assert charset.codec(label)


@pytest.mark.parametrize(
    "label", ["", "idna", "punycode", "hex", "rot13", "utf-7", "\0", "ż", "unicode_escape", "a" * 99]
)
def test_refused_labels(label: str) -> None:
    assert charset.codec(label) is None


def test_html_charset_of_the_page() -> None:
    page = '<html><meta http-equiv="Content-Type" content="text/html; charset=windows-1251"><p>Привет</p>'
    message = read(mail(page.encode("cp1251"), b"Content-Type: text/html"))
    assert message.text == "Привет"
