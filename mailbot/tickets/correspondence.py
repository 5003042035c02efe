"""To which ticket does a mail belong? Rows 6 and 7 of the decision table.

Only the proven correspondent of a ticket may add to it, and who answers what a person wrote to his address. Everybody
else, whatever number he names, is told as much as somebody who named a number that never was: nothing (procedure §3.6,
failures.md, no. 11).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, RowMapping, select

from mailbot.clocks import complaint_deadline
from mailbot.model import MailKind, State, SubjectClass, Thread, Understanding
from mailbot.request.reference import tickets
from mailbot.ruleset.model import Calendar
from mailbot.secret import Secret
from mailbot.storage import personal
from mailbot.storage.desk import ticket_link
from mailbot.storage.schema import outbox, ticket
from mailbot.tickets.hold import is_stopped
from mailbot.tickets.marks import LONGEST_LETTER, answered_by
from mailbot.tickets.marks import token as token


def mentioned(secret: Secret, u: Understanding) -> tuple[str, ...]:
    """Numbers of the tickets that the mail names: by answering a mail of ours, then in its subject."""
    if u.message.automatic is not None or u.message.damage:
        return ()
    return tuple(dict.fromkeys([*answered(secret, u), *u.subject.tickets]))


def written(u: Understanding) -> tuple[str, ...]:
    """Numbers of tickets in the letter, under a title that says nothing of the kind; NOWE asks for a new ticket."""
    if u.message.automatic is not None or u.message.damage or u.subject.kind is not SubjectClass.OTHER:
        return ()
    return tickets(u.message.text[:LONGEST_LETTER])


def answered(secret: Secret, u: Understanding) -> list[str]:
    """Numbers of the tickets of which the mail answers a mail: its writer has seen that one."""
    return answered_by(secret, u.message)


class Threads:
    """The tickets that the messages of a batch name."""

    def __init__(
        self, connection: Connection, batch: Sequence[Understanding], secret: Secret, calendar: Calendar
    ) -> None:
        self._secret = secret
        self._calendar = calendar
        named = {number for u in batch for number in (*mentioned(secret, u), *written(u))}
        # What is in quarantine was never answered: whoever names its number does not have it from us.
        wanted = select(ticket).where(ticket.c.number.in_(named), ticket.c.state != State.KWARANTANNA.value)
        rows = connection.execute(wanted).mappings() if named else ()
        self._tickets: dict[str, RowMapping] = {row["number"]: row for row in rows}
        self._asked = self._written_to(connection)
        self._follow(connection)

    def _written_to(self, connection: Connection) -> set[tuple[str, str]]:
        """(ticket, address as it is stored): whom a person wrote to about each, be it the old login of a change."""
        o = outbox.c
        sent = (ticket.c.number.in_(self._tickets), o.kind.in_([k for k in MailKind if k.by_hand]))
        wanted = select(ticket.c.number, o.recipient).join(outbox, o.ticket_id == ticket.c.id).where(*sent)
        rows = connection.execute(wanted).all() if self._tickets else ()
        return {(row.number, row.recipient) for row in rows}

    def _follow(self, connection: Connection) -> None:
        """A ticket that was merged into another one stands for that one: both have the same correspondent."""
        k, ids = ticket_link.c, [row["id"] for row in self._tickets.values()]
        while ids:
            pairs = select(k.ticket_id, k.other_id).where(k.ticket_id.in_(ids), k.kind == "merged")
            into = {row.ticket_id: row.other_id for row in connection.execute(pairs)}
            others = connection.execute(select(ticket).where(ticket.c.id.in_(into.values()))).mappings() if into else ()
            found = {row["id"]: row for row in others}
            for named, row in self._tickets.items():
                if row["id"] in into:
                    self._tickets[named] = found[into[row["id"]]]
            ids = list(found)  # an older one never joins a younger one: this ends

    def look(self, u: Understanding) -> Thread | None:
        """The sender's own ticket among those that the mail names; None when it names none at all."""
        numbers = mentioned(self._secret, u)
        if not numbers:
            return self._in_the_letter(u)
        seen = [number for number in answered(self._secret, u) if u.sender.proven]
        rows = ((number, self._tickets[number]) for number in numbers if number in self._tickets)
        was_asked = {number for number, to in self._asked if number in seen and self._is(u, to)}
        own = next((row for number, row in rows if number in was_asked or self._is(u, row["correspondent"])), None)
        return Thread(own=False) if own is None else self._thread(own)

    def _in_the_letter(self, u: Understanding) -> Thread | None:
        """His own ticket, open or in the days of a complaint. Any other number in a letter is only told of: it takes no
        new matter from its writer."""
        named = (self._tickets[number] for number in written(u) if number in self._tickets)
        mine = (replace(self._thread(row), in_letter=True) for row in named if self._is(u, row["correspondent"]))
        return next((one for one in mine if _goes_on(one, u)), None)

    def _is(self, u: Understanding, stored: str | None) -> bool:
        """Whether a column has the address of the proven sender."""
        return u.sender.proven and personal.is_of(self._secret, stored, u.sender.key)

    def _thread(self, row: RowMapping) -> Thread:
        answered_at = None if is_stopped(row["state"], row["desk"]) else row["answered_at"]  # nothing to complain about
        return Thread(
            own=True,
            ticket_id=row["id"],
            state=State(row["state"]),
            category=row["category"],
            answered_at=answered_at,
            complaint_until=complaint_deadline(answered_at, self._calendar) if answered_at else None,
        )


def _goes_on(thread: Thread, u: Understanding) -> bool:
    is_open = thread.state is not None and not thread.state.closed
    return is_open or (thread.complaint_until is not None and u.received_at <= thread.complaint_until)
