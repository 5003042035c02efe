"""A stopped ticket goes on: an operator has found out who asked (``hold`` stops it).

What was promised is kept: in case B the mails about the new login leave no earlier than the warning said, and not
before the whole hold has passed behind it. Mails name moments, so those that are still to leave are written anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from mailbot.model import MailKind, State
from mailbot.outbox import jobs
from mailbot.storage.schema import outbox, ticket, ticket_event
from mailbot.tickets import hold
from mailbot.tickets.activation import renew
from mailbot.tickets.notice import Notice

_LIVE = (jobs.WAITING, jobs.QUEUED, jobs.LEASED)


@dataclass(frozen=True, slots=True)
class Released:
    """From when the mails of a ticket leave, and until when its link works."""

    starts: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a ticket does not go on; ``reason`` names the mend."""

    reason: str


def release(
    connection: Connection,
    number: str,
    now: datetime,
    lifetime: timedelta,
    notice: Notice,
    detail: dict[str, str | int],
) -> Released | Refused:
    """Go on with a frozen ticket: its mails leave in their order, and its link works for ``lifetime`` from then.

    ``detail`` says who let it go on, and why.
    """
    link = hold.lock(connection, number)
    if link is None or link.used_at is not None:
        return Refused("is not stopped")
    o, t = outbox.c, ticket.c
    of_ticket = select(outbox).where(o.ticket_id == link.ticket_id, o.ordinal > 0).order_by(o.id)
    mails = connection.execute(of_ticket.with_for_update(key_share=True)).all()
    stopped = select(ticket).where(t.id == link.ticket_id, t.state == State.WSTRZYMANE.value)
    row = connection.execute(stopped.with_for_update(key_share=True)).first()
    if row is None:
        return Refused("is not stopped")
    anew = [mail for mail in mails if _is_written_anew(mail)]
    if any(mail.state == jobs.LEASED for mail in anew):
        return Refused("a mail of it is on its way just now; mend: try again in five minutes")
    starts = _starts(mails, link.created_at, now)
    expires_at = starts + lifetime
    renew(connection, row.id, expires_at)
    ahead = False
    for mail in mails:
        if mail in anew:
            values = notice.again(row, mail, starts, expires_at, now)
            due = now if mail.kind == MailKind.T14 else starts
            state = jobs.WAITING if ahead else jobs.QUEUED
            values |= {"state": state, "due_at": due, "deadline": expires_at, "attempts": 0, "last_error": None}
            connection.execute(update(outbox).where(o.id == mail.id).values(sent_at=None, **values))
        ahead = ahead or mail in anew or mail.state in _LIVE
    hold.move(connection, row.id, now, State.ZAMKNIETE_ROZWIAZANE, "", now)
    event = {"starts": starts.isoformat(), "expires": expires_at.isoformat(), **detail}
    connection.execute(insert(ticket_event).values(ticket_id=row.id, at=now, kind="released", detail=event))
    return Released(starts, expires_at)


def _is_written_anew(mail: Row[Any]) -> bool:
    """What has not left, and the mail with the link in any case: the one that was sent names another end. A warning
    that was given up leaves once more, so that the hold begins behind one."""
    return mail.kind == MailKind.T3 or (mail.state != jobs.DONE and mail.kind in (*hold.HELD, MailKind.T14))


def _starts(mails: Sequence[Row[Any]], granted_at: datetime, now: datetime) -> datetime:
    """No earlier than the warning promised, and the whole hold behind the moment it was accepted."""
    resolution = next((mail for mail in mails if mail.kind in (MailKind.T2A, MailKind.T2B)), None)
    wait = timedelta(seconds=resolution.delay_seconds if resolution else 0)
    warning = next((mail for mail in mails if mail.kind == MailKind.T14), None)
    if warning is None:
        return now
    warned_at = warning.sent_at if warning.state == jobs.DONE else now
    return max(now, granted_at + wait, warned_at + wait)
