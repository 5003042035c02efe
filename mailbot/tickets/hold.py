"""A ticket that sends a link can be stopped until the link is used (procedure §3.5).

In case B, which waits after the warning to the old login, its own, authenticated word stops it, an answer to the
warning, or an operator; in case A an operator, whom the holder telephoned. Going on needs an operator (``release``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, and_, insert, or_, select, update

from mailbot.machine import Uptime
from mailbot.model import AuthResult, Desk, MailKind, Outcome, State
from mailbot.model.categories import CASE_A, CASE_B
from mailbot.outbox import jobs
from mailbot.secret import Secret
from mailbot.storage import personal
from mailbot.storage.among import among
from mailbot.storage.mailbox import imap_cursor
from mailbot.storage.schema import activation, decision, inbox, outbox, ticket, ticket_event
from mailbot.tickets.activation import end

HELD = (MailKind.T2A.value, MailKind.T2B.value, MailKind.T3.value)
"""Mails that must not leave while the ticket ``is_stopped``."""
FROZEN = "frozen"
"""Reason of a buried mail that only ``release`` sends, and nothing when the ticket is closed."""

WARNED = ("mail-sent", "mail-undeliverable")
"""Events at which a hold begins, when they are about T14; "boot" and "up" in them are those of machine.Uptime."""

_ROUNDED = 60  # seconds
_AHEAD = timedelta(minutes=5)
"""Of another machine's clock."""
_STOPPED = (State.WSTRZYMANE.value, State.KWARANTANNA.value)


def is_stopped(state: str, desk: str) -> bool:
    """Whether only a person may take a ticket on: no mail, whoever wrote it, moves it out of the hands it is in."""
    return state in _STOPPED or desk == Desk.BEZPIECZENSTWO


def keeps_back(kind: str, state: str, desk: str) -> str | None:
    """Why a mail of this kind must not leave a ticket that is ``is_stopped``; None: it may, as registrations and
    warnings always do."""
    return FROZEN if kind in HELD and is_stopped(state, desk) else None


def goes_on() -> ColumnElement[bool]:
    """The tickets that are not ``is_stopped``."""
    return and_(ticket.c.state.not_in(_STOPPED), ticket.c.desk != Desk.BEZPIECZENSTWO.value)


def of_login(
    connection: Connection, secret: Secret, numbers: Sequence[str], login_key: str | None, warned: Sequence[str] = ()
) -> str | None:
    """The first of the tickets that would move this login to another address, or of those ``warned`` that move one to
    another address than this; None: none of them does."""
    a, named = activation.c, ticket.c.number
    key = login_key or ""  # nobody's
    own = and_(named.in_(numbers), personal.holds(a.login, secret, key))
    read = and_(named.in_(warned), ~personal.holds(a.new_login, secret, key))
    moves = select(named).join(activation, a.ticket_id == ticket.c.id).where(a.new_login.is_not(None), or_(own, read))
    rows = connection.execute(moves)
    found = set(rows.scalars())
    return next((number for number in (*numbers, *warned) if number in found), None)


def freeze(connection: Connection, number: str, now: datetime, detail: dict[str, str | int]) -> bool:
    """Stop ticket ``number``: its mails are not sent, its link no longer works, security looks. Of a change of login
    the one that waits now is stopped as well: who asks twice sends two warnings, and one is answered.

    ``detail`` says who asked, and why. A mail at the very moment on its way may still leave, but its link is dead. A
    link that was used already stays so, and security gets the ticket all the same. False when the ticket has no link.
    """
    link = lock(connection, number)
    if link is None:
        return False
    ticket_id, o = link.ticket_id, outbox.c
    held = (o.ticket_id == ticket_id, o.kind.in_(HELD), o.state.in_([jobs.WAITING, jobs.QUEUED]))
    connection.execute(update(outbox).where(*held).values(state=jobs.BURIED, last_error=FROZEN))
    unused = link.used_at is None
    end(connection, activation.c.id == link.id)
    kind = "frozen" if unused else "stop-too-late"
    if ended_for_good(connection, ticket_id):  # nothing is left to stop, nor ever to let go: a person reads the word
        kind, unused = "stop-after-end", False
    move(connection, ticket_id, now, State.WSTRZYMANE if unused else State.DO_WERYFIKACJI, Desk.BEZPIECZENSTWO, None)
    connection.execute(insert(ticket_event).values(ticket_id=ticket_id, at=now, kind=kind, detail=detail))
    if link.new_login is not None:
        for other in waiting(connection, now, activation.c.login == link.login):
            freeze(connection, other, now, detail)
    return True


