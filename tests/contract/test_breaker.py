"""The breaker on each engine: what is counted, what waits, what a person and an alarm do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from mailbot.config import BreakerSettings, Settings
from mailbot.errors import PermanentError, RelayUnavailable
from mailbot.storage.breaker import breaker as table
from mailbot.storage.desk import audit
from mailbot.tickets import breaker
from mailbot.tickets.breaker import Reach
from mailbot.workers import breaker as alarm
from mailbot.workers import claim
from mailbot.workers.breaker import BreakerWorker
from mailbot.workers.deliver import DeliverWorker
from tests.office import NOW, Office, StubRelay

LIMITS = BreakerSettings(strangers_per_hour=3, strangers_per_day=5, logins_per_hour=2)


@pytest.fixture
async def office(engine: Engine) -> AsyncIterator[Office]:
    made = Office(engine)
    made.ticket()
    made.worker = made.another("w", limits=LIMITS)
    yield made
    await made.database.close()


def mails(office: Office, count: int, reach: Reach | None = Reach.STRANGER, first: int = 1, **values: Any) -> None:
    word = reach.value if reach else None
    for n in range(first, first + count):
        office.mail(n, **{"reach": word, "arrived_at": NOW, **values})


def lift(office: Office, *reaches: Reach) -> None:
    with office.engine.begin() as connection:
        breaker.lift(connection, reaches or list(Reach), "shell:ola", "looked", office.clock())


def stopped(office: Office) -> set[Reach]:
    with office.engine.connect() as connection:
        return set(breaker.stopped(connection))


async def test_what_is_beyond_the_bound_waits_and_what_a_person_wrote_does_not(office: Office) -> None:
    mails(office, 5)
    mails(office, 20, None, first=10)
    await office.deliver()
    assert len(office.relay.sent) == 3 + 20
    assert office.state(4, 5) == ["queued", "queued"]
    assert office.row(4).attempts == 0, "waiting is no try"
    assert stopped(office) == {Reach.STRANGER}
    assert office.metric("breaker_open") == {"stranger": 1, "correspondent": 0, "login": 0}


async def test_many_that_must_wait_keep_nobody_behind_them(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "MOST", 2)
    mails(office, 3)
    await office.deliver()
    mails(office, 9, first=4)
    mails(office, 1, None, first=20)
    assert await office.worker.step() == 1, "passed over within the same step"
    assert office.state(20) == ["done"]


async def test_strangers_stop_first_and_nobody_stops_who_is_better_known(office: Office) -> None:
    mails(office, 50)
    mails(office, 1, Reach.CORRESPONDENT, first=101)
    mails(office, 1, Reach.LOGIN, first=102)
    await office.deliver()
    assert office.state(101, 102) == ["done", "done"]
    assert stopped(office) == {Reach.STRANGER}


async def test_with_the_best_known_all_stop(office: Office) -> None:
    mails(office, 3, Reach.LOGIN)
    mails(office, 1, first=10)
    await office.deliver()
    assert stopped(office) == set(Reach)
    mails(office, 1, first=11)
    await office.deliver()
    assert office.state(11) == ["queued"]


async def test_a_person_lets_go_as_much_again(office: Office) -> None:
    mails(office, 8)
    await office.deliver()
    lift(office)
    await office.deliver()
    assert len(office.relay.sent) == 6
    with pytest.raises(PermanentError, match="no breaker is tripped there"):
        lift(office, Reach.LOGIN)
    with office.engine.connect() as connection:
        noted = connection.execute(select(audit.c.action, audit.c.actor, audit.c.reason)).all()
        (reason,) = connection.execute(select(table.c.reason).where(table.c.reach == "stranger")).scalars()
    assert noted == [("breaker-lifted", "shell:ola", "stranger")]
    assert reason == "looked"


async def test_a_backlog_is_no_flood(office: Office) -> None:
    """Counted by arrival: three an hour for one hour and a half; the day is counted over all of them."""
    for n in range(5):
        mails(office, 1, first=n + 1, arrived_at=NOW - n * timedelta(minutes=30))
    await office.deliver()
    assert len(office.relay.sent) == 5
    assert stopped(office) == set()
    mails(office, 1, first=6, arrived_at=NOW)
    await office.deliver()
    assert office.state(6) == ["queued"], "the sixth of the day"


async def test_a_mail_that_is_tried_again_counts_once(office: Office) -> None:
    mails(office, 3)
    for n in range(1, 4):
        office.says(n, RelayUnavailable("451"), RelayUnavailable("451"))
    for _ in range(4):
        await office.deliver()
        office.clock.advance(minutes=10)
    assert stopped(office) == set()


async def test_mails_of_several_hours_that_are_taken_up_together_are_counted_each_in_its_own(office: Office) -> None:
    """The seventh arrived in the hour in which only two of three had; the five of the day were there by then."""
    for first, count, hours in ((1, 2, 0), (3, 2, 1), (5, 2, 0), (7, 1, 1)):
        mails(office, count, first=first, arrived_at=NOW + timedelta(hours=hours))
    office.clock.advance(hours=2)
    await office.deliver()
    assert office.state(*range(1, 8)) == ["done"] * 5 + ["queued"] * 2


async def test_several_workers_count_together(office: Office) -> None:
    mails(office, 30)
    workers: list[DeliverWorker] = [office.another(f"w{n}", limits=LIMITS) for n in range(4)]
    for _ in range(5):
        await asyncio.gather(*(worker.step() for worker in workers))
    assert len(office.relay.sent) == 3


async def test_the_alarm_is_told_once_past_the_outbox(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    relay = StubRelay()
    monkeypatch.setattr(alarm, "Relay", lambda _settings, tokens: relay)
    settings = Settings(breaker=BreakerSettings(mail="dyzurny@urzad.example"))
    told = BreakerWorker(settings, office.database, office.clock)  # type: ignore[arg-type]
    await told.step()
    assert relay.tried == []
    mails(office, 4)
    await office.deliver()
    relay.answers["dyzurny@urzad.example"] = [RelayUnavailable("451")]
    await told.step()
    relay.answers.clear()
    await told.step()
    await told.step()
    assert relay.sent == ["dyzurny@urzad.example"]
    assert "breaker-tripped" in caplog.text
    with office.engine.connect() as connection:
        assert connection.execute(select(audit.c.action)).scalars().all() == ["breaker-tripped"]


def test_the_alarm_says_that_a_machine_wrote_it() -> None:
    settings = Settings(breaker=BreakerSettings(mail="dyzurny@urzad.example"))
    raw = alarm.mail(settings, [(Reach.STRANGER, NOW)], NOW)
    assert b"Auto-Submitted: auto-generated\r\n" in raw
    assert b"stranger: since 2026-03-28 12:00:00Z" in raw
