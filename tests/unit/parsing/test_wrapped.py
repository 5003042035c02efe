"""A letter inside an envelope of another program is read, or what is not read is said."""

from __future__ import annotations

import base64
import contextlib
import random

import pytest

from mailbot.parsing import smime, tnef
from tests.unit.parsing.mails import SENTENCE, mail, multipart, read
from tests.wrapped import enveloped, signed
from tests.wrapped import tnef as winmail

LETTER = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + SENTENCE.encode()
FOOTER = b"Content-Type: text/plain\r\n\r\nStopka firmy"
HTML = b"Content-Type: text/html; charset=utf-8\r\n\r\n"
PDF = b"%PDF-1.7"


def nested(*parts: bytes) -> bytes:
    body, field = multipart(b"mixed", *parts)
    return field + b"\r\n\r\n" + body


def part(data: bytes, label: bytes, name: bytes = b"smime.p7m") -> bytes:
    head = b"Content-Type: " + label + b'; name="' + name + b'"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    return head + base64.encodebytes(data).replace(b"\n", b"\r\n")


def alone(wrapped: bytes) -> bytes:
    head, _, body = wrapped.partition(b"\r\n\r\n")
    return mail(body, head)


PKCS7 = b"application/pkcs7-mime; smime-type=signed-data"
READ = {
    "DER": alone(part(signed(LETTER), PKCS7)),
    "BER in pieces": alone(part(signed(LETTER, 7), PKCS7)),
    "the older label": alone(part(signed(LETTER), b"application/x-pkcs7-mime")),
    "octet-stream, by its name": alone(part(signed(LETTER), b"application/octet-stream", b"SMIME.P7M")),
    "twice": alone(part(signed(part(signed(LETTER), PKCS7)), PKCS7)),
    "a multipart in it": alone(part(signed(nested(LETTER)), PKCS7)),
    "winmail.dat": alone(part(winmail(SENTENCE), b"application/ms-tnef", b"winmail.dat")),
    "winmail.dat with HTML": alone(part(winmail(html=b"<p>" + SENTENCE.encode("cp1250")), b"application/ms-tnef")),
    "UTF-7": mail(SENTENCE.encode("utf-7"), b"Content-Type: text/plain; charset=unicode-1-1-utf-7"),
    "enriched": mail(b"<bold>" + SENTENCE.encode() + b"</bold>", b"Content-Type: text/enriched; charset=utf-8"),
    "a stub before HTML": mail(
        *multipart(b"alternative", FOOTER.replace(b"Stopka firmy", b"No HTML here"), HTML + b"<p>" + SENTENCE.encode())
    ),
}


@pytest.mark.parametrize("name", READ)
def test_the_letter_is_read(name: str) -> None:
    message = read(READ[name])
    assert message.text == SENTENCE
    assert (message.damage, message.attachments) == ((), ())


CUT = b'Content-Type: text/plain; name="ATT00001.txt"; charset=utf-8\r\nContent-Disposition: attachment\r\n\r\n'


@pytest.mark.parametrize(
    "parts",
    [
        (part(signed(LETTER), PKCS7), FOOTER),
        (FOOTER, part(signed(LETTER, 64), b"application/octet-stream")),
        (FOOTER, CUT + SENTENCE.encode()),
    ],
)
def test_the_letter_beside_a_footer(parts: tuple[bytes, ...]) -> None:
    assert sorted(read(mail(*multipart(b"mixed", *parts))).text.split("\n")) == [SENTENCE, "Stopka firmy"]


@pytest.mark.parametrize(
    ("wrapped", "names"),
    [
        (part(signed(PDF), PKCS7, b"wniosek.pdf.p7m"), ["wniosek.pdf.p7m"]),
        (part(signed(nested(LETTER, part(PDF, b"application/pdf", b"w.pdf"))), PKCS7), ["w.pdf"]),
        (part(winmail(files=[("wniosek żółty.pdf", PDF)]), b"application/ms-tnef"), ["wniosek żółty.pdf"]),
        (part(b"\x30\x82\x01\x01", b"application/pkcs7-signature", b"smime.p7s"), ["smime.p7s"]),
    ],
)
def test_files_stay_files(wrapped: bytes, names: list[str]) -> None:
    assert [a.filename for a in read(mail(*multipart(b"mixed", FOOTER, wrapped))).attachments] == names


