"""Several connections of one process, and answers that are recorded in groups, on each engine."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, update

from mailbot import probes
from mailbot.errors import DatabaseUnavailable, RelayUnavailable
from mailbot.model import MailKind
from mailbot.outbox import jobs
from mailbot.storage.schema import outbox, ticket
from mailbot.tickets import hold, sealing, sending
from mailbot.workers import claim, record
from mailbot.workers.claim import Mail
from mailbot.workers.deliver import DeliverWorker
from tests.contract.test_deliver import LATER, steps
from tests.intake import until
from tests.office import NOW, Office, StubRelay

CONNECTIONS = 4


@pytest.fixture
async def office(engine: Engine) -> AsyncIterator[Office]:
    made = Office(engine)
    yield made
    await made.database.close()


class Line(StubRelay):
    """A connection; all of an office tell of their mails together."""

    def __init__(self, office: Office) -> None:
        super().__init__()
        self.tried, self.sent, self.answers = office.relay.tried, office.relay.sent, office.relay.answers

    is_open = True


def connections(office: Office, number: int = CONNECTIONS) -> list[DeliverWorker]:
    return [office.worker, *(office.worker.beside(Line(office)) for _ in range(number - 1))]


async def deliver(workers: Sequence[DeliverWorker]) -> None:
    while any(await asyncio.gather(*(worker.step() for worker in workers))):
        pass


@contextmanager
def counted(engine: Engine) -> Iterator[list[Connection]]:
    """The commits within."""
    commits: list[Connection] = []
    count = commits.append
    event.listen(engine, "commit", count)
    try:
        yield commits
    finally:
        event.remove(engine, "commit", count)


def cases(office: Office, number: int) -> None:
    """Tickets of three mails each: 1, 2, 3 of the first, 4, 5, 6 of the second…"""
    for of in range(1, number + 1):
        office.ticket(of)
        for ordinal, kind in enumerate(("T1", "T2A", "T4"), 1):
            values: dict[str, Any] = {"ordinal": ordinal} if ordinal == 1 else {**LATER, "ordinal": ordinal}
            office.mail(3 * (of - 1) + ordinal, kind, of=of, **values)


async def test_the_mails_of_a_ticket_leave_in_their_order_over_many_connections(office: Office) -> None:
    cases(office, 20)

    async def aside() -> None:
        await asyncio.sleep(0)

    office.relay.meanwhile = aside
    await deliver(connections(office))
    left = [int(recipient[1:].partition("@")[0]) for recipient in office.relay.sent]
    assert sorted(left) == list(range(1, 61)), "each once"
    for first in range(1, 61, 3):
        assert left.index(first) < left.index(first + 1) < left.index(first + 2)
    assert office.events() == ["mail-sent"] * 60
    assert set(office.state(*range(1, 61))) == {jobs.DONE}


async def test_the_next_mail_is_taken_up_with_the_commit_that_lets_it_go(office: Office) -> None:
    cases(office, 1)
    with counted(office.engine) as commits:
        await office.worker.step()
    assert office.state(1, 2, 3) == [jobs.DONE] * 3
    assert len(commits) == 4, "one to begin, and one for each answer"


async def test_many_answers_are_one_commit(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "_WAIT", 60.0)
    office.ticket()
    for number in range(1, 41):
        office.mail(number)
    with counted(office.engine) as commits:
        await office.worker.step()
    assert set(office.state(*range(1, 41))) == {jobs.DONE}
    assert len(commits) == 2, "one to begin, and one when nothing else is to be expected"


async def test_behind_a_group_the_next_answers_wait_for_each_other(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nothing is being sent: while mail flows, what follows and what is new is taken up with one commit."""
    monkeypatch.setattr(record, "_WAIT", 2.0)
    office.ticket()
    for number in range(1, record._BUSY + 1):
        office.mail(number)
    one, other = connections(office, 2)
    await one.step()
    with counted(office.engine) as commits:
        office.mail(6)
        waiting = asyncio.create_task(one.step())
        await until(lambda: len(office.relay.sent) == record._BUSY + 1)
        office.mail(7)
        await asyncio.gather(waiting, other.step())
    assert office.state(6, 7) == [jobs.DONE] * 2
    assert len(commits) == 5, "two of this test, two that take up, one that records"


