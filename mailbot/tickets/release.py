"""A stopped ticket goes on: an operator has found out who asked (``hold`` stops it).

What was promised is kept: in case B the mails about the new login leave no earlier than the warning said, and not
before the whole hold has passed behind it. Mails name moments, so those that are still to leave are written anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from mailbot.model import Desk, MailKind, State
from mailbot.outbox import jobs
from mailbot.storage.outgoing import MAIL, OUTGOING
from mailbot.storage.schema import outbox, ticket, ticket_event
from mailbot.tickets import hold, sealing
from mailbot.tickets.activation import renew
from mailbot.tickets.notice import NoticeWriter


@dataclass(frozen=True, slots=True)
class Released:
    """From when the mails of a ticket leave, and until when its link works."""

    starts: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ReleaseRefused:
    """Why a ticket does not go on; ``reason`` names the mend."""

    reason: str


def release(
    connection: Connection,
    number: str,
    now: datetime,
    lifetime: timedelta,
    notice: NoticeWriter,
    detail: dict[str, str | int],
) -> Released | ReleaseRefused:
    """Go on with a frozen ticket: its mails leave in their order, and its link works for ``lifetime`` from then.

    ``detail`` says who let it go on, and why.
    """
    link = hold.lock(connection, number)
    if link is None or link.used_at is not None:
        return ReleaseRefused("is not stopped")
    if not link.login:
        return ReleaseRefused("was erased, and its mails are nobody's; mend: close it, the citizen asks anew")
    o, t = outbox.c, ticket.c
    of_ticket = select(*MAIL).select_from(OUTGOING).where(o.ticket_id == link.ticket_id, o.ordinal > 0).order_by(o.id)
    mails = connection.execute(of_ticket.with_for_update(of=outbox, key_share=True)).all()
    stopped = select(ticket).where(t.id == link.ticket_id, t.state == State.WSTRZYMANE.value)
    row = connection.execute(stopped.with_for_update(key_share=True)).first()
    if row is None:
        return ReleaseRefused("is not stopped")
    if hold.ended_for_good(connection, row.id):
        return ReleaseRefused("was stopped and ended for good; mend: the citizen asks anew")
    anew = [mail for mail in mails if _is_written_anew(mail)]
    if any(mail.state == jobs.LEASED for mail in anew):
        return ReleaseRefused("a mail of it is on its way just now; mend: try again in five minutes")
    lost = next((mail for mail in mails if mail.state == jobs.BURIED and anew and mail.id < anew[0].id), None)
    if lost is not None:
        return ReleaseRefused(
            f"{lost.kind} was not accepted, and the rest waits behind it; mend: `mailbot outbox retry {lost.id}`"
        )
    wait = _wait(mails)
    starts = _starts(mails, wait, link.created_at, now)
    expires_at = starts + lifetime
    known = any(mail.kind == MailKind.T3 and (mail.state == jobs.DONE or mail.in_doubt) for mail in mails)
    # A link that somebody holds already must not open before the hold is over.
    renew(connection, link, number, notice.secret, expires_at, anew=known and starts > now)
    first = next((mail for mail in anew if mail.kind in hold.HELD), None)
    ahead = False
    for mail in mails:
        if mail in anew:
            values = notice.again(row, mail, starts, expires_at, now)
            if mail is first:  # the hold is before it, whichever it is
                values["delay_seconds"] = round(wait.total_seconds())
            due = now if mail.kind == MailKind.T14 else starts
            state = jobs.WAITING if ahead else jobs.QUEUED
            values |= {"state": state, "due_at": due, "deadline": expires_at, "attempts": 0, "last_error": None}
            sealing.rewrite_mail(connection, notice.secret, mail, {"sent_at": None, **values})
        ahead = ahead or mail in anew or mail.state != jobs.DONE
    hold.move(connection, row.id, now, State.ZAMKNIETE_ROZWIAZANE, Desk.NOBODY, now)
    event = {"starts": starts.isoformat(), "expires": expires_at.isoformat(), **detail}
    connection.execute(insert(ticket_event).values(ticket_id=row.id, at=now, kind="released", detail=event))
    return Released(starts, expires_at)


def _is_written_anew(mail: Row[Any]) -> bool:
    """What has not left, and the mail with the link in any case: the one that was sent names another end. A warning
    that was given up leaves once more, so that the hold begins behind one."""
    return mail.kind == MailKind.T3 or (mail.state != jobs.DONE and mail.kind in (*hold.HELD, MailKind.T14))


def _wait(mails: Sequence[Row[Any]]) -> timedelta:
    """The whole hold."""
    return timedelta(seconds=max((mail.delay_seconds for mail in mails if mail.kind in hold.HELD), default=0))


def _starts(mails: Sequence[Row[Any]], wait: timedelta, granted_at: datetime, now: datetime) -> datetime:
    """No earlier than the warning promised, and the whole hold behind the moment it was accepted."""
    warning = next((mail for mail in mails if mail.kind == MailKind.T14), None)
    if warning is None:
        return now
    warned_at = warning.sent_at if warning.state == jobs.DONE else now
    return max(now, granted_at + wait, warned_at + wait)
