"""What citizens write and how it comes in: an MTA that queues until it hears a 250, or a mailbox."""

from __future__ import annotations

import asyncio
import hashlib
import imaplib
import smtplib
from collections.abc import Callable
from dataclasses import dataclass, field

from mailbot.model import SENTENCES, Phrase
from tests.citizens import HELPDESK
from tests.flow import hand_over, mail
from tests.integration.servers import PASSWORD, USER, Dovecot

_GIVEN, _SURNAMES = ("Jan", "Adam", "Marek", "Piotr"), ("Kowalski", "Wolski", "Zimny", "Nowak", "Lis")
_PAUSE = 0.1  # seconds until the MTA tries again
GRANTED, FORMAL = ("T1", "T2A", "T3"), ("T1", "T4")


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail, who sent it, and the mails that must leave because of it. None: whatever a person does about it."""

    sender: str
    raw: bytes
    due: tuple[str, ...] | None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()


def citizen(n: int) -> tuple[str, str, str, int]:
    """Login, given name, surname and year of the n-th account."""
    return f"nr{n}@d{n}.example", _GIVEN[n % 4], _SURNAMES[n // 4 % 5], 1940 + n // 20 % 60


def accounts(count: int) -> str:
    """A CSV file of the first ``count``."""
    lines = [",".join(map(str, citizen(n))) for n in range(count)]
    return "\n".join(["login,given,surname,birth_year", *lines]) + "\n"


def letter(n: int) -> Letter:
    """The n-th citizen asks for the emergency password; every fifth forgets the declaration's data."""
    login, given, surname, year = citizen(n)
    good = n % 5 != 4
    body = f"{SENTENCES[Phrase.A]} {given} {surname}, {year}" if good else SENTENCES[Phrase.A]
    return Letter(login, mail(login, body, name=f"nr{n}"), GRANTED if good else FORMAL)


@dataclass
class Post:
    """Delivers letters; ``accepted`` holds those whose delivery was answered for."""

    deliver: Callable[[Letter], None]
    """Blocking; raises OSError or an error of the protocol while nobody takes the letter."""
    accepted: list[Letter] = field(default_factory=list)
    queue: asyncio.Queue[Letter] = field(default_factory=asyncio.Queue)
    refusals: int = 0
    _waiting: int = 0

    def send(self, letter: Letter) -> None:
        """Put it into the queue."""
        self._waiting += 1
        self.queue.put_nowait(letter)

    @property
    def empty(self) -> bool:
        return self._waiting == 0

    async def run(self) -> None:
        """One of the MTA's connections, for ever."""
        while True:
            letter = await self.queue.get()
            try:
                await asyncio.to_thread(self.deliver, letter)
            except (OSError, EOFError, smtplib.SMTPException, imaplib.IMAP4.error):
                self.refusals += 1
                await asyncio.sleep(_PAUSE)
                self.queue.put_nowait(letter)
                continue
            self.accepted.append(letter)
            self._waiting -= 1


def by_lmtp(port: int) -> Callable[[Letter], None]:
    """To mailbot itself."""

    def deliver(letter: Letter) -> None:
        hand_over(port, letter.raw, letter.sender)

    return deliver


def by_smtp(port: int) -> Callable[[Letter], None]:
    """To mailbot itself, as whoever has written it would from outside."""

    def deliver(letter: Letter) -> None:
        with smtplib.SMTP("127.0.0.1", port, letter.sender.partition("@")[2], timeout=30) as client:
            client.sendmail(letter.sender, [HELPDESK], letter.raw)

    return deliver


def by_mailbox(server: Dovecot) -> Callable[[Letter], None]:
    """Into the mailbox that mailbot reads."""

    def deliver(letter: Letter) -> None:
        client = imaplib.IMAP4("127.0.0.1", server.imap, timeout=30)
        client._encoding = "utf-8"  # type: ignore[attr-defined]  # the password is not ASCII
        try:
            client.login(USER, PASSWORD)
            code, _ = client.append("INBOX", "", "", letter.raw)
            if code != "OK":
                raise OSError(code)
        finally:
            client.shutdown()

    return deliver