UNREAD = {
    "encrypted S/MIME": part(enveloped(), b"application/pkcs7-mime"),
    "damaged S/MIME": part(signed(LETTER)[:40], PKCS7),
    "S/MIME wrapped too often": part(signed(part(signed(part(signed(LETTER), PKCS7)), PKCS7)), PKCS7),
    "damaged winmail.dat": part(winmail(SENTENCE)[:-1], b"application/ms-tnef"),
    "RTF in winmail.dat": part(winmail(rich=b"x"), b"application/ms-tnef"),
    "encrypted PGP": nested(LETTER).replace(b"multipart/mixed", b"multipart/encrypted").replace(b"=_b", b"=_c"),
    "PGP in the text": b"\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nhQE\r\n-----END PGP MESSAGE-----",
    "a fragment": b"Content-Type: message/partial; number=1\r\n\r\n" + LETTER,
    "a text that has a name": b'Content-Type: text/plain; name="list.txt"\r\n\r\n' + SENTENCE.encode(),
    "an attached mail": b"Content-Type: message/rfc822\r\n\r\n" + LETTER,
    "RTF": b"Content-Type: text/rtf\r\n\r\n{\\rtf1 x}",
    "a charset that nobody knows": b"Content-Type: text/plain; charset=iso-2022-kr\r\n\r\nabc",
    "HTML that says more": nested(FOOTER, HTML + b"<p>Stopka firmy<p>" + SENTENCE.encode())
    .replace(b"mixed", b"alternative").replace(b"=_b", b"=_c"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREAD)
def test_what_is_not_read_is_said(name: str) -> None:
    message = read(mail(*multipart(b"mixed", FOOTER, UNREAD[name])))
    assert "Stopka firmy" in message.text
    assert message.unread


@pytest.mark.parametrize(
    "trimming",
    [
        b"Content-Type: image/png; name=image001.png\r\nContent-Disposition: inline\r\n\r\n\x89PNG\r\n\x1a\n",
        b"Content-Type: text/vcard; name=jan.vcf\r\n\r\nBEGIN:VCARD\r\nEND:VCARD",
        b"Content-Type: text/calendar; method=REPLY\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR",
    ],
)
def test_what_a_program_adds_is_no_file(trimming: bytes) -> None:
    message = read(mail(*multipart(b"mixed", LETTER, trimming)))
    assert (message.text, message.attachments, message.unread) == (SENTENCE, (), ())


@pytest.mark.parametrize(
    "lying",
    [
        b"Content-Type: image/png; name=image001.png\r\nContent-Disposition: inline\r\n\r\nMZ\0\0",
        b"Content-Type: image/png; name=skan.png\r\nContent-Disposition: attachment\r\n\r\n\x89PNG\r\n\x1a\n",
        b"Content-Type: image/jpeg; name=IMG_1.jpg\r\nContent-Disposition: inline\r\n\r\n\xff\xd8\xff" + bytes(60_000),
        b"Content-Type: text/vcard; name=jan.exe\r\n\r\nMZ\0\0",
        b"Content-Type: application/pgp-signature; name=w.pdf\r\n\r\n%PDF-1.7",
    ],
)
def test_a_file_does_not_hide_behind_a_label(lying: bytes) -> None:
    assert len(read(mail(*multipart(b"mixed", LETTER, lying))).attachments) == 1


def test_the_signature_of_a_signed_mail_is_no_file() -> None:
    protocol = part(b"\x30\x82\x01\x01", b"application/pkcs7-signature", b"smime.p7s")
    assert read(mail(*multipart(b"signed", LETTER, protocol))).attachments == ()


@pytest.mark.parametrize("seed", range(4))
def test_damage_ends_in_no_other_way(seed: int) -> None:
    die = random.Random(seed)
    whole = [signed(LETTER), signed(LETTER, 5), winmail(SENTENCE, [("w.pdf", PDF)], b"<p>x", b"y")]
    for _ in range(1500):
        data = bytearray(die.choice(whole))
        for _ in range(die.randint(1, 4)):
            data[die.randrange(len(data))] = die.choice([0, 0x24, 0x30, 0x80, 0xFF, die.randrange(256)])
        damaged = bytes(data[: die.randrange(len(data))] if die.random() < 0.3 else data)
        assert tnef.read(damaged) is None or damaged.startswith(b"\x78\x9f")
        with contextlib.suppress(smime.Sealed):
            smime.entity(damaged)
