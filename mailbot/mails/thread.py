"""The Message-IDs of our mails: <zgl0000001.t1.0123456789abcdef@domain>.

In their order: number of the ticket, kind of the mail, what tells it from others of its kind, and a token that only we
can make for this ticket (16 hex digits). That is the day (20251104) where a kind may go out once a day, the name of the
notice where it goes out once a notice, the moment where a link is sent anew or a person writes. The number alone is no
secret and proves nothing; an answer that names the token has seen a mail of ours (procedure §3.5).
"""

from __future__ import annotations

import re
from email import message_from_bytes

from mailbot.errors import TemplateError
from mailbot.model import MailKind

_TOKEN = re.compile(r"[0-9a-f]{16}")
_KINDS = "|".join(kind.lower() for kind in MailKind)
_OURS = re.compile(
    rf"<(zgl[0-9]{{7,12}})\.(?:{_KINDS})(?:\.[0-9a-z-]{{1,20}})?\.([0-9a-f]{{16}})@[a-z0-9.-]{{1,255}}>",
    re.ASCII | re.IGNORECASE,
)


def message_id(kind: MailKind, ticket: str, token: str, domain: str, which: str = "") -> str:
    """The Message-ID of a mail: known beforehand, the same at every try. Raises TemplateError without a token."""
    if not _TOKEN.fullmatch(token):
        raise TemplateError(f"{ticket}: {kind} was asked for without the token of the thread")
    parts = (ticket.lower(), kind.lower(), *((which,) if which else ()), token)
    return f"<{'.'.join(parts)}@{domain}>"


def parse(message_id: str) -> tuple[str, str] | None:
    """Ticket number and token of a Message-ID that has the form of ours, in any case: the token must prove the rest."""
    found = _OURS.fullmatch(message_id)
    return (found[1].upper(), found[2].lower()) if found else None


def place(raw: bytes) -> tuple[str | None, tuple[str, ...]]:
    """In-Reply-To and References of a mail of ours: where in its thread it stands."""
    heading = message_from_bytes(raw)
    return heading["In-Reply-To"], tuple((heading["References"] or "").split())
