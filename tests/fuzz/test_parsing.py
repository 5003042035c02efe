"""Any bytes at all give an InboundMessage, and what can be written can be read back."""

from __future__ import annotations

import base64
import random
import unicodedata

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailbot.model import Envelope, InboundMessage, Source
from mailbot.parsing import charset, headers, html_text, quotes
from mailbot.parsing.mime import parse
from mailbot.parsing.structure import Reader
from tests.support import examples

ENVELOPE = Envelope(Source.INJECT)
OWN = frozenset({"pomoc@urzad.example"})
TEMPLATE = (
    b"Received: from a by b; Mon, 3 Nov 2025 10:12:00 +0100\r\nFrom: =?utf-8?Q?Ja=C5=84?= <jan@wp.example>\r\n"
    b"Subject: =?iso-8859-2?Q?HAS=A3O?= AWARYJNE\r\n\tPUESC =?utf-8?B?xYHDs2TFug==?=\r\n"
    b"Date: Mon, 3 Nov 2025 10:12 +0100\r\n"
    b"Message-ID: <a@b.example>\r\nReferences: <a@b> <c@d>\r\nAuto-Submitted: (x) no; a=b\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="=_b"\r\n\r\npre\r\n--=_b\r\n'
    b'Content-Type: multipart/alternative; boundary="=_c"\r\n\r\n--=_c\r\nContent-Type: text/plain; charset=utf-8; '
    b"format=flowed; delsp=yes\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nProsz=C4=99 o \r\nzmian=C4=99=\r\n"
    b"\r\n> x\r\n"
    b'--=_c\r\nContent-Type: text/html; charset="windows-1250"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    + base64.b64encode("<p style='display:none'>ą</p><blockquote>ć&nbsp;&#322;</blockquote>".encode("cp1250"))
    + b"\r\n--=_c--\r\n--=_b\r\nContent-Type: application/pdf; name*0*=utf-8''%C5%82; name*1=.pdf\r\n"
    b'Content-Disposition: attachment; filename="=?utf-8?Q?=C5=82?=.pdf"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--=_b--\r\n"
)
PIECES = (
    b"\0",
    b"\r",
    b"\n",
    b"\r\n\r\n",
    b'"',
    b"=?",
    b"?=",
    b"--=_b",
    b"<",
    b"(",
    b"\xc5",
    b"\xff",
    b"*0*=",
    b";",
    b"=",
    b"%",
)
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=60)


def check(message: InboundMessage) -> None:
    assert isinstance(message, InboundMessage)
    assert not any("failed" in reason for reason in message.damage), message.damage
    assert not any(c in message.subject for c in "\r\n\0")
    assert not any(c in message.text + message.full_text for c in "\r\0\t\u200b\ufeff\xa0")
    assert unicodedata.is_normalized("NFC", message.subject + message.full_text)


@given(st.binary(max_size=2000))
def test_any_bytes(raw: bytes) -> None:
    check(parse(raw, ENVELOPE, OWN))


@settings(max_examples=examples(400), suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.integers(1, 12))
def test_mutated_mail(source: random.Random, times: int) -> None:
    raw = bytearray(TEMPLATE)
    for _ in range(times):
        at = source.randrange(len(raw))
        match source.randrange(4):
            case 0:
                raw[at : at + source.randrange(30)] = b""
            case 1:
                raw[at:at] = source.choice(PIECES) * source.randrange(1, 4)
            case 2:
                raw[at] = source.randrange(256)
            case _:
                begin = source.randrange(len(raw))
                raw[at:at] = raw[begin : begin + 80]
    check(parse(bytes(raw), ENVELOPE, OWN))


@given(
    st.binary(max_size=300),
    st.one_of(st.none(), st.text(max_size=12), st.sampled_from(["utf-8", "cp1250", "utf-16", "big5"])),
)
def test_charset_never_raises(data: bytes, declared: str | None) -> None:
    assert unicodedata.is_normalized("NFC", charset.decode(data, declared).text)


@given(st.text(max_size=300))
def test_html_and_cutting_never_raise(source: str) -> None:
    quotes.cut(html_text.to_text(source))
    quotes.cut(source)


@given(TEXT, st.sampled_from(["utf-8", "utf-16-le"]), st.integers(1, 20))
def test_encoded_words_round_trip(source: str, label: str, size: int) -> None:
    data = source.encode(label)
    words = [base64.b64encode(data[at : at + size]) for at in range(0, len(data), size)]
    value = b"\r\n ".join(b"=?%b?B?%b?=" % (label.encode(), word) for word in words)
    expected = headers.printable(source)
    assert headers.decode(value).text == expected


@given(st.binary(max_size=400), st.lists(st.binary(max_size=80), min_size=1, max_size=5))
def test_parts_come_back_byte_for_byte(first: bytes, rest: list[bytes]) -> None:
    datas = [data.replace(b"--=_", b"") for data in (first, *rest)]
    body = b"".join(b"--=_b\r\nContent-Type: application/x\r\n\r\n" + data + b"\r\n" for data in datas) + b"--=_b--"
    raw = b"Content-Type: multipart/mixed; boundary==_b\r\n\r\n" + body
    tree = Reader(raw).read(headers.split(raw))
    assert [part.data for part in tree.children] == datas
