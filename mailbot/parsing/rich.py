"""The HTML of a letter as it was sent, for a program that shows it to a person once it is made harmless."""

from __future__ import annotations

from mailbot.parsing import bounds, charset, headers, parts
from mailbot.parsing.structure import MimePart, Reader


def html(raw: bytes) -> str:
    """The HTML parts that belong to the letter, decoded; "" when there are none, or the message is over a cap."""
    if bounds.message_reasons(raw):
        return ""
    try:
        root = Reader(raw).read(headers.split(raw))
    except Exception:  # as in mime.parse: what cannot be read is told there
        return ""
    found = [part for part in root.walk() if part.type == "text/html" and parts.is_body(part, is_root=part is root)]
    return "\n".join(map(_decoded, found))


def _decoded(part: MimePart) -> str:
    return charset.decode(part.data[: bounds.TEXT_MAX], part.content_type.get("charset") or None).text
