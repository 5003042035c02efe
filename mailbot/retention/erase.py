"""Erases messages and tickets: their words, names and addresses here, and with their keys in every copy.

What stays tells nothing of a person: that there was a message (the digests by which a second copy is known, the place
in the mailbox), how it was decided, what happened to the ticket, and the audit chain. The database is written first,
with the list of keys; then the keys go. What is cut off in between is ended by ``finish``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Text, cast, delete, func, insert, or_, select, update

from mailbot.audit import chain
from mailbot.errors import PermanentError
from mailbot.model import Desk, State
from mailbot.outbox import jobs
from mailbot.secret import HEAD, Secret, is_sealed, key_of
from mailbot.storage import personal
from mailbot.storage.desk import approval, desk_text, draft, ticket_link
from mailbot.storage.erasing import ERASED, erasure, key_ids, left_of, ticket_key
from mailbot.storage.keys import KeyStore
from mailbot.storage.outgoing import OCTETS, OUTGOING, outbox_raw
from mailbot.storage.registry import registry_change
from mailbot.storage.schema import (
    activation,
    application_view,
    decision,
    inbox,
    outbox,
    raw_message,
    ticket,
    ticket_event,
)

_LEFT = ("source", "mailbox", "uidvalidity", "uid", "note", "again", "wanted", "released")
"""What stays of an envelope: no address, no machine."""
_ENDED = datetime(1970, 1, 1, tzinfo=UTC)


class NotErased(PermanentError):
    """Something still needs what is to be erased. The text names it and the mend."""


@dataclass(frozen=True, slots=True)
class ErasureScope:
    """What is to be erased: rows of inbox and ticket; of the tickets, those that are open."""

    messages: tuple[int, ...]
    tickets: tuple[int, ...]
    open: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """What was erased. copies: the messages that may lie in the mailbox still, by folder and UID (RFC 9051)."""

    erasure: int
    messages: tuple[int, ...]
    tickets: tuple[str, ...]
    keys: int
    copies: tuple[str, ...]
    under_the_old_key: int
    """Sealed before there were keys of messages: gone here; a backup from that time opens with the key file."""


def of_ticket(connection: Connection, number: str) -> ErasureScope:
    """Ticket ``number`` with its messages, and with what was merged into it, whose letters are read there."""
    return of_tickets(
        connection, connection.execute(select(ticket.c.id).where(ticket.c.number == number)).scalars().all()
    )


def of_tickets(connection: Connection, ids: Sequence[int]) -> ErasureScope:
    """Tickets with their messages, and with what was merged into them."""
    return _found(connection, ids, ())


def of_address(connection: Connection, secret: Secret, address: str) -> ErasureScope:
    """Every ticket of ``address`` and every message from it, whatever became of it."""
    key, t, d = personal.key(address), ticket.c, decision.c
    spelled = {address, address.lower()}  # of other letters than those of ASCII a SQLite knows no small ones
    hashed = personal.hashed(secret, key)
    known = select(t.id).where(
        or_(t.correspondent.in_({*spelled, hashed}), func.lower(t.correspondent).in_({*spelled, key}))
    )
    sent = (d.sender.endswith(f":{one}", autoescape=True) for one in (key, hashed))
    by_sender = select(d.inbox_id).where(or_(*sent))
    envelope = func.lower(cast(inbox.c.envelope, Text))
    written = (*map(json.dumps, spelled), personal.hashed(secret, address.lower()))
    quotes = (envelope.contains(one.lower(), autoescape=True) for one in written)
    quoted = select(inbox.c.id).where(or_(*quotes))
    tickets = connection.execute(known).scalars().all()
    messages = {*connection.execute(by_sender).scalars(), *connection.execute(quoted).scalars()}
    return _found(connection, tickets, sorted(messages))


def _found(connection: Connection, tickets: Sequence[int], messages: Sequence[int]) -> ErasureScope:
    i, t, k = inbox.c, ticket.c, ticket_link.c
    ids, more = list[int](), list(tickets)
    while more:
        ids += more
        merged = select(k.ticket_id).where(k.other_id.in_(more), k.kind == "merged").order_by(k.ticket_id)
        more = [one for one in connection.execute(merged).scalars() if one not in ids]
    theirs = connection.execute(select(i.id).where(i.ticket_id.in_(ids))).scalars().all()
    still = select(t.number).where(t.id.in_(ids), t.closed_at.is_(None)).order_by(t.id)
    return ErasureScope(tuple(sorted({*theirs, *messages})), tuple(ids), tuple(connection.execute(still).scalars()))


def erase(
    connection: Connection, found: ErasureScope, actor: str, reason: str, now: datetime, what: str = "erase"
) -> ErasureReport:
    """Erase ``found`` in the database and write down which keys go with it (``finish``). The last thing of a
    transaction. Raises NotErased while a mail of it is being worked on or has to leave."""
    _refuse(connection, found)
    keys, old = _keys(connection, found)
    copies = _copies(connection, found)
    _messages(connection, found.messages)
    _tickets(connection, found.tickets)
    row = {"at": now, "actor": actor, "reason": reason, "what": what, "messages": list(found.messages)}
    row |= {"tickets": list(found.tickets), "keys": [key.hex() for key in keys]}
    number = connection.execute(insert(erasure).values(row).returning(erasure.c.id)).scalar_one()
    numbers = connection.execute(select(ticket.c.number).where(ticket.c.id.in_(found.tickets))).scalars().all()
    for one in numbers or ("messages",):
        chain.note(connection, now, actor, "erased", one, [number, list(found.messages)], reason=f"erasure {number}")
    return ErasureReport(number, found.messages, tuple(numbers), len(keys), copies, old)


def finish(connection: Connection, store: KeyStore, now: datetime, *, again: bool = False) -> int:
    """Erase the keys of every erasure that was not ended; returns how many erasures that were. ``again``: also those
    of the others, which are back when the store was put back from a backup."""
    e = erasure.c
    wanted = select(e.id, e["keys"].label("ids"), e.done_at).order_by(e.id)
    rows = connection.execute(wanted if again else wanted.where(e.done_at.is_(None))).all()
    ended = 0
    for row in rows:
        usable = store.erase([bytes.fromhex(key) for key in row.ids], now)
        if usable or row.done_at is None:
            connection.execute(update(erasure).where(e.id == row.id).values(done_at=now))
            ended += 1
    return ended


def _refuse(connection: Connection, found: ErasureScope) -> None:
    i, o = inbox.c, outbox.c
    working = select(i.id).where(i.id.in_(found.messages), i.state.in_((jobs.QUEUED, jobs.LEASED)))
    if ids := connection.execute(working).scalars().all():
        told = ", ".join(map(str, ids))
        raise NotErased(f"message {told}: is not decided yet; mend: wait until mailbot has read it")
    ends = (jobs.QUEUED, jobs.LEASED, jobs.WAITING)
    leaving = select(ticket.c.number).join(outbox).where(o.ticket_id.in_(found.tickets), o.state.in_(ends)).distinct()
    if numbers := connection.execute(leaving).scalars().all():
        raise NotErased(f"{', '.join(numbers)}: a mail has still to leave; mend: wait, or mailbot tickets mail cancel")
    t = ticket.c
    stopped = (t.desk == Desk.BEZPIECZENSTWO.value, t.state != State.KWARANTANNA.value, t.closed_at.is_(None))
    if numbers := connection.execute(select(t.number).where(t.id.in_(found.tickets), *stopped)).scalars().all():
        told = "was stopped, and keeps its login from asking again until a person has decided"
        raise NotErased(f"{', '.join(numbers)}: {told}; mend: mailbot tickets release, or close, and then erase")
    a = activation.c
    asked = select(ticket.c.number).join(activation).join(registry_change).where(a.ticket_id.in_(found.tickets))
    if numbers := connection.execute(asked).scalars().all():
        told = "the registry was asked to change its account and has not answered; mend: wait, mailbot finds it out"
        raise NotErased(f"{', '.join(numbers)}: {told}")


def _keys(connection: Connection, found: ErasureScope) -> tuple[list[bytes], int]:
    """The keys of everything, and how much is under none."""
    k, v, t, d = ticket_key.c, application_view.c, desk_text.c, draft.c
    connection.execute(select(ticket.c.id).where(ticket.c.id.in_(found.tickets)).with_for_update())
    connection.execute(select(inbox.c.id).where(inbox.c.id.in_(found.messages)).with_for_update())
    under = list(key_ids(connection, found.messages).values())
    for column, which in (
        (v.sealed, v.inbox_id.in_(found.messages)),
        (t.sealed, t.ticket_id.in_(found.tickets)),
        (d.sealed, d.ticket_id.in_(found.tickets)),
    ):
        sealed = connection.execute(select(column).where(which)).scalars()
        under += [key_of(one) for one in sealed if not one.startswith(chain.ERASED)]
    for source, one, which in (
        (ticket, ticket.c.sealed, ticket.c.id.in_(found.tickets)),
        (OUTGOING, OCTETS, outbox.c.ticket_id.in_(found.tickets)),
        (activation, activation.c.sealed, activation.c.ticket_id.in_(found.tickets)),
    ):
        first = select(func.substr(one, 1, HEAD)).select_from(source).where(which, one.is_not(None))
        heads = connection.execute(first).scalars()
        under += [key_of(bytes(head)) for head in heads if head is not None and is_sealed(bytes(head))]
    own = connection.execute(select(k.key_id).where(k.ticket_id.in_(found.tickets))).scalars()
    return sorted({*filter(None, under), *map(bytes, own)}), under.count(None)


def _copies(connection: Connection, found: ErasureScope) -> tuple[str, ...]:
    envelopes = connection.execute(select(inbox.c.envelope).where(inbox.c.id.in_(found.messages))).scalars()
    return tuple(f"{one['mailbox']} UID {one['uid']}" for one in envelopes if one.get("uid") is not None)


def _messages(connection: Connection, ids: Sequence[int]) -> None:
    connection.execute(delete(raw_message).where(raw_message.c.inbox_id.in_(ids)))
    connection.execute(delete(application_view).where(application_view.c.inbox_id.in_(ids)))
    nobody: dict[str, Any] = {"notes": {}, "sealed": None, "sender": None, "domain": None, "asked": None}
    connection.execute(update(decision).where(decision.c.inbox_id.in_(ids)).values(nobody))
    i = inbox.c
    for row in connection.execute(select(i.id, i.envelope, i.message_key).where(i.id.in_(ids))).all():
        key = row.message_key
        known = key if key is None or key.startswith(ERASED) or personal.is_hashed(key) else left_of(key)
        left = {"envelope": _left(row.envelope), "last_error": None, "message_key": known}
        connection.execute(update(inbox).where(inbox.c.id == row.id).values(left))


def _left(envelope: Mapping[str, Any]) -> dict[str, Any]:
    return {name: envelope[name] for name in _LEFT if name in envelope} | {"rcpt_to": []}


def _tickets(connection: Connection, ids: Sequence[int]) -> None:
    t, o, a, d = ticket.c, outbox.c, activation.c, desk_text.c
    nobody = dict.fromkeys(("correspondent", "person", "person_key", "sealed"))
    connection.execute(update(ticket).where(t.id.in_(ids)).values(nobody))
    mails = {"recipient": "", "return_path": "", "raw": b"", "last_error": None}
    connection.execute(update(outbox).where(o.ticket_id.in_(ids)).values(mails))
    connection.execute(delete(outbox_raw).where(outbox_raw.c.outbox_id.in_(select(o.id).where(o.ticket_id.in_(ids)))))
    given_up = (o.ticket_id.in_(ids), o.state == jobs.BURIED)
    connection.execute(update(outbox).where(*given_up).values(state=jobs.CANCELLED))  # nothing is left to try again
    ended = {"login": "", "new_login": None, "sealed": None, "expires_at": _ENDED}
    connection.execute(update(activation).where(a.ticket_id.in_(ids)).values(ended))
    connection.execute(update(approval).where(approval.c.ticket_id.in_(ids)).values(digest=""))
    connection.execute(delete(draft).where(draft.c.ticket_id.in_(ids)))
    for row in connection.execute(select(d.id, d.sealed).where(d.ticket_id.in_(ids))).all():
        connection.execute(update(desk_text).where(d.id == row.id).values(sealed=chain.erased(row.sealed)))
    connection.execute(delete(ticket_key).where(ticket_key.c.ticket_id.in_(ids)))


def quoted(connection: Connection, found: ErasureScope, address: str) -> Sequence[int]:
    """Events of the tickets that still quote ``address``: the words of a server, which the chain holds."""
    e = ticket_event.c
    words = func.lower(cast(e.detail, Text)).contains(address.lower(), autoescape=True)
    return connection.execute(select(e.id).where(e.ticket_id.in_(found.tickets), words)).scalars().all()
