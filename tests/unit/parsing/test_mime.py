"""Which part is the letter, which is attached, and what cannot be read for certain."""

from __future__ import annotations

import base64
import hashlib

import pytest

from mailbot.parsing import mime
from tests.unit.parsing.mails import ENVELOPE, OWN, mail, multipart, read

PLAIN = b"Content-Type: text/plain; charset=utf-8\r\n\r\nzwyk\xc5\x82y"
HTML = b"Content-Type: text/html; charset=utf-8\r\n\r\n<p>html</p>"
BLANK = b"Content-Type: text/plain\r\n\r\n \r\n"
PDF = b'Content-Type: application/pdf; name="w.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n' + base64.b64encode(
    b"%PDF\0\xff"
)


def inner(kind: bytes, *parts: bytes) -> bytes:
    body, field = multipart(kind, *parts)
    return (field + b"\r\n\r\n" + body).replace(b"=_b", b"=_inner")


@pytest.mark.parametrize(
    ("kind", "parts", "text", "attached"),
    [
        (b"alternative", (PLAIN, HTML), "zwykły", []),
        (b"alternative", (HTML, PLAIN), "zwykły", []),
        (b"alternative", (BLANK, HTML), "html", []),
        (b"alternative", (PLAIN, inner(b"related", HTML, PDF)), "zwykły", ["application/pdf"]),
        (b"mixed", (inner(b"alternative", PLAIN, HTML), PDF), "zwykły", ["application/pdf"]),
        (b"mixed", (PLAIN, PDF, PLAIN.replace(b"zwyk", b"dalszy")), "zwykły\ndalszyły", ["application/pdf"]),
        (b"mixed", (PLAIN, HTML.replace(b"html<", b"zwyk\xc5\x82y<")), "zwykły", []),
        (b"mixed", (PLAIN, HTML), "zwykły\nhtml", []),
        (
            b"signed",
            (PLAIN, b"Content-Type: application/pkcs7-signature\r\n\r\nx"),
            "zwykły",
            ["application/pkcs7-signature"],
        ),
        (
            b"mixed",
            (PLAIN, b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nInny"),
            "zwykły",
            ["message/rfc822"],
        ),
        (b"digest", (b"\r\nSubject: x\r\n\r\nInny",), "", ["message/rfc822"]),
        (b"mixed", (PLAIN, b"Content-Disposition: attachment\r\n\r\nnotatka"), "zwykły", ["text/plain"]),
        (b"mixed", (PLAIN, b"Content-Type: text/plain; name=a.txt\r\n\r\nnotatka"), "zwykły", ["text/plain"]),
        (b"mixed", (PLAIN, b"Content-Type: nonsense\r\n\r\ndalej"), "zwykły\ndalej", []),
    ],
)
def test_parts(kind: bytes, parts: tuple[bytes, ...], text: str, attached: list[str]) -> None:
    message = read(mail(*multipart(kind, *parts)))
    assert message.text == text
    assert [a.content_type for a in message.attachments] == attached
    assert not message.damage


def test_attachments_are_what_was_sent() -> None:
    data = bytes(range(256)) * 50
    encoded = base64.encodebytes(data).replace(b"\n", b"\r\n")
    head = b"Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=w.bin\r\n"
    raw = mail(
        *multipart(
            b"mixed",
            PLAIN,
            head + b"Content-Transfer-Encoding: base64\r\n\r\n" + encoded,
            head + b"Content-Transfer-Encoding: binary\r\n\r\n" + data,
        )
    )
    found = read(raw).attachments
    assert [a.filename for a in found] == ["w.bin", "w.bin"]
    assert {hashlib.sha256(a.data).digest() for a in found} == {hashlib.sha256(data).digest()}


def test_boundary_that_begins_another() -> None:
    deeper = inner(b"mixed", b"\r\njeden", b"\r\ndwa").replace(b"=_inner", b"=_b2")
    assert read(mail(*multipart(b"mixed", deeper, PLAIN))).text == "jeden\ndwa\nzwykły"


def test_missing_end_is_noted() -> None:
    body, field = multipart(b"mixed", PLAIN, PDF)
    message = read(mail(body.removesuffix(b"--=_b--\r\n"), field))
    assert message.text == "zwykły"
    assert "part multipart/mixed: closing boundary missing" in message.repairs


def test_preamble_and_epilogue_are_no_text() -> None:
    body, field = multipart(b"mixed", PLAIN)
    assert read(mail(b"This is MIME.\r\n" + body + b"stopka", field)).text == "zwykły"


@pytest.mark.parametrize(
    ("raw", "damage"),
    [
        (mail(b"x", b"Content-Type: application/ms-tnef; name=winmail.dat"), "TNEF"),
        (mail(*multipart(b"mixed", BLANK, b"Content-Type: a/b; name=WINMAIL.DAT\r\n\r\nx")), "TNEF"),
        (mail(b"x", b"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m"), "S/MIME"),
        (mail(*multipart(b"encrypted", PLAIN)), "encrypted"),
        (mail(b"x", b"Content-Type: multipart/mixed; boundary=never"), "never comes"),
        (mail(b"x", b"Content-Transfer-Encoding: base9000"), "unknown transfer encoding"),
        (mail(b"QUJDR", b"Content-Transfer-Encoding: base64"), "cut off"),
    ],
)
def test_what_cannot_be_read_for_certain(raw: bytes, damage: str) -> None:
    assert any(damage in reason for reason in read(raw).damage)


def test_tnef_beside_a_letter_is_an_attachment() -> None:
    message = read(mail(*multipart(b"mixed", PLAIN, b"Content-Type: application/ms-tnef; name=winmail.dat\r\n\r\nx")))
    assert message.text == "zwykły"
    assert [a.filename for a in message.attachments] == ["winmail.dat"]
    assert not message.damage


def test_only_part_with_a_name_is_still_the_letter() -> None:
    assert read(mail(b"list", b"Content-Type: text/plain; name=body.txt")).text == "list"
    assert read(mail(b"list", b"Content-Disposition: attachment")).text == ""


def test_flowed() -> None:
    message = read(mail(b"Jan \r\nKowalski\r\n", b"Content-Type: text/plain; format=Flowed; DelSp=no"))
    assert message.text == "Jan Kowalski"


def test_a_bug_in_the_parser_becomes_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr("mailbot.parsing.content.collect", broken)
    message = mime.parse(mail(), ENVELOPE, OWN)
    assert message.subject == "temat"
    assert message.damage == ("body parser failed: RecursionError",)
    monkeypatch.setattr("mailbot.parsing.headers.split", broken)
    assert mime.parse(mail(), ENVELOPE, OWN).damage == ("parser failed: RecursionError",)
