"""One mail's failure never holds its batch, a failing database buries nobody, what cannot be decided gets a ticket."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Select, select, update

from mailbot.errors import DatabaseUnavailable, ReadingFailed
from mailbot.flow.pipeline import Pipeline
from mailbot.inbox import store
from mailbot.model import Authentication, AuthResult, Envelope, RawMessage, Source, Understanding
from mailbot.outbox import jobs
from mailbot.room import Place, Room
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage import personal
from mailbot.storage.schema import decision, inbox, raw_message, ticket
from mailbot.workers import held
from mailbot.workers.decide import DecideWorker
from tests.citizens import HELPDESK
from tests.flow import JAN, STRANGER, Clock, add_accounts, mail, settings
from tests.intake import until


class Desk:
    """A decide worker over a database, and what was given to its understanding."""

    def __init__(self, parts: compose.Parts, clock: Clock) -> None:
        self.parts = parts
        self.clock = clock
        self.batches: list[list[RawMessage]] = []
        self.go = asyncio.Event()
        self.go.set()
        self.before: Callable[[Sequence[RawMessage]], None] = lambda batch: None
        self.after: Callable[[Understanding], Understanding] = lambda u: u
        self.worker = self.another("w")

    def another(self, name: str, steady: Callable[[], float] | None = None, room: Room | None = None) -> DecideWorker:
        p, rng, read = self.parts, random.Random(1), self._understand
        return DecideWorker(name, p.database, p.pipeline, self.clock, rng, understand=read, steady=steady, room=room)

    async def _understand(self, batch: Sequence[RawMessage]) -> list[Understanding]:
        self.batches.append(list(batch))
        self.before(batch)
        await self.go.wait()
        return [self.after(u) for u in self.parts.pipeline.understander.understand_all(batch)]

    def put(self, *raws: bytes) -> None:
        envelope = Envelope(Source.LMTP, STRANGER, (HELPDESK,))
        with self.parts.database.engine.begin() as connection:
            store(
                connection, [RawMessage(raw, envelope, self.clock()) for raw in raws], self.clock(), self.parts.secret
            )

    async def work(self, rounds: int = 40) -> int:
        """Step by step, with pauses as the loop makes them; returns how many steps the database broke."""
        broken = 0
        for _ in range(rounds):
            try:
                if not await self.worker.step():
                    self.clock.advance(minutes=5)
            except DatabaseUnavailable:
                broken += 1
                self.clock.advance(seconds=5)
        return broken

    async def rows(self, statement: Select[Any]) -> list[Any]:
        return await self.parts.database.read(lambda c: list(c.execute(statement)))

    async def outcomes(self) -> list[tuple[str, str | None]]:
        found = await self.rows(select(inbox.c.state, inbox.c.outcome).order_by(inbox.c.id))
        return [(row.state, row.outcome) for row in found]


@pytest.fixture
async def desk(empty_engine: Engine, tmp_path: Path) -> AsyncIterator[Desk]:
    clock = Clock()
    chosen = settings(empty_engine.url.render_as_string(hide_password=False), tmp_path / "key", 1)
    parts = compose.build(chosen, clock=clock, rng=random.Random(1), resolver=StaticResolver({}))
    add_accounts(empty_engine)
    yield Desk(parts, clock)
    await parts.database.close()


def question(n: int) -> bytes:
    """A mail that is decided without any doubt; all are of different people."""
    return mail(f"kto{n}@obcy{n}.example", f"Mam pytanie {n}.", subject="NOWE", name=f"question {n}")


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What was logged."""
    told = [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "mailbot"]
    return [{"level": level, **json.loads(line)} for level, line in told if line.startswith("{")]


POISON = mail(JAN.login, name="poison")
ASKED = (jobs.DONE, "MORE")
GIVEN_UP = (jobs.DONE, "REVIEW")


def fails_for(poison: bytes, error: Exception) -> Callable[[Sequence[RawMessage]], None]:
    def before(batch: Sequence[RawMessage]) -> None:
        if any(raw.raw == poison for raw in batch):
            raise error

    return before


FAILURES = [ReadingFailed("deadline"), MemoryError(), ValueError("a bug"), LookupError("another")]


