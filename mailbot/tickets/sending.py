"""Whether a mail of a ticket may leave now: asked before and after each try, and when an operator tries it again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, and_, select

from mailbot.errors import PermanentError
from mailbot.model import MailKind
from mailbot.outbox import jobs
from mailbot.storage.schema import activation, outbox, ticket
from mailbot.tickets import hold

DEAD_LINK = "its link was used, replaced, or has expired"


def hindrance(connection: Connection, mail: int, now: datetime) -> str | None:
    """Why mail ``mail`` of the outbox must not leave; None: nothing is in its way.

    ``DEAD_LINK``, or that its ticket is stopped (hold.keeps_back).
    """
    alive = and_(activation.c.used_at.is_(None), activation.c.expires_at > now)
    row = connection.execute(
        select(outbox.c.kind, ticket.c.state, ticket.c.desk, activation.c.id.label("link"))
        .join(ticket, ticket.c.id == outbox.c.ticket_id)
        .outerjoin(activation, and_(activation.c.ticket_id == ticket.c.id, alive))
        .where(outbox.c.id == mail)
    ).one()
    dead = DEAD_LINK if row.kind == MailKind.T3 and row.link is None else None
    return hold.keeps_back(row.kind, row.state, row.desk) or dead


def again(connection: Connection, mail: int, now: datetime) -> None:
    """Try a buried mail from the start, as an operator wishes.

    It overtakes none: what was tried had been let go by the mail before it, and what was not is frozen. Raises
    PermanentError with the mend when it is not buried or must not leave: the transaction must end.
    """
    row = connection.execute(
        select(outbox.c.state, outbox.c.last_error, ticket.c.number).join(ticket).where(outbox.c.id == mail)
    ).one_or_none()
    if row is None or row.state != jobs.BURIED:
        raise PermanentError("is not buried; only buried rows can be tried again")
    why = hold.FROZEN if row.last_error == hold.FROZEN else hindrance(connection, mail, now)
    if why == DEAD_LINK:
        raise PermanentError(f"{why}; mend: help the citizen by telephone, or let him ask again")
    if why:
        raise PermanentError(f"{row.number} is stopped; mend: `mailbot tickets release {row.number}` lets its mails go")
    jobs.revive(connection, outbox, mail, now)
