"""What needs a check of signed files waits in a lane of its own, and nothing else waits for the locked processes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from mailbot.inbox import store
from mailbot.model import (
    REQUIRED_SUBJECT,
    SENTENCES,
    ApplicationCheck,
    ApplicationState,
    Envelope,
    Phrase,
    RawMessage,
    Source,
    Understanding,
)
from mailbot.outbox import jobs
from mailbot.room import OCTETS, Room
from mailbot.ruleset.model import Ruleset
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage.schema import inbox, ticket
from mailbot.workers.decide import DecideWorker, Lane
from mailbot.workers.verify import Verifier
from tests.citizens import HELPDESK, build
from tests.flow import JAN, Clock, add_accounts, mail, settings


class Gate(Verifier):
    """Finds every file unsigned, once somebody opens the gate."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.open, self.begun, self.rows = asyncio.Event(), asyncio.Event(), 0

    async def check(self, understood: Sequence[Understanding], rules: Ruleset) -> list[Understanding]:
        self.begun.set()
        await self.open.wait()
        self.rows += len(understood)
        return [replace(u, checked=ApplicationCheck(ApplicationState.UNSIGNED)) for u in understood]


@dataclass
class Office:
    """Two workers over one database, as a process of `mailbot run` has them."""

    parts: compose.Parts
    clock: Clock
    gate: Gate
    woken: list[str] = field(default_factory=list)
    room: Room = field(default_factory=Room)

    def worker(self, lane: Lane, name: str = "") -> DecideWorker:
        p = self.parts
        return DecideWorker(
            name or lane.value,
            p.database,
            p.pipeline,
            self.clock,
            random.Random(1),
            verifier=self.gate,
            lane=lane,
            on_check=lambda: self.woken.append("check"),
            room=self.room,
        )

    def weigh(self, octets: int) -> None:
        """Let every message that is not decided have so many octets."""
        with self.parts.database.engine.begin() as connection:
            connection.execute(update(inbox).where(inbox.c.state == jobs.QUEUED).values(size=octets))

    def put(self, *raws: bytes) -> None:
        envelope = Envelope(Source.LMTP, JAN.login, (HELPDESK,))
        arrived = [RawMessage(raw, envelope, self.clock()) for raw in raws]
        with self.parts.database.engine.begin() as connection:
            store(connection, arrived, self.clock(), self.parts.secret)

    def rows(self) -> list[tuple[str, str | None, int]]:
        """(state, lane, attempts) of each message."""
        wanted = select(inbox.c.state, inbox.c.lane, inbox.c.attempts).order_by(inbox.c.id)
        with self.parts.database.engine.connect() as connection:
            return [(state, lane, attempts) for state, lane, attempts in connection.execute(wanted)]


@pytest.fixture
async def office(empty_engine: Engine, tmp_path: Path) -> AsyncIterator[Office]:
    clock = Clock()
    chosen = settings(empty_engine.url.render_as_string(hide_password=False), tmp_path / "key", 1)
    parts = compose.build(chosen, clock=clock, rng=random.Random(1), resolver=StaticResolver({}))
    add_accounts(empty_engine)
    yield Office(parts, clock, Gate(parts.pipeline))
    await parts.database.close()


def application(n: int) -> bytes:
    """A request of case B with a file."""
    entry = {"id": f"b{n}", "sender": f"n{n}@nowa{n}.example", "subject": REQUIRED_SUBJECT, "auth": "pass"}
    body = f"{SENTENCES[Phrase.B]} Jan Kowalski, 1980"
    file = [("wniosek.pdf", "application/pdf", b"%PDF-1.7 signed")]
    return build({**entry, "body": body, "html_only": False, "headers": {}}, "utf8-qp", file)


DONE, LEFT = (jobs.DONE, None, 1), (jobs.QUEUED, Lane.CHECKS.value, 0)


async def test_nobody_waits_for_a_check_that_is_not_his(office: Office) -> None:
    quick, checks = office.worker(Lane.QUICK), office.worker(Lane.CHECKS)
    office.put(application(1), mail(JAN.login), application(2))
    assert await quick.step() == 3
    assert office.rows() == [LEFT, DONE, LEFT]
    assert office.woken == ["check"]
    checking = asyncio.create_task(checks.step())
    await office.gate.begun.wait()
    office.put(mail(JAN.login, "Proszę.", name="again"))
    while await quick.step():
        pass
    assert [state for state, _, _ in office.rows()] == [jobs.LEASED, jobs.DONE, jobs.QUEUED, jobs.DONE]
    office.gate.open.set()
    assert await checking == office.gate.width == 1
    assert await checks.step() == 1
    assert await checks.step() == 0
    assert {state for state, _, _ in office.rows()} == {jobs.DONE}
    with office.parts.database.engine.connect() as connection:  # no number is lost
        assert sorted(connection.execute(select(ticket.c.id)).scalars()) == [1, 2, 3, 4]


async def test_many_large_mails_do_not_wait_for_the_check_of_one(office: Office) -> None:
    """It takes more than the room, and whoever signs large files may send the next one in time."""
    office.put(application(1))
    office.weigh(OCTETS + 1)
    assert await office.worker(Lane.QUICK).step() == 1
    checking = asyncio.create_task(office.worker(Lane.CHECKS).step())
    await office.gate.begun.wait()
    office.put(*(mail(JAN.login, f"Proszę {n}.", name=f"n{n}") for n in range(4)))
    office.weigh(OCTETS // 3)
    quick = office.worker(Lane.QUICK)
    quick._patience = 0.0
    while await quick.step():
        pass
    assert [state for state, _, _ in office.rows()] == [jobs.LEASED, *[jobs.DONE] * 4]
    office.gate.open.set()
    assert await checking == 1


async def test_what_was_left_is_taken_by_another_process_and_by_one_of_before(office: Office) -> None:
    office.gate.open.set()
    office.put(application(1), application(2))
    await office.worker(Lane.QUICK).step()
    assert await office.worker(Lane.CHECKS, "elsewhere").step() == 1
    assert await office.worker(Lane.ALL, "of before").step() == 1
    assert office.gate.rows == 2
    assert {state for state, _, _ in office.rows()} == {jobs.DONE}


async def test_a_lease_that_ran_out_in_the_lane_comes_back_to_it(office: Office) -> None:
    office.put(application(1))
    await office.worker(Lane.QUICK).step()
    dies = asyncio.create_task(office.worker(Lane.CHECKS, "dies").step())
    await office.gate.begun.wait()
    dies.cancel()
    office.clock.advance(minutes=10)
    await office.worker(Lane.QUICK, "reaps").step()
    assert office.rows() == [(jobs.QUEUED, "checks", 1)]
    office.gate.open.set()
    assert await office.worker(Lane.CHECKS).step() == 1
    assert office.rows() == [(jobs.DONE, "checks", 2)]
