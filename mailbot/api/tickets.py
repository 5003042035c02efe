"""What is read: the list, one ticket, its history, its correspondence, what may be done."""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Any

from aiohttp import web
from sqlalchemy import Connection, Row, select

from mailbot.api import answers
from mailbot.api.context import TOKEN, ApiContext
from mailbot.api.problems import RequestRefused
from mailbot.desk import case, offers, search, todo
from mailbot.desk.refusals import sentence
from mailbot.desk.search import Which
from mailbot.desk.sight import masked, shown
from mailbot.desk.view import TicketView
from mailbot.model import Desk, Operator, State
from mailbot.secret import Secret
from mailbot.storage.schema import ticket

MOST = 100
"""Tickets of one page."""
_ID, _MAC = 8, 16  # octets of a cursor
_UNSENT = frozenset({"mail-undeliverable", "mail-not-sent"})
"""Events whose reason is what the mail server said."""
_TAGS = re.compile(r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


@dataclass(frozen=True, slots=True)
class Listing:
    """The parameters of the list. since: opened then or later; limit: 1 to 100; cursor: "next" of the page before,
    with the same other parameters."""

    state: State | None = None
    desk: Desk | None = None
    category: str | None = None
    since: datetime | None = None
    limit: int = todo.PAGE
    cursor: str | None = None


async def listed(api: ApiContext, request: web.Request, asked: Listing) -> answers.TicketPage:
    """The tickets this token sees, oldest first: what is opened meanwhile stands behind, on a later page."""
    if not 1 <= asked.limit <= MOST:
        raise RequestRefused(400, "parameter", "limit: 1 to 100", [("limit", f"1 to {MOST}")])
    operator = request[TOKEN]
    which = Which(asked.state, asked.desk, asked.category, asked.since)
    context = f"{operator.name} {which!r}"
    after = _opened(api.secret, asked.cursor, context) if asked.cursor is not None else 0
    now = api.clock()
    found = await api.database.read(
        lambda c: search.page(c, api.secret, operator, which, now, after=after, limit=asked.limit + 1)
    )
    page, hidden = found[: asked.limit], masked(operator)
    following = _closed(api.secret, page[-1].ticket_id, context) if len(found) > asked.limit else None
    return answers.TicketPage(tuple(answers.line(one, hidden) for one in page), following)


async def one(api: ApiContext, request: web.Request) -> tuple[answers.Ticket, str]:
    """One ticket, and its entity tag."""
    operator, now = request[TOKEN], api.clock()

    def read(connection: Connection) -> answers.Ticket:
        found = _seen(api, connection, request)
        row: Row[Any] = connection.execute(select(ticket).where(ticket.c.id == found.ticket_id)).one()
        (entry,) = todo.entries(connection, api.secret, [row], operator, now)
        hidden = masked(operator)
        return answers.ticket(found, entry, api.tag(connection, found.version, hidden=hidden), hidden)

    found = await api.database.read(read)
    return found, found.etag


def unchanged(request: web.Request, tag: str) -> bool:
    """Whether If-None-Match names ``tag`` (RFC 9110 §13.1.2: weakly compared)."""
    sent = ", ".join(request.headers.getall("If-None-Match", []))
    return sent.strip() == "*" or tag.strip('"') in _TAGS.findall(sent)


async def history(api: ApiContext, request: web.Request) -> answers.History:
    """What happened, with what people wrote."""
    operator = request[TOKEN]

    def read(connection: Connection) -> answers.History:
        found = _seen(api, connection, request)
        texts = case.texts_of(connection, api.secret, found.ticket_id)
        events = case.events_of(connection, found.ticket_id)
        told = tuple(_event(event, texts.get(event.id, []), operator) for event in events)
        return answers.History(found.number, found.version, told)

    return await api.database.read(read)


def _event(event: Row[Any], texts: list[tuple[str, str]], operator: Operator) -> answers.Event:
    hidden, detail = masked(operator), event.detail
    reason = detail.get("answer") or (detail.get("reason") if event.kind in _UNSENT else None)
    return answers.Event(
        id=event.id,
        at=event.at,
        kind=event.kind,
        by=_word(detail.get("by")),
        mail=_word(detail.get("kind")),
        reason=shown(hidden, str(reason)) if reason else None,
        texts=tuple(answers.Words(kind, shown(hidden, text)) for kind, text in texts),
    )


def _word(said: object) -> str | None:
    return None if said is None else str(said)


async def correspondence(api: ApiContext, request: web.Request) -> answers.Correspondence:
    """What came and what left."""
    hidden = masked(request[TOKEN])
    found = await api.database.read(lambda c: _seen(api, c, request))
    return answers.Correspondence(
        number=found.number,
        answered_at=found.answered_at,
        alarm=found.alarm,
        letters=tuple(map(answers.letter, found.letters)),
        mails=tuple(answers.mail(mail, hidden) for mail in found.mails),
    )


async def possible(api: ApiContext, request: web.Request) -> answers.Possible:
    """What may be asked for now."""
    operator = request[TOKEN]

    def read(connection: Connection) -> tuple[TicketView, str]:
        found = _seen(api, connection, request)
        return found, api.tag(connection, found.version, hidden=masked(operator))

    found, tag = await api.database.read(read)
    cannot = {action: sentence(why, operator.language) for action, why in offers.withheld(found, operator).items()}
    return answers.Possible(found.number, found.version, tag, offers.offered(found, operator), cannot)


def _seen(api: ApiContext, connection: Connection, request: web.Request) -> TicketView:
    return api.seen(connection, request.match_info["number"], request[TOKEN])


def _closed(secret: Secret, ticket_id: int, context: str) -> str:
    """A place in the list of ``context``: nobody else makes one, and it fits no other list."""
    place = ticket_id.to_bytes(_ID, "big")
    return urlsafe_b64encode(place + _mac(secret, place, context)).decode().rstrip("=")


def _opened(secret: Secret, cursor: str, context: str) -> int:
    try:
        octets = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except ValueError:
        octets = b""
    place, mac = octets[:_ID], octets[_ID:]
    if not compare_digest(mac, _mac(secret, place, context)):
        told = "cursor: take next of the page before, and leave the other parameters as they were"
        raise RequestRefused(400, "cursor", told, [("cursor", "is none of this list")])
    return int.from_bytes(place, "big")


def _mac(secret: Secret, place: bytes, context: str) -> bytes:
    return secret.mac("api cursor", f"{place.hex()} {hashlib.sha256(context.encode()).hexdigest()}")[:_MAC]
