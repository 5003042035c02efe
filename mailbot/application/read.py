"""Any bytes → the application's data: the content decides the format, never the name. Runs in the worker process.

Opens no file and no socket: what cannot be read for certain is ``readable=False``.
"""

from __future__ import annotations

import re
from dataclasses import replace

from mailbot.application import markup, office, pdf, rtf
from mailbot.application.data import Application, Reading
from mailbot.application.document import Document, UnreadableError
from mailbot.application.fields import fields
from mailbot.errors import ConfigError
from mailbot.parsing import charset, html_text

LARGEST = 20_000_000
"""Bytes: gov.pl signs up to 10 MB, and base64 makes a third more of them."""
_HEAD = 1_024
"""Where "%PDF-" may begin (ISO 32000-2 Annex I)."""
_LARGEST_TEXT = 400_000
_UNREADABLE = Application(None, None, None, None, readable=False)
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_HTML = re.compile(
    r"(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--.{0,1000}?-->\s*)?<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]")


def read(payload: bytes, name: str) -> Application:
    """The data of ``payload``; see ``reading``."""
    del name
    return reading(payload).application


def reading(payload: bytes) -> Reading:
    """What ``payload``, an unwrapped application, says.

    PDF, XML, DOCX, ODT, RTF, HTML and plain text (UTF-8, UTF-16, windows-1250, ISO 8859-2). Raises ConfigError, OSError
    and ImportError where the reader itself is broken: that is no fault of the file.
    """
    try:
        if pdf.MARK in payload[:_HEAD] and len(payload) <= LARGEST:
            return pdf.read_pdf(payload)
        found = document(payload)
        return Reading(fields(found), found.text)
    except (ConfigError, OSError, ImportError):
        raise
    except Exception as error:  # the contract of the worker: any bytes give an answer, and a doubt is no datum
        return Reading(replace(_UNREADABLE, doubts=(f"not readable: {type(error).__name__}",)), "")


def document(payload: bytes) -> Document:
    """The visible content of ``payload``. Raises UnreadableError for a format we do not read, and beyond the limits."""
    if not payload or len(payload) > LARGEST:
        raise UnreadableError("size")
    if payload.startswith(b"PK\x03\x04"):
        return office.read_package(payload)
    opening = _opening(payload)
    if opening.startswith("{\\rtf"):
        return rtf.read_rtf(payload.lstrip())
    if _HTML.match(opening):
        return Document(html_text.to_text(_decode(payload)))
    if opening.startswith("<"):
        return _read_xml(payload.lstrip())
    return Document(_decode(payload))


def _opening(payload: bytes) -> str:
    """The first characters, good enough to tell a format by its ASCII signs."""
    head = payload[: 2 * _HEAD].replace(b"\0", b"")
    return head.decode("latin-1").removeprefix("ÿþ").removeprefix("þÿ").removeprefix("ï»¿").lstrip()


def _read_xml(payload: bytes) -> Document:
    root = markup.parse(payload)
    if markup.local(root) == "document" and "opendocument" in (root.nsmap.get(root.prefix) or ""):
        return office.read_odf(root)
    return markup.read_xml(root)


def _decode(payload: bytes) -> str:
    """Plain text. Raises UnreadableError when the bytes are no text."""
    if len(payload) > _LARGEST_TEXT:
        raise UnreadableError("text too long")
    declared = next((encoding for bom, encoding in _BOMS if payload.startswith(bom)), None)
    if declared is None and payload.count(0) * 4 > len(payload):
        declared = "utf-16-le" if payload[1:2] == b"\0" else "utf-16-be"
    text = charset.decode(payload, declared).text
    if len(_CONTROLS.findall(text)) * 50 > len(text):
        raise UnreadableError("no text")
    return text
