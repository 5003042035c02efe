"""Bytes → InboundMessage. Pure: no clock, no files, no network; the same bytes always give the same value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from mailbot.model import Attachment, Envelope, InboundMessage
from mailbot.parsing import automatic, bounds, content, headers, quotes, tags
from mailbot.parsing.structure import Reader

_MESSAGE_ID = re.compile(rb"<([^<>\s]+)>")
_IDS_MAX = 50
_SINGLE = ("subject", "message-id", "content-type", "mime-version")
"""Fields that RFC 5322 §3.6 and RFC 2045 allow once. A doubled one makes a DKIM signature meaningless
(docs/design.md §1); From, To and Date are the matter of the sender package."""


@dataclass(frozen=True, slots=True)
class _Body:
    """What a body gave."""

    full_text: str = ""
    attachments: tuple[Attachment, ...] = ()
    repairs: tuple[str, ...] = ()
    damage: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def parse(
    raw: bytes,
    envelope: Envelope,
    own_addresses: frozenset[str],
    subject_tags: Sequence[str] = (),
    own_lists: frozenset[str] = frozenset(),
    ticket_systems: frozenset[str] = frozenset(),
) -> InboundMessage:
    """The message as understood. Never raises and never takes long: what is over a cap (bounds.py), broken or hostile
    gives ``damage`` and as much of the header as can be read safely.

    ``own_addresses``: the addresses of our own systems, normalised and lower case, for recognising echoes and loops.
    ``subject_tags``: what our own gateway puts in front of subjects. ``own_lists``, ``ticket_systems``: automatic.Own.
    """
    try:
        return _parse(raw, envelope, automatic.Own(own_addresses, own_lists, ticket_systems), subject_tags)
    except Exception as error:  # one bad message must never block the others (failures.md, no. 4)
        return _unreadable(f"parser failed: {type(error).__name__}")


def _parse(raw: bytes, envelope: Envelope, own: automatic.Own, subject_tags: Sequence[str]) -> InboundMessage:
    reasons = bounds.message_reasons(raw)
    mended = raw
    if b"\r" in raw[: bounds.HEADER_BLOCK_MAX] and b"\n" not in raw and not reasons:
        mended = raw.replace(b"\r", b"\n")
    block = headers.split(mended)
    reasons += bounds.block_reasons(block.fields, block.lines, cut_off=block.cut_off)
    fields, named = block.fields, block.named
    if reasons:
        fields = tuple(field for field in fields if bounds.field_reason(field) is None)
        named = headers.by_name(fields)
    decoded = headers.decode(_top(named, "subject"))
    subject = tags.without(decoded.text, subject_tags)
    body = _Body() if reasons else _body(mended, block)
    text = quotes.cut(body.full_text)
    return InboundMessage(
        headers=fields,
        subject=subject,
        message_id=_message_id(named),
        in_reply_to=_message_ids(named, "in-reply-to"),
        references=_message_ids(named, "references"),
        date=_date(_top(named, "date")),
        text=text,
        full_text=body.full_text,
        attachments=body.attachments,
        automatic=automatic.recognise(named, subject, text, body.attachments, envelope, own),
        repairs=(
            *(("bare CR line ends",) if mended is not raw else ()),
            *(f"subject: {repair}" for repair in decoded.repairs),
            *body.repairs,
        ),
        damage=(*reasons, *_header_damage(block), *body.damage),
        unread=body.unread,
    )


def _unreadable(reason: str) -> InboundMessage:
    return InboundMessage((), "", None, (), (), None, "", "", damage=(reason,))


def _body(raw: bytes, block: headers.Block) -> _Body:
    """Text and attachments; a failure leaves the header readable."""
    try:
        found = content.collect(Reader(raw).read(block))
    except bounds.OverLimit as error:
        return _Body(damage=(error.reason,))
    except Exception as error:  # as in parse(), but with the header kept
        return _Body(damage=(f"body parser failed: {type(error).__name__}",))
    return _Body(
        "\n".join(found.texts).strip("\n"),
        tuple(found.attachments),
        tuple(dict.fromkeys(found.repairs)),
        tuple(dict.fromkeys(found.damage)),
        tuple(dict.fromkeys(found.unread)),
    )


def _header_damage(block: headers.Block) -> tuple[str, ...]:
    """Header blocks that other programs may read in another way than we do."""
    if not block.fields:
        return (*block.remarks, "no header fields")
    doubled = [f"{name} stands {n} times" for name in _SINGLE if (n := len(block.named.get(name, ()))) > 1]
    return (*block.remarks, *doubled)


def _top(named: Mapping[str, Sequence[bytes]], name: str) -> bytes:
    return named[name][0] if name in named else b""


def _message_id(named: Mapping[str, Sequence[bytes]]) -> str | None:
    """The id of the only Message-ID field when it holds nothing else, else None."""
    ids = _message_ids(named, "message-id")
    alone = len(ids) == 1 == len(named["message-id"])
    return ids[0] if alone and _top(named, "message-id").strip() == ids[0].encode() else None


def _message_ids(named: Mapping[str, Sequence[bytes]], name: str) -> tuple[str, ...]:
    """The well-formed "<left@right>" of all fields called ``name``, 50 at most (RFC 5322 §3.6.4)."""
    found: list[str] = []
    for value in named.get(name, ()):
        for inner in _MESSAGE_ID.findall(headers.unfold(value)):
            left, _, right = inner.partition(b"@")
            if left and right and b"@" not in right and inner.isascii() and inner.decode("ascii").isprintable():
                found.append(f"<{inner.decode('ascii')}>")
    return tuple(found[:_IDS_MAX])


def _date(value: bytes) -> datetime | None:
    """RFC 5322 §3.3, aware; -0000 (zone unknown) is taken as UTC; None when it is no date."""
    try:
        moment = parsedate_to_datetime(headers.unfold(value).decode("ascii"))
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except Exception:  # email.utils raises many kinds on foreign input
        return None
