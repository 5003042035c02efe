"""The last word of case B: the old login is told that it is one no longer (T19), in the transaction that moved it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select

from mailbot.mails.letter import Letter
from mailbot.mails.write import Writer
from mailbot.model import MailKind
from mailbot.outbox import jobs
from mailbot.secret import Secret
from mailbot.storage.schema import outbox, ticket
from mailbot.tickets import bounce

_PATIENCE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Notice:
    """Writes the notice of one installation; ``helpdesk`` is the address citizens write to."""

    writer: Writer
    secret: Secret
    helpdesk: str

    def tell(self, connection: Connection, ticket_id: int, old_login: str, now: datetime) -> None:
        """Put T19 of a ticket into the outbox, to be sent to ``old_login`` at once."""
        row = connection.execute(select(ticket).where(ticket.c.id == ticket_id)).one()
        letter = Letter(
            ticket=row.number,
            recipient=old_login,
            category=row.category,
            opened_at=row.opened_at,
            promised_at=row.promised_at,
            now=now,
            bounce_address=bounce.address(self.secret, self.helpdesk, row.number),
            old_login=old_login,
        )
        mail = self.writer.outgoing(MailKind.T19, letter)
        connection.execute(
            insert(outbox).values(
                ticket_id=ticket_id,
                slot=mail.kind.value,
                kind=mail.kind.value,
                ordinal=0,
                recipient=mail.recipient,
                return_path=mail.return_path,
                message_id=mail.message_id,
                raw=mail.raw,
                state=jobs.QUEUED,
                due_at=now,
                deadline=now + _PATIENCE,
            )
        )
