"""The mails of the demo: those of fixtures/ as they arrived, those signed now, and answers to what mailbot wrote."""

from __future__ import annotations

import asyncio
import contextlib
import mailbox
import smtplib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import yaml
from aiosmtpd.smtp import SMTP, Envelope, Session

from mailbot.cli import demo_applications
from mailbot.errors import ConfigError
from mailbot.service.places import FIXTURES

_HELPDESK = "helpdesk-eclo@mf.gov.pl"


@dataclass(frozen=True, slots=True)
class DemoMail:
    """One mail: how it comes in and what must become of it."""

    name: str
    raw: bytes
    via: str
    mail_from: str
    rcpt_to: tuple[str, ...]
    expect: Mapping[str, Any]
    why: str


def cases(folder: Path = FIXTURES) -> list[DemoMail]:
    """The cases of fixtures/mail in order. The form is told in fixtures/README.md.

    Without those that have a history of their own: here all share one database, so only a copy of an earlier mail can
    come with its history.
    """
    found: list[DemoMail] = []
    for file in sorted((folder / "mail").glob("*.eml")):
        if file.with_suffix(".state.yaml").exists() and file.read_bytes() not in (case.raw for case in found):
            continue
        told = yaml.safe_load(file.with_suffix(".yaml").read_text(encoding="utf-8"))
        envelope = told.get("envelope", {})
        to = tuple(envelope.get("rcpt_to", (_HELPDESK,)))
        sender = envelope.get("mail_from", "")
        found.append(DemoMail(file.stem, file.read_bytes(), told["via"], sender, to, told["expect"], told["why"]))
    return found


def applications(trust: Path, authserv_id: str, now: datetime, folder: Path = FIXTURES) -> list[DemoMail]:
    """The cases of fixtures/case_b.yaml, signed now; the anchors of their keys lie in ``trust`` afterwards."""
    return [
        DemoMail(told["name"], raw, "lmtp", told["sender"], (_HELPDESK,), told["expect"], told["why"])
        for told, raw in demo_applications.mails(folder, trust, authserv_id, now)
    ]


def letter(told: Mapping[str, Any], answered: Message | None, authserv_id: str, now: datetime) -> Iterator[DemoMail]:
    """A letter of fixtures/desk.yaml, as often as it says. ``answered``: the mail of ours that it is an answer to."""
    domain = told["from"].rpartition("@")[2]
    for n in range(told.get("times", 1)):
        message = EmailMessage()
        message["From"], message["To"] = told["from"], _HELPDESK
        message["Date"], message["Message-ID"] = format_datetime(now), f"<{told['name']}-{n}@{domain}>"
        message["Subject"] = told.get("subject") or f"Re: {answered['Subject'] if answered else ''}"
        if answered is not None:
            message["In-Reply-To"] = answered["Message-ID"]
        message.set_content(told["text"].format(n=n + 1))
        raw = demo_applications.through_our_mx(message, authserv_id, now)
        last = n + 1 == told.get("times", 1)
        yield DemoMail(
            told["name"], raw, "lmtp", told["from"], (_HELPDESK,), told["expect"] if last else {}, told["why"]
        )


def hand_over(case: DemoMail, address: tuple[str, int]) -> int:
    """Over the wire, as an MTA would: LMTP behind our MX, or SMTP from outside. Returns the row told in the 250."""
    protocol = smtplib.LMTP if case.via == "lmtp" else smtplib.SMTP
    with protocol(*address) as client:
        client.ehlo("client.example")
        utf8 = ["SMTPUTF8"] if not case.mail_from.isascii() else []
        client.mail(case.mail_from, [*utf8, f"SIZE={len(case.raw)}"])
        for recipient in case.rcpt_to:
            client.rcpt(recipient)
        code, answer = client.data(case.raw)
        if code != 250:
            raise ConfigError(f"{case.name}: not taken: {code} {answer!r}")
        return int(answer.split()[-1])


class Captured:
    """Keeps every mail that mailbot sends, instead of the world. The first mail to each of ``full`` it refuses for
    good."""

    def __init__(self, folder: Path, full: set[str]) -> None:
        self._maildir = mailbox.Maildir(folder)
        self._full = full

    def __iter__(self) -> Iterator[EmailMessage]:
        for key in self._maildir.keys():  # noqa: SIM118 - to iterate over it gives the mails, in an old form
            yield message_from_bytes(self._maildir.get_bytes(key), policy=default)

    def of(self, message_id: str) -> Message:
        """The mail of ours with that Message-ID."""
        return next(message for message in self if message["Message-ID"] == message_id)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self._full:
            self._full.remove(address)
            return "552 5.2.2 mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 known"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        content = envelope.content
        assert isinstance(content, bytes)
        await asyncio.to_thread(self._maildir.add, content)
        return "250 2.0.0 kept"


@contextlib.asynccontextmanager
async def capturing(captured: Captured) -> AsyncIterator[int]:
    """Its port, as long as it listens."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(captured, enable_SMTPUTF8=True), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
