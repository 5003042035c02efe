"""Case B waits after the warning to the old login; here the change is stopped, and let go again (domain.md §3.5).

Stopping needs the old login's own, authenticated word, or an operator; going on needs an operator.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, insert, select, update

from mailbot.model import InboundMessage, MailKind, State, Subject
from mailbot.outbox import jobs
from mailbot.storage.schema import activation, outbox, ticket, ticket_event

_OURS = re.compile(r"<(zgl[0-9]{7,12})\.t(?:14|19)(?:\.[0-9a-f]{16})?@", re.ASCII | re.IGNORECASE)
HELD = (MailKind.T2A.value, MailKind.T2B.value, MailKind.T3.value)
"""Mails that must not leave while the ticket ``is_stopped``."""
FROZEN = "frozen"
"""Reason of a buried mail that only ``release`` sends."""

_SECURITY = "BEZPIECZENSTWO"
_STOPPED = (State.WSTRZYMANE.value, State.KWARANTANNA.value)


def is_stopped(state: str, desk: str) -> bool:
    """Whether only a person may take a ticket on: no mail, whoever wrote it, moves it out of the hands it is in."""
    return state in _STOPPED or desk == _SECURITY


def keeps_back(kind: str, state: str, desk: str) -> str | None:
    """Why a mail of this kind must not leave a ticket that is ``is_stopped``; None: it may, as registrations and
    warnings always do."""
    return FROZEN if kind in HELD and is_stopped(state, desk) else None


def goes_on() -> ColumnElement[bool]:
    """The tickets that are not ``is_stopped``."""
    return and_(ticket.c.state.not_in(_STOPPED), ticket.c.desk != _SECURITY)


def asked_to_stop(message: InboundMessage, subject: Subject) -> tuple[str, ...]:
    """Numbers of the tickets whose change the mail may stop: it answers our warning or names the ticket in its subject.

    The warning asks for the word STOP, but whatever the holder of the old login answers leaves doubt who asks for the
    change, so any word of his stops it until a person has read it. Whether the mail is his is another matter.
    """
    if message.automatic is not None:  # damage does not matter: what is hard to read leaves doubt as well
        return ()
    answered = [found[1].upper() for i in (*message.in_reply_to, *message.references) if (found := _OURS.match(i))]
    return tuple(dict.fromkeys([*answered, *subject.tickets]))


def of_login(connection: Connection, numbers: Sequence[str], login_key: str) -> str | None:
    """The first of the tickets that would move this login to another address; None: none of them does."""
    rows = connection.execute(
        select(ticket.c.number)
        .join(activation, activation.c.ticket_id == ticket.c.id)
        .where(ticket.c.number.in_(numbers), activation.c.login == login_key, activation.c.new_login.is_not(None))
    )
    found = set(rows.scalars())
    return next((number for number in numbers if number in found), None)


def freeze(connection: Connection, number: str, now: datetime, detail: dict[str, str | int]) -> bool:
    """Stop the change of case B ticket ``number``: its mails are not sent, its link no longer works, security looks.

    ``detail`` says who asked. A mail at the very moment on its way may still leave, but its link is dead. A change that
    was made already stays, and security gets the ticket all the same. False when no such ticket changes a login.
    """
    found = connection.execute(
        select(ticket.c.id, activation.c.id, activation.c.expires_at, activation.c.used_at)
        .join(activation, activation.c.ticket_id == ticket.c.id)
        .where(ticket.c.number == number, activation.c.new_login.is_not(None))
    ).first()
    if found is None:
        return False
    ticket_id, link, expires_at, used_at = found
    o = outbox.c
    held = (o.ticket_id == ticket_id, o.kind.in_(HELD), o.state.in_([jobs.WAITING, jobs.QUEUED]))
    connection.execute(update(outbox).where(*held).values(state=jobs.BURIED, last_error=FROZEN))
    if used_at is None and expires_at > now:
        connection.execute(update(activation).where(activation.c.id == link).values(expires_at=now))
    state = State.WSTRZYMANE if used_at is None else State.DO_WERYFIKACJI
    _move(connection, ticket_id, now, state, _SECURITY, None)
    _event(connection, ticket_id, now, "frozen" if used_at is None else "stop-too-late", detail)
    return True


def release(connection: Connection, number: str, now: datetime, expires_at: datetime) -> bool:
    """Go on with a frozen ticket: its mails leave in their order, its link works until ``expires_at``.

    False when it is not frozen, or waits for another reason (limits). The mails are sent as they were written, with the
    moments named in them.
    """
    ticket_id = connection.execute(
        select(ticket.c.id)
        .join(activation, activation.c.ticket_id == ticket.c.id)
        .where(ticket.c.number == number, ticket.c.state == State.WSTRZYMANE.value, activation.c.new_login.is_not(None))
    ).scalar_one_or_none()
    if ticket_id is None:
        return False
    o = outbox.c
    mails = connection.execute(
        select(o.id, o.state, o.last_error).where(o.ticket_id == ticket_id, o.ordinal > 0).order_by(o.ordinal)
    ).all()
    ahead = any(mail.state in (jobs.WAITING, jobs.QUEUED, jobs.LEASED) for mail in mails)
    for mail in mails:
        if mail.state == jobs.BURIED and mail.last_error == FROZEN:
            values = {"state": jobs.WAITING if ahead else jobs.QUEUED, "last_error": None, "attempts": 0}
            connection.execute(update(outbox).where(o.id == mail.id).values(due_at=now, deadline=expires_at, **values))
            ahead = True
    link = (activation.c.ticket_id == ticket_id, activation.c.used_at.is_(None))
    connection.execute(update(activation).where(*link).values(expires_at=expires_at))
    _move(connection, ticket_id, now, State.ZAMKNIETE_ROZWIAZANE, "", now)
    _event(connection, ticket_id, now, "released", {})
    return True


def _move(
    connection: Connection, ticket_id: int, now: datetime, state: State, desk: str, closed_at: datetime | None
) -> None:
    values = {"state": state.value, "desk": desk, "closed_at": closed_at, "alarm_at": now}  # its clocks are other ones
    connection.execute(update(ticket).where(ticket.c.id == ticket_id).values(values))


def _event(connection: Connection, ticket_id: int, now: datetime, kind: str, detail: dict[str, str | int]) -> None:
    connection.execute(insert(ticket_event).values(ticket_id=ticket_id, at=now, kind=kind, detail=detail))
