"""What a mail is written from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mailbot.model import Defect, Difference, Phrase
from mailbot.ruleset.model import Faq, FaqEntry, Notice

PLACEHOLDER = "MAILBOT-ACTIVATION-TOKEN-0000000"
"""Stands for the activation token in a T3 until it is sent, so that no link ever lies in the database.

32 URL-safe characters, as long as the token itself; in both parts of the mail it stands on one line, unbroken.
"""


@dataclass(frozen=True, slots=True)
class Office:
    """Who writes: the same for every mail of an installation."""

    name: str
    """Display name in From."""
    address: str
    """From."""
    helpdesk: str
    """Address citizens write to; our mark against loops (X-Loop)."""
    domain: str
    """Right-hand side of our Message-IDs."""
    public_url: str
    """Address of the activation page as the citizen's browser sees it, without a slash at the end."""
    form: tuple[str, bytes] | None = None
    """Name and octets of the empty application (PDF), for whom a refusal tells to send one; None: there is none."""
    csd: bool = False
    """Every ticket stands in CSD as well: a connector tells it."""


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that goes with a mail. ``name``: ASCII letters, digits, "-", "_" and one "."; it stands in a header."""

    name: str
    content_type: str
    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MailContext:
    """What one ticket gives to its mails. Every moment is aware."""

    ticket: str
    recipient: str
    """Who wrote to us; every mail but T14 and T19 goes there."""
    category: str
    opened_at: datetime
    promised_at: datetime
    """When all mails must have gone out (seed 001: 24 hours)."""
    now: datetime
    bounce_address: str
    """Envelope sender of mails that are no automatic answers."""
    link_expires: datetime | None = None
    """T2A, T2B and T3 only."""
    change_from: datetime | None = None
    """T14 only: the login is not changed before."""
    old_login: str | None = None
    """T14 and T19 only: the address that is, or was, the login. These mails go there and nowhere else."""
    phrase: Phrase | None = None
    defects: tuple[Defect, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)
    """What fills {czego} and {limit} of the defect sentences."""
    subject: str = ""
    """The citizen's own, canonical; only ever shown when ``authenticated``."""
    differences: tuple[tuple[Difference, str], ...] = ()
    authenticated: bool = False
    """The sender's domain vouches for the mail: his words may be repeated to him (procedure §3.5)."""
    joins: bool = False
    """The ticket was there before the citizen's mail: any of its mails may have gone out on another day already."""
    in_reply_to: str | None = None
    """Message-ID of the citizen's mail."""
    references: tuple[str, ...] = ()
    """Message-IDs that mail referred to."""
    token: str = ""
    """16 hex digits that only we can make for this ticket; part of our Message-IDs, so that an answer proves itself."""
    language: str = "pl"
    """That of the citizen's mail. A mail without a template in it is Polish all the same."""
    specialist_by: datetime | None = None
    """T8, T9: when anything is answered at the latest."""
    reply_by: datetime | None = None
    """T6: until when the citizen may answer."""
    answered_at: datetime | None = None
    """T10: when the answer he complains about was accepted by his mail server."""
    complaint_until: datetime | None = None
    """T10: last moment of the complaint; T2A and T2B reckon theirs from ``now``."""
    system: Faq | None = None
    """T13: the questions that the next one belongs to."""
    answer: FaqEntry | None = None
    """T13: the question the mail surely asks."""
    again: bool = False
    """T3 only: it was sent before, with other moments, and no mailbox must take this one for a copy."""
    text: str = ""
    """T21, T22, T23: what a person wrote; lines ended by \n."""
    files: tuple[Enclosure, ...] = ()
    """What goes with it."""
    nth: str = ""
    """What tells the mail from others of its kind, where a person sends it: small letters, digits and "-"."""
    breaks: tuple[Notice, ...] = ()
    """Published notices with a window open at ``now``; T12: the one it tells of."""
