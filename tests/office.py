"""A database with tickets and mails, a stub of a relay, and a delivery worker between them."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select

from mailbot.config import BreakerSettings, DeliverySettings
from mailbot.delivery.smtp import Relay
from mailbot.machine import Uptime
from mailbot.outbox import jobs
from mailbot.secret import Secret
from mailbot.storage.schema import inbox, outbox, ticket, ticket_event
from mailbot.tickets.activation import Grant, grant
from mailbot.web.metrics import measure
from mailbot.workers.deliver import DeliverWorker
from tests.intake import FailingDatabase

NOW = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
_SECRET = Secret(b"k" * 32)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


class StubRelay(Relay):
    """Says ``answers`` to a recipient (the last one again and again), else yes."""

    def __init__(self) -> None:
        super().__init__(DeliverySettings())
        self.answers: dict[str, list[Exception]] = {}
        self.tried: list[str] = []
        self.sent: list[str] = []
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def ready(self) -> None:
        pass

    async def send(self, return_path: str, recipient: str, raw: bytes) -> str:
        self.tried.append(recipient)
        if self.meanwhile is not None:
            await self.meanwhile()
        answers = self.answers.get(recipient)
        if answers:
            raise answers.pop(0) if len(answers) > 1 else answers[0]
        self.sent.append(recipient)
        return "250 2.0.0 taken"


class Office:
    """A database with tickets and mails, a stub of a relay, and a worker between them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.clock = Clock()
        self.relay = StubRelay()
        self.database = FailingDatabase(engine)
        self.pauses: list[float] = []
        self.worker = self.another("w")
        with engine.begin() as connection:
            message = {"id": 1, "source": "lmtp", "delivery_key": "1", "sha256": "", "size": 1, "envelope": {}}
            connection.execute(insert(inbox), {**message, "received_at": NOW, "state": "done", "due_at": NOW})

    def another(
        self,
        name: str,
        relay: Relay | None = None,
        latecomers: timedelta = timedelta(),
        mailbox: str = "",
        steady: Callable[[], float] | None = None,
        limits: BreakerSettings = BreakerSettings(),  # noqa: B008 - frozen
        common: Callable[[Connection], datetime | None] = lambda _: None,
        uptime: Callable[[], Uptime | None] = lambda: None,
    ) -> DeliverWorker:
        parts = (name, self.database, relay or self.relay, _SECRET, self.clock, random.Random(1), lambda: None)
        return DeliverWorker(*parts, self.pause, latecomers, mailbox, limits, steady, common, uptime)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.advance(seconds=seconds)

    def ticket(self, number: int = 1, state: str = "ZAMKNIETE_ROZWIAZANE", desk: str = "") -> None:
        row = {"id": number, "number": f"ZGL{number:07}", "kind": "wniosek", "category": "X", "state": state}
        times = {"opened_at": NOW, "promised_at": NOW + DAY}
        self.do(insert(ticket).values(**row, desk=desk, fingerprint="", inbox_id=1, **times))

    def mail(self, number: int, kind: str = "T1", of: int = 1, **values: Any) -> None:
        """Mail ``number`` to mN@wp.example."""
        row = {"id": number, "ticket_id": of, "slot": f"{kind} {number}", "kind": kind, "ordinal": 1}
        sent = {"recipient": f"m{number}@wp.example", "return_path": "", "message_id": "", "raw": b"x\r\n"}
        due = {"state": jobs.QUEUED, "due_at": NOW, "deadline": NOW + DAY}
        self.do(insert(outbox).values(**{**row, **sent, **due, **values}))

    def link(self, expires_at: datetime, new_login: str | None = None) -> None:
        """The activation link of ticket 1."""
        one = Grant(1, "ZGL0000001", "old@wp.example", expires_at, new_login)
        with self.engine.begin() as connection:
            grant(connection, [one], NOW, _SECRET)

    def do(self, statement: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(statement)

    def row(self, number: int = 1) -> Row[Any]:
        with self.engine.connect() as connection:
            return connection.execute(select(outbox).where(outbox.c.id == number)).one()

    def state(self, *numbers: int) -> list[str]:
        return [self.row(number).state for number in numbers]

    def ticket_state(self, number: int = 1) -> tuple[str, str]:
        with self.engine.connect() as connection:
            found = connection.execute(select(ticket.c.state, ticket.c.desk).where(ticket.c.id == number)).one()
        return found.state, found.desk

    def events(self) -> list[str]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(ticket_event.c.kind).order_by(ticket_event.c.id)).scalars())

    def metric(self, name: str) -> dict[str, float]:
        with self.engine.connect() as connection:
            families = {family.name: family for family in measure(connection, self.clock())}
        return {",".join(s.labels.values()): s.value for s in families[f"mailbot_{name}"].samples}

    async def deliver(self) -> None:
        while await self.worker.step():
            pass

    def says(self, number: int, *answers: Exception) -> None:
        self.relay.answers[f"m{number}@wp.example"] = list(answers)
