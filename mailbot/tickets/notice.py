"""Mails that a ticket gets on their own, not as the answer to a mail.

T19, the last word of case B: the old login is told that it is one no longer, in the transaction that moved it.
T12: whoever has an open ticket is told of a break (seed 001, KOMUNIKATY).
What a stopped ticket had still to say is written anew when it goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, case, exists, func, insert, select

from mailbot.mails import thread
from mailbot.mails.context import MailContext
from mailbot.mails.write import Writer
from mailbot.model import MailKind, State
from mailbot.outbox import jobs
from mailbot.ruleset.model import Notice as Break
from mailbot.secret import Hiding, Secret
from mailbot.storage import personal
from mailbot.storage.schema import outbox, ticket, ticket_event
from mailbot.tickets import bounce, correspondence, sealing
from mailbot.tickets.breaker import Reach

_PATIENCE = timedelta(hours=24)
_BATCH = 200
_OPEN = [s.value for s in State if not s.closed and s not in (State.KWARANTANNA, State.ODRZUCONE_AUTOMAT)]
"""States in which a person waits for an answer, and may be written to."""


@dataclass(frozen=True, slots=True)
class NoticeWriter:
    """Writes the notices of one installation; ``helpdesk`` is the address citizens write to, ``separator``
    that of its extensions."""

    writer: Writer
    secret: Secret
    helpdesk: str
    separator: str = "+"

    def tell(self, connection: Connection, ticket_id: int, old_login: str, now: datetime) -> None:
        """Put T19 of a ticket into the outbox, to be sent to ``old_login`` at once."""
        row = connection.execute(select(ticket).where(ticket.c.id == ticket_id)).one()
        context = self._context(row, now, recipient=old_login, old_login=old_login)
        self._queue(connection, row, MailKind.T19, context, MailKind.T19.value, Reach.LOGIN, now)

    def tell_break(self, connection: Connection, notice: Break, now: datetime, pace: int, before: int = 0) -> int:
        """Put T12 about ``notice`` into the outbox for some correspondents of open tickets, each with the number of
        their newest; returns for how many. Nobody is told for each of many tickets, which anybody may have opened in
        his name, nor again while that of which he was told is open: 0 says that everybody was told. Of all batches
        ``pace`` leave in an hour; ``before``: how many were in earlier ones."""
        slot = f"{MailKind.T12.value} {notice.name}"
        rows, whose = self._known(connection, self._untold(connection, slot))
        for n, row in enumerate(rows, start=before):
            context = self._context(row, now, recipient=whose[row.id].address, breaks=(notice,))
            due = now + timedelta(hours=n // pace)
            self._queue(connection, row, MailKind.T12, context, slot, Reach.CORRESPONDENT, due)
            event = {"ticket_id": row.id, "at": now, "kind": "break-told", "detail": {"notice": notice.name}}
            connection.execute(insert(ticket_event).values(event))
        return len(rows)

    def _untold(self, connection: Connection, slot: str) -> Sequence[int]:
        """Of each correspondent who was not told yet, the newest open ticket."""
        t = ticket.c
        told = exists().where(outbox.c.ticket_id == t.id, outbox.c.slot == slot)
        open_ones = (t.state.in_(_OPEN), t.correspondent.is_not(None))
        if self.secret.hiding is not Hiding.BEGUN:
            none = func.max(case((told, 1), else_=0)) == 0
            each = select(func.max(t.id)).where(*open_ones).group_by(func.lower(t.correspondent)).having(none)
            return sorted(connection.execute(each).scalars())
        # Tickets of one person hold his address in this form or that, which the key alone brings together.
        rows = connection.execute(select(t.id, t.correspondent, told.label("told")).where(*open_ones).order_by(t.id))
        newest, known = dict[str, int](), set[str]()
        for row in rows:
            stored = row.correspondent
            who = stored if personal.is_hashed(stored) else personal.hashed(self.secret, personal.key(stored))
            newest[who] = row.id
            known |= {who} if row.told else set()
        return sorted(one for who, one in newest.items() if who not in known)

    def _known(
        self, connection: Connection, untold: Sequence[int]
    ) -> tuple[Sequence[Row[Any]], Mapping[int, personal.Whose]]:
        """The first of the tickets whose correspondent is known: keys may be lost, and nobody waits behind those."""
        for start in range(0, len(untold), _BATCH):
            ids = untold[start : start + _BATCH]
            rows = connection.execute(select(ticket).where(ticket.c.id.in_(ids)).order_by(ticket.c.id)).all()
            whose = personal.told(self.secret, rows)
            if known := [row for row in rows if whose[row.id].address]:
                return known, whose
        return (), {}

    def again(
        self, row: Row[Any], mail: Row[Any], starts: datetime, expires_at: datetime, now: datetime
    ) -> dict[str, Any]:
        """What a mail of the outbox says anew when its stopped ticket ``row`` goes on: the link works from ``starts``
        until ``expires_at``. Columns of its row, but for the seal."""
        kind, sent = MailKind(mail.kind), mail.sent_at is not None or bool(mail.in_doubt)
        warning = kind is MailKind.T14
        before = personal.addressed(self.secret, mail)
        in_reply_to, references = thread.place(before.raw)
        context = self._context(
            row,
            now if warning or sent else starts,
            recipient=before.recipient,
            old_login=before.recipient if warning else None,
            change_from=starts,
            link_expires=expires_at,
            in_reply_to=in_reply_to,
            references=references,
            again=sent,
        )
        written = self.writer.outgoing(kind, context)
        return {"raw": written.raw, "message_id": written.message_id, "return_path": written.return_path}

    def _context(self, row: Row[Any], now: datetime, **rest: Any) -> MailContext:
        return MailContext(
            ticket=row.number,
            category=row.category,
            opened_at=row.opened_at,
            promised_at=row.promised_at,
            now=now,
            bounce_address=bounce.address(self.secret, self.helpdesk, row.number, self.separator),
            token=correspondence.token(self.secret, row.number),
            language=row.language,
            **rest,
        )

    def _queue(
        self,
        connection: Connection,
        row: Row[Any],
        kind: MailKind,
        context: MailContext,
        slot: str,
        reach: Reach,
        due: datetime,
    ) -> None:
        """``due`` is also the hour in which the breaker counts it: it answers no mail."""
        mail = self.writer.outgoing(kind, context)
        values = {
            "ticket_id": row.id,
            "slot": slot,
            "kind": mail.kind.value,
            "ordinal": 0,
            "recipient": mail.recipient,
            "return_path": mail.return_path,
            "message_id": mail.message_id,
            "raw": mail.raw,
            "state": jobs.QUEUED,
            "due_at": due,
            "deadline": due + _PATIENCE,
            "reach": reach.value,
            "arrived_at": due,
        }
        sealing.write_mails(connection, self.secret, [values])
