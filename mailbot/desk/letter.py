"""A letter of a ticket as a person of the office may see it: masked text, harmless HTML, its files by name and verdict.

Nothing of it reaches out: no picture, no link, no style of the sender.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import nh3
from sqlalchemy import Connection, exists, select

from mailbot.inbox import message_of
from mailbot.model import Attachment, InboundMessage, Request
from mailbot.parsing import headers, rich
from mailbot.parsing.mime import parse
from mailbot.parsing.text import plain
from mailbot.request import phrase
from mailbot.secret import Secret
from mailbot.storage import personal
from mailbot.storage.schema import application_view, decision, inbox, raw_message
from mailbot.text.mask import mask
from mailbot.tickets import view

AT_ONCE = 400_000
"""Octets of messages that are read while the page of their ticket is made; what is more is asked for one by one."""
LETTERS = 10
"""So many are read at most: the oldest, which opened the ticket, and the newest."""

_TAGS = {
    *("p", "br", "div", "span", "b", "strong", "i", "em", "u", "s", "ul", "ol", "li", "blockquote", "pre", "hr"),
    *("table", "thead", "tbody", "tfoot", "tr", "td", "th", "sub", "sup"),
}
CLEAN = "clean"
_GONE = {"script", "style", "title", "svg", "math", "noscript", "template", "iframe", "object", "textarea", "select"}
"""Tags whose content goes with them."""


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A file of a letter. verdict: word of signatures.report.Verdict, or "" when nobody looked."""

    place: int
    name: str
    content_type: str
    size: int
    verdict: str = ""
    drawable: bool = False
    """A PDF, of which the locked process can draw the first pages."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One letter. Every text is masked (text.mask)."""

    inbox_id: int
    received_at: datetime
    size: int
    outcome: str
    rule: str
    facts: Mapping[str, str]
    notes: Mapping[str, Any]
    pictures: tuple[str, ...]
    """Names of what the reader saw of its application (tickets/view.py)."""
    reports: tuple[Mapping[str, Any], ...] = ()
    application: Mapping[str, str] = field(default_factory=dict)
    """What its application says (model.ApplicationCheck.read)."""
    erased: bool = False
    """Its octets are not there any more (mailbot.retention)."""
    read: bool = False
    """The rest is known."""
    sender: str = ""
    """From, as the sender's program wrote it."""
    subject: str = ""
    text: str = ""
    quoted: str = ""
    """The whole text, where it holds more: quotes, signatures."""
    html: str = ""
    files: tuple[Enclosed, ...] = ()
    damage: tuple[str, ...] = ()
    request: Request | None = field(default=None, repr=False)


def shown(connection: Connection, secret: Secret, ids: Sequence[int], *, most: int = AT_ONCE) -> list[Shown]:
    """The letters ``ids``, oldest first; over ``most`` octets and LETTERS, and where it was erased, they come without
    content. Raises SealBroken."""
    i, d = inbox.c, decision.c
    there = exists().where(raw_message.c.inbox_id == i.id).label("there")
    columns = (i.id, i.received_at, i.size, i.outcome, d.rule, d.facts, there, *personal.NOTES)
    wanted = select(*columns).outerjoin(decision, d.inbox_id == i.id).where(i.id.in_(ids)).order_by(i.id)
    seen = _pictures(connection, ids)
    rows = connection.execute(wanted).mappings().all()
    read = _at_once([(row["id"], row["size"]) for row in rows if row["there"]], most)
    found = []
    for row in rows:
        checked = view.checked(connection, secret, row["id"])
        about = Shown(
            inbox_id=row["id"],
            received_at=row["received_at"],
            size=row["size"],
            outcome=row["outcome"] or "",
            rule=row["rule"] or "",
            facts=row["facts"] or {},
            notes=personal.noted_of(secret, row) if row["inbox_id"] else {},
            pictures=seen.get(row["id"], ()),
            erased=not row["there"],
            reports=checked.reports if checked else (),
            application=checked.read if checked else {},
        )
        found.append(_with_content(about, *message(connection, secret, row["id"])) if row["id"] in read else about)
    return found


