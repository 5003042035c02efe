"""What the tests of the whole flow share: a clock, accounts, mails as our MX hands them over, an obedient relay."""

from __future__ import annotations

import asyncio
import random
import re
import smtplib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import Engine, Row, Select, insert, select

from mailbot.accounts.rows import column_values
from mailbot.config import (
    AuthenticationSettings,
    BreakerSettings,
    ConsoleSettings,
    DatabaseSettings,
    DeliverySettings,
    HelpdeskSettings,
    ListenerSettings,
    SecretSettings,
    Settings,
    WebSettings,
)
from mailbot.delivery.smtp import Relay
from mailbot.ingress import smtp
from mailbot.model import REQUIRED_SUBJECT, SENTENCES, Account, AccountStatus, Phrase, Source
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage import personal
from mailbot.storage.schema import account, decision, inbox, outbox, ticket, ticket_event
from mailbot.workers.decide import DecideWorker
from mailbot.workers.deliver import DeliverWorker
from tests.citizens import AUTHSERV_ID, HELPDESK, Attachment, build
from tests.explain import RECEIVED

JAN = Account("jan.kowalski@wp.example", "Jan", "Kowalski", 1980, "m")
EWA = Account("ewa@mejl.example", "Ewa", "Nowak", 1975, "f")
ZOFIA = Account("zofia@list.example", "Zofia", "Duda", 1965, "f", status=AccountStatus.BLOCKED)
STRANGER = "kto.inny@obcy.example"
PDF = ("skan.pdf", "application/pdf", b"%PDF-1.7 one page")
"""Nobody can read it to the end."""
GOOD = f"{SENTENCES[Phrase.A]} Jan Kowalski, 1980"
"""The body that is right for JAN."""


class Clock:
    """Stands still until it is moved; starts on the day of the mails."""

    def __init__(self) -> None:
        self.now = datetime.fromisoformat(RECEIVED)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        """Move on by ``span`` (as of timedelta)."""
        self.now += timedelta(**span)


def settings(url: str, key_file: Path, relay: int) -> Settings:
    """A mailbot behind our MX whose relay listens on port ``relay``."""
    return Settings(
        database=DatabaseSettings(url),
        authentication=AuthenticationSettings(AUTHSERV_ID, max_age_days=36_500),
        lmtp=ListenerSettings("127.0.0.1:0", authentication="headers"),
        delivery=DeliverySettings(port=relay),
        web=WebSettings("", public_url="http://127.0.0.1:1", behind_tls=False),
        console=ConsoleSettings(""),
        secret=SecretSettings(str(key_file)),
    )


def add_accounts(engine: Engine) -> None:
    """JAN, EWA and ZOFIA (blocked)."""
    with engine.begin() as connection:
        connection.execute(insert(account), [column_values(a) for a in (JAN, EWA, ZOFIA)])


def mail(  # each is one thing a scenario varies
    sender: str = JAN.login,
    body: str = GOOD,
    *,
    subject: str = REQUIRED_SUBJECT,
    auth: str = "pass",
    name: str = "first",
    headers: dict[str, str] | None = None,
    files: Sequence[Attachment] = (),
) -> bytes:
    """A mail as our MX hands it over. ``name`` makes the Message-ID; ``auth`` is pass, fail or none."""
    entry = {"id": name, "sender": sender, "subject": subject, "body": body, "auth": auth, "html_only": False}
    return build({**entry, "headers": headers or {}}, "utf8-qp", files)


def hand_over(port: int, raw: bytes, mail_from: str = JAN.login, rcpt_to: Sequence[str] = (HELPDESK,)) -> int:
    """Deliver by LMTP and return the inbox row told in the 250. Raises smtplib's errors and OSError."""
    with smtplib.LMTP("127.0.0.1", port, "mx.helpdesk.example", timeout=30) as client:
        client.ehlo()
        client.mail(mail_from)
        for recipient in rcpt_to:
            client.rcpt(recipient)
        code, answer = client.data(raw)
        if code != 250:
            raise smtplib.SMTPDataError(code, answer)
        return int(answer.split()[-1])


@dataclass(frozen=True, slots=True)
class Sent:
    """One mail of ours, as the relay saw it."""

    ticket: str
    kind: str
    message_id: str
    mail_from: str
    rcpt_to: str
    raw: bytes

    @property
    def text(self) -> str:
        """The plain text."""
        part = next(p for p in message_from_bytes(self.raw).walk() if p.get_content_type() == "text/plain")
        data = part.get_payload(decode=True)
        assert isinstance(data, bytes)
        return data.decode()


_OURS = re.compile(
    rb"^Message-ID: (<(zgl[0-9]+)\.([tw][0-9]+[ab]?)(?:\.[0-9a-z-]{1,20})?\.[0-9a-f]{16}@[^>]+>)\r$", re.MULTILINE
)


class _Server(SMTP):
    """aiosmtpd's server; the relay knows which connections are open."""

    def __init__(self, relay: RelaySink) -> None:
        super().__init__(relay, enable_SMTPUTF8=True, hostname="relay.example", loop=asyncio.get_running_loop())
        self._relay = relay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._relay.open.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._relay.open.discard(self.transport)
        super().connection_lost(error)


