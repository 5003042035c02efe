"""Bounces of our own mails: the return path names the ticket, and an HMAC proves that it was ours to name (VERP).

A report (RFC 3464) that comes there, or quotes our mail with the token of its Message-ID, tells that a citizen waits
for a mail that will not come, in whatever form a server writes: qmail, Exim, old Exchange, plain text. A report without
our mark is an ordinary automatic mail and touches nobody's ticket (failures.md, no. 16).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailbot.mails import thread
from mailbot.model import Automatic, InboundMessage
from mailbot.secret import Secret
from mailbot.tickets.marks import token

_TAG = re.compile(r"[+=_.-](zgl\d{7,12})-([0-9a-f]{16})@", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<zgl\d{7,12}\.[0-9a-z.-]{1,60}@[a-z0-9.-]{1,255}>", re.IGNORECASE)
_FAILED = re.compile(rb"^action:\s*failed", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(rb"^status:[ \t]*[245]\.(\d{1,3})\.(\d{1,3})", re.IGNORECASE | re.MULTILINE)
NO_MAILBOX = frozenset({(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1)})
"""Enhanced status codes, without their class, that say so (RFC 3463 §3; Exchange). A full mailbox is there."""
_CARRIERS = ("delivered-to", "x-original-to", "to")
_QUOTED_MAX = 100_000
"""Characters of the text and of each part in which our mark is looked for."""


_SERVER = (
    r"\b(?:smtp|error|said|server|host|status code|diagnostic|rcpt to|serwer\w*|b[łl][aą]d\w*)\b"
    r"[^\n]{0,120}?(?<![\w.+/-])"
)
_STATUS_CODE = rf"(?:#|{_SERVER}|\b[45]\d\d[ -]\W{{0,3}})"
"""What stands before the code of a server (RFC 3463), and before no day of a holiday notice ("to 5.1.26")."""
_REPLY_CODE = rf"(?:{_SERVER}|^[ \t<>]*)55[0-4](?!\w|[ -]?\d\d)"
"""RFC 5321 §4.2; no room, and no part of a telephone number."""

_ACTION = re.compile(r"^\s*action:\s*(failed|delayed|delivered|relayed|expanded)", re.IGNORECASE | re.MULTILINE)
_LATE = re.compile(
    r"\b(?:delayed|delivery delay|still being retried|will be retried|will continue to|will keep trying|still trying"
    r"|has not yet been delivered|not yet been delivered|temporary (?:failure|problem|error)|do not need to resend"
    r"|opoznion\w+|bedzie ponawian\w+|warning: could not send)\b"
    rf"|{_STATUS_CODE}4\.\d{{1,3}}\.\d{{1,3}}\b",
    re.IGNORECASE | re.MULTILINE,
)
_GONE = re.compile(
    r"\b(?:permanent(?:ly)?|fatal error|gave up|given up|giving up|undeliverable|could not be (?:delivered|reached)"
    r"|wasn't able to deliver|was not delivered|did not reach|returned to sender|returning message|failure notice"
    r"|delivery (?:has )?failed|delivery failure|mail delivery failed|user unknown|unknown user|not listed"
    r"|does not exist|no such user|mailbox (?:is )?full|over ?quota|nie mo.na dostarczy.|niedostarcz\w+|unzustellbar)\b"
    rf"|{_STATUS_CODE}5\.\d{{1,3}}\.\d{{1,3}}\b|{_REPLY_CODE}",
    re.IGNORECASE | re.MULTILINE,
)
_REPORTS = frozenset({Automatic.REPORT, Automatic.MAILER_DAEMON, Automatic.NULL_SENDER, Automatic.AUTO_SUBMITTED})


@dataclass(frozen=True, slots=True)
class Bounce:
    """The ticket whose mail could not be delivered; ``delayed``: it is tried again."""

    ticket: str
    delayed: bool = False


def address(secret: Secret, helpdesk: str, ticket: str, separator: str = "+") -> str:
    """The return path of a mail of ``ticket``: helpdesk+zgl0000001-<16 hex digits>@domain. Without a separator (the
    server knows no such addresses) it is the plain one, and the token of the Message-ID has to do."""
    if not separator:
        return helpdesk
    local, _, domain = helpdesk.rpartition("@")
    return f"{local}{separator}{ticket.lower()}-{_mark(secret, ticket)}@{domain}"


def returned_to(secret: Secret, message: InboundMessage, recipients: Iterable[str]) -> str | None:
    """The ticket to whose return path the message came: whoever writes there is a machine.

    ``recipients``: of the envelope; where there is none (IMAP) the header fields an MTA writes them into are read.
    """
    written = [value.decode("ascii", "replace") for name in _CARRIERS for value in message.all(name)]
    return next((ticket for place in (*recipients, *written) for ticket in _marked(secret, place)), None)


def read(secret: Secret, message: InboundMessage, recipients: Iterable[str]) -> Bounce | None:
    """What came back, when ``message`` is a report of failure or delay about a mail of ours; else None.

    ``message`` is known to be a machine's. Who may quote our token has had the mail, or carried it.
    """
    if message.automatic not in _REPORTS:
        return None
    to_us = returned_to(secret, message, recipients)
    ticket = to_us or next(_quoted(secret, message), None)
    if ticket is None:
        return None
    delayed = _is_delay(message)
    return None if delayed is None else Bounce(ticket, delayed)


def _is_delay(message: InboundMessage) -> bool | None:
    """Delay or failure? None: neither, such as a receipt. The fields of a DSN say it; else the words do."""
    parts = [a.data[:_QUOTED_MAX].decode("latin-1") for a in message.attachments]
    told = {found[1].lower() for place in (*parts, message.full_text) for found in _ACTION.finditer(place)}
    if told:
        return None if told.isdisjoint({"failed", "delayed"}) else "failed" not in told
    own_words = f"{message.subject}\n{_above_the_copy(message.full_text)}"
    if _LATE.search(own_words) and "permanent" not in own_words.lower():
        return True
    failed = message.all("x-failed-recipients") or _GONE.search(own_words)
    return False if failed else None


_COPY = re.compile(
    r"^-{2,20}.{0,60}\b(?:copy of|original message|returned message|below this line)|^(?:return-path|received|from): ",
    re.IGNORECASE | re.MULTILINE,
)


def _above_the_copy(text: str) -> str:
    """What the server says, without our own mail that it quotes."""
    found = _COPY.search(text)
    return text[: found.start()] if found else text[:_QUOTED_MAX]


def _quoted(secret: Secret, message: InboundMessage) -> Iterator[str]:
    """Tickets whose mark stands in what the report quotes: our Message-ID with its token, or our return path."""
    for place in (message.full_text, *(a.data[:_QUOTED_MAX].decode("latin-1") for a in message.attachments)):
        for found in _MESSAGE_ID.finditer(place[:_QUOTED_MAX]):
            named = thread.parse(found[0])
            if named and hmac.compare_digest(named[1], token(secret, named[0])):
                yield named[0]
        yield from _marked(secret, place[:_QUOTED_MAX])


def _marked(secret: Secret, place: str) -> Iterator[str]:
    for found in _TAG.finditer(place):
        ticket = found[1].upper()
        if hmac.compare_digest(found[2].lower(), _mark(secret, ticket)):
            yield ticket


def gone(message: InboundMessage) -> bool:
    """Whether a report says of every recipient that there is no such mailbox."""
    status = [found for a in message.attachments if _FAILED.search(a.data) for found in _STATUS.findall(a.data)]
    return bool(status) and all((int(subject), int(detail)) in NO_MAILBOX for subject, detail in status)


def _mark(secret: Secret, ticket: str) -> str:
    return secret.mac("bounce", ticket.upper()).hex()[:16]