def _at_once(sizes: Sequence[tuple[int, int]], most: int) -> frozenset[int]:
    """Which of the letters (id, octets; oldest first) are read: the first, then the newest."""
    read: list[int] = []
    for inbox_id, size in (*sizes[:1], *reversed(sizes[1:])):
        if size <= most and len(read) < LETTERS:
            read.append(inbox_id)
            most -= size
    return frozenset(read)


def message(connection: Connection, secret: Secret, inbox_id: int) -> tuple[bytes, InboundMessage]:
    """The octets of a letter, and what they say. Raises SealBroken, NoResultFound."""
    wanted = select(inbox, raw_message.c.raw).join(raw_message, raw_message.c.inbox_id == inbox.c.id)
    row = connection.execute(wanted.where(inbox.c.id == inbox_id)).mappings().one()
    received = message_of(row, secret)
    return received.raw, parse(received.raw, received.envelope, frozenset())


def withheld(connection: Connection, inbox_id: int) -> str:
    """Why the octets of a letter are handed out only to who says that it must be: what the virus scanner said of it;
    empty: nothing."""
    wanted = select(decision.c.notes).where(decision.c.inbox_id == inbox_id)
    notes = connection.execute(wanted).scalars().first() or {}
    return "" if notes.get("scan", CLEAN) == CLEAN else str(notes["scan"])


def _with_content(about: Shown, raw: bytes, letter: InboundMessage) -> Shown:
    verdicts = {report["file"]: report["verdict"] for report in about.reports}
    text, whole = _safe(letter.text), _safe(letter.full_text)
    return replace(
        about,
        read=True,
        sender=_safe(", ".join(headers.decode(value).text for value in letter.all("from"))),
        subject=_safe(letter.subject),
        text=text,
        quoted=whole if whole != text else "",
        html=harmless(rich.html(raw), letter),
        files=tuple(_enclosed(n, file, verdicts) for n, file in enumerate(letter.attachments)),
        damage=letter.damage,
        request=phrase.read(letter.text, attachments=bool(letter.attachments)),
    )


def _enclosed(place: int, file: Attachment, verdicts: Mapping[str, str]) -> Enclosed:
    verdict, drawable = verdicts.get(file.filename, ""), is_pdf(file.data)
    return Enclosed(place, _safe(file.filename), file.content_type, len(file.data), verdict, drawable)


def is_pdf(octets: bytes) -> bool:
    """Whether the octets begin as a PDF does."""
    return octets.startswith(b"%PDF-")


def harmless(html: str, letter: InboundMessage) -> str:
    """``html`` as plain structure: no attribute, link, picture, script or style. "" where the letter holds what is
    masked: a number may be cut in two by tags."""
    if not html or mask(letter.full_text) != letter.full_text:
        return ""
    clean = nh3.clean(html, tags=_TAGS, clean_content_tags=_GONE, attributes={}, strip_comments=True, link_rel=None)
    words = " ".join(nh3.clean(clean, tags=set(), attributes={}).split())
    return clean if words and mask(words) == words and mask("".join(words.split())) == "".join(words.split()) else ""


def _safe(text: str) -> str:
    """Masked, without characters that turn or hide others."""
    return mask(plain(text))


def _pictures(connection: Connection, ids: Sequence[int]) -> Mapping[int, tuple[str, ...]]:
    v = application_view.c
    which = (v.inbox_id.in_(ids), v.name.like("page-%"))
    found: dict[int, tuple[str, ...]] = {}
    for row in connection.execute(select(v.inbox_id, v.name).where(*which).order_by(v.name)):
        found[row.inbox_id] = (*found.get(row.inbox_id, ()), row.name)
    return found