def close(connection: Connection, number: str, now: datetime, detail: dict[str, str | int]) -> bool:
    """End a stopped ticket for good: its mails are cancelled, its link is dead. False when it is not stopped.

    No ``is_stopped`` keeps them back any more, so they are taken away from whoever holds them: one at the very moment
    on its way may still leave.
    """
    link = lock(connection, number)
    stopped = select(ticket.c.id).where(ticket.c.number == number, ~goes_on())
    if link is None or connection.execute(stopped).first() is None:
        return False
    o = outbox.c
    left = (o.ticket_id == link.ticket_id, o.kind.in_(HELD), o.state != jobs.DONE)
    ended = {"state": jobs.CANCELLED, "last_error": FROZEN, "leased_by": None, "leased_until": None}
    connection.execute(update(outbox).where(*left).values(ended))
    move(connection, link.ticket_id, now, State.ZAMKNIETE_NEGATYWNIE, Desk.NOBODY, now)
    connection.execute(insert(ticket_event).values(ticket_id=link.ticket_id, at=now, kind="closed", detail=detail))
    return True


def ended_for_good(connection: Connection, ticket_id: int) -> bool:
    """Whether the ticket was stopped and ``close`` has ended it: its mails were cancelled."""
    o = outbox.c
    gone = (o.ticket_id == ticket_id, o.kind.in_(HELD), o.state == jobs.CANCELLED)
    return connection.execute(select(o.id).where(*gone).limit(1)).first() is not None


def undecided(connection: Connection, secret: Secret, login_keys: Collection[str], *, moves: bool) -> frozenset[str]:
    """Those of the logins of which a link was stopped, or a request for one that waited for a person, and none has
    decided yet: until then nobody gets another one, who was stopped would just ask again. ``moves``: it is case B that
    is asked for.

    A change of login that was stopped does not keep the holder from his own case A: it is he who stopped it.
    """
    kept = {form: key for key in login_keys for form in personal.forms(secret, key)}
    by_sender = {f"{AuthResult.PASS.value}:{form}": key for form, key in kept.items()}
    asked = [(_STOPPED_ANY if moves else _STOPPED_A, kept), (_REVIEWED_A, by_sender)]
    asked += [(_REVIEWED_B, kept)] if moves else []
    found = [
        keys[value]
        for question, keys in asked
        for value in connection.execute(question, {"keys": list(keys)}).scalars()
    ]
    return frozenset(found)


def _stopped_links(*which: ColumnElement[bool]) -> Select[Any]:
    """Logins with a link that was stopped."""
    mine = among(activation.c.login, "keys")
    return select(activation.c.login).join(ticket).where(mine, ~goes_on(), *which)


def _reviewed(column: Column[Any], category: str) -> Select[Any]:
    """What a person stopped: a limit or the quarantine, into which a stranger may bring a ticket, blocks nobody."""
    d, t = decision.c, ticket.c
    by_person = (
        t.state == State.WSTRZYMANE.value,
        t.desk == Desk.BEZPIECZENSTWO.value,
        d.outcome == Outcome.REVIEW.value,
    )
    mine = (among(column, "keys"), t.category == category)
    return select(column).join(ticket, t.inbox_id == d.inbox_id).where(*by_person, *mine).distinct()


