"""Takes what the machine did over into the audit chain, and writes its head out where it cannot be rewritten."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from datetime import datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

from mailbot.audit import chain
from mailbot.audit.verify import Head, claim
from mailbot.config import Settings
from mailbot.delivery.smtp import Relay
from mailbot.errors import MailbotError
from mailbot.oauth import tokens_of
from mailbot.observe import Clock, failure, log_event
from mailbot.storage.database import Database
from mailbot.text.address import domain

SECONDS = 5.0
"""Between two looks: what happened and was changed before is what nobody would notice."""

_BATCH = 500
"""Some 30 ms: on SQLite who takes a mail in waits behind it, on PostgreSQL who acts at the desk."""


class AuditWorker:
    """Several may run, in one process or in many: the head of the chain is one row."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock

    async def step(self) -> int:
        """Take over one batch; returns its size."""
        if await self._database.read(chain.is_behind):
            return await self._database.write(lambda c: chain.take_over(c, _BATCH))
        if self._settings.audit.head_minutes:
            await self._write_out()
        return 0

    async def _write_out(self) -> None:
        now = self._clock()
        since = now - timedelta(minutes=self._settings.audit.head_minutes)
        head = await self._database.write(lambda c: claim(c, now, since))
        if head is None:
            return
        log_event("audit-head", seq=head.seq, hash=head.hash)
        ways = []
        if self._settings.audit.head_file:
            ways.append(asyncio.to_thread(_add, Path(self._settings.audit.head_file), line(head, now)))
        if self._settings.audit.head_mail:
            ways.append(self._send(head, now))
        for way in ways:  # a full disk keeps no mail back: each is there for the day when the other fails
            try:
                await way
            except (OSError, MailbotError) as error:  # the log has it; the next one is tried as well
                failure("audit-head-kept-back", error, level=logging.ERROR, seq=head.seq)

    async def _send(self, head: Head, now: datetime) -> None:
        relay = Relay(self._settings.delivery, tokens=tokens_of(self._settings))
        try:
            await relay.send("", self._settings.audit.head_mail, mail(self._settings, head, now))
        finally:
            await relay.close()


def line(head: Head, now: datetime) -> str:
    """The head as one line of JSON, as ``mailbot audit verify --head`` reads it."""
    return json.dumps({"at": now.isoformat(timespec="seconds"), "seq": head.seq, "hash": head.hash})


def mail(settings: Settings, head: Head, now: datetime) -> bytes:
    """The mail that tells the head."""
    sender = settings.helpdesk.sending_address
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = sender
    message["To"] = settings.audit.head_mail
    message["Subject"] = f"mailbot: head of the audit chain, row {head.seq}"
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=domain(sender))
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(line(head, now) + "\n")
    return message.as_bytes()


def _add(file: Path, text: str) -> None:
    """A line, behind the end of one that was cut off (by a full disk, or with the machine)."""
    with file.open("ab+") as opened:
        cut_off = opened.tell() and os.pread(opened.fileno(), 1, opened.tell() - 1) != b"\n"
        opened.write(b"\n" * bool(cut_off) + f"{text}\n".encode("ascii"))
