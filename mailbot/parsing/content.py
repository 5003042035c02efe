"""The MIME tree → what the person wrote and what is attached."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mailbot.model import Attachment
from mailbot.parsing import charset, html_text, text
from mailbot.parsing.limits import TEXT_MAX
from mailbot.parsing.structure import Part

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_TNEF = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_CONTAINERS = {
    "application/pkcs7-mime": "S/MIME envelope",
    "application/x-pkcs7-mime": "S/MIME envelope",
    "multipart/encrypted": "encrypted",
}
_BODY_TYPES = frozenset({"text/plain", "text/html"})


@dataclass(slots=True)
class Content:
    """Filled while the tree is walked."""

    texts: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    octets: int = 0
    """Text octets decoded so far."""


def collect(root: Part) -> Content:
    """Text fragments in order, attachments, repairs and damage of a tree. Linear; never raises on its own account."""
    content = Content()
    for part in root.walk():
        content.repairs += [f"part {part.type}: {repair}" for repair in part.repairs]
        content.damage += part.damage
    content.texts = _texts(root, content, is_root=True)
    if root.type in _CONTAINERS:
        content.damage.append(f"{_CONTAINERS[root.type]} ({root.type}): the text is inside")
    if _is_tnef_only(content):
        content.damage.append("all content is in a TNEF container (winmail.dat)")
    return content


def _texts(part: Part, content: Content, *, is_root: bool = False) -> list[str]:
    """Text fragments of ``part``; what is no text becomes an attachment on the way."""
    if part.type == "multipart/alternative":
        return _alternative(part, content)
    if part.children:
        texts: list[str] = []
        for child in part.children:
            found = _texts(child, content)
            if child.type == "text/html" and _same(found, texts):
                continue  # plain and HTML side by side, though they are alternatives
            texts += found
        return texts
    if _is_body(part, is_root=is_root):
        return [_decoded(part, content)]
    if part.data or part.filename:
        content.attachments.append(Attachment(text.plain(part.filename).strip(), part.type, part.data))
    return []


def _alternative(part: Part, content: Content) -> list[str]:
    """RFC 2046 §5.1.4, but plain text first: the first child that begins with non-blank plain text, else HTML."""
    candidates = [(child, _texts(child, content)) for child in part.children]
    candidates.sort(key=lambda candidate: candidate[0].type != "text/plain")
    return next((texts for _, texts in candidates if any(t.strip() for t in texts)), [])


def _same(new: list[str], old: list[str]) -> bool:
    return bool(new) and "".join("".join(new).split()) == "".join("".join(old).split())


def _is_body(part: Part, *, is_root: bool) -> bool:
    """A text part that belongs to the letter: no file name (but the only part may carry one), not marked attachment."""
    return (
        part.type in _BODY_TYPES
        and part.disposition.word != "attachment"
        and (is_root or not part.filename)
        and not part.disposition.get("filename")
    )


def _decoded(part: Part, content: Content) -> str:
    """The text of a body part, plain (text.plain), HTML rendered, format=flowed joined."""
    data = part.data
    room = max(TEXT_MAX - content.octets, 0)
    content.octets += len(data)
    if len(data) > room:
        data = data[:room]
        content.damage.append(f"text over {TEXT_MAX} octets")
    declared = part.content_type.get("charset")
    is_html = part.type == "text/html"
    if is_html and not declared and (meta := _META_CHARSET.search(data[:4096])):
        declared = meta[1].decode("ascii", "replace")
    decoded = charset.decode(data, declared or None)
    if decoded.repair:
        content.repairs.append(f"body: {decoded.repair}")
    if decoded.lossy:
        content.damage.append("body: bytes that no charset explains")
    if is_html:
        return text.plain(html_text.to_text(decoded.text))
    if part.content_type.get("format").lower() == "flowed":
        return text.plain(text.unflow(decoded.text, delsp=part.content_type.get("delsp").lower() == "yes"))
    return text.plain(decoded.text)


def _is_tnef_only(content: Content) -> bool:
    """Outlook's winmail.dat and nothing a person could read beside it."""
    names = [a.content_type in _TNEF or a.filename.lower() == "winmail.dat" for a in content.attachments]
    return bool(names) and all(names) and not any(t.strip() for t in content.texts)
