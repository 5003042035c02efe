"""Everything about one ticket in one file, so that the office can show years later why a login was changed.

What people read is dossier.html; what a program verifies is in the others (audit.packed). Letters and mails are there
as octets; what is shown of them is masked as on the desk.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import Connection, Row, insert, select

from mailbot.audit import chain
from mailbot.audit.packed import CHAIN, DOSSIER, pack
from mailbot.audit.verify import head
from mailbot.clocks import WARSAW
from mailbot.desk import case, letter
from mailbot.desk.letter import Shown
from mailbot.model.outcomes import OUTCOMES
from mailbot.secret import Secret
from mailbot.storage import personal
from mailbot.storage.desk import audit, ticket_link
from mailbot.storage.outgoing import MAIL, OUTGOING
from mailbot.storage.personal import Addressed
from mailbot.storage.schema import decision, inbox, outbox, raw_message, ticket, ticket_event
from mailbot.storage.tried import rules_tried
from mailbot.text.mask import mask
from mailbot.tickets import view
from mailbot.tickets.tried import OF, TRACE

_FAR = 200_000
"""Rows of the chain that are followed: a dossier does not hold the whole chain of years."""


def take_over(connection: Connection, zgl: str) -> int | None:
    """Bring the history of ticket ``zgl`` into the chain as far as it is; its id. None: there is no such ticket. In a
    transaction of its own: the head of the chain is held no longer than that."""
    ticket_id = connection.execute(select(ticket.c.id).where(ticket.c.number == zgl)).scalar_one_or_none()
    while ticket_id is not None and chain.take_over(connection, 500, ticket_event.c.ticket_id == ticket_id):
        pass
    return ticket_id


def make(connection: Connection, secret: Secret, ticket_id: int, now: datetime) -> tuple[bytes, str]:
    """The dossier, and the digest of its manifest. Whoever asks must ``note`` it before they give it to anybody.
    Raises SealBroken."""
    row = connection.execute(select(ticket).where(ticket.c.id == ticket_id)).one()
    return pack(_files(connection, secret, row, now))


def note(
    connection: Connection, ticket_id: int, digest: str, now: datetime, actor: str, who: Mapping[str, Any]
) -> None:
    """That octets of letters were read, by ``actor``, stands in the history of the ticket and in the chain, with the
    digest of the manifest: so a dossier can be told from a false one later. The last thing of a transaction."""
    made = {"ticket_id": ticket_id, "at": now, "kind": "dossier", "detail": {**who, "manifest": digest}}
    event = connection.execute(insert(ticket_event).values(made).returning(ticket_event.c.id)).scalar_one()
    chain.record(connection, [event], actor, reason=digest)


def _files(connection: Connection, secret: Secret, row: Row[Any], now: datetime) -> dict[str, bytes]:
    ids = _letter_ids(connection, row.id)
    raws = {
        n: letter.message(connection, secret, n)[0]
        for n in _with_octets(connection, ids)
        if not letter.withheld(connection, n)
    }
    shown = letter.shown(connection, secret, list(raws), most=2**31)
    sent = select(*MAIL).select_from(OUTGOING).where(outbox.c.ticket_id == row.id)
    mails = connection.execute(sent.order_by(outbox.c.id)).all()
    ours = {mail.id: personal.addressed(secret, mail) for mail in mails}
    views = {f"views/{n}/{name}": data for n in ids for name, data in view.files(connection, secret, n).items()}
    told = {
        "made_at": now,
        "ticket": _ticket(secret, row),
        "letters": [_letter(one, raws[one.inbox_id]) for one in shown],
        "decisions": list(_decisions(connection, secret, ids)),
        "mails": [_mail(mail, ours[mail.id]) for mail in mails],
        "events": list(_events(connection, secret, row.id)),
        "views": sorted(views),
    }
    linked = _chain(connection, row.number)
    files = {f"letters/{n}.eml": raw for n, raw in raws.items()}
    files |= {f"mails/{mail.id}-{mail.kind}.eml": ours[mail.id].raw for mail in mails}
    files |= views
    files[DOSSIER], files[CHAIN] = _json(told), _json(linked)
    files["dossier.html"] = _page(told, shown, linked).encode()
    return files


def _letter_ids(connection: Connection, ticket_id: int) -> Sequence[int]:
    """Those of the ticket and of what was merged into it."""
    k = ticket_link.c
    merged = select(k.ticket_id).where(k.other_id == ticket_id, k.kind == "merged")
    which = (inbox.c.ticket_id == ticket_id) | inbox.c.ticket_id.in_(merged)
    return connection.execute(select(inbox.c.id).where(which).order_by(inbox.c.id)).scalars().all()


def _with_octets(connection: Connection, ids: Sequence[int]) -> Sequence[int]:
    """A message that was too large was only noted."""
    c = raw_message.c
    return connection.execute(select(c.inbox_id).where(c.inbox_id.in_(ids)).order_by(c.inbox_id)).scalars().all()


def _letter(one: Shown, raw: bytes) -> dict[str, Any]:
    return {
        "inbox": one.inbox_id,
        "received_at": one.received_at,
        "sender": one.sender,
        "subject": one.subject,
        "files": [{"name": file.name, "type": file.content_type, "verdict": file.verdict} for file in one.files],
        "signatures": one.reports,
        "application": one.application,
        "file": f"letters/{one.inbox_id}.eml",
        "sha256": hashlib.sha256(raw).hexdigest(),
    }


def _ticket(secret: Secret, row: Row[Any]) -> dict[str, Any]:
    whose = personal.whose(secret, row)
    known = {c.name: getattr(row, c.name) for c in ticket.c if c.name not in ("sealed", "person_key")}
    return known | {"correspondent": whose.address, "person": whose.name}


def _mail(mail: Row[Any], ours: Addressed) -> dict[str, Any]:
    return {
        "id": mail.id,
        "kind": mail.kind,
        "recipient": ours.recipient,
        "message_id": mail.message_id,
        "state": mail.state,
        "sent_at": mail.sent_at,
        "last_code": mail.last_code,
        "last_error": mail.last_error,
        "file": f"mails/{mail.id}-{mail.kind}.eml",
        "sha256": hashlib.sha256(ours.raw).hexdigest(),
    }


def _decisions(connection: Connection, secret: Secret, ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    d = decision.c
    columns = (d.inbox_id, d.decided_at, d.ruleset, d.rule, d.outcome, d.facts, d.notes, d.sealed, TRACE)
    wanted = select(*columns).outerjoin(rules_tried, OF).where(d.inbox_id.in_(ids))
    for row in connection.execute(wanted.order_by(d.inbox_id)).mappings():
        yield {name: value for name, value in row.items() if name != "sealed"} | {
            "notes": personal.noted_of(secret, row)
        }


def _events(connection: Connection, secret: Secret, ticket_id: int) -> Iterator[dict[str, Any]]:
    """The history with what people wrote, and the digests of that as it lies sealed."""
    events = case.events_of(connection, ticket_id)
    words = case.texts_of(connection, secret, ticket_id)
    sealed = chain.texts_of(connection, [event.id for event in events])
    for event in events:
        yield {
            "id": event.id,
            "ticket_id": event.ticket_id,
            "at": event.at,
            "kind": event.kind,
            "detail": event.detail,
            "chained": event.chained,
            "texts": [{"kind": kind, "text": mask(text)} for kind, text in words.get(event.id, ())],
            "sealed": [chain.text_digest(text) for text in sealed.get(event.id, ())],
        }


def _chain(connection: Connection, zgl: str) -> dict[str, Any]:
    """From the first row about the ticket on: its rows whole, of the others the digest of their content."""
    a, end = audit.c, head(connection)
    start = connection.execute(select(a.seq).where(a.object == zgl).order_by(a.seq).limit(1)).scalar_one_or_none()
    first = start or end.seq + 1
    last = min(end.seq, first + _FAR)
    before = connection.execute(select(a.hash).where(a.seq == first - 1)).scalar_one_or_none()
    found = connection.execute(select(audit).where(a.seq >= first, a.seq <= last).order_by(a.seq)).mappings()
    links = [
        {"row": dict(row)} if row["object"] == zgl else {"seq": row["seq"], "content": chain.content_of(row)}
        for row in found
    ]
    return {
        "first": {"seq": first - 1, "hash": before or chain.FIRST},
        "links": links,
        "last": last,
        "whole": last == end.seq,
        "head": {"seq": end.seq, "hash": end.hash},
    }


def _json(value: Any) -> bytes:
    return json.dumps(json.loads(chain.canonical(value)), ensure_ascii=False, indent=1).encode()


def _page(told: Mapping[str, Any], shown: Sequence[Shown], linked: Mapping[str, Any]) -> str:
    environment = Environment(
        loader=PackageLoader("mailbot.desk"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["moment"] = _moment
    environment.filters["words"] = _words
    rows = {one["row"]["after"]: one["row"] for one in linked["links"] if "row" in one}
    return environment.get_template("dossier.html").render(
        **told, shown=shown, rows=rows, head=linked["head"], outcomes=OUTCOMES["pl"]
    )


def _words(found: Mapping[str, Any]) -> str:
    """Names and values, without the signs of a program."""
    told = {name: ", ".join(map(str, value)) if isinstance(value, list) else value for name, value in found.items()}
    return "; ".join(f"{name}: {value}" for name, value in told.items())


def _moment(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone(WARSAW):%Y-%m-%d %H:%M:%S}"
