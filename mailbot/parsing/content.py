"""The MIME tree → what the person wrote and what is attached."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mailbot.model import Attachment
from mailbot.parsing import charset, html_text, parts, text, tnef
from mailbot.parsing.bounds import TEXT_MAX
from mailbot.parsing.structure import MimePart

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_CONTAINERS = {
    "application/pkcs7-mime": "S/MIME envelope",
    "application/x-pkcs7-mime": "S/MIME envelope",
    "multipart/encrypted": "encrypted",
    "message/partial": "a fragment",
}
_UTF7 = frozenset({"utf-7", "unicode-1-1-utf-7", "unicode-2-0-utf-7", "x-unicode-2-0-utf-7"})
_WORD = re.compile(r"[^\W_]{3,}")
_MORE = 5
"""Words that only the HTML has before it says more than the plain text: below it is a button or a name of a link."""


@dataclass(slots=True)
class Content:
    """Filled while the tree is walked."""

    texts: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    outlook: list[str] = field(default_factory=list)
    """The letter as winmail.dat has it."""
    octets: int = 0
    """Text octets decoded so far."""


def collect(root: MimePart) -> Content:
    """Text fragments in order, attachments, repairs and damage of a tree. Linear; never raises on its own account."""
    content = Content()
    for part in root.walk():
        content.repairs += [f"part {part.type}: {repair}" for repair in part.repairs]
        content.damage += part.damage
        content.unread += part.unread
    content.texts = _texts(root, content, is_root=True)
    if not any(t.strip() for t in content.texts) and content.outlook:
        content.texts = content.outlook
        content.repairs.append("the letter is read from winmail.dat")
    if root.type in _CONTAINERS and not (root.children and root.type != "multipart/encrypted"):
        content.damage.append(f"{_CONTAINERS[root.type]} ({root.type}): the text is inside")
    if _is_tnef_only(content):
        content.damage.append("all content is in a TNEF container (winmail.dat)")
    return content


def _texts(part: MimePart, content: Content, parent: MimePart | None = None, *, is_root: bool = False) -> list[str]:
    """Text fragments of ``part``; what is no text becomes an attachment on the way."""
    if part.type == "multipart/alternative":
        return _alternative(part, content)
    if part.children:
        if reason := parts.unread(part):
            content.unread.append(reason)
        texts: list[str] = []
        for child in part.children:
            found = _texts(child, content, part)
            if child.type == "text/html" and _same(found, texts):
                continue  # plain and HTML side by side, though they are alternatives
            texts += found
        return texts
    if parts.is_body(part, is_root=is_root):
        return [_decoded(part, content)]
    if (part.data or part.filename) and not parts.is_trimming(part, parent):
        _attach(part, content)
    return []


def _attach(part: MimePart, content: Content) -> None:
    if parts.is_tnef(part) and (container := tnef.read(part.data)):
        _unpack(container, content)
        return
    if reason := parts.unread(part):
        content.unread.append(reason)
    name = text.plain(part.filename).strip()
    content.attachments.append(Attachment(name, part.type, part.data))
    if parts.is_tnef(part):
        content.unread.append("winmail.dat that cannot be read")


def _unpack(container: tnef.Container, content: Content) -> None:
    """Outlook's container: its files are those of the mail, its letter serves where the mail has no other."""
    letter = text.plain(container.text or html_text.to_text(container.html))[:TEXT_MAX]
    if letter.strip():
        content.outlook.append(letter)
    else:
        content.unread.append(f"winmail.dat {'with its letter as RTF' if container.rich else 'without a letter'}")
    for file in container.files:
        if file.data is None:
            content.unread.append("a message or object in winmail.dat")
        else:
            kind = file.content_type or "application/octet-stream"
            content.attachments.append(Attachment(text.plain(file.name).strip(), kind, file.data))


def _alternative(part: MimePart, content: Content) -> list[str]:
    """RFC 2046 §5.1.4, but plain text first: the first child that begins with non-blank plain text, else HTML.

    Plain text that only says "your program shows no HTML" gives way to the HTML.
    """
    candidates = [(child, _texts(child, content, part)) for child in part.children]
    candidates.sort(key=lambda candidate: candidate[0].type != "text/plain")
    filled = [texts for _, texts in candidates if any(t.strip() for t in texts)]
    if len(filled) < 2:
        return next(iter(filled), [])
    if _words(filled[0]) == _words(filled[-1]):
        return filled[0]
    plain, rich = (set(_WORD.findall("\n".join(texts).lower())) for texts in (filled[0], filled[-1]))
    if len(rich - plain) < _MORE:
        return filled[0]
    if len(plain) < len(rich) and 2 * len(rich & plain) < len(plain):
        content.repairs.append("plain text that is another than the HTML: the HTML is read")
        return filled[-1]
    content.unread.append("HTML that says more than the plain text")
    return filled[0]


def _words(texts: list[str]) -> list[str]:
    return [word for text in texts for word in text.split()]


def _same(new: list[str], old: list[str]) -> bool:
    return bool(new) and "".join("".join(new).split()) == "".join("".join(old).split())


def _decoded(part: MimePart, content: Content) -> str:
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
    if declared.lower() in _UTF7:
        decoded = charset.decode_utf7(data)
    else:
        decoded = charset.decode(data, declared or None)
        # Many charsets look like ASCII, and Polish letters can be guessed wrong; nothing else looks like UTF-8.
        if declared and charset.codec(declared) is None and not (decoded.repair or "").endswith("utf-8"):
            content.unread.append(f"body: unknown charset {declared[:40]!r}")
    if decoded.repair:
        content.repairs.append(f"body: {decoded.repair}")
    if decoded.lossy:
        content.damage.append("body: bytes that no charset explains")
    if "-----BEGIN PGP MESSAGE" in decoded.text:
        content.unread.append("body: a PGP message")
    if part.type in ("text/enriched", "text/richtext"):
        return text.plain(text.unenriched(decoded.text))
    if is_html:
        return text.plain(html_text.to_text(decoded.text))
    if part.content_type.get("format").lower() == "flowed":
        return text.plain(text.unflow(decoded.text, delsp=part.content_type.get("delsp").lower() == "yes"))
    return text.plain(decoded.text)


def _is_tnef_only(content: Content) -> bool:
    """Outlook's winmail.dat and nothing a person could read beside it."""
    sealed = any("winmail.dat" in reason for reason in content.unread)
    names = [a.content_type in parts.TNEF or a.filename.lower() == "winmail.dat" for a in content.attachments]
    return sealed and all(names) and not any(t.strip() for t in content.texts)
