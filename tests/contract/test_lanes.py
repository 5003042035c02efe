"""What needs a check of signed files waits in a lane of its own, and nothing else waits for the locked processes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import pytest
from sqlalchemy import Engine, delete, insert, select, update

from mailbot.accounts.remembered import Registry
from mailbot.accounts.rows import column_values
from mailbot.accounts.snapshot import Snapshot
from mailbot.inbox import store
from mailbot.model import (
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
from mailbot.storage.schema import account, decision, inbox, outbox, ticket
from mailbot.workers.decide import DecideWorker
from mailbot.workers.held import Lane
from mailbot.workers.verify import Verifier
from tests.citizens import HELPDESK
from tests.flow import EWA, GOOD, JAN, PDF, STRANGER, Clock, add_accounts, mail, settings


class Gate(Verifier):
    """Finds every file as ``found`` says of its sender, else unsigned, once somebody opens the gate."""

    found: Mapping[str, ApplicationState] = MappingProxyType({})

    def __post_init__(self) -> None:
        super().__post_init__()
        self.open, self.begun, self.rows = asyncio.Event(), asyncio.Event(), 0

    async def check(self, understood: Sequence[Understanding], rules: Ruleset) -> list[Understanding]:
        self.begun.set()
        await self.open.wait()
        self.rows += len(understood)
        found = [self.found.get(str(u.sender.address), ApplicationState.UNSIGNED) for u in understood]
        return [replace(u, checked=ApplicationCheck(state)) for u, state in zip(understood, found, strict=True)]


@dataclass
class Office:
    """Two workers over one database, as a process of `mailbot run` has them."""

    parts: compose.Parts
    clock: Clock
    gate: Gate
    woken: list[str] = field(default_factory=list)
    room: Room = field(default_factory=Room)

    def worker(self, lane: Lane, name: str = "", registry: Registry | None = None) -> DecideWorker:
        p = self.parts
        return DecideWorker(
            name or lane.value,
            p.database,
            p.pipeline,
            self.clock,
            random.Random(1),
            verifier=self.gate,
            registry=registry,
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

    def decided(self) -> list[tuple[str, str, list[str]]]:
        """(outcome, fact ``application``, kinds of mails) of each message that was decided, in the order of arrival."""
        wanted = select(decision.c.inbox_id, decision.c.outcome, decision.c.facts).order_by(decision.c.inbox_id)
        sent = select(outbox.c.kind).order_by(outbox.c.id)
        with self.parts.database.engine.connect() as connection:
            return [
                (
                    outcome,
                    facts["application"],
                    list(connection.execute(sent.where(outbox.c.inbox_id == row)).scalars()),
                )
                for row, outcome, facts in connection.execute(wanted)
            ]

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
    return with_file(f"n{n}@nowa{n}.example", f"{SENTENCES[Phrase.B]} Jan Kowalski, 1980", f"b{n}")


def with_file(sender: str = JAN.login, body: str = GOOD, name: str = "a") -> bytes:
    return mail(sender, body, name=name, files=[PDF])


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


GRANTED = ("OK_A", "not-asked", ["T1", "T2A", "T3"])


async def test_from_an_account_s_login_the_file_of_case_a_means_nothing_and_waits_for_nothing(office: Office) -> None:
    """Beside an application whose check nobody ends."""
    office.put(application(1), with_file())
    await office.worker(Lane.QUICK).step()
    checking = asyncio.create_task(office.worker(Lane.CHECKS).step())
    await office.gate.begun.wait()
    office.put(with_file(EWA.login, f"{SENTENCES[Phrase.A]} Ewa Nowak, 1975", "ewa"), with_file(EWA.login, GOOD[:-6]))
    while await office.worker(Lane.QUICK).step():
        pass
    assert office.rows()[1:] == [DONE] * 3
    assert office.decided() == [GRANTED, GRANTED, ("REJ_FORMAL", "not-asked", ["T1", "T4"])]
    office.gate.open.set()
    assert await checking == office.gate.rows == 1


NOT_GRANTED = (
    (STRANGER, GOOD, ApplicationState.UNSIGNED, ("REJ_GENERIC", "unsigned", ["T1", "T5"])),
    (f"a.{STRANGER}", GOOD, ApplicationState.QUALIFIED, ("REJ_FORMAL", "qualified", ["T1", "T4"])),
    (f"b.{STRANGER}", GOOD, ApplicationState.UNCHECKED, ("REVIEW", "unchecked", ["T1"])),
    (EWA.login, GOOD, ApplicationState.QUALIFIED, ("REJ_GENERIC", "qualified", ["T1", "T5"])),
    (JAN.login, GOOD.replace("Jan", "J."), ApplicationState.DOUBT, ("REVIEW", "doubt", ["T1"])),
)
"""Sender and body of a mail with sentence A and a file, what is found in it, and what becomes of it."""


@pytest.mark.parametrize("lanes", [(Lane.QUICK, Lane.CHECKS), (Lane.ALL, Lane.ALL)])
async def test_what_is_not_granted_is_checked_first(office: Office, lanes: tuple[Lane, Lane]) -> None:
    """A refusal is the same for all, and as late; a person sees what the file is. Others go on meanwhile."""
    first, second = (office.worker(lane) for lane in lanes)
    office.gate.found = {sender: found for sender, _, found, _ in NOT_GRANTED}
    office.gate.open.set()
    office.put(*(with_file(sender, body, f"{n}") for n, (sender, body, _, _) in enumerate(NOT_GRANTED)), with_file())
    assert await first.step() == 6
    assert office.rows() == [LEFT] * 5 + [DONE]
    assert (office.woken, office.gate.rows) == (["check"], 0)
    while await second.step():
        pass
    assert office.gate.rows == 5
    assert office.decided() == [*(expected for _, _, _, expected in NOT_GRANTED), GRANTED]
    with office.parts.database.engine.connect() as connection:
        assert sorted(connection.execute(select(ticket.c.id)).scalars()) == [1, 2, 3, 4, 5, 6]


async def test_without_processes_that_check_nothing_is_left_to_them(office: Office) -> None:
    p = office.parts
    alone = DecideWorker("alone", p.database, p.pipeline, office.clock, random.Random(1))
    office.put(with_file(STRANGER))
    assert await alone.step() == 1
    assert office.decided() == [("REVIEW", "not-asked", ["T1"])]


async def test_an_account_that_comes_while_the_check_is_made_counts(office: Office) -> None:
    office.put(with_file(STRANGER))
    await office.worker(Lane.QUICK).step()
    checking = asyncio.create_task(office.worker(Lane.CHECKS).step())
    await office.gate.begun.wait()
    with office.parts.database.engine.begin() as connection:
        connection.execute(insert(account).values(column_values(replace(JAN, login=STRANGER))))
    office.gate.open.set()
    await checking
    assert office.decided() == [("OK_A", "unsigned", ["T1", "T2A", "T3"])]


async def test_an_account_that_went_while_the_mail_was_understood_leaves_the_file_to_be_checked(office: Office) -> None:
    office.put(with_file())
    quick = office.worker(Lane.QUICK)
    understand = quick._understand

    async def slow(batch: Sequence[RawMessage]) -> list[Understanding]:
        read = await understand(batch)
        with office.parts.database.engine.begin() as connection:
            connection.execute(delete(account).where(account.c.login == JAN.login))
        return read

    quick._understand = slow
    await quick.step()
    assert office.rows() == [LEFT]
    assert office.decided() == []
    office.gate.found = {JAN.login: ApplicationState.TRUSTED}
    office.gate.open.set()
    await office.worker(Lane.CHECKS).step()
    assert office.decided() == [("REJ_FORMAL", "trusted", ["T1", "T4"])]


async def test_a_mail_that_is_left_and_lost_to_another_worker_is_not_left_twice(office: Office) -> None:
    """Its lease ran out meanwhile, and who has it now decides."""
    office.put(with_file(STRANGER))
    quick = office.worker(Lane.QUICK)
    understand = quick._understand

    async def slow(batch: Sequence[RawMessage]) -> list[Understanding]:
        office.clock.advance(minutes=10)
        with office.parts.database.engine.begin() as connection:
            jobs.reap(connection, inbox, office.clock(), 5, timedelta(minutes=5))
            assert jobs.claim(connection, inbox, "other", office.clock(), timedelta(hours=1), 1) == [1]
        return await understand(batch)

    quick._understand = slow
    await quick.step()
    assert office.rows() == [(jobs.LEASED, None, 2)]


@dataclass
class Elsewhere:
    """A registry on another machine. ``silent``: it answers nobody."""

    silent: bool = False
    asked: list[str] = field(default_factory=list)
    ailing = ""

    async def ask(self, keys: Collection[str], patience: float | None = None) -> Snapshot:
        self.asked += keys
        return Snapshot((), {}) if self.silent else Snapshot(keys, {JAN.login: JAN})


async def test_a_registry_elsewhere_tells_before_the_transaction_whose_file_means_nothing(office: Office) -> None:
    """What it does not answer for half of the promise is a doubt: a person has it, with the file checked."""
    registry = Elsewhere()
    office.put(with_file(), with_file(STRANGER, name="stranger"))
    await office.worker(Lane.QUICK, registry=registry).step()
    assert office.rows() == [DONE, LEFT]
    assert office.decided() == [GRANTED]
    assert sorted(registry.asked) == [JAN.login, STRANGER]
    registry.silent = True
    office.put(with_file(body=f"{GOOD} a raczej pilnie", name="silence"))
    office.gate.open.set()
    for _ in range(60):
        office.clock.advance(hours=1)
        for lane in (Lane.QUICK, Lane.CHECKS):
            await office.worker(lane, registry=registry).step()
    assert office.decided()[1:] == [("REVIEW", "unsigned", [])] * 2
    assert office.gate.rows >= 2


async def test_a_mail_that_was_late_before_the_registry_was_asked_waits_some_tries(office: Office) -> None:
    """As behind an outage of ours: a registry that is away for a minute makes it no work of a person."""
    registry = Elsewhere(silent=True)
    office.put(mail(JAN.login, GOOD))
    office.clock.advance(hours=13)
    worker = office.worker(Lane.ALL, registry=registry)
    for _ in range(12):
        await worker.step()
        office.clock.advance(minutes=3)
    assert office.decided() == []
    await worker.step()
    assert [outcome for outcome, _, _ in office.decided()] == ["REVIEW"]


async def test_no_mail_is_a_doubt_before_half_of_the_promise_is_over(office: Office) -> None:
    """However often the registry was asked."""
    registry = Elsewhere(silent=True)
    office.put(mail(JAN.login, GOOD))
    worker = office.worker(Lane.ALL, registry=registry)
    for _ in range(20):
        await worker.step()
        office.clock.advance(minutes=3)
    registry.silent = False
    await worker.step()
    assert office.decided() == [("OK_A", "none", ["T1", "T2A", "T3"])]


async def test_a_check_that_takes_all_the_time_fails_its_own_mail_and_gives_back_the_rest(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gate, "width", 1)
    office.put(application(1), application(2))
    worker = office.worker(Lane.ALL)
    monkeypatch.setattr(worker._checks, "_within", lambda share: 0.02)
    await worker.step()
    assert office.gate.begun.is_set()
    assert office.rows() == [(jobs.QUEUED, None, 1), (jobs.QUEUED, None, 0)]
    with office.parts.database.engine.connect() as connection:
        told = connection.execute(select(inbox.c.last_error).order_by(inbox.c.id)).scalars().all()
    assert told == ["its files were not checked in time", None]
