"""Acts that a file tells, done on the desk of a mailbot that runs: who did what to which ticket, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from mailbot.console import acts as forms
from mailbot.desk.drafts import Draft
from mailbot.desk.perform import ActionPerformer, Done
from mailbot.desk.plan import Refusal
from mailbot.desk.requests import Action, ActionRequest, Asked, Call, CallOutcome, Heard
from mailbot.desk.view import LOOKED, TicketView
from mailbot.model import Operator
from mailbot.observe import Clock
from mailbot.outbox import jobs
from mailbot.storage.schema import inbox, outbox, ticket

LOOK, LATER, SEE = "look", "later", "see"
"""What stands in place of an action: the application is opened; time passes until every mail has left; nothing is done,
the ticket is as ``expect`` says."""
_TOLD = frozenset({"who", "ticket", "do", "expect", "why", "heard", "outcome"})
"""Words of an act that are no fields of its form."""


@dataclass(frozen=True, slots=True)
class ActRunner:
    """``rows``: of the inbox, by the name of the mail. A ticket is told by a mail that belongs to it now."""

    desk: ActionPerformer
    people: Mapping[str, Operator]
    rows: Mapping[str, int]
    clock: Clock

    def done(self, connection: Connection, told: Mapping[str, Any]) -> dict[str, Any]:
        """Do what an act tells; returns what came of it, in the words of its ``expect``."""
        zgl = number_of(connection, self.rows[told["ticket"]])
        kinds: list[str] = []
        refused: Refusal | None = None
        if told["do"] != SEE:
            found = self._tried(connection, zgl, self.people[told["who"]], told)
            if isinstance(found, Done):
                rows = select(outbox.c.kind).where(outbox.c.id.in_(found.mails)).order_by(outbox.c.id)
                kinds = list(connection.execute(rows).scalars())
            else:
                refused = found
        t, o = ticket.c, outbox.c
        row = connection.execute(select(ticket).where(t.number == zgl)).one()
        left = select(o.kind).where(o.ticket_id == row.id, o.state == jobs.DONE).order_by(o.sent_at, o.id)
        sent = list(connection.execute(left).scalars())
        result = {"ticket": zgl, "state": row.state, "desk": row.desk, "owner": row.owner, "mails": kinds, "sent": sent}
        return result | {"refused": refused.code if refused else ""}

    def _tried(self, connection: Connection, zgl: str, who: Operator, told: Mapping[str, Any]) -> Done | Refusal | None:
        now, found = self.clock(), self.desk.case(connection, zgl)
        if isinstance(found, Refusal):
            return found
        if told["do"] == LOOK:
            return self.desk.look(connection, zgl, who, LOOKED, found.inbox_id, now)
        return self.desk.perform(connection, zgl, who, self._request(connection, found, told), now)

    def _request(self, connection: Connection, found: TicketView, told: Mapping[str, Any]) -> ActionRequest:
        """What the form of the action would ask for."""
        action = Action(told["do"])
        if action is Action.CALL:
            heard = {Asked(asked): Heard(word) for asked, word in told.get("heard", {}).items()}
            outcome = CallOutcome(told["outcome"])
            return Call(version=found.version, outcome=outcome, heard=heard, text=told["text"])
        fields = {
            name: self._value(connection, found, name, value) for name, value in told.items() if name not in _TOLD
        }
        return forms.request(action, found.version, Draft(fields))

    def _value(self, connection: Connection, found: TicketView, name: str, value: Any) -> tuple[str, ...]:
        """As a form sends it. A ticket is told by a mail of it, a mail of ours by its kind; a letter is the newest."""
        if name == "other":
            return (number_of(connection, self.rows[value]),)
        if name == "mail":
            return (str(max(mail.id for mail in found.mails if mail.kind == value)),)
        if name == "letter":
            return (str(found.letters[-1].inbox_id),)
        return tuple(value) if isinstance(value, list) else (value,)


def number_of(connection: Connection, row: int) -> str:
    """Of the ticket that a row of the inbox belongs to now."""
    wanted = select(ticket.c.number).join(inbox, inbox.c.ticket_id == ticket.c.id).where(inbox.c.id == row)
    found: str = connection.execute(wanted).scalar_one()
    return found


def at_work(connection: Connection) -> int:
    """Letters to be decided and mails that may leave."""
    still = (jobs.QUEUED, jobs.LEASED)
    counts = (select(func.count()).where(c.state.in_(still)).scalar_subquery() for c in (inbox.c, outbox.c))
    return sum(connection.execute(select(*counts)).one())


def undecided(connection: Connection) -> int:
    """Letters to be decided."""
    open_rows = inbox.c.state.in_((jobs.QUEUED, jobs.LEASED))
    return int(connection.execute(select(func.count()).where(open_rows)).scalar_one())


def sent_as(connection: Connection, row: int, kind: str) -> str:
    """Message-ID of our mail of ``kind`` to the ticket of a row of the inbox."""
    wanted = select(outbox.c.message_id).join(inbox, inbox.c.ticket_id == outbox.c.ticket_id)
    found: str = connection.execute(wanted.where(inbox.c.id == row, outbox.c.kind == kind)).scalar_one()
    return found
