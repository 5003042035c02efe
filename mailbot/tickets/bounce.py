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


def _mark(secret: Secret, ticket: str) -> str:
    return secret.mac("bounce", ticket.upper()).hex()[:16]
