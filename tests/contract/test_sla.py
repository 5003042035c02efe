"""Alarms as rows: raised once each, whatever the engine and however many workers look."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any, cast

import pytest
from sqlalchemy import Engine, Row, insert, select, update

from mailbot.config import Settings
from mailbot.flow.pipeline import Pipeline
from mailbot.model import State
from mailbot.outbox import jobs
from mailbot.ruleset.model import Notice, Ruleset
from mailbot.storage.database import Database
from mailbot.storage.engine import connect
from mailbot.storage.schema import inbox, outbox, ticket, ticket_event
from mailbot.tickets.sla import alarmed, clocks_of
from mailbot.workers.alarms import AlarmWorker
from tests.rulesets import notice, ruleset, warsaw

OPENED = warsaw("2026-06-09 10:00")
PLAIN = ruleset()
HOUR = timedelta(hours=1)
DONE, OPEN = State.ZAMKNIETE_ROZWIAZANE, State.DO_WERYFIKACJI
ASKED = State.OCZEKUJE_NA_KLIENTA


class Clock:
    """Stands still until it is moved."""

    now = OPENED

    def __call__(self) -> datetime:
        return self.now

    def at(self, hours: float) -> None:
        self.now = OPENED + timedelta(hours=hours)


def flow(rules: Ruleset) -> Pipeline:
    """All of a pipeline that the alarms ask for."""
    unused = cast(Any, None)
    return Pipeline(Settings(), rules, unused, unused, unused, unused, unused)


class Office:
    """Tickets, and one who looks at their clocks."""

    def __init__(self, engine: Engine, *notices: Notice) -> None:
        self.engine = engine
        self.clock = Clock()
        self.database = Database(engine)
        self.worker = AlarmWorker(self.database, flow(ruleset(*notices)), self.clock)
        self._ids = count(1)

    def open(self, category: str, state: State, *mails: tuple[str, int], rules: Ruleset = PLAIN, **values: Any) -> int:
        """A ticket as it is opened, with mails of these states and delays; returns its id."""
        number = next(self._ids)
        clocks = clocks_of(category, state, OPENED, Settings().tickets, rules)
        row = {
            "id": number,
            "number": f"ZGL{number:07}",
            "kind": rules.service_of(category).kind,
            "category": category,
            "state": state.value,
            "desk": "II_LINIA",
            "fingerprint": "",
            "opened_at": OPENED,
            "promised_at": clocks.promised_at,
            "standard_at": clocks.standard_at,
            "reply_by": clocks.reply_by,
            "alarm_at": clocks.alarm_at,
            "closed_at": OPENED if state.closed else None,
            "inbox_id": number,
            **values,
        }
        with self.engine.begin() as connection:
            connection.execute(insert(inbox).values(id=number, delivery_key=str(number), **_ARRIVED))
            connection.execute(insert(ticket).values(row))
            for ordinal, (mail, delay) in enumerate(mails, 1):
                place = {"ticket_id": number, "slot": str(ordinal), "ordinal": ordinal}
                connection.execute(insert(outbox).values(**_MAIL, **place, state=mail, delay_seconds=delay))
        return number

    async def look(self, hours: float) -> list[str]:
        """Look until nothing is due, so long after the opening; returns the events of then."""
        self.clock.at(hours)
        while await self.worker.step():
            pass
        wanted = select(ticket_event).where(ticket_event.c.at == self.clock.now).order_by(ticket_event.c.id)
        with self.engine.connect() as connection:
            return [f"{e.kind} {e.detail['clock']}" for e in connection.execute(wanted)]

    def ticket(self, number: int) -> Row[Any]:
        with self.engine.connect() as connection:
            return connection.execute(select(ticket).where(ticket.c.id == number)).one()


_ARRIVED = {
    "source": "lmtp",
    "sha256": "",
    "size": 1,
    "envelope": {},
    "received_at": OPENED,
    "state": jobs.DONE,
    "due_at": OPENED,
}
_MAIL = {
    "kind": "T1",
    "recipient": "jan@wp.example",
    "return_path": "",
    "message_id": "<1@helpdesk.example>",
    "raw": b"",
    "due_at": OPENED,
    "deadline": OPENED,
}


@asynccontextmanager
async def _office(engine: Engine, *notices: Notice) -> AsyncIterator[Office]:
    office = Office(engine, *notices)
    try:
        yield office
    finally:
        await office.database.close()


async def test_before_the_promise_is_broken_and_when_it_is(engine: Engine) -> None:
    async with _office(engine) as office:
        number = office.open("HASLO_AWARYJNE_A", OPEN, (jobs.DONE, 0))
        seen = {hours: await office.look(hours) for hours in (0, 4, 21.9, 22, 23, 24, 25)}
        assert {hours: events for hours, events in seen.items() if events} == {
            22: ["sla-warning promised"],
            24: ["sla-breach promised"],
        }
        found = office.ticket(number)
        assert (found.alarm, found.alarm_at, found.state, found.desk) == ("breach", None, OPEN.value, "II_LINIA")


async def test_a_ticket_whose_clocks_cannot_be_reckoned_stops_no_other_alarm(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    async with _office(engine) as office:
        bad, good = office.open("OGOLNE", OPEN), office.open("HASLO_AWARYJNE_A", OPEN)
        with engine.begin() as connection:
            connection.execute(update(ticket).where(ticket.c.id == bad).values(state="Z_PRZYSZLOSCI", alarm_at=OPENED))
        office.clock.at(25)
        assert await office.worker.step() == 2
        with engine.connect() as connection:
            rows = {row.id: row for row in connection.execute(select(ticket))}
    assert rows[good].alarm == "breach"
    assert (rows[bad].state, rows[bad].alarm, rows[bad].alarm_at) == ("Z_PRZYSZLOSCI", "", office.clock.now + HOUR)
    assert any("clocks-failed" in record.getMessage() for record in caplog.records)


async def test_a_general_ticket_has_its_working_days(engine: Engine) -> None:
    async with _office(engine) as office:
        office.open("OGOLNE", OPEN, (jobs.DONE, 0))  # Tuesday 9 June, ten days later 23 June, 15:30
        due = (warsaw("2026-06-23 15:30") - OPENED) / HOUR
        assert [await office.look(hours) for hours in (24, due - 2.1, due - 2, due)] == [
            [],
            [],
            ["sla-warning promised"],
            ["sla-breach promised"],
        ]


async def test_mails_that_were_all_accepted_end_it_in_silence(engine: Engine) -> None:
    async with _office(engine) as office:
        number = office.open("HASLO_AWARYJNE_A", DONE, (jobs.DONE, 0), (jobs.DONE, 0))
        assert [await office.look(hours) for hours in (4, 22, 24)] == [[], [], []]
        assert (office.ticket(number).alarm, office.ticket(number).alarm_at) == ("", None)


async def test_a_closed_ticket_is_not_done_before_its_mails_are(engine: Engine) -> None:
    async with _office(engine) as office:
        late = office.open("HASLO_AWARYJNE_A", DONE, (jobs.DONE, 0), (jobs.QUEUED, 0), (jobs.WAITING, 0))
        held = office.open("HASLO_AWARYJNE_B", DONE, (jobs.DONE, 0), (jobs.DONE, 4 * 3600), (jobs.QUEUED, 0))
        assert await office.look(4) == ["sla-warning standard"]
        assert [office.ticket(n).alarm for n in (late, held)] == ["warning", ""]
        with engine.begin() as connection:
            connection.execute(update(outbox).where(outbox.c.ticket_id == late).values(state=jobs.DONE))
        assert await office.look(8) == ["sla-warning standard"]
        assert await office.look(24) == ["sla-breach promised"]
        assert [office.ticket(n).alarm for n in (late, held)] == ["warning", "breach"]
        with engine.connect() as connection:
            assert connection.execute(select(ticket.c.id).where(alarmed())).scalars().all() == [held]


async def test_a_general_answer_too_must_leave_within_a_day(engine: Engine) -> None:
    async with _office(engine) as office:
        office.open("USUNIECIE_KONTA", DONE, (jobs.QUEUED, 0))
        assert [await office.look(hours) for hours in (4, 24)] == [["sla-warning standard"], ["sla-breach promised"]]


async def test_a_question_without_an_answer_closes_the_ticket(engine: Engine) -> None:
    async with _office(engine) as office:
        number = office.open("OGOLNE", ASKED, (jobs.DONE, 0))
        end = (warsaw("2026-06-16 23:59:59") - OPENED) / HOUR
        assert await office.look(end - 0.01) == []
        assert await office.look(end) == ["closed-unanswered reply"]
        found = office.ticket(number)
        assert (found.state, found.desk, found.alarm, found.alarm_at) == ("ZAMKNIETE_BEZ_ZMIAN", "", "", None)
        assert found.closed_at == office.clock.now
        assert await office.look(end + 24) == []


async def test_a_question_that_has_not_left_is_not_unanswered(engine: Engine) -> None:
    async with _office(engine) as office:
        number = office.open("OGOLNE", ASKED, (jobs.QUEUED, 0))
        assert await office.look(24 * 8) == []
        assert office.ticket(number).state == ASKED.value
        with engine.begin() as connection:
            connection.execute(update(outbox).values(state=jobs.DONE))
        assert await office.look(24 * 8 + 1) == ["closed-unanswered reply"]


async def test_what_gets_no_answer_is_never_looked_at(engine: Engine) -> None:
    async with _office(engine) as office:
        office.open("OGOLNE", State.KWARANTANNA)
        assert await office.look(1000) == []


async def test_a_notice_published_later_pauses_a_wniosek_and_nothing_else(engine: Engine) -> None:
    broken = notice(("2026-06-15 07:30", "2026-06-15 11:30"))
    async with _office(engine) as office:
        wniosek = office.open("ZMIANA_EMAILA", OPEN, (jobs.DONE, 0))
        office.open("OGOLNE", OPEN, (jobs.DONE, 0))
        due = (warsaw("2026-06-23 15:30") - OPENED) / HOUR
        assert await office.look(1) == []
        office.worker.pipeline = flow(ruleset(broken))
        assert await office.look(due) == ["sla-breach promised"]
        paused = (warsaw("2026-06-24 11:30") - OPENED) / HOUR
        assert await office.look(paused - 2.1) == []
        assert await office.look(paused - 2) == ["sla-warning promised"]
        assert await office.look(paused) == ["sla-breach promised"]
        assert office.ticket(wniosek).promised_at == warsaw("2026-06-23 15:30"), "what the citizen was told stays"


async def test_a_notice_published_later_over_the_promise_is_warned_of_at_once(engine: Engine) -> None:
    async with _office(engine) as office:
        office.open("HASLO_AWARYJNE_A", OPEN, (jobs.DONE, 0))
        assert await office.look(3) == []
        office.worker.pipeline = flow(ruleset(notice(("2026-06-09 13:00", "2026-06-10 12:00"))))
        assert await office.look(3.1) == ["sla-warning promised"]
        assert await office.look(24) == ["sla-breach promised"]


async def test_a_withdrawn_notice_gives_the_time_back(engine: Engine) -> None:
    broken = notice(("2026-06-09 11:00", "2026-06-09 15:00"))
    async with _office(engine, broken) as office:
        late = office.open("HASLO_AWARYJNE_A", DONE, (jobs.QUEUED, 0), rules=ruleset(broken))
        assert office.ticket(late).standard_at == OPENED + 8 * HOUR
        assert await office.look(4) == []
        office.worker.pipeline = flow(ruleset(replace(broken, state="withdrawn")))
        assert await office.look(4.1) == ["sla-warning standard"]
        assert office.ticket(late).standard_at == OPENED + 4 * HOUR


@pytest.mark.parametrize("hours", [24, 23])
async def test_two_workers_raise_each_alarm_once(engine: Engine, hours: float) -> None:
    tickets = 230
    async with _office(engine) as office:
        for _ in range(tickets):
            office.open("HASLO_AWARYJNE_A", OPEN)
        second = Database(connect(engine.url.render_as_string(hide_password=False)))
        workers = [AlarmWorker(base, flow(PLAIN), office.clock) for base in (office.database, second)]

        async def work(worker: AlarmWorker) -> int:
            done = 0
            while looked := await worker.step():
                done += looked
            return done

        try:
            for worker in workers:  # the first look of each is at everything
                await work(worker)
            office.clock.at(hours)
            shares = await asyncio.gather(*map(work, workers))
        finally:
            await second.close()
        assert sum(shares) == tickets
        with engine.connect() as connection:
            events = connection.execute(select(ticket_event.c.ticket_id, ticket_event.c.kind)).all()
        assert Counter(kind for _, kind in events) == {"sla-breach" if hours == 24 else "sla-warning": tickets}
        assert len({number for number, _ in events}) == tickets
