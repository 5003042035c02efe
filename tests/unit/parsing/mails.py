"""Mails for the tests of parsing: written out as bytes, with only what a case is about."""

from __future__ import annotations

from mailbot.model import Envelope, InboundMessage, Source
from mailbot.parsing.mime import parse

SUBJECT = "HASŁO AWARYJNE PUESC PROCEDURA SPECJALNA"
SENTENCE = "Proszę o zmianę hasła awaryjnego dla Świętosława Gąsior, źródło Łódź, 1980"
OWN = frozenset({"pomoc@urzad.example", "echo@urzad.example"})
ENVELOPE = Envelope(Source.SMTP, mail_from="jan@wp.example", rcpt_to=("pomoc@urzad.example",))
IMAP = Envelope(Source.IMAP)


def mail(body: bytes = b"tekst", *fields: bytes, subject: bytes = b"temat") -> bytes:
    """A message with From, Subject, the given fields and body."""
    return b"\r\n".join((b"From: Jan <jan@wp.example>", b"Subject: " + subject, *fields, b"", body))


def read(raw: bytes, envelope: Envelope = ENVELOPE) -> InboundMessage:
    """The parsed message."""
    return parse(raw, envelope, OWN)


def multipart(kind: bytes, *parts: bytes) -> tuple[bytes, bytes]:
    """Content-Type field and body of a multipart; each part holds its own header block."""
    body = b"".join(b"--=_b\r\n" + part + b"\r\n" for part in parts) + b"--=_b--\r\n"
    return body, b"Content-Type: multipart/" + kind + b'; boundary="=_b"'
