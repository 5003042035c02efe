"""Does recent mail come as the settings say, and would they believe a sender?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from mailbot.config import Settings
from mailbot.errors import ConfigError, SealBroken
from mailbot.inbox import message_of, newest
from mailbot.installation import read_keys
from mailbot.model import Source
from mailbot.parsing.headers import split
from mailbot.sender.survey import Survey, SurveyedMail, faults, lines, survey
from mailbot.storage import schema
from mailbot.storage.reading import has_table, missing_file, read_only
from mailbot.tickets import decisions

_LAST = 50
"""Mails looked at."""


def look(settings: Settings) -> str:
    """What recent mail says about [authentication]. Raises ConfigError with the lines that would describe it."""
    authentication = settings.authentication
    if not authentication.authserv_ids and authentication.missing == "none":
        raise ConfigError("no authserv-id is set, so no sender counts as authenticated and everything goes to a person")
    found = survey(list(_recent(settings)), authentication)
    if wrong := faults(found, authentication):
        described = found.proposal
        mend = (
            f"\nwith these lines one would; see that they are all of your own hosts:\n{lines(described)}"
            if described
            else ""
        )
        if described and described.strips_foreign:
            mend += "\nonly if your MX removes such fields of a sender (docs/mx.md)"
        raise ConfigError("\n".join(wrong) + mend)
    return _summary(found, settings)


def _summary(found: Survey, settings: Settings) -> str:
    names = ", ".join(settings.authentication.authserv_ids) or "no authserv-id"
    if not found.count:
        return f"{names}; no mail to try it on yet"
    told = f"{names}; a field counts in {found.counting} of the last {found.count} mails"
    if found.counting < found.count and settings.authentication.missing == "dkim":
        told += ", in the others the signature is checked"
    if found.unattested:
        told += (
            f"; {found.unattested} came over a host of yours that does not say whom it had them from: "
            "see that nobody outside reaches it"
        )
    if settings.authentication.placement == "below":
        told += "; see that your MX refuses mail while its filter is down (docs/mx.md)"
    return told


def _recent(settings: Settings) -> Iterator[SurveyedMail]:
    """Header fields of the last mails whose sender our MX should have looked at."""
    key_file = Path(settings.secret.key_file)
    if not key_file.exists() or missing_file(settings.database.url) is not None:
        return
    roads = {
        Source.IMAP: "headers",
        Source.LMTP: settings.lmtp.authentication,
        Source.SMTP: settings.smtp.authentication,
    }
    sources = [source for source, road in roads.items() if road == "headers"]
    with ExitStack() as stack:
        connection = stack.enter_context(read_only(settings.database.url))
        if not has_table(connection, schema.inbox.name):
            return
        key = stack.enter_context(read_keys(connection, settings))
        for number in newest(connection, sources, _LAST):  # one by one: each may be as large as a mail can be
            for row in decisions.messages(connection, [number]).values():
                try:
                    message = message_of(row, key)
                except SealBroken:  # another check says so
                    continue
                yield split(message.raw).fields, message.envelope.mail_from
