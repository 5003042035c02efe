"""Headers and text become the bytes of a message (RFC 5322, RFC 2045-2047), by hand.

``EmailMessage`` needs a hundred times longer (docs/design.md, outgoing mails); the tests hold this writer
against the standard parser.
"""

from __future__ import annotations

import re
from base64 import b64encode, encodebytes
from binascii import b2a_qp
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from mailbot.errors import TemplateError
from mailbot.mails import html
from mailbot.mails.context import PLACEHOLDER, Enclosure
from mailbot.mails.wording import fold

_LINE = 76  # longest line of quoted-printable (RFC 2045 §6.7) and longest line with an encoded word (RFC 2047 §2)
_WORD = 39  # bytes in one encoded word: with "Subject: " before it the line still fits
_REFERENCES = 10
_BOUNDARY = "=_text_and_html"
"""Quoted-printable never holds "=_". The same in every mail: refusals must not differ (procedure §3.5)."""
_OUTER = "=_text_and_form"
_ALTERNATIVE = f'multipart/alternative;\r\n boundary="{_BOUNDARY}"'
_MIXED = f'multipart/mixed;\r\n boundary="{_OUTER}"'
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,120}@[!-;=?-~]{1,120}>")
_TOKEN_LINE = re.compile(rf"^(.*{PLACEHOLDER}.*)$", re.MULTILINE)
_SAFE_PHRASE = re.compile(r"[A-Za-z0-9 ]+")


@dataclass(frozen=True, slots=True)
class Heading:
    """The header of a message, before encoding."""

    sender_name: str
    sender: str
    recipient: str
    subject: str
    date: datetime
    message_id: str
    auto_submitted: str
    """no, auto-replied or auto-generated (RFC 3834 §5)."""
    loop_mark: str
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    language: str = "pl"
    """Of the text (RFC 3282, Content-Language)."""


def message(heading: Heading, body: bytes, files: Sequence[Enclosure] = ()) -> bytes:
    """The whole message, CRLF lines: header and ``body`` (see there).

    A value that cannot stand in a header (control characters) raises TemplateError; a Message-ID of the citizen that is
    not well-formed is left out. An address with a local part outside ASCII is written in UTF-8 (RFC 6532). ``files`` go
    with it.
    """
    parts = [
        _header(heading, _MIXED if files else _ALTERNATIVE),
        *([_within()] if files else []),
        body,
        *(map(_attached, files)),
        *([f"--{_OUTER}--\r\n".encode()] if files else []),
    ]
    return b"".join(parts)


def body(
    title: str, text: str, language: str = "pl", strong: Collection[str] = (), links: Mapping[str, str] | None = None
) -> bytes:
    """Plain text (folded) first, the HTML alternative made from it second (html.from_text, which says what the others
    are)."""
    parts = [
        _part("text/plain", fold(text)),
        _part("text/html", html.from_text(title, text, language, strong, links)),
        f"--{_BOUNDARY}--\r\n".encode(),
    ]
    return b"".join(parts)


def _header(heading: Heading, content_type: str) -> bytes:
    lines = [
        f"From: {_phrase(heading.sender_name)}<{heading.sender}>",
        f"To: <{heading.recipient}>",
        f"Subject: {_unstructured(heading.subject, len('Subject: '))}",
        f"Date: {_date(heading.date, heading.date.fold)}",
        f"Message-ID: {heading.message_id}",
        *_thread(heading),
        f"Auto-Submitted: {heading.auto_submitted}",
        "X-Auto-Response-Suppress: All",
        f"X-Loop: {heading.loop_mark}",
        f"Content-Language: {heading.language}",
        "MIME-Version: 1.0",
        f"Content-Type: {content_type}",
    ]
    for value in (heading.sender, heading.recipient, heading.message_id, heading.loop_mark):
        if not value.isprintable() or " " in value or "<" in value[1:] or ">" in value[:-1]:
            raise TemplateError(f"a header value is not an address or id: {value!r}")
    return "\r\n".join([*lines, "", ""]).encode()


@lru_cache(maxsize=16)  # the mails of a batch have one
def _date(at: datetime, _fold: int) -> str:
    """``_fold``: by which two moments differ that are equal, in the hour that an autumn night has twice."""
    return format_datetime(at)