_STOPPED_ANY, _STOPPED_A = _stopped_links(), _stopped_links(activation.c.new_login.is_(None))
_REVIEWED_A, _REVIEWED_B = _reviewed(decision.c.sender, CASE_A), _reviewed(decision.c.asked, CASE_B)


def waiting(connection: Connection, now: datetime, *which: ColumnElement[bool]) -> list[str]:
    """Numbers of the tickets of case B (those of ``which``) that go on and whose link lives, in order."""
    a = activation.c
    lives = (a.new_login.is_not(None), a.used_at.is_(None), a.expires_at > now, goes_on(), *which)
    return list(connection.execute(select(ticket.c.number).join(activation).where(*lives).order_by(a.id)).scalars())


def unheard(
    connection: Connection, until: datetime, now: datetime, mailbox: str = "", ticket_id: int | None = None
) -> bool:
    """Whether a message that came before ``until``, the end of a hold, is not decided yet: it may be the holder's word,
    behind a flood or a standstill of ours. ``mailbox``: must have been looked at since; "": none is. ``ticket_id``: of
    the hold; what came since it began and was buried (its key is lost) may be that word as well. What bears a moment
    behind ``now`` was written by a clock that was set back: nobody knows when it was."""
    i, c = inbox.c, imap_cursor.c
    looked = select(c.mailbox).where(c.mailbox == mailbox, c.polled_at.between(until, now + _AHEAD))
    if mailbox and connection.execute(looked).first() is None:
        return True
    begun = select(activation.c.created_at).where(activation.c.ticket_id == ticket_id).scalar_subquery()
    buried = and_(i.state == jobs.BURIED, i.received_at >= begun)
    came = or_(i.received_at <= until, i.received_at > now + _AHEAD)
    undecided_yet = (or_(i.state.in_([jobs.QUEUED, jobs.LEASED]), buried), came)
    return connection.execute(select(i.id).where(*undecided_yet).limit(1)).first() is not None


def has_passed(connection: Connection, mail: int, now: datetime, up: Uptime | None) -> bool:
    """Whether the hold before ``mail`` has passed as the wall clock tells since its link was made and, unless the
    machine began anew meanwhile, as ``up`` tells since the warning left. A wall clock that was behind then, and was set
    since, has jumped over a part of it."""
    o, a, e = outbox.c, activation.c, ticket_event.c
    of_mail = select(o.ticket_id, o.delay_seconds, a.created_at).join(activation, a.ticket_id == o.ticket_id)
    row = connection.execute(of_mail.where(o.id == mail)).first()
    if row is None:  # no link waits behind it
        return True
    if now < row.created_at + timedelta(seconds=row.delay_seconds):
        return False
    warned = select(e.detail).where(e.ticket_id == row.ticket_id, e.kind.in_(WARNED)).order_by(e.id.desc())
    details = (one for one in connection.execute(warned).scalars() if one["kind"] == MailKind.T14.value)
    began: Mapping[str, Any] = next(details, {})
    if up is None or began.get("boot") != up.boot:
        return True
    return bool(up.seconds - began["up"] >= row.delay_seconds - _ROUNDED)


def lock(connection: Connection, number: str) -> Row[Any] | None:
    """The link of ticket ``number``, so that nobody uses it before the transaction ends. Locks are taken in the order
    link, mails, ticket, as delivery and the page take theirs."""
    return connection.execute(
        select(activation)
        .join(ticket, ticket.c.id == activation.c.ticket_id)
        .where(ticket.c.number == number)
        .with_for_update(of=activation, key_share=True)
    ).first()


def move(
    connection: Connection, ticket_id: int, now: datetime, state: State, desk: Desk, closed_at: datetime | None
) -> None:
    """Hand a ticket to ``desk``, whatever it was. Security has it as a desk, not as the person who held it before."""
    # alarm_at: its clocks are other ones now
    values = {"state": state.value, "desk": desk.value, "closed_at": closed_at, "alarm_at": now}
    if desk is Desk.BEZPIECZENSTWO:
        values["owner"] = None
    connection.execute(update(ticket).where(ticket.c.id == ticket_id).values(values))
