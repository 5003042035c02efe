"""Bounces of our own mails: the return path names the ticket, and an HMAC proves that it was ours to name (VERP).

A delivery report (RFC 3464) that comes to such an address tells that a citizen waits for a mail that will not come. A
report without our mark is an ordinary automatic mail and touches nobody's ticket (peers.md §2, row 16).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable

from mailbot.model import Automatic, InboundMessage
from mailbot.secret import Secret

_TAG = re.compile(r"\+(zgl\d{7,12})-([0-9a-f]{16})@", re.IGNORECASE)
_FAILED = re.compile(rb"^action:\s*failed", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(rb"^status:[ \t]*[245]\.(\d{1,3})\.(\d{1,3})", re.IGNORECASE | re.MULTILINE)
NO_MAILBOX = frozenset({(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1)})
"""Enhanced status codes, without their class, that say so (RFC 3463 §3; Exchange). A full mailbox is there."""
_CARRIERS = ("delivered-to", "x-original-to", "to")


def address(secret: Secret, helpdesk: str, ticket: str) -> str:
    """The return path of a mail of ``ticket``: helpdesk+zgl0000001-<16 hex digits>@domain."""
    local, _, domain = helpdesk.rpartition("@")
    return f"{local}+{ticket.lower()}-{_mark(secret, ticket)}@{domain}"


def ticket_of(secret: Secret, message: InboundMessage, recipients: Iterable[str]) -> str | None:
    """The ticket whose mail could not be delivered, when ``message`` is a failure report to an address we made.

    ``recipients``: of the envelope; where there is none (IMAP) the header fields an MTA writes them into are read.
    """
    if message.automatic is not Automatic.REPORT or not any(_FAILED.search(a.data) for a in message.attachments):
        return None
    written = [value.decode("ascii", "replace") for name in _CARRIERS for value in message.all(name)]
    for place in (*recipients, *written):
        for found in _TAG.finditer(place):
            ticket = found[1].upper()
            if hmac.compare_digest(found[2].lower(), _mark(secret, ticket)):
                return ticket
    return None


def gone(message: InboundMessage) -> bool:
    """Whether a report says of every recipient that there is no such mailbox."""
    status = [found for a in message.attachments if _FAILED.search(a.data) for found in _STATUS.findall(a.data)]
    return bool(status) and all((int(subject), int(detail)) in NO_MAILBOX for subject, detail in status)


def _mark(secret: Secret, ticket: str) -> str:
    return secret.mac("bounce", ticket.upper()).hex()[:16]