async def test_what_a_dead_worker_held_is_looked_for_once_a_second(desk: Desk) -> None:
    def left_by_another(n: int) -> None:
        desk.put(question(n))
        over = {"state": jobs.LEASED, "leased_by": "dead", "leased_until": desk.clock() - timedelta(seconds=1)}
        with desk.parts.database.engine.begin() as connection:
            connection.execute(update(inbox).where(inbox.c.state == jobs.QUEUED).values(over))

    left_by_another(1)
    assert await desk.worker.step() == 1
    left_by_another(2)
    assert await desk.worker.step() == 0
    desk.clock.advance(seconds=1)
    assert await desk.worker.step() == 1
    assert await desk.outcomes() == [ASKED, ASKED]


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
async def test_a_mail_that_cannot_be_understood_harms_no_other_and_gets_a_ticket(desk: Desk, error: Exception) -> None:
    desk.put(question(1), POISON, question(2), question(3))
    desk.before = fails_for(POISON, error)
    await desk.worker.step()
    assert await desk.outcomes() == [(jobs.QUEUED, None)] * 4
    for _ in range(4):
        await desk.worker.step()
    assert await desk.outcomes() == [ASKED, (jobs.QUEUED, None), ASKED, ASKED], "no other waits for anything"
    await desk.work()
    assert await desk.outcomes() == [ASKED, GIVEN_UP, ASKED, ASKED]
    assert Counter(POISON in [raw.raw for raw in batch] for batch in desk.batches) == {True: 5, False: 3}
    (found,) = await desk.rows(select(ticket).where(ticket.c.inbox_id == 2))
    assert (found.state, found.desk) == ("DO_WERYFIKACJI", "II_LINIA")
    (row,) = await desk.rows(select(*personal.NOTES).where(decision.c.inbox_id == 2))
    notes = personal.noted_of(desk.parts.secret, row._mapping)
    assert notes["damage"][0].startswith("given up: ")