async def test_a_mail_that_comes_alone_waits_for_nobody(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "_WAIT", 3600.0)
    cases(office, record._BUSY - 1)
    async with asyncio.timeout(60):
        await office.worker.step()
    assert len(office.relay.sent) == 3 * (record._BUSY - 1)


async def test_who_takes_up_with_each_commit_looks_for_the_dead_once_a_second(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = list[bool]()
    reap = jobs.reap
    monkeypatch.setattr(jobs, "reap", lambda *args, **more: looks.append(True) or reap(*args, **more))
    cases(office, 1)
    await office.worker.step()
    assert (len(office.relay.sent), len(looks)) == (3, 1)

    async def slow() -> None:
        office.clock.now += timedelta(seconds=1)

    office.relay.meanwhile = slow
    for mail, kind in enumerate(("T1", "T2A", "T4"), 4):
        office.mail(mail, kind, **({} if mail == 4 else LATER) | {"ordinal": mail})
    await office.worker.step()
    assert (len(office.relay.sent), len(looks)) == (6, 3)


async def test_an_answer_does_not_wait_for_the_slow_mail_of_another_connection(office: Office) -> None:
    """Nor does the mail behind it, nor whatever else is due: nothing waits but the slow one."""
    cases(office, 3)
    workers = connections(office, 2)
    hanging = asyncio.Event()

    async def hang() -> None:
        await hanging.wait()

    office.relay.meanwhile = hang
    slow = asyncio.create_task(workers[0].step())
    await until(lambda: len(office.relay.tried) == 1)
    await deliver(workers[1:])
    assert len(office.relay.sent) == 6
    assert [row.state for row in map(office.row, range(4, 10))] == [jobs.DONE] * 6
    hanging.set()
    await slow
    assert len(office.relay.sent) == 9


async def test_behind_a_hundred_answers_that_nobody_recorded_nothing_is_sent(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are in doubt if the process dies now."""
    office.ticket()
    for number in range(1, 131):
        office.mail(number)
    write, goes_on = office.database.write, asyncio.Event()

    async def hangs(work: Callable[[Connection], Any]) -> Any:
        await goes_on.wait()
        return await write(work)

    async def begin() -> None:
        monkeypatch.setattr(office.database, "write", hangs)
        await asyncio.sleep(0)

    workers = connections(office)
    office.relay.meanwhile = begin
    working = asyncio.create_task(deliver(workers))
    await until(lambda: len(office.relay.sent) >= record._MOST)
    await asyncio.sleep(0.05)
    assert len(office.relay.sent) < record._MOST + CONNECTIONS
    goes_on.set()
    await working
    assert len(office.relay.sent) == 130
    assert set(office.state(*range(1, 131))) == {jobs.DONE}


async def test_a_group_of_which_another_has_recorded_one(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """Its lease ran out, and who got it sent it as well: each is recorded once, and the others with it."""
    caplog.set_level(logging.INFO, "mailbot")
    office.ticket()
    for number in (1, 2, 3):
        office.mail(number)

    async def taken_away() -> None:
        office.relay.meanwhile = None
        office.do(update(outbox).where(outbox.c.id == 2).values(state=jobs.DONE, leased_by=None, leased_until=None))

    office.relay.meanwhile = taken_away
    await office.deliver()
    assert office.state(1, 2, 3) == [jobs.DONE] * 3
    assert office.events() == ["mail-sent"] * 2
    told = [step for step in steps(caplog, logging.INFO) if step.startswith("mail-")]
    assert sorted(told) == ["mail-recorded-already", "mail-sent", "mail-sent"]


async def test_a_lease_that_was_lost_costs_its_own_mail_alone(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    office.ticket()
    for number in (1, 2, 3):
        office.mail(number)
    office.says(2, RelayUnavailable("RCPT: 451 busy", 451))

    async def taken_away() -> None:
        office.relay.meanwhile = None
        office.do(update(outbox).where(outbox.c.id == 2).values(leased_by="other"))

    office.relay.meanwhile = taken_away
    await office.deliver()
    assert office.state(1, 2, 3) == [jobs.DONE, jobs.LEASED, jobs.DONE]
    assert office.row(2).leased_by == "other"
    assert steps(caplog, logging.WARNING) == ["lease-lost"]
    assert "1 of 1 rows are held by another worker" in caplog.text


async def test_one_row_that_cannot_be_recorded_takes_no_other_with_it(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cases(office, 3)
    outcomes = office.worker._outcomes
    accepted = outcomes.accepted

    def poisoned(connection: Connection, taken: Sequence[tuple[Mail, str]]) -> tuple[set[int], bool]:
        if any(mail.id == 4 for mail, _ in taken):
            raise ValueError("not this one")
        return accepted(connection, taken)

    monkeypatch.setattr(outcomes, "accepted", poisoned)
    await office.deliver()
    await office.worker.close()
    assert office.state(1, 2, 3, 7, 8, 9) == [jobs.DONE] * 6
    assert office.state(4, 5, 6) == [jobs.LEASED, jobs.WAITING, jobs.WAITING], "it comes back in doubt"
    assert len(office.pauses) == 9
    assert steps(caplog, logging.ERROR) == ["mail-in-doubt"]
    office.mail(20)
    async with asyncio.timeout(60):
        await office.deliver()
    assert office.state(20) == [jobs.DONE], "nobody waits for it any more"


@pytest.mark.parametrize("failure", [DatabaseUnavailable("the store of keys is away"), ValueError("a seal")])
async def test_what_was_taken_is_recorded_although_what_is_next_does_not_open(
    office: Office, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    cases(office, 1)
    opened = sealing.to_send

    async def away() -> None:
        def fails(*_: Any) -> Any:
            raise failure

        monkeypatch.setattr(sealing, "to_send", fails)

    office.relay.meanwhile = away
    await office.worker.step()
    assert office.state(1, 2, 3) == [jobs.DONE, jobs.QUEUED, jobs.WAITING]
    assert office.row(2).attempts == 0
    assert len(office.pauses) <= 1
    with pytest.raises(type(failure)):
        await office.worker.step()
    office.relay.meanwhile = None
    monkeypatch.setattr(sealing, "to_send", opened)
    await office.deliver()
    assert office.state(1, 2, 3) == [jobs.DONE] * 3
    assert office.row(3).in_doubt == 0


async def test_a_stop_during_a_group_records_what_was_taken_and_gives_back_the_rest(office: Office) -> None:
    office.ticket()
    for number in range(1, 11):
        office.mail(number)

    async def stop() -> None:
        if len(office.relay.tried) == 3:
            office.worker.stop()

    office.relay.meanwhile = stop
    await office.deliver()
    assert office.relay.tried == [f"m{number}@wp.example" for number in (1, 2, 3)]
    assert office.state(*range(1, 11)) == [jobs.DONE] * 3 + [jobs.QUEUED] * 7
    assert [(office.row(n).attempts, office.row(n).leased_by) for n in range(4, 11)] == [(0, None)] * 7


async def test_no_mail_behind_one_is_taken_up_when_the_process_stops(office: Office) -> None:
    cases(office, 1)

    async def stop() -> None:
        office.worker.stop()

    office.relay.meanwhile = stop
    await office.worker.step()
    assert office.state(1, 2, 3) == [jobs.DONE, jobs.QUEUED, jobs.WAITING]


async def test_what_is_stopped_between_claim_and_send_keeps_all_its_mails(office: Office) -> None:
    """But those that a connection has begun already."""
    for number in range(1, 31):
        office.ticket(number)
        office.mail(number, MailKind.T2B, of=number)

    async def freeze() -> None:
        if len(office.relay.tried) == 5:
            office.do(update(ticket).values(state="WSTRZYMANE", desk="BEZPIECZENSTWO"))

    workers = connections(office)
    for relay in workers[0]._relays:
        assert isinstance(relay, StubRelay)
        relay.meanwhile = freeze
    await deliver(workers)
    assert len(office.relay.sent) <= 5 + CONNECTIONS - 1
    held = [office.row(number).last_error for number in range(1, 31)]
    assert held.count(hold.FROZEN) == 30 - len(office.relay.sent)


async def test_what_is_stopped_while_the_server_lets_us_in_does_not_leave(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.ticket()
    office.mail(1, MailKind.T2B)

    async def stopped_meanwhile() -> None:
        office.do(update(ticket).values(state="WSTRZYMANE", desk="BEZPIECZENSTWO"))

    monkeypatch.setattr(office.relay, "ready", stopped_meanwhile)
    await office.deliver()
    assert office.relay.tried == []
    assert office.row(1).last_error == hold.FROZEN


async def test_one_connection_that_is_turned_away_leaves_the_mails_to_the_others(office: Office) -> None:
    """A server may take only so many connections at once; none of its mails has to wait for that."""
    office.ticket()
    for number in range(1, 11):
        office.mail(number)
    workers = connections(office, 2)
    turned_away = StubRelay()
    turned_away.answers = {
        f"m{number}@wp.example": [RelayUnavailable("connect: 421 too many", 421, unreachable=True)]
        for number in range(1, 11)
    }
    third = office.worker.beside(turned_away)
    assert await third.step() == 0
    await deliver(workers)
    assert len(turned_away.tried) == 1
    assert len(office.relay.sent) == 9


async def test_heavy_mails_are_not_taken_up_together(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each leaves all the same, in its turn; waiting is no try."""
    monkeypatch.setattr(claim, "_OCTETS", 1000)
    monkeypatch.setattr(record, "_WAIT", 60.0)
    office.ticket()
    sizes = [400, 600, 1, 5000, 900, 100, 100]
    for number, size in enumerate(sizes, 1):
        office.mail(number, raw=b"x" * size)
    taken: list[list[int]] = []

    async def look() -> None:
        held = [number for number in range(1, 8) if office.row(number).state == jobs.LEASED]
        taken.append(held)

    office.relay.meanwhile = look
    await office.deliver()
    assert office.relay.sent == [f"m{number}@wp.example" for number in range(1, 8)]
    assert [office.row(number).attempts for number in range(1, 8)] == [1] * 7
    assert max(sum(sizes[number - 1] for number in held) for held in taken) <= 5000
    assert all(sum(sizes[n - 1] for n in held) <= 1000 for held in taken if 4 not in held)


@pytest.mark.parametrize("empty_engine", ["sqlite"], indirect=True)
async def test_who_has_looked_does_not_look_again_before_something_was_written(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "_WAIT", 60.0)
    office.ticket()
    for number in range(1, 41):
        office.mail(number)
    looked: list[int] = []
    look = sending.hindrances

    def counted(connection: Connection, mails: Sequence[int], now: Any) -> dict[int, str | None]:
        looked.append(len(mails))
        return look(connection, mails, now)

    monkeypatch.setattr(sending, "hindrances", counted)
    await office.deliver()
    assert len(office.relay.sent) == 40
    assert looked == [5, 15, 20], "further each time that it was good for more"


@pytest.mark.parametrize("seconds", [1.1, 6])
async def test_what_was_seen_counts_for_a_second(office: Office, seconds: float) -> None:
    """The link ends, and nobody writes that down."""
    office.ticket()
    office.link(NOW + timedelta(seconds=seconds - 0.1))
    office.mail(1)
    office.mail(2, "T3")

    async def slow() -> None:
        office.relay.meanwhile = None
        office.clock.advance(seconds=seconds)

    office.relay.meanwhile = slow
    await office.deliver()
    assert office.relay.sent == ["m1@wp.example"]
    assert (office.row(2).state, office.row(2).last_error) == (jobs.BURIED, sending.DEAD_LINK)


async def test_the_version_changes_with_every_commit_of_anybody(office: Office) -> None:
    office.ticket()
    version = office.database.version()
    if office.engine.dialect.name != "sqlite":
        assert version is None, "who asks must look"
        return
    assert version == office.database.version()
    assert office.ticket_state() == ("ZAMKNIETE_ROZWIAZANE", "")
    assert version == office.database.version()
    office.mail(1)
    assert version != office.database.version()


async def test_a_probe_is_answered_by_one_connection(office: Office) -> None:
    with office.engine.begin() as connection:
        nonce = probes.announce(connection, "helpdesk@office.example", "monitor@office.example", NOW)
        assert probes.recognise(connection, nonce, 1, NOW)
    await deliver(connections(office))
    assert office.relay.sent == ["monitor@office.example"]


async def test_what_left_before_the_server_went_away_is_written_down_when_the_step_is_over(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next step may be minutes later."""
    monkeypatch.setattr(record, "_WAIT", 60.0)
    office.ticket()
    for number in (1, 2):
        office.mail(number)
    office.says(2, RelayUnavailable("gone", unreachable=True))
    assert await office.worker.step() == 0
    assert office.state(1, 2) == [jobs.DONE, jobs.QUEUED]


async def test_a_full_group_waits_for_no_slow_mail(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "_WAIT", 60.0)
    monkeypatch.setattr(record, "_GROUP", 5)
    monkeypatch.setattr(record, "_BUSY", 99)  # behind the last one nobody waits for more
    office.ticket()
    for number in range(1, 9):
        office.mail(number)

    async def slow() -> None:
        if office.relay.tried[-1] == "m8@wp.example":
            await until(lambda: office.state(1, 5) == [jobs.DONE] * 2)

    office.relay.meanwhile = slow
    await office.worker.step()
    assert set(office.state(*range(1, 9))) == {jobs.DONE}


@pytest.mark.parametrize(
    ("answer", "name"),
    [("250 2.0.0 Ok: queued as 4Zb1x-2", "4Zb1x-2"), ("250 OK", None), ("250 queued as \x1b[2J", None)],
)
async def test_the_log_has_the_name_that_the_server_gave_the_mail(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, answer: str, name: str | None
) -> None:
    async def send(*_: object) -> str:
        return answer

    caplog.set_level(logging.INFO, "mailbot")
    monkeypatch.setattr(office.relay, "send", send)
    office.ticket()
    office.mail(1)
    await office.worker.step()
    told = [json.loads(one.getMessage()) for one in caplog.records if one.name == "mailbot"]
    assert [one.get("queued_as") for one in told if one["step"] == "mail-sent"] == [name]


async def test_what_gathers_while_a_group_is_written_is_one_group_and_follows_at_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "_WAIT", 60.0)
    monkeypatch.setattr(record, "_GROUP", 3)
    monkeypatch.setattr(record, "_BUSY", 99)  # behind the last one nobody waits for more
    office.ticket()
    for number in range(1, 11):
        office.mail(number)
    groups: list[int] = []
    gate, kept = asyncio.Event(), office.worker._record
    written, keep_trying = office.worker._outcomes.accepted, kept.keep_trying

    def counted(connection: Connection, taken: Sequence[tuple[Mail, str]]) -> tuple[set[int], bool]:
        groups.append(len(taken))
        return written(connection, taken)

    async def gated(*work: Any, **named: Any) -> Any:
        if not groups:
            await gate.wait()
        return await keep_trying(*work, **named)

    async def slow() -> None:
        if office.relay.tried[-1] == "m10@wp.example":
            gate.set()
            await until(lambda: office.state(1, 9) == [jobs.DONE] * 2)

    monkeypatch.setattr(office.worker._outcomes, "accepted", counted)
    monkeypatch.setattr(kept, "keep_trying", gated)
    office.relay.meanwhile = slow
    await office.worker.step()
    assert groups == [3, 6, 1]
