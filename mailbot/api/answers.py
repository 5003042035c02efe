"""What the API tells: the bodies of its answers. Every text of a citizen is as the console shows it to the same role
(desk.sight); of letters and mails there is no content at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mailbot.desk.requests import Action
from mailbot.desk.sight import person, shown
from mailbot.desk.todo import ListedTicket
from mailbot.desk.view import MailRow, TicketMessage, TicketView
from mailbot.model import State


@dataclass(frozen=True, slots=True)
class TicketLine:
    """A ticket in a list. due: null when nobody is promised anything."""

    number: str
    state: State
    desk: str
    category: str
    owner: str | None
    sender: str | None
    person: str | None
    opened_at: datetime
    due: datetime | None
    late: bool
    closed_at: datetime | None
    outcome: str
    rule: str


@dataclass(frozen=True, slots=True)
class TicketPage:
    """Tickets from the oldest on. next: the cursor of the page behind this one; null: there is none yet."""

    tickets: tuple[TicketLine, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Ticket:
    """What is decided on: whatever changes here makes a new version. etag: for If-Match."""

    number: str
    version: int
    etag: str
    state: State
    desk: str
    category: str
    language: str
    owner: str | None
    sender: str | None
    person: str | None
    opened_at: datetime
    promised_at: datetime
    reply_by: datetime | None
    closed_at: datetime | None
    merged_into: str | None
    first_of_two: str | None


@dataclass(frozen=True, slots=True)
class Words:
    """What a person, or another system, wrote with an event."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Event:
    """One step of the history. by: null for the machine; mail: kind of the mail it is about; reason: what the mail
    server said."""

    id: int
    at: datetime
    kind: str
    by: str | None
    mail: str | None
    reason: str | None
    texts: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class History:
    """The events of a ticket, oldest first."""

    number: str
    version: int
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class LetterLine:
    """A letter that came. id: for split."""

    id: int
    received_at: datetime
    outcome: str
    opened: bool


@dataclass(frozen=True, slots=True)
class MailLine:
    """A mail of ours. id: for mail-retry, mail-hold and mail-cancel."""

    id: int
    kind: str
    state: str
    to: str
    due_at: datetime
    sent_at: datetime | None
    reason: str | None
    in_doubt: bool


@dataclass(frozen=True, slots=True)
class Correspondence:
    """What came and what left, without its content. It changes without a new version of the ticket."""

    number: str
    answered_at: datetime | None
    alarm: str
    letters: tuple[LetterLine, ...]
    mails: tuple[MailLine, ...]


@dataclass(frozen=True, slots=True)
class Possible:
    """What this token may ask for now, and why not the rest."""

    number: str
    version: int
    etag: str
    can: tuple[Action, ...]
    cannot: Mapping[Action, str]


@dataclass(frozen=True, slots=True)
class Acted:
    """What was done. told: what only doing it has shown, as the number of a new ticket (into)."""

    number: str
    action: Action
    version: int
    etag: str
    event: str
    state: State
    desk: str
    owner: str | None
    mails: tuple[int, ...]
    told: Mapping[str, str]


def line(entry: ListedTicket, hidden: bool) -> TicketLine:
    return TicketLine(
        number=entry.number,
        state=entry.state,
        desk=entry.desk,
        category=entry.category,
        owner=entry.owner,
        sender=entry.sender and shown(hidden, entry.sender),
        person=entry.person and person(hidden, entry.person),
        opened_at=entry.opened_at,
        due=entry.due,
        late=entry.late,
        closed_at=entry.closed_at,
        outcome=entry.outcome,
        rule=entry.rule,
    )


def ticket(case: TicketView, entry: ListedTicket, tag: str, hidden: bool) -> Ticket:
    return Ticket(
        number=case.number,
        version=case.version,
        etag=tag,
        state=case.state,
        desk=case.desk,
        category=case.category,
        language=case.language,
        owner=case.owner,
        sender=case.correspondent and shown(hidden, case.correspondent),
        person=entry.person and person(hidden, entry.person),
        opened_at=case.opened_at,
        promised_at=case.promised_at,
        reply_by=case.reply_by,
        closed_at=case.closed_at,
        merged_into=case.merged_into or None,
        first_of_two=case.first.name if case.first else None,
    )


def letter(one: TicketMessage) -> LetterLine:
    return LetterLine(one.inbox_id, one.received_at, one.outcome, one.opened)


def mail(one: MailRow, hidden: bool) -> MailLine:
    reason = one.reason and shown(hidden, one.reason)
    to = shown(hidden, one.recipient)
    return MailLine(one.id, one.kind, one.state, to, one.due_at, one.sent_at, reason, one.in_doubt)