class RelaySink:
    """Our outgoing SMTP server. ``answer`` decides about each mail; None accepts it.

    An answer "421 …" also ends the connection; "cut" accepts the mail and ends the connection without a word.
    """

    def __init__(self) -> None:
        self.accepted: list[Sent] = []
        self.tried: list[Sent] = []
        self.answer: Callable[[Sent], str | None] = lambda sent: None
        self.open: set[asyncio.BaseTransport] = set()
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; after ``stop`` on the same port as before."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Server(self), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Go away, with every connection."""
        if self._server is not None:
            self._server.close()
        for transport in tuple(self.open):
            assert isinstance(transport, asyncio.Transport)
            transport.abort()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """aiosmtpd's hook."""
        raw = envelope.content
        assert isinstance(raw, bytes)
        found = _OURS.search(raw)
        assert found, "every mail of ours has its Message-ID"
        identifier, ticket, kind = (group.decode() for group in found.groups())
        (recipient,) = envelope.rcpt_tos
        return_path = "" if envelope.mail_from == "<>" else str(envelope.mail_from)
        sent = Sent(ticket.upper(), kind.upper(), identifier, return_path, recipient, raw)
        self.tried.append(sent)
        answer = self.answer(sent)
        if answer in (None, "cut"):
            self.accepted.append(sent)
        transport = server.transport
        assert isinstance(transport, asyncio.Transport)
        if answer == "cut":
            transport.abort()
        elif answer is not None and answer.startswith("421"):
            await server.push(answer)
            transport.close()
        return answer or "250 2.0.0 taken"

    def kinds(self, ticket: str | None = None) -> list[str]:
        """Kinds accepted, in order; of one ticket when it is named."""
        return [sent.kind for sent in self.accepted if ticket in (None, sent.ticket)]


@asynccontextmanager
async def relay_sink() -> AsyncIterator[RelaySink]:
    """A relay that accepts everything until told otherwise."""
    sink = RelaySink()
    await sink.start()
    try:
        yield sink
    finally:
        sink.stop()


@dataclass
class Flow:
    """A mailbot whose workers run when they are told to."""

    parts: compose.Parts
    clock: Clock
    sink: RelaySink
    port: int
    decider: DecideWorker
    deliverer: DeliverWorker

    async def take(self, raw: bytes, mail_from: str = JAN.login, rcpt_to: str = HELPDESK) -> int:
        """Deliver one mail; returns its inbox row."""
        return await asyncio.to_thread(hand_over, self.port, raw, mail_from, [rcpt_to])

    async def decide(self) -> None:
        while await self.decider.step():
            pass

    async def deliver(self) -> None:
        while await self.deliverer.step():
            pass

    async def answer(self, raw: bytes, mail_from: str = JAN.login, rcpt_to: str = HELPDESK) -> str:
        """Deliver one mail and do all that is due; returns the outcome."""
        row = await self.take(raw, mail_from, rcpt_to)
        await self.decide()
        await self.deliver()
        (outcome,) = await self.rows(select(inbox.c.outcome).where(inbox.c.id == row))
        return str(outcome[0])

    async def rows(self, statement: Select[Any]) -> list[Row[Any]]:
        return await self.parts.database.read(lambda c: list(c.execute(statement)))

    async def ticket(self, number: str = "ZGL0000001") -> Row[Any]:
        (row,) = await self.rows(select(ticket).where(ticket.c.number == number))
        return row

    async def states(self) -> dict[str, str]:
        """Kind → state of every mail in the outbox."""
        return {row.kind: row.state for row in await self.rows(select(outbox.c.kind, outbox.c.state))}

    async def events(self, number: int = 1) -> list[str]:
        wanted = select(ticket_event.c.kind).where(ticket_event.c.ticket_id == number).order_by(ticket_event.c.id)
        return [row.kind for row in await self.rows(wanted)]

    async def notes(self, row: int) -> dict[str, Any]:
        wanted = select(*personal.NOTES).where(decision.c.inbox_id == row)
        return await self.parts.database.read(
            lambda c: personal.noted_of(self.parts.secret, c.execute(wanted).mappings().one())
        )


@asynccontextmanager
async def running(
    folder: Path,
    *,
    accounts: bool = True,
    helpdesk: str = HELPDESK,
    breaker: BreakerSettings = BreakerSettings(),  # noqa: B008 - frozen
) -> AsyncIterator[Flow]:
    """A whole mailbot with its database in ``folder``, listening and sending on this machine.

    ``accounts``: add those of ``add_accounts``; no when the database is one that was used before.
    """
    clock = Clock()
    async with relay_sink() as sink:
        chosen = settings(f"sqlite:///{folder}/mailbot.db", folder / "key", sink.port)
        chosen = replace(chosen, helpdesk=HelpdeskSettings(helpdesk, helpdesk), breaker=breaker)
        parts = compose.build(chosen, clock=clock, rng=random.Random(1), resolver=StaticResolver({}))
        if accounts:
            add_accounts(parts.database.engine)
        relay = Relay(chosen.delivery)
        server = await smtp.serve(chosen.lmtp, Source.LMTP, parts.database, parts.secret, clock)
        decider = DecideWorker("decide", parts.database, parts.pipeline, clock, parts.rng)
        deliverer = DeliverWorker("deliver", parts.database, relay, parts.secret, clock, parts.rng, limits=breaker)
        port = server.sockets[0].getsockname()[1]
        try:
            yield Flow(parts, clock, sink, port, decider, deliverer)
        finally:
            server.close()
            await relay.close()
            await parts.database.close()


def masked(sent: Sent) -> str:
    """The mail without what must differ: ticket number, moment, recipient, Message-IDs."""
    message = message_from_bytes(sent.raw, policy=policy.default)
    for name in ("Date", "To", "In-Reply-To", "References", "Message-ID"):
        assert name in message
        del message[name]
    lines = [f"{name}: {value}" for name, value in message.items()]
    lines += [f"{part.get_content_type()}: {part.get_content()}" for part in message.iter_parts()]
    found = re.sub(r"(?i)zgl\d{7}", "ZGL", re.sub(r"[0-9a-f]{16}", "TOKEN", "\n".join(lines)))
    assert sent.rcpt_to.partition("@")[0] not in found
    return found
