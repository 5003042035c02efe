"""What a message says, before anything outside it was asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mailbot.model.application import ApplicationCheck, ApplicationState
from mailbot.model.message import InboundMessage, Sender
from mailbot.model.request import Request, Subject


@dataclass(frozen=True, slots=True)
class Identity:
    """What two copies of a message, or two mails with one request, have in common."""

    message_key: str
    """The Message-ID, or "sha256:…" of the bytes where there is none."""
    fingerprint: str
    """Digest of sender, subject, text and attachments: what the person sent, without the marks of transport."""
    letter: str = ""
    """Digest of sender, subject and Date, which stay when a relay writes a line into the text; "": of a message that
    lacks one of them, or is damaged."""


@dataclass(frozen=True, slots=True)
class Understanding:
    """What a message says, before anything outside it was asked."""

    received_at: datetime
    message: InboundMessage
    sender: Sender
    subject: Subject
    request: Request
    identity: Identity
    bounced: str | None = None
    """Number of the ticket whose mail came back, when the message is a delivery report for it."""
    delayed: bool = False
    """The report says that the mail is tried again, not that it came back."""
    agrees: bool = False
    """The envelope sender is the address of From: an answer hits nobody else than who was named twice."""
    spam: bool = False
    """The office's own filter marked it."""
    stops: tuple[str, ...] = ()
    """Numbers of the tickets whose change of login the mail may stop (flow.lookup tells whose word that is)."""
    checked: ApplicationCheck = ApplicationCheck(ApplicationState.NOT_ASKED)
    """Added by ``workers.verify``: the files are checked in processes of their own."""
    scan: str = ""
    """What the virus scanner said, added by ``workers.scan``: "clean", "found NAME", "failed: …"; "": nobody asked."""
    again: bool = False
    """``Envelope.again``."""
    released: str = ""
    """``Envelope.released``."""
