"""Any bytes → what the application says: the content decides the format, never the name. Runs in the worker process.

Opens no file and no socket: what cannot be read for certain is ``readable=False``.
"""

from __future__ import annotations

import re
from dataclasses import replace

from mailbot.application import markup, plain
from mailbot.application.data import Application, Reading
from mailbot.application.document import Document, UnreadableError
from mailbot.application.letter.fields import LONGEST, fields
from mailbot.application.pdf import reader
from mailbot.application.word import office
from mailbot.errors import ConfigError

LARGEST = 20_000_000
"""Bytes: gov.pl signs up to 10 MB, and base64 makes a third more of them."""
_HEAD = 1_024
"""Where readers of PDF look for "%PDF-" (ISO 32000-2 Annex I)."""
_COLUMN = re.compile(r"(?<=[^\s:]) {3,}(?=\S)")
"""A gap between two columns of a plain text."""
_TAG = re.compile(r"<(?:!(?:--|doctype|\[)|\?|/?[a-z][a-z0-9:-]{0,30}(?:\s[^<>@]{0,500})?/?>)", re.IGNORECASE)
"""Of HTML, where another reader takes a text for it; an address in angle brackets is none."""
_UNREADABLE = Application(None, None, None, None, readable=False)


def read(payload: bytes, name: str) -> Application:
    """The data of ``payload``; see ``reading``."""
    del name
    return reading(payload).application


def reading(payload: bytes) -> Reading:
    """What ``payload``, an unwrapped application, says.

    PDF, XML, DOCX and plain text (UTF-8, UTF-16, windows-1250, ISO 8859-2). Raises ConfigError, OSError and ImportError
    where the reader itself is broken: that is no fault of the file.
    """
    try:
        if payload.startswith(reader.MARK) and len(payload) <= LARGEST:
            return reader.read_pdf(payload)
        found = document(payload)
        application = fields(found)
        beside = [f"— {name}." for name in found.beside]
        text = "\n".join((found.text, *(f"{label}: {value}" for label, value in found.pairs), *beside))
        return Reading(application, text[:LONGEST] if application.readable else "")
    except (ConfigError, OSError, ImportError):
        raise
    except UnreadableError as error:
        return Reading(replace(_UNREADABLE, doubts=(f"not readable: {error}",)), "")
    except Exception as error:  # the contract of the worker: any bytes give an answer, and a doubt is no datum
        return Reading(replace(_UNREADABLE, doubts=(f"not readable: {type(error).__name__}",)), "")


def document(payload: bytes) -> Document:
    """The visible content of ``payload``, which is no PDF.

    Raises UnreadableError for a format we do not read, for a file that two readers take for two types, and beyond the
    limits. RTF, HTML, SVG and OpenDocument have more ways to hide a word than can be listed: a person looks at them.
    """
    if not payload or len(payload) > LARGEST:
        raise UnreadableError("size")
    if reader.MARK in payload[:_HEAD]:
        raise UnreadableError("a PDF behind something else")
    if payload.startswith(b"PK"):
        return office.read_docx(payload)
    text = plain.decode(payload)
    opening = text.lstrip("\ufeff \t\r\n")
    if opening.startswith("{\\rtf"):
        raise UnreadableError("RTF")
    if opening.startswith("<"):
        found = markup.read_xml(markup.parse(payload.lstrip()))
        hidden = [*["comments"] * ("<!--" in text), *["letters by their numbers"] * markup.spells(payload)]
        return replace(found, doubts=(*found.doubts, *hidden))
    if _TAG.search(text):
        raise UnreadableError("HTML behind text")
    return Document(_COLUMN.sub("\t", text.replace("\r\n", "\n").replace("\r", "\n")), doubts=plain.oddities(text))
