"""Tells people that a breaker has tripped (tickets.breaker): in the log, the audit chain, and by a mail of its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from mailbot.config import Settings
from mailbot.delivery.smtp import Relay
from mailbot.errors import MailbotError
from mailbot.oauth import tokens_of
from mailbot.observe import Clock, failure, log_event
from mailbot.storage.database import Database
from mailbot.text.address import domain
from mailbot.tickets import breaker
from mailbot.tickets.breaker import Reach

SECONDS = 30.0
"""Between two looks, and between two tries of an alarm that the server does not take."""


class BreakerWorker:
    """Several may run, in one process or in many; then an alarm may be told twice."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock

    async def step(self) -> int:
        """Tell what was not told yet; always 0, for there is nothing more to do at once."""
        tripped = await self._database.read(breaker.untold)
        if not tripped:
            return 0
        for reach, at in tripped:
            log_event("breaker-tripped", level=logging.ERROR, reach=reach.value, at=at.isoformat(), mend=_MEND)
        try:
            if self._settings.breaker.mail:
                await self._send(tripped)
        except (OSError, MailbotError) as error:  # it is told again
            failure("breaker-alarm-kept-back", error, level=logging.ERROR)
            return 0
        await self._database.write(lambda c: breaker.told(c, tripped, self._clock()))
        return 0

    async def _send(self, tripped: Sequence[tuple[Reach, datetime]]) -> None:
        """Past the outbox, which is what stands still."""
        relay = Relay(self._settings.delivery, tokens=tokens_of(self._settings))
        try:
            await relay.send("", self._settings.breaker.mail, mail(self._settings, tripped, self._clock()))
        finally:
            await relay.close()


_MEND = "mailbot breaker show"


def mail(settings: Settings, tripped: Sequence[tuple[Reach, datetime]], now: datetime) -> bytes:
    """The alarm. Nothing answers it: its return path is null, and it says that a machine wrote it (RFC 3834)."""
    sender = settings.helpdesk.sending_address
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = sender
    message["To"] = settings.breaker.mail
    message["Subject"] = "mailbot: a breaker has tripped, mails wait"
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=domain(sender))
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    since = "".join(f"{reach.value}: since {at:%Y-%m-%d %H:%M:%S}Z\n" for reach, at in tripped)
    message.set_content(
        "More mails were about to leave by themselves than [breaker] allows. They wait in the outbox:\n\n"
        f"{since}\n"
        "Look at what came (`mailbot queue ls`), end the tickets of a flood, then let the rest go:\n"
        "  mailbot breaker show\n"
        "  mailbot breaker lift --reason TEXT\n"
    )
    return message.as_bytes()
