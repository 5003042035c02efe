"""Whether a mail of a ticket may leave now: asked before and after each try, and when an operator tries it again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, case, select

from mailbot.errors import PermanentError
from mailbot.model import MailKind, State
from mailbot.outbox import jobs
from mailbot.storage.among import among
from mailbot.storage.schema import activation, outbox, ticket
from mailbot.storage.values import UtcDateTime
from mailbot.tickets import hold

ANSWERS = frozenset(
    {
        *(MailKind.T2A, MailKind.T2B, MailKind.T4, MailKind.T5, MailKind.T7, MailKind.T11),
        *(MailKind.T13, MailKind.T16, MailKind.T17, MailKind.T20, MailKind.T21, MailKind.T23),
        *(kind for kind in MailKind if kind.own),
    }
)
"""Mails that answer. T10 only says that it is over."""
DEAD_LINK = "its link was used, replaced, or has expired"

_link = activation.c
_LIVES = and_(_link.used_at.is_(None), _link.expires_at > bindparam("now", type_=UtcDateTime()))
_SEEN = (  # made once: it is asked before nearly every mail
    select(
        outbox.c.id,
        outbox.c.kind,
        outbox.c.last_error,
        ticket.c.state,
        ticket.c.desk,
        case((_LIVES, True), (_link.ticket_id.is_not(None), False), else_=None),
    )
    .join(ticket, ticket.c.id == outbox.c.ticket_id)
    .outerjoin(activation, activation.c.ticket_id == ticket.c.id)
    .where(among(outbox.c.id, "mails"))
)


def hindrance(connection: Connection, mail: int, now: datetime) -> str | None:
    """Why mail ``mail`` of the outbox must not leave; None: nothing is in its way.

    ``DEAD_LINK`` (of the mail with the link, and of the resolution that promises it), or that its ticket is stopped
    (hold.keeps_back), or was and is closed.
    """
    return hindrances(connection, [mail], now)[mail]


def hindrances(connection: Connection, mails: Sequence[int], now: datetime) -> dict[int, str | None]:
    """``hindrance`` of each of ``mails`` that is there."""
    rows = connection.execute(_SEEN, {"mails": mails, "now": now}).all()
    return {mail: _hindrance(*told) for mail, *told in rows}


def _hindrance(kind: str, last_error: str | None, state: str, desk: str, link_lives: bool | None) -> str | None:
    """``link_lives``: None: its ticket has no link."""
    promises = kind == MailKind.T3 or (link_lives is not None and kind in hold.HELD)
    frozen = hold.FROZEN if last_error == hold.FROZEN else None
    dead = DEAD_LINK if promises and not link_lives else None
    return frozen or hold.keeps_back(kind, state, desk) or dead


def refused_us(connection: Connection) -> Sequence[str]:
    """What the server last said to each mail that waits because it refuses mailbot itself; the latest due first."""
    o = outbox.c
    wanted = select(o.last_error).where(o.state == jobs.QUEUED, o.refused_us == 1).order_by(o.due_at.desc())
    return connection.execute(wanted).scalars().all()


def again(connection: Connection, mail: int, now: datetime) -> None:
    """Try a buried mail from the start, as an operator wishes.

    It overtakes none: what was tried had been let go by the mail before it, and what was not is frozen. The end of a
    hold stays where it was. Raises
    PermanentError with the mend when it is not buried or must not leave: the transaction must end.
    """
    row = connection.execute(
        select(outbox.c.state, outbox.c.kind, outbox.c.first_due_at, ticket.c.number, ticket.c.state.label("of_ticket"))
        .join(ticket)
        .where(outbox.c.id == mail)
    ).one_or_none()
    if row is not None and row.state == jobs.CANCELLED:
        raise PermanentError(f"a person ended it, alone or with {row.number}; it never leaves")
    if row is None or row.state != jobs.BURIED:
        raise PermanentError("is not buried; only buried rows can be tried again")
    why = hindrance(connection, mail, now)
    if why == DEAD_LINK:
        raise PermanentError(f"{why}; mend: help the citizen by telephone, or let him ask again")
    if why and row.of_ticket == State.ZAMKNIETE_NEGATYWNIE:
        raise PermanentError(f"{row.number} was stopped and is closed; its mails never leave")
    if why:
        raise PermanentError(f"{row.number} is stopped; mend: `mailbot tickets release {row.number}` lets its mails go")
    held = row.first_due_at if row.kind == MailKind.T2B else None  # given up by a clock that was ahead
    jobs.revive(connection, outbox, mail, max(now, held or now))
