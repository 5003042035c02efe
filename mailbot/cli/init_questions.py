"""What ``mailbot init`` asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """key: "section.key". like: the answer whose text is the default. topic: asked only when it was met."""

    key: str
    text: str
    default: str = ""
    like: str = ""
    topic: str = ""


WAYS = {"lmtp": "lmtp.listen", "imap": "imap.host", "smtp": "smtp.listen"}
"""Way in → the setting that opens it."""

QUESTIONS = (
    Question("helpdesk.address", "Address that citizens write to", "helpdesk-eclo@mf.gov.pl"),
    Question("helpdesk.sending_address", "From of our own mails", like="helpdesk.address"),
    Question("lmtp.listen", "LMTP listens at", "127.0.0.1:2400", topic="lmtp"),
    Question("imap.host", "IMAP server", "localhost", topic="imap"),
    Question("imap.user", "Login name there", like="helpdesk.address", topic="imap"),
    Question("imap.password_file", "File that will hold its password", "/etc/mailbot/imap.password", topic="imap"),
    Question("imap.done_folder", "Folder for the mails that were taken", "Processed", topic="imap"),
    Question("smtp.listen", "SMTP listens at", "127.0.0.1:2525", topic="smtp"),
    Question("authentication.authserv_id", "Name of that mail server in its Authentication-Results", topic="mx"),
    Question("delivery.host", "Outgoing mail server", "127.0.0.1"),
    Question("delivery.port", "Its port", "25"),
    Question("web.public_url", "Address of the activation page, as citizens see it", "https://puesc.gov.pl"),
)

_BELOW = {"authentication.placement": "below", "authentication.strips_foreign": "true"}
MX: Mapping[str, Mapping[str, str]] = {
    "postfix-milters": {},
    "postfix-milters-below": _BELOW,
    "rspamd": _BELOW,
    "exim": {},
    "sendmail-haraka-stalwart-halon": {},
    "exchange-online": {
        "authentication.authserv_id": "none",
        "authentication.received_by": "*.prod.outlook.com, *.office365.com, *.mail.protection.outlook.com",
    },
    "none": {"authentication.missing": "dkim"},
}
"""Rows of docs/mx.md that need nothing which only the office knows, save the name. none: no field counts, the signature
(DKIM) itself is checked."""
