"""Nobody is told that something is missing as long as a part of the letter is unread, or a machine took a file out."""

from __future__ import annotations

import base64
import quopri
from datetime import UTC, datetime

import pytest

from mailbot.config import Settings
from mailbot.flow.understand import Understander
from mailbot.model import Defect, RawMessage, Understanding
from mailbot.secret import Secret
from mailbot.sender.resolver import StaticResolver
from tests.unit.parsing.mails import ENVELOPE, SUBJECT, mail, multipart

A = "Proszę o zmianę hasła awaryjnego dla Jan Kowalski, 1980"
B = "Proszę o zmianę hasła awaryjnego oraz zmianę adresu e-mail dla Jan Kowalski, 1980"
ADDRESS = Settings().helpdesk.address


def understood(*parts: str) -> Understanding:
    """Of a mail with the exact subject; each part has its own header block, or begins with an empty line."""
    letter = (part.encode() if part.startswith("Content-") else text(part) for part in parts)
    raw = mail(*multipart(b"mixed", *letter), subject=SUBJECT.encode())
    understander = Understander(Settings(), Secret(bytes(32)), StaticResolver({}))
    return understander.understand(RawMessage(raw, ENVELOPE, datetime(2026, 11, 20, tzinfo=UTC)))


def text(body: str) -> bytes:
    return b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + body.replace("\n", "\r\n").encode()


PDF = "Content-Type: application/pdf; name=w.pdf\r\n\r\n%PDF-1.7"
REMOVED = "Content-Type: {0}\r\n\r\n{1}"
DOUBTED = {
    "the sentence behind >": (f"Dzień dobry\n> {A}",),
    "the sentence below the mark of a signature": (f"Dzień dobry\n--\n{A}",),
    "the sentence below a heading like one of Outlook": (
        f"Od: Jan Kowalski\nData: 20.11.2026 10:00\nDo: {ADDRESS}\nTemat: hasło\n\n{A}",
    ),
    "the sentence below words of somebody": (f"W dniu 20.11.2026 10:00 konsultant napisał:\n\n{A}",),
    "the year below the mark of a signature": (f"{A.removesuffix(', 1980')}\n--\n1980",),
    "the letter is attached": ("Dzień dobry", f"Content-Type: text/plain; name=pismo.txt; charset=utf-8\r\n\r\n{A}"),
    "nothing but an attached mail": ("", f"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n{A}"),
    "quoted-printable that is not declared": (quopri.encodestring(A.encode()).decode(),),
    "base64 that is not declared": (base64.encodebytes(f"Dzień dobry,\n{A}\n{A}".encode()).decode(),),
    "UTF-7 that is not declared": (A.encode("utf-7").decode(),),
    "text for a browser": (A.encode("ascii", "xmlcharrefreplace").decode(),),
    "an antivirus left a text": (
        B, REMOVED.format("text/plain; name=wniosek.pdf.txt", "Plik wniosek.pdf został usunięty: wykryto wirusa."),
    ),
    "an antivirus left a page": (
        B, REMOVED.format("text/html; name=removed.htm", "<p>An attachment was <b>removed</b> by security."),
    ),
    "an antivirus kept the name": (
        B, REMOVED.format("application/pdf; name=wniosek.pdf", "This attachment was blocked by your policy."),
    ),
    "a gateway says it in the letter": (f"{B}\n\n[Załącznik wniosek.pdf zatrzymano: polityka bezpieczeństwa]",),
}  # fmt: skip


@pytest.mark.parametrize("name", DOUBTED)
def test_a_person_reads_it(name: str) -> None:
    assert understood(*DOUBTED[name]).message.damage


SURE = {
    "nothing": (("",), (Defect.EMPTY,)),
    "a phone": (("Wysłane z iPhone'a",), (Defect.EMPTY,)),
    "a mail of ours is quoted": (
        (f"pt., 20 lis 2026 o 08:41 Help Desk <{ADDRESS}> napisał(a):\n\n> Wpisz:\n> {A}",), (Defect.EMPTY,),
    ),
    "no file": ((B,), (Defect.ATTACHMENT_MISSING,)),
    "words about a file": ((f"{B}\nW załączniku wniosek.",), (Defect.ATTACHMENT_MISSING,)),
    "nothing but a logo": (
        (B, "Content-Type: image/gif; name=logo.gif\r\nContent-Disposition: inline\r\n\r\nGIF89a"),
        (Defect.ATTACHMENT_MISSING,),
    ),
    "nothing but a visiting card": (
        (B, "Content-Type: text/vcard; name=j.vcf\r\n\r\nBEGIN:VCARD"), (Defect.ATTACHMENT_MISSING,),
    ),
    "the request is whole, whatever is attached": ((A, "Content-Type: text/plain; name=a.txt\r\n\r\nx"), ()),
    "case A needs no file": ((A, REMOVED.format("text/plain; name=x.txt", "The file was removed: virus.")), ()),
    "case B with its file": ((B, PDF), ()),
}  # fmt: skip


@pytest.mark.parametrize("name", SURE)
def test_what_is_surely_missing_is_told(name: str) -> None:
    parts, defects = SURE[name]
    found = understood(*parts)
    assert (found.message.damage, found.request.defects) == ((), defects)


_LONG = "%7C1975&data=05%7C02%7C1999%7Cjan%40wp.example&reserved=0"


@pytest.mark.parametrize(
    "link",
    [
        f"https://eur02.safelinks.protection.outlook.com/?url=http%3A%2F%2Fwp.example{_LONG}",
        f"https://urldefense.com/v3/__https://wp.example__;!!Nv1975{_LONG}$",
        f"https://urldefense.proofpoint.com/v2/url?u=http-3A__wp.example{_LONG}",
        f"https://linkprotect.cudasvc.com/url?a=https%3a%2f%2fwp.example{_LONG}",
    ],
)
@pytest.mark.parametrize(
    "place", [", jan@wp.example<{}>, 1980", " 1980\n\nwww.wp.example<{}>", " 1980 [{}]", "\n{}\n1980"]
)
def test_a_link_that_a_gateway_rewrote_is_no_datum(link: str, place: str) -> None:
    request = understood(A.removesuffix(", 1980") + place.format(link)).request
    assert (request.names, request.year, request.defects) == (("Jan", "Kowalski"), 1980, ())
