"""What a part of a mail is by its label and first octets: letter, file, or neither."""

from __future__ import annotations

import re

from mailbot.parsing.structure import MimePart

BODY_TYPES = frozenset({"text/plain", "text/html", "text/enriched", "text/richtext"})
TNEF = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_CUT_TEXT = re.compile(r"ATT\d{5,9}\.(?:txt|html?)", re.IGNORECASE)
"""How Exchange names the text behind a file in a letter, marked as an attachment or not."""
_FRAGMENTS = frozenset({"message/partial", "message/external-body"})
_SEALED = frozenset({"multipart/encrypted", "application/pgp-encrypted"})
_LETTERS = frozenset({*BODY_TYPES, "text/rtf", "message/rfc822", "message/global"})
"""What may hold a letter although it is attached."""

_LOGO_MAX = 50_000
"""Octets of a picture in the letter; a photo of a page of paper has more."""
_PICTURE = re.compile(rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|BM|RIFF[\s\S]{4}WEBP|\s{0,99}<(?:\?xml|svg)")
_CARDS = {
    "text/vcard": b"BEGIN:VCARD",
    "text/x-vcard": b"BEGIN:VCARD",
    "text/directory": b"BEGIN:VCARD",
    "text/calendar": b"BEGIN:VCALENDAR",
    "application/pgp-keys": b"-----BEGIN PGP PUBLIC",
    "application/pgp-signature": b"-----BEGIN PGP SIGNATURE",
}
"""What mail programs add of themselves, and how it begins."""
_PROTOCOL = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature"})
_CMS = (b"\x30", b"-----BEGIN")


def is_body(part: MimePart, *, is_root: bool) -> bool:
    """A text part that belongs to the letter: no file name (but the only part may carry one), not marked attachment."""
    if part.type not in BODY_TYPES:
        return False
    if _CUT_TEXT.fullmatch(part.filename):
        return True
    return (
        part.disposition.word != "attachment"
        and (is_root or not part.filename)
        and not part.disposition.get("filename")
    )


def is_tnef(part: MimePart) -> bool:
    """Outlook's winmail.dat."""
    return part.type in TNEF or part.filename.lower() == "winmail.dat"


def is_trimming(part: MimePart, parent: MimePart | None) -> bool:
    """Neither letter nor file, but what a mail program adds: the signature of an S/MIME mail (RFC 8551 §3.5.3), the
    logo under a letter, a visiting card, the copy of an invitation. Nothing else may hide behind these labels."""
    within = parent.type if parent else ""
    start = part.data[:200].lstrip(b"\xef\xbb\xbf \t\r\n")
    if part.type in _PROTOCOL:
        return within == "multipart/signed" and start.startswith(_CMS)
    if part.type in _CARDS:
        return start.upper().startswith(_CARDS[part.type])
    in_letter = part.disposition.word == "inline" or within == "multipart/related"
    picture = part.type.startswith("image/") and bool(_PICTURE.match(part.data))
    return picture and in_letter and part.disposition.word != "attachment" and len(part.data) <= _LOGO_MAX


def unread(part: MimePart) -> str | None:
    """Why the letter, or more of it, may stand in a part that is not read as letter; None: it holds a file."""
    if part.type in _FRAGMENTS:
        return f"a fragment ({part.type})"
    if part.type in _SEALED:
        return f"encrypted ({part.type})"
    return f"text that is attached ({part.type})" if part.type in _LETTERS and part.data.strip() else None