def _thread(heading: Heading) -> list[str]:
    """In-Reply-To and References (RFC 5322 §3.6.4); of a long thread the first and the last ids are kept."""
    answered = heading.in_reply_to if _is_id(heading.in_reply_to) else None
    lines = [f"In-Reply-To: {answered}"] if answered else []
    ids = list(dict.fromkeys(i for i in heading.references if _is_id(i)))
    if len(ids) > _REFERENCES:
        ids = [ids[0], *ids[1 - _REFERENCES :]]
    if ids:
        lines.append("References: " + "\r\n ".join(ids))
    return lines


def _is_id(value: str | None) -> bool:
    return value is not None and _MESSAGE_ID.fullmatch(value) is not None


def _phrase(name: str) -> str:
    """A display name (RFC 5322 §3.2.5) and what parts it from the address: words as they are, else encoded words."""
    return f"{name} " if _SAFE_PHRASE.fullmatch(name) else f"{_encoded_words(_printable(name))}\r\n "


def _unstructured(text: str, used: int) -> str:
    """Short ASCII as it is, anything else as encoded words, one a line."""
    plain = _printable(text).isascii() and len(text) + used <= _LINE and "=?" not in text and text == text.strip()
    return text if plain else _encoded_words(text)


def _printable(text: str) -> str:
    if not text or not text.isprintable():
        raise TemplateError(f"a header value is empty or holds control characters: {text!r}")
    return text


def _encoded_words(text: str) -> str:
    """RFC 2047 §5: every word whole characters (§5, rule 3), folded between words."""
    octets = text.encode()
    words, start = [], 0
    while start < len(octets):
        end = start + _WORD
        while end < len(octets) and octets[end] & 0xC0 == 0x80:  # not inside a character
            end -= 1
        words.append(f"=?utf-8?B?{b64encode(octets[start:end]).decode()}?=")
        start = end
    return "\r\n ".join(words)


def _within() -> bytes:
    """The text and its HTML as the first part of two."""
    return f"--{_OUTER}\r\nContent-Type: {_ALTERNATIVE}\r\n\r\n".encode()


def _attached(file: Enclosure) -> bytes:
    """A further part (RFC 2045 §6.8, RFC 2183)."""
    lines = [
        f"--{_OUTER}",
        f'Content-Type: {file.content_type}; name="{file.name}"',
        f'Content-Disposition: attachment; filename="{file.name}"',
        "Content-Transfer-Encoding: base64",
        "",
        *encodebytes(file.octets).decode("ascii").splitlines(),
        "",
    ]
    return "\r\n".join(lines).encode()


def _part(content_type: str, text: str) -> bytes:
    head = (
        f"--{_BOUNDARY}",
        f"Content-Type: {content_type}; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
    )
    return "\r\n".join([*head, "", ""]).encode() + quoted_printable(text) + b"\r\n"


def quoted_printable(text: str) -> bytes:
    """RFC 2045 §6.7 with CRLF lines; ``PLACEHOLDER`` is never broken, so that the token can take its place later."""
    pieces = _TOKEN_LINE.split(text)  # lines with a token at the odd places, what lies between them at the even ones
    return b"".join(_line_with_token(p) if n % 2 else _plain_lines(p) for n, p in enumerate(pieces))


def _plain_lines(text: str) -> bytes:
    ended = f"{text}\n".replace("\n", "\r\n")  # b2a_qp writes soft line breaks as the first line is ended
    return b2a_qp(ended.encode(), istext=True)[:-2]


def _line_with_token(line: str) -> bytes:
    lines, current = [], b""
    for index, piece in enumerate(line.split(PLACEHOLDER)):
        units = [PLACEHOLDER.encode()] if index else []
        units += [_unit(character) for character in piece]
        for unit in units:
            if len(current) + len(unit) >= _LINE:  # one column is for the "=" of the soft line break
                lines.append(current + b"=")
                current = b""
            current += unit
    return b"\r\n".join([*lines, current])


@lru_cache(maxsize=256)
def _unit(character: str) -> bytes:
    if character != "=" and "!" <= character <= "~":
        return character.encode()
    return b"".join(b"=%02X" % byte for byte in character.encode())