async def test_a_mail_that_cannot_be_recorded_gets_a_ticket(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Pipeline.mail_context

    def mail_context(flow: Pipeline, assessment: Any, *rest: Any) -> Any:
        if assessment.u.sender.address == JAN.login:
            raise ValueError("a bug")
        return real(flow, assessment, *rest)

    monkeypatch.setattr(Pipeline, "mail_context", mail_context)
    desk.put(question(1), POISON, question(2))
    await desk.worker.step()
    assert await desk.outcomes() == [ASKED, (jobs.QUEUED, None), ASKED]
    await desk.work()
    assert await desk.outcomes() == [ASKED, GIVEN_UP, ASKED]


async def test_an_arrival_that_no_clock_can_reckon_with_gets_a_ticket(desk: Desk) -> None:
    desk.put(question(1), question(2))
    with desk.parts.database.engine.begin() as connection:
        connection.execute(update(inbox).where(inbox.c.id == 1).values(received_at=datetime(9999, 12, 31, tzinfo=UTC)))
    await desk.work()
    assert await desk.outcomes() == [GIVEN_UP, ASKED]


async def test_what_no_ticket_can_be_made_of_is_buried_and_said(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(Pipeline, "mail_context", broken)
    desk.put(POISON)
    await desk.work()
    assert await desk.outcomes() == [(jobs.BURIED, None)]
    assert any("inbox-given-up" in record.getMessage() for record in caplog.records)
    (row,) = await desk.rows(select(inbox.c.last_error))
    assert row.last_error.startswith("ValueError"), "and not that its worker died"


async def test_an_outage_of_the_database_buries_nobody(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    real, left = Pipeline.record, [30]

    def record(*arguments: Any, **named: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise DatabaseUnavailable("the counter is locked")
        return real(*arguments, **named)

    monkeypatch.setattr(Pipeline, "record", record)
    desk.put(question(1), question(2))
    assert await desk.work(60) == 30
    assert await desk.outcomes() == [ASKED, ASKED]
    assert {row.attempts for row in await desk.rows(select(inbox.c.attempts))} == {2}


@pytest.mark.parametrize(("mails", "waits"), [(1, True), (2, False)])
async def test_what_broke_off_alone_does_not_come_back_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, mails: int, waits: bool
) -> None:
    """It may be what breaks the database; of several each is taken alone first, and that tells."""
    real = Pipeline.record

    def broken(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("gone")

    monkeypatch.setattr(Pipeline, "record", broken)
    desk.put(*map(question, range(mails)))
    with pytest.raises(DatabaseUnavailable):
        await desk.worker.step()
    monkeypatch.setattr(Pipeline, "record", real)
    assert await desk.worker.step() == int(not waits)
    desk.clock.advance(seconds=20)
    assert await desk.worker.step() == int(not waits)
    desk.clock.advance(seconds=20)
    assert await desk.worker.step() == int(waits)
    assert await desk.outcomes() == [ASKED] * mails


async def test_an_outage_in_which_the_lease_ends_buries_nobody(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is away nothing can be given back: that is done when it answers, before leases are looked at."""
    real = Pipeline.record

    def record(*arguments: Any, **named: Any) -> Any:
        if desk.clock() < began:
            desk.clock.advance(minutes=10)
            raise DatabaseUnavailable("gone")
        return real(*arguments, **named)

    began = desk.clock.now.replace(hour=23)
    monkeypatch.setattr(Pipeline, "record", record)
    desk.put(question(1))
    assert await desk.work(200) > 20
    assert await desk.outcomes() == [ASKED]


async def test_rows_that_nobody_heard_to_be_taken_go_back_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server dies when it has committed and before it says so: no mail waits until its lease ends."""
    real, died = desk.parts.database.write, list[bool]()

    async def write(work: Any) -> Any:
        found = await real(work)
        if not died:
            died.append(True)
            raise DatabaseUnavailable("server closed the connection unexpectedly")
        return found

    monkeypatch.setattr(desk.parts.database, "write", write)
    desk.put(question(1), question(2))
    with pytest.raises(DatabaseUnavailable):
        await desk.worker.step()
    assert await desk.outcomes() == [(jobs.LEASED, None)] * 2
    began = desk.clock()
    while await desk.worker.step():
        pass
    assert (await desk.outcomes(), desk.clock()) == ([ASKED, ASKED], began)


async def test_a_lost_lease_loses_no_step(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Two mails whose DNS does not answer and one that is ready; another worker takes the first while they are read."""
    desk.put(question(1), question(2), question(3))

    def stolen(_: Sequence[RawMessage]) -> None:
        with desk.parts.database.engine.begin() as connection:
            connection.execute(update(inbox).where(inbox.c.id == 1).values(leased_by="another"))

    desk.before = stolen
    desk.after = lambda u: u if "3" in u.message.text else without_dns(u)
    assert await desk.worker.step() == 3
    assert await desk.outcomes() == [(jobs.LEASED, None), (jobs.QUEUED, None), ASKED]
    (said,) = [told for told in lines(caplog) if told["step"] == "lease-lost"]
    assert (said["inbox"], said["worker"]) == (1, "w")


def without_dns(u: Understanding) -> Understanding:
    return replace(u, sender=replace(u.sender, authentication=Authentication(AuthResult.TEMPERROR, "no DNS")))


async def test_large_mails_are_understood_one_after_the_other_by_however_many_workers(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "_BATCH_OCTETS", 1)
    room = Room(1)
    desk.put(question(1), question(2), question(3))
    desk.go.clear()
    steps = []
    for n in range(3):
        steps.append(asyncio.create_task(desk.another(f"w{n}", room=room).step()))
        await until(lambda n=n: (len(desk.batches), room.waiting) == (1, n))  # type: ignore[misc]
    desk.go.set()
    assert await asyncio.gather(*steps) == [1, 1, 1]
    assert await desk.outcomes() == [ASKED] * 3
    assert (room.free, room.beyond.locked()) == (1, False)


async def test_who_finds_no_room_gives_the_mails_back_uncounted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(1)
    taken = Place(room)
    await taken.take(2, 1)
    desk.put(question(1))
    worker = desk.another("late", room=room)
    monkeypatch.setattr(worker, "_patience", 0.01)
    assert await worker.step() == 0
    assert desk.batches == []
    taken.leave()
    assert await worker.step() == 1
    assert await desk.outcomes() == [ASKED]
    (row,) = await desk.rows(select(inbox.c.attempts))
    assert row.attempts == 1


async def test_mails_whose_dns_does_not_answer_wait_together_and_not_for_ever(desk: Desk) -> None:
    desk.put(*map(question, range(20)))
    desk.after = without_dns
    await desk.work(10)
    assert [len(batch) for batch in desk.batches] == [20, 20, 20]
    assert {state for state, _ in await desk.outcomes()} == {jobs.DONE}
    assert {tuple(row) for row in await desk.rows(select(inbox.c.attempts, inbox.c.deferred))} == {(1, 2)}


async def test_who_waits_for_a_sender_s_dns_waits_a_little_longer_each_time(desk: Desk) -> None:
    """However often: a mail whose arrival is long past is decided without, and until then it is asked for."""
    desk.put(question(1))
    for deferred, shortest, longest in ((0, 24, 36), (1, 48, 72), (2, 96, 144), (9, 96, 144)):
        again = {"state": jobs.QUEUED, "attempts": 0, "deferred": deferred, "due_at": desk.clock()}
        with desk.parts.database.engine.begin() as connection:
            connection.execute(update(inbox).values(again))
        (row,) = await desk.worker._held.load(await desk.worker._held.take())
        await desk.worker._held.postpone(row, "no DNS")
        (due,) = (row.due_at for row in await desk.rows(select(inbox.c.due_at)))
        assert shortest <= (due - desk.clock()).total_seconds() <= longest


def newer(connection: Connection) -> None:
    """The envelope was written by a program that knows more."""
    envelope = {"source": "lmtp", "rcpt_to": [], "from_the_future": 1}
    connection.execute(update(inbox).where(inbox.c.id == 2).values(envelope=envelope))


def gone(connection: Connection) -> None:
    connection.execute(raw_message.delete().where(raw_message.c.inbox_id == 2))


def damaged(connection: Connection) -> None:
    raw = connection.execute(select(raw_message.c.raw).where(raw_message.c.inbox_id == 2)).scalar_one()
    connection.execute(
        update(raw_message).where(raw_message.c.inbox_id == 2).values(raw=raw[:-1] + bytes([raw[-1] ^ 1]))
    )


@pytest.mark.parametrize(
    ("harm", "step"), [(newer, "inbox-unreadable"), (gone, "inbox-unreadable"), (damaged, "inbox-sealed")]
)
async def test_a_row_that_cannot_be_read_back_holds_no_other(
    desk: Desk, harm: Callable[[Connection], None], step: str, caplog: pytest.LogCaptureFixture
) -> None:
    desk.put(question(1), question(2), question(3))
    with desk.parts.database.engine.begin() as connection:
        harm(connection)
    assert await desk.worker.step() == 3
    assert await desk.outcomes() == [ASKED, (jobs.QUEUED, None), ASKED]
    await desk.work()
    assert await desk.outcomes() == [ASKED, (jobs.BURIED, None), ASKED]
    errors = [told for told in lines(caplog) if told["level"] == "ERROR" and told.get("inbox") == 2]
    assert {told["step"] for told in errors} == {step}
    (reason,) = [row.last_error for row in await desk.rows(select(inbox.c.last_error).where(inbox.c.id == 2))]
    assert {told["reason"] for told in errors} == {reason}, "and not that its worker died"


async def test_a_clock_that_is_set_ahead_again_and_again_counts_no_try(desk: Desk) -> None:
    """Whoever has the mail lives: nobody takes it away, and no person gets it unread."""
    second = desk.another("second", steady=lambda: 1000.0)
    await second.step()
    desk.put(question(1))

    async def meanwhile() -> None:
        for _ in range(6):
            desk.clock.advance(hours=1)
            assert await second.step() == 0

    understand = desk.worker._understand

    async def slow(batch: Sequence[RawMessage]) -> Sequence[Understanding]:
        await meanwhile()
        return await understand(batch)

    desk.worker._understand = slow
    assert await desk.worker.step() == 1
    assert await desk.outcomes() == [ASKED]
    assert [row.attempts for row in await desk.rows(select(inbox.c.attempts))] == [1]
