"""A ticket as the desk judges it: everything an action depends on. Values only; case.py reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mailbot.model import Account, Applicant, Match, State

NEWS = frozenset(
    {
        *("mail-sent", "mail-delayed", "mail-held", "sla-warning", "sla-breach", "break-told"),
        *("application-opened", "raw-opened", "shown", "dossier"),
    }
)
"""Kinds of events that change nothing a person decides on: they make no new version of a ticket."""

LETTERS = frozenset({"answered-by-citizen", "complaint", "complaint-late", "repeated", "over-limit"})
"""Events: a letter has come to the ticket that was there."""

LOOKED = "application-opened"
"""Event: a person has opened what the application of the ticket looks like."""
SHOWN = "shown"
"""Event: what another file of its letters looks like."""
RAW = "raw-opened"
"""Event: the octets of a letter or file."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What was found in the signed application, as the machine read it."""

    state: str
    """Word of ApplicationState."""
    whole: bool
    """One signature that fits every octet of what it signs, and both digests are known."""
    old_login: str | None = None
    applicant: Applicant | None = None
    body: Match | None = None
    payload_sha256: str | None = None
    signature_sha256: str | None = None
    replayed: bool = False
    """It was granted before."""


@dataclass(frozen=True, slots=True)
class LinkRow:
    """The activation link of the ticket."""

    login: str
    new_login: str | None
    expires_at: datetime
    used_at: datetime | None

    def alive(self, now: datetime) -> bool:
        """Whether it may still be used."""
        return self.used_at is None and self.expires_at > now


@dataclass(frozen=True, slots=True)
class MailRow:
    """One mail of the outbox."""

    id: int
    kind: str
    state: str
    """Word of outbox.jobs."""
    ordinal: int
    recipient: str
    due_at: datetime
    sent_at: datetime | None = None
    reason: str | None = None
    """Why it was buried, held or cancelled."""
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class FirstHalf:
    """What the first of two people decided."""

    id: int
    operator_id: int
    name: str
    digest: str
    at: datetime
    uid: int | None = None
    """Who acted, when it was done at the shell of this machine."""


@dataclass(frozen=True, slots=True)
class TicketMessage:
    """A message of the ticket."""

    inbox_id: int
    received_at: datetime
    outcome: str
    opened: bool
    """It opened the ticket."""
    own: bool = True
    """It came to this ticket, not to one that was merged into it."""
    kept: bool = True
    """Its octets are here; False: they were erased."""


@dataclass(frozen=True, slots=True)
class Other:
    """Another ticket that an action names."""

    ticket_id: int
    number: str
    state: State
    desk: str
    category: str
    correspondent: str | None
    proven: bool
    """The domain of its correspondent vouched for the letter that opened it."""
    opened_at: datetime
    promised_at: datetime
    has_link: bool
    merged: bool
    version: int


@dataclass(frozen=True, slots=True)
class Happened:
    """One event, with the words of whoever wrote it; what a second person is shown."""

    id: int
    at: datetime
    kind: str
    by: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Undo:
    """What the last act of a person can be taken back to."""

    event: int
    by: str
    mails: tuple[int, ...]
    before: Mapping[str, str | None]
    """Columns of the ticket; moments in ISO 8601."""
    cancelled: tuple[tuple[int, str], ...] = ()
    """(row of the outbox, its state before): what it took out of its row."""


@dataclass(frozen=True, slots=True)
class TicketView:
    """One ticket."""

    ticket_id: int
    number: str
    version: int
    category: str
    state: State
    desk: str
    owner: str | None
    language: str
    correspondent: str | None
    opened_at: datetime
    promised_at: datetime
    reply_by: datetime | None
    answered_at: datetime | None
    closed_at: datetime | None
    alarm: str
    inbox_id: int
    rule: str
    outcome: str
    facts: Mapping[str, str]
    """Of the letter that opened it."""
    account: Account | None = None
    """The one whose login is the correspondent, as the directory holds it now."""
    applied: Applied | None = None
    old_account: Account | None = None
    """The one whose login the application (or the person, in accept-b) names, as the directory holds it now."""
    namesake: bool = False
    """Another account bears the name and the birth year of ``old_account``."""
    link: LinkRow | None = None
    mails: tuple[MailRow, ...] = ()
    letters: tuple[TicketMessage, ...] = ()
    first: FirstHalf | None = None
    """The open first half of accept-b."""
    pepper: str = ""
    """What goes into its digest, so that nobody without the key tells by it whom the ticket is about."""
    looked: frozenset[str] = frozenset()
    """Names of the operators who have opened the application."""
    called: bool = False
    """A call is written down, behind the newest letter."""
    identified: bool = False
    """In one of them the caller named everything that was asked, and nothing wrong."""
    blocked: frozenset[str] = frozenset()
    """Cases (A, B) for which a link of the login was stopped and nobody has decided yet."""
    merged_into: str = ""
    """Number of the ticket that goes on with the matter of this one."""
    decided: bool = True
    """Its letter is not just being decided again."""
    secured: bool = False
    """It is in quarantine, or the security desk has ended it."""
    was_quarantined: bool = False
    """Its letter was let out of the quarantine."""
    stopped_from: tuple[State, str] | None = None
    """State and desk before a stop of a ticket without link."""
    undo: Undo | None = None
    new_letter: bool = False
    """A letter has come since a person last did anything."""
    others: Mapping[str, Other] = field(default_factory=dict)
    """The tickets that the request names, by number."""

    def fact(self, name: str) -> str:
        """A fact of the letter; "" when the decision did not record it."""
        return self.facts.get(name, "")
