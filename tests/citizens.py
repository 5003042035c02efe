"""Builds raw mails from the entries of the citizens' corpus, as many kinds of mail clients would have sent them.

An entry is one item of citizens/mails.yaml: sender, auth, headers, subject, html_only, body, attachments, expect.
The bytes of one (entry, style) are always the same.
"""

from __future__ import annotations

import base64
import hashlib
import html
import quopri
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Entry = dict[str, Any]

AUTHSERV_ID = "mx.helpdesk.example"
HELPDESK = "helpdesk-eclo@mf.gov.pl"
DATE = "Fri, 20 Nov 2026 09:58:00 +0100"
Attachment = tuple[str, str, bytes]
"""File name (ASCII), content type, octets."""


@dataclass(frozen=True, slots=True)
class Part:
    """One MIME entity: its content header fields and its encoded octets."""

    fields: tuple[str, ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Style:
    """How one mail client writes: the header encoding, the body, and the charset both must fit in."""

    header: Callable[[str], bytes]
    body: Callable[[str, bool], Part]
    """(text of the entry, whether it is HTML already) → the top-level entity."""
    charset: str = "utf-8"
    takes: tuple[bool, ...] = (False,)
    """Which values of html_only the style can carry."""


def can_carry(entry: Entry, style: str) -> bool:
    """Whether ``style`` can carry the entry's text without losing a character."""
    wanted = STYLES[style]
    if any("MB" in file["kind"] for file in entry["attachments"]) and style != "utf8-qp":
        return False  # once is enough of so much
    if bool(entry["html_only"]) not in wanted.takes:
        return False
    raw_subject = entry["subject"].startswith("RAW:")
    text: str = entry["body"] + entry["sender"] + ("" if raw_subject else entry["subject"])
    try:
        return text.encode(wanted.charset).decode(wanted.charset) == text
    except UnicodeEncodeError:
        return False


def build(entry: Entry, style: str, attachments: Sequence[Attachment] = ()) -> bytes:
    """The raw mail (CRLF line ends) of a corpus entry in one of ``STYLES``, as our MX would hand it over by LMTP."""
    wanted = STYLES[style]
    content = wanted.body(entry["body"], bool(entry["html_only"]))
    if attachments:
        content = _mixed(content, attachments)
    left = hashlib.sha256(f"{entry['id']}/{style}".encode()).hexdigest()[:24]
    head = [
        *_by_our_mx(entry, left),
        b"Date: " + DATE.encode(),
        b"From: " + _from(entry["sender"], wanted.header),
        f"To: {HELPDESK}".encode(),
        b"Subject: " + _subject(entry["subject"], wanted.header),
        f"Message-ID: <{left}@{_domain(entry['sender'])}>".encode(),
        b"MIME-Version: 1.0",
        *(f"{name}: {value}".encode() for name, value in entry["headers"].items()),
    ]
    given = {name.lower() for name in entry["headers"]}
    head += [line.encode() for line in content.fields if line.partition(":")[0].lower() not in given]
    return b"\r\n".join(head) + b"\r\n\r\n" + content.body


def _mixed(text: Part, attachments: Sequence[Attachment]) -> Part:
    """multipart/mixed: the text, then the files in base64 (RFC 2046 §5.1.3, RFC 2183)."""
    boundary = "=_files_of_the_citizen"
    files = (
        Part(
            (
                f'Content-Type: {content_type}; name="{name}"',
                f'Content-Disposition: attachment; filename="{name}"',
                "Content-Transfer-Encoding: base64",
            ),
            base64.encodebytes(data).replace(b"\n", b"\r\n"),
        )
        for name, content_type, data in attachments
    )
    parts = (
        b"--%s\r\n%s\r\n\r\n%s\r\n" % (boundary.encode(), "\r\n".join(part.fields).encode(), part.body)
        for part in (text, *files)
    )
    body = b"".join(parts) + b"--%s--\r\n" % boundary.encode()
    return Part((f'Content-Type: multipart/mixed; boundary="{boundary}"',), body)


def _by_our_mx(entry: Entry, left: str) -> list[bytes]:
    """Authentication-Results (RFC 8601) above the Received line of our MX."""
    domain, auth = _domain(entry["sender"]), entry["auth"]
    verdict = "none"
    if auth != "none":
        dkim = f"pass header.d={domain}" if auth == "pass" else "none"
        verdict = f"spf={auth} smtp.mailfrom={domain};\r\n\tdkim={dkim};\r\n\tdmarc={auth} header.from={domain}"
    received = (
        f"Received: from out.{domain} (out.{domain} [192.0.2.25])\r\n"
        f"\tby {AUTHSERV_ID} (Postfix) with ESMTPS id {left[:10].upper()}\r\n\tfor <{HELPDESK}>; {DATE}"
    )
    return [f"Authentication-Results: {AUTHSERV_ID}; {verdict}".encode(), received.encode()]


def _domain(sender: str) -> str:
    """Domain of the (first) address of a From value; a display name may look like an address too."""
    angle = re.search(r"<([^<>]+)>", sender)
    return (angle.group(1) if angle else sender.partition(",")[0]).rpartition("@")[2].strip().lower()


def _from(value: str, encode: Callable[[str], bytes]) -> bytes:
    """A From value verbatim; a display name that is not ASCII is encoded."""
    if value.isascii():
        return value.encode()
    name, _, address = value.rpartition("<")
    return encode(name.strip().strip('"')) + b" <" + address.encode("utf-8")


def _subject(value: str, encode: Callable[[str], bytes]) -> bytes:
    return value.removeprefix("RAW:").encode() if value.startswith("RAW:") else encode(value)


# ------------------------------------------------------------------------------------------------- header values


def _raw(charset: str) -> Callable[[str], bytes]:
    return lambda text: text.encode(charset)


def _b(charset: str, octets: int = 1000) -> Callable[[str], bytes]:
    """RFC 2047 B words of at most ``octets`` octets of text each: mailers that count octets cut letters in two."""

    def encode(text: str) -> bytes:
        data = text.encode(charset)
        words = (base64.b64encode(data[at : at + octets]) for at in range(0, len(data), octets))
        return b"\r\n ".join(b"=?%s?B?%s?=" % (charset.encode(), word) for word in words)

    return encode


def _q(charset: str, letters: int = 1000) -> Callable[[str], bytes]:
    """RFC 2047 Q words of at most ``letters`` letters each."""

    def word(text: str) -> bytes:
        octets = (
            chr(o) if chr(o).isascii() and chr(o).isalnum() else "_" if o == 32 else f"={o:02X}"
            for o in text.encode(charset)
        )
        return f"=?{charset}?Q?{''.join(octets)}?=".encode()

    return lambda text: b"\r\n ".join(word(text[at : at + letters]) for at in range(0, len(text), letters))


def _words(charset: str) -> Callable[[str], bytes]:
    """Only words that need it are encoded, as Apple Mail does; odd spaces make it encode everything."""
    whole = _q(charset)

    def encode(text: str) -> bytes:
        if any(len(word) == 0 or not word.isprintable() for word in text.split(" ")):
            return whole(text)
        coded = [None if word.isascii() else word for word in text.split(" ")]
        if sum(word is not None for word in coded) != 1:  # RFC 2047 §6.2: space between encoded words is dropped
            return whole(text)
        return b" ".join(word.encode() if word.isascii() else whole(word) for word in text.split(" "))

    return encode


# -------------------------------------------------------------------------------------------------------- bodies


def _leaf(kind: str, text: str, charset: str, encoding: str, parameters: str = "") -> Part:
    data = re.sub(r"\r?\n", "\r\n", text).encode(charset)
    if encoding == "base64":
        data = base64.encodebytes(data).replace(b"\n", b"\r\n")
    elif encoding == "quoted-printable":
        data = quopri.encodestring(data.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    fields = (f'Content-Type: text/{kind}; charset="{charset}"{parameters}', f"Content-Transfer-Encoding: {encoding}")
    return Part(fields, data + b"\r\n")


def _plain(charset: str, encoding: str) -> Callable[[str, bool], Part]:
    return lambda text, _: _leaf("plain", text, charset, encoding)


def _html(charset: str, encoding: str) -> Callable[[str, bool], Part]:
    return lambda text, ready: _leaf("html", text if ready else _as_html(text), charset, encoding)


def _as_html(text: str) -> str:
    lines = "".join(f'<p class="MsoNormal">{html.escape(line) or "&nbsp;"}</p>\n' for line in text.split("\n"))
    style = "<style>p.MsoNormal {margin:0cm; font-size:11.0pt}</style>"
    return f'<html><head>{style}</head>\n<body lang="PL"><div>\n{lines}</div></body></html>'


def _alternative(charset: str, encoding: str) -> Callable[[str, bool], Part]:
    """multipart/alternative, the plain text first (RFC 2046 §5.1.4)."""

    def body(text: str, _: bool) -> Part:
        boundary = "_000_citizen_"
        both = (_leaf("plain", text, charset, encoding), _leaf("html", _as_html(text), charset, encoding))
        parts = (
            b"--%s\r\n%s\r\n\r\n%s\r\n" % (boundary.encode(), "\r\n".join(part.fields).encode(), part.body)
            for part in both
        )
        return Part(
            (f'Content-Type: multipart/alternative; boundary="{boundary}"',),
            b"".join(parts) + b"--%s--\r\n" % boundary.encode(),
        )

    return body


def _flowed(text: str, _: bool) -> Part:
    """text/plain; format=flowed (RFC 3676): soft breaks after 40 columns, space-stuffing, quotes left alone."""
    lines: list[str] = []
    for line in text.split("\n"):
        fixed = line if line == "-- " else line.rstrip(" ")
        if fixed.startswith(">"):
            lines.append(fixed)
            continue
        pieces = re.findall(r".{40}[^ ]* |.+", fixed) or [""]
        lines += [f" {piece}" if piece.startswith((" ", "From ", ">")) else piece for piece in pieces]
    return _leaf("plain", "\n".join(lines), "utf-8", "8bit", "; format=flowed")


STYLES: dict[str, Style] = {
    "utf8-8bit": Style(_q("UTF-8"), _plain("utf-8", "8bit")),
    "utf8-qp": Style(_b("utf-8"), _plain("utf-8", "quoted-printable")),
    "utf8-base64": Style(_b("UTF-8"), _plain("utf-8", "base64")),
    "latin2-qp": Style(_q("iso-8859-2"), _plain("iso-8859-2", "quoted-printable"), charset="iso-8859-2"),
    "latin2-raw": Style(_raw("iso-8859-2"), _plain("iso-8859-2", "8bit"), charset="iso-8859-2"),
    "cp1250-8bit": Style(_q("windows-1250"), _plain("windows-1250", "8bit"), charset="windows-1250"),
    "smtputf8": Style(_raw("utf-8"), _plain("utf-8", "8bit")),
    "flowed": Style(_words("UTF-8"), _flowed),
    "alternative-utf8": Style(_b("UTF-8", 20), _alternative("utf-8", "base64")),
    "alternative-cp1250": Style(_b("windows-1250"), _alternative("windows-1250", "base64"), charset="windows-1250"),
    "html-base64": Style(_q("utf-8", 9), _html("utf-8", "base64"), takes=(False, True)),
    "html-latin2-qp": Style(
        _b("iso-8859-2"), _html("iso-8859-2", "quoted-printable"), charset="iso-8859-2", takes=(False, True)
    ),
    "split-letters": Style(_b("utf-8", 4), _alternative("utf-8", "quoted-printable")),
}
"""Every style is one way real clients write; the name says the body, the header encoding varies with it."""
