"""Reads one ticket as the desk judges it (view.TicketView). Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, exists, select

from mailbot.accounts.directory import Directory
from mailbot.audit.chain import ERASED
from mailbot.desk.plan import Refusal
from mailbot.desk.requests import AcceptB, ActionRequest, Link, Merge
from mailbot.desk.roles import WORKERS
from mailbot.desk.view import (
    LETTERS,
    LOOKED,
    NEWS,
    Applied,
    FirstHalf,
    Happened,
    LinkRow,
    MailRow,
    Other,
    TicketMessage,
    TicketView,
    Undo,
)
from mailbot.model import Account, ApplicationCheck, AuthResult, Desk, Outcome, State
from mailbot.model.operator import Operator, Role
from mailbot.secret import Secret
from mailbot.storage import personal
from mailbot.storage.desk import approval, desk_text, ticket_link
from mailbot.storage.desk import operator as operators
from mailbot.storage.outgoing import MAIL, OUTGOING
from mailbot.storage.schema import activation, decision, inbox, outbox, raw_message, ticket, ticket_event
from mailbot.text.address import login_key
from mailbot.tickets import hold, number, view
from mailbot.tickets.used_applications import UsedApplications

_TEXT = "desk text"
_ASIDE = frozenset({"note", "call", "linked"})
"""Events behind which what was written last may still be taken back."""


def read(
    connection: Connection, zgl: str, secret: Secret, directory: Directory, request: ActionRequest | None = None
) -> TicketView | None:
    """The ticket ``zgl``, with what ``request`` names besides; None: there is none. Raises SealBroken."""
    row = connection.execute(select(ticket).where(ticket.c.number == zgl)).first()
    if row is None:
        return None
    events = events_of(connection, row.id)
    decided = connection.execute(select(decision).where(decision.c.inbox_id == row.inbox_id)).first()
    checked = view.checked(connection, secret, row.inbox_id)
    correspondent = personal.whose(secret, row).address
    account = directory.find(connection, correspondent) if correspondent else None
    old = _old_account(connection, directory, checked, request)
    calls, letters = [event for event in events if event.kind == "call"], _letters(connection, row)
    newest = max((letter.received_at for letter in letters), default=row.opened_at)
    return TicketView(
        ticket_id=row.id,
        number=row.number,
        version=version_of(events),
        category=row.category,
        state=State(row.state),
        desk=row.desk,
        owner=_owner(connection, row.owner),
        language=row.language,
        correspondent=correspondent,
        opened_at=row.opened_at,
        promised_at=row.promised_at,
        reply_by=row.reply_by,
        answered_at=row.answered_at,
        closed_at=row.closed_at,
        alarm=row.alarm,
        inbox_id=row.inbox_id,
        rule=decided.rule if decided else "",
        outcome=decided.outcome if decided else "",
        facts=decided.facts if decided else {},
        account=account,
        applied=_applied(connection, secret, checked) if checked else None,
        old_account=old,
        namesake=old is not None and directory.has_namesake(connection, old),
        link=_link(connection, secret, row.id),
        mails=_mails(connection, secret, row.id),
        letters=letters,
        first=_first_half(connection, row.id),
        pepper=personal.hashed(secret, f"approval {row.id}") if secret.hiding else "",
        looked=frozenset(str(event.detail.get("by")) for event in events if event.kind == LOOKED),
        called=any(call.at >= newest for call in calls),
        identified=any(call.detail.get("identified") == 1 for call in calls),
        merged_into=_merged_into(connection, row),
        decided=decided is not None,
        secured=_secured(events, decided.outcome if decided else ""),
        was_quarantined=any(event.kind == "came-out" and event.detail.get("of") == "quarantine" for event in events),
        blocked=_blocked(connection, secret, account, old),
        stopped_from=_stopped_from(events),
        undo=_undo(events),
        new_letter=_new_letter(events),
        others=_others(connection, secret, request),
    )


def events_of(connection: Connection, ticket_id: int) -> Sequence[Row[Any]]:
    """The history of a ticket, oldest first."""
    c = ticket_event.c
    return connection.execute(select(ticket_event).where(c.ticket_id == ticket_id).order_by(c.id)).all()


def version_of(events: Sequence[Row[Any]]) -> int:
    """The newest event that is more than news of the transport or of a clock; 0: there is none."""
    return max((event.id for event in events if event.kind not in NEWS), default=0)


def since(connection: Connection, secret: Secret, ticket_id: int, version: int) -> tuple[Happened, ...]:
    """What made the versions behind ``version``, with what people wrote."""
    newer = [e for e in events_of(connection, ticket_id) if e.id > version and e.kind not in NEWS]
    texts = texts_of(connection, secret, ticket_id)
    return tuple(
        Happened(e.id, e.at, e.kind, str(e.detail.get("by", "")), "\n\n".join(t for _, t in texts.get(e.id, ())))
        for e in newer
    )


def texts_of(connection: Connection, secret: Secret, ticket_id: int) -> Mapping[int, list[tuple[str, str]]]:
    """Event → (kind, words) of what people wrote about a ticket. Raises SealBroken."""
    c = desk_text.c
    found: dict[int, list[tuple[str, str]]] = {}
    for row in connection.execute(select(desk_text).where(c.ticket_id == ticket_id).order_by(c.id)):
        if row.sealed.startswith(ERASED):
            words = "[usunięto]"
        else:
            words = secret.unseal(_TEXT, row.sealed, _context(ticket_id, row.event_id, row.kind)).decode()
        found.setdefault(row.event_id, []).append((row.kind, words))
    return found


def seal(
    secret: Secret, ticket_id: int, event_id: int, kind: str, words: str, key_id: bytes | None = None
) -> dict[str, Any]:
    """The row of desk_text for what a person wrote. ``key_id``: that of the ticket."""
    sealed = secret.seal(_TEXT, words.encode(), _context(ticket_id, event_id, kind), key_id)
    return {"ticket_id": ticket_id, "event_id": event_id, "kind": kind, "sealed": sealed}


def _context(ticket_id: int, event_id: int, kind: str) -> bytes:
    return f"{ticket_id} {event_id} {kind}".encode()


def colleagues(connection: Connection) -> Mapping[str, Operator]:
    """The active operators, by name."""
    rows = connection.execute(select(operators).where(operators.c.state == "active"))
    return {
        row.name: Operator(
            row.id, row.name, row.display, frozenset(map(Role, row.roles)), frozenset(row.desks), row.language
        )
        for row in rows
    }


def _old_account(
    connection: Connection, directory: Directory, checked: ApplicationCheck | None, request: ActionRequest | None
) -> Account | None:
    """Of the login the application names; where the machine could not read it, of the one the person has read."""
    read_there = checked.old_login if checked else None
    named = read_there or (request.old_login if isinstance(request, AcceptB) else None)
    return directory.find(connection, named) if named else None


def _applied(connection: Connection, secret: Secret, checked: ApplicationCheck) -> Applied:
    return Applied(
        state=checked.state.value,
        whole=checked.whole,
        old_login=checked.old_login,
        applicant=checked.applicant,
        body=checked.body,
        payload_sha256=checked.payload_sha256,
        signature_sha256=checked.signature_sha256,
        replayed=UsedApplications(connection, [checked], secret).seen(checked),
    )


def _link(connection: Connection, secret: Secret, ticket_id: int) -> LinkRow | None:
    row = connection.execute(select(activation).where(activation.c.ticket_id == ticket_id)).first()
    return LinkRow(*personal.logins(secret, row), row.expires_at, row.used_at) if row else None


def _mails(connection: Connection, secret: Secret, ticket_id: int) -> tuple[MailRow, ...]:
    o = outbox.c
    rows = connection.execute(select(*MAIL).select_from(OUTGOING).where(o.ticket_id == ticket_id).order_by(o.id))
    return tuple(
        MailRow(
            row.id,
            row.kind,
            row.state,
            row.ordinal,
            personal.addressed(secret, row).recipient,
            row.due_at,
            row.sent_at,
            row.last_error,
            in_doubt=bool(row.in_doubt),
        )
        for row in rows
    )


def _letters(connection: Connection, row: Row[Any]) -> tuple[TicketMessage, ...]:
    """Those of the ticket and of what was merged into it, oldest first."""
    i, k = inbox.c, ticket_link.c
    merged = connection.execute(select(k.ticket_id).where(k.other_id == row.id, k.kind == "merged")).scalars()
    which = i.ticket_id.in_([row.id, *merged])  # as one condition with "or" it would read the whole table
    wanted = select(i.id, i.received_at, i.outcome, i.ticket_id, raw_message.c.inbox_id.is_not(None).label("kept"))
    rows = connection.execute(wanted.outerjoin(raw_message).where(which).order_by(i.id))
    return tuple(
        TicketMessage(r.id, r.received_at, r.outcome or "", r.id == row.inbox_id, r.ticket_id == row.id, bool(r.kept))
        for r in rows
    )


def _merged_into(connection: Connection, row: Row[Any]) -> str:
    """Number of the ticket that goes on with the matter: it was merged, or its letter was let out and decided again."""
    k, i = ticket_link.c, inbox.c
    wanted = select(ticket.c.number).join(ticket_link, k.other_id == ticket.c.id)
    found = connection.execute(wanted.where(k.ticket_id == row.id, k.kind == "merged")).scalar_one_or_none()
    moved = select(ticket.c.number).join(inbox, i.ticket_id == ticket.c.id).where(i.id == row.inbox_id)
    return str(found or connection.execute(moved.where(ticket.c.id != row.id)).scalar_one_or_none() or "")


def _owner(connection: Connection, name: str | None) -> str | None:
    """Who has the ticket; nobody, when they work here no more: it must not wait for a supervisor."""
    if name is None:
        return None
    row = connection.execute(select(operators.c.state, operators.c.roles).where(operators.c.name == name)).first()
    gone = row is not None and (row.state == "disabled" or WORKERS.isdisjoint(map(Role, row.roles)))
    return None if gone else name


def _first_half(connection: Connection, ticket_id: int) -> FirstHalf | None:
    a = approval.c
    row = connection.execute(
        select(a.id, a.operator_id, operators.c.name, a.digest, a.at, ticket_event.c.detail, operators.c.roles)
        .join(operators, operators.c.id == a.operator_id)
        .outerjoin(ticket_event, ticket_event.c.id == a.version)
        .where(a.ticket_id == ticket_id, a.ended.is_(None), operators.c.state == "active")
        .order_by(a.id.desc())
        .limit(1)
    ).first()
    if row is None or WORKERS.isdisjoint(map(Role, row.roles)):
        return None
    return FirstHalf(*row[:-2], uid=(row.detail or {}).get("uid"))


def _blocked(connection: Connection, secret: Secret, account: Account | None, old: Account | None) -> frozenset[str]:
    """The cases in which no link may be made: one of the login was stopped, and nobody has decided yet."""
    asked = (("A", account, False), ("B", old, True))
    return frozenset(
        case
        for case, one, moves in asked
        if one and hold.undecided(connection, secret, [login_key(one.login) or ""], moves=moves)
    )


def _stopped_from(events: Sequence[Row[Any]]) -> tuple[State, str] | None:
    """Where a ticket without link was when a person stopped it, until it goes on."""
    last = next((e for e in reversed(events) if e.kind in ("stopped", "released", "closed", "reopened")), None)
    if last is None or last.kind != "stopped" or "was" not in last.detail:
        return None
    return State(last.detail["was"]), str(last.detail["desk"])


def _secured(events: Sequence[Row[Any]], outcome: str) -> bool:
    """What the security desk had goes back there when it is opened again."""
    last = next((e for e in reversed(events) if e.kind in ("closed", "reopened")), None)
    ended = last is not None and last.kind == "closed" and last.detail.get("of") == Desk.BEZPIECZENSTWO
    return ended or outcome == Outcome.QUARANTINE


def _new_letter(events: Sequence[Row[Any]]) -> bool:
    newest = next((e for e in reversed(events) if e.kind in LETTERS or "by" in e.detail), None)
    return newest is not None and newest.kind in LETTERS


def _undo(events: Sequence[Row[Any]]) -> Undo | None:
    newest = next((e for e in reversed(events) if e.kind not in NEWS | _ASIDE), None)
    if newest is None or "before" not in newest.detail:
        return None
    detail = newest.detail
    cancelled = tuple((int(mail), str(state)) for mail, state in detail.get("cancelled", ()))
    return Undo(newest.id, str(detail["by"]), tuple(detail["mails"]), detail["before"], cancelled)


def _others(connection: Connection, secret: Secret, request: ActionRequest | None) -> Mapping[str, Other]:
    """The ticket that the request names, under the words it is named by."""
    if not isinstance(request, Merge | Link):
        return {}
    zgl, t, k = number.read(request.other), ticket.c, ticket_link.c
    merged = exists().where(k.ticket_id == t.id, k.kind == "merged")
    linked = exists().where(activation.c.ticket_id == t.id)
    wanted = (
        select(ticket, decision.c.facts, decision.c.outcome, merged.label("merged"), linked.label("linked"))
        .outerjoin(decision, decision.c.inbox_id == t.inbox_id)
        .where(t.number == zgl)
    )
    row = connection.execute(wanted).first()
    if row is None:
        return {}
    proven = (row.facts or {}).get("authentication") == AuthResult.PASS and row.outcome != Outcome.QUARANTINE
    other = Other(
        ticket_id=row.id,
        number=row.number,
        state=State(row.state),
        desk=row.desk,
        category=row.category,
        correspondent=personal.whose(secret, row).address,
        proven=proven,
        opened_at=row.opened_at,
        promised_at=row.promised_at,
        has_link=bool(row.linked),
        merged=bool(row.merged),
        version=version_of(events_of(connection, row.id)),
    )
    return {request.other: other}


def unknown(zgl: str) -> Refusal:
    """There is no such ticket."""
    return Refusal("no-ticket", {"number": zgl})
