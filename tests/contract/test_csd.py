"""What CSD is told, whatever it answers and whoever dies meanwhile, on each engine."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner, Result
from sqlalchemy import Engine, insert, select

from mailbot.audit import chain
from mailbot.cli import cli
from mailbot.config import CsdSettings
from mailbot.csd import queue
from mailbot.csd.queue import QueueStatus
from mailbot.delivery.webhook import Receiver
from mailbot.errors import DatabaseUnavailable
from mailbot.outbox import jobs
from mailbot.storage.database import Database
from mailbot.storage.schema import ticket_event
from mailbot.storage.webhooks import webhook
from mailbot.workers.csd import CsdWorker
from tests.links import open_ticket
from tests.receivers import OTHER, SECRET, CsdFake, csd_fake


class Connector:
    """A database with tickets 1 to 3, a receiver, and workers between them. Time is what ``later`` adds."""

    def __init__(self, engine: Engine, fake: CsdFake, folder: Path) -> None:
        self.engine, self.fake = engine, fake
        self.database = Database(engine)
        self.file = folder / "csd.secrets"
        self.file.write_text(f"{SECRET}\n", encoding="ascii")
        self.settings = CsdSettings(fake.url, str(self.file), timeout_seconds=5)
        self.ahead = timedelta()
        self.receiver = Receiver(self.settings, lambda: datetime.now(UTC))
        self.worker = self.another("w")
        with engine.begin() as connection:
            for number in (1, 2, 3):
                open_ticket(connection, f"ZGL000000{number}")
            queue.read_on(connection, self.now())  # it begins here

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def another(self, name: str) -> CsdWorker:
        monotonic = lambda: self.ahead.total_seconds()  # noqa: E731
        return CsdWorker(name, self.database, self.receiver, self.now, random.Random(1), 5, monotonic)

    def happen(self, *kinds: str, of: int = 1, **detail: Any) -> None:
        """Events of ticket ``of``, taken over into the chain."""
        with self.engine.begin() as connection:
            rows = [{"ticket_id": of, "at": self.now(), "kind": kind, "detail": detail} for kind in kinds]
            connection.execute(insert(ticket_event), rows)
            chain.take_over(connection, 100)

    async def work(self, worker: CsdWorker | None = None) -> None:
        while await (worker or self.worker).step():
            pass

    async def later(self, **span: float) -> None:
        self.ahead += timedelta(**span)
        await self.work()

    def standing(self) -> QueueStatus:
        with self.engine.connect() as connection:
            return queue.standing(connection)

    def states(self) -> list[str]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(webhook.c.state).order_by(webhook.c.id)).scalars())

    def taken(self) -> list[str]:
        return [told["data"]["event"] for _, told in self.fake.taken]


@pytest.fixture
async def csd(engine: Engine, tmp_path: Path) -> AsyncIterator[Connector]:
    async with csd_fake() as fake:
        made = Connector(engine, fake, tmp_path)
        yield made
        await made.receiver.close()
        await made.database.close()


async def test_what_happened_is_told_in_its_order(csd: Connector) -> None:
    csd.happen("opened", inbox=7, rule="r")
    csd.happen("mail-sent", kind="T1", answer="250 taken for anna@wp.example")
    csd.happen("raw-shown", uid=0)
    csd.happen("note", by="jan.kowalski", text="tel. 600 100 200")
    await csd.work()
    first, second, third = (told for _, told in csd.fake.taken)
    assert (first["type"], second["type"], third["type"]) == ("ticket.opened", "ticket.mail_sent", "ticket.changed")
    data = {"ticket": "ZGL0000001", "desk": "", "state": "ZAMKNIETE_ROZWIAZANE"}
    assert second["data"] == {**data, "event": "mail-sent", "seq": 2, "by": "machine", "mail": "T1"}
    assert third["data"] == {**data, "event": "note", "seq": 4, "by": "person"}
    assert not any(word in str(csd.fake.taken) for word in ("wp.example", "kowalski", "600 100 200", "taken for"))
    assert csd.standing() == QueueStatus()


async def test_nothing_from_before_the_connector_is_told(engine: Engine, tmp_path: Path) -> None:
    async with csd_fake() as fake:
        with engine.begin() as connection:
            open_ticket(connection, "ZGL0000009")
            connection.execute(insert(ticket_event).values(ticket_id=9, at=datetime.now(UTC), kind="opened", detail={}))
            chain.take_over(connection, 100)
        csd = Connector(engine, fake, tmp_path)
        csd.happen("closed")
        await csd.work()
        await csd.receiver.close()
        await csd.database.close()
        assert csd.taken() == ["closed"]


async def test_a_ticket_waits_for_its_own_event_and_for_no_other(csd: Connector) -> None:
    csd.happen("opened", "mail-sent", "closed", of=1)
    csd.happen("opened", "closed", of=2)
    csd.fake.says = [web.Response(status=500)]
    await csd.work()
    assert [(told["data"]["ticket"], told["data"]["event"]) for _, told in csd.fake.taken] == [
        ("ZGL0000002", "opened"),
        ("ZGL0000002", "closed"),
    ]
    assert csd.states() == [jobs.QUEUED, jobs.WAITING, jobs.WAITING, jobs.DONE, jobs.DONE]
    await csd.later(minutes=1)
    assert csd.taken()[2:] == ["opened", "mail-sent", "closed"]


@pytest.mark.parametrize("code", [301, 302, 308, 401, 403, 404, 408, 429, 502, 503, 504])
async def test_where_nothing_is_taken_one_event_asks_and_all_wait(csd: Connector, code: int) -> None:
    csd.happen("opened", of=1)
    csd.happen("opened", of=2)
    csd.fake.says = [web.Response(status=code, headers={"Location": "/hook"}) for _ in range(3)]
    await csd.work()
    assert len(csd.fake.asked) == 1
    found = csd.standing()
    assert (found.waiting, found.buried) == (2, 0)
    assert found.refused_at is not None
    assert str(code) in found.refused
    assert len(queue.troubles(found)) == 1
    await csd.work()
    assert len(csd.fake.asked) == 1
    for _ in range(3):
        await csd.later(minutes=10)
    assert csd.taken() == ["opened", "opened"]
    assert csd.standing() == QueueStatus()


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("60", 60), ("0", 1), ("999999999999", 3600), ("Fri, 01 Jan 2100 00:00:00 GMT", 3600)],
)
async def test_it_is_asked_again_when_it_wants_to_be_but_within_an_hour(
    csd: Connector, asked: str, seconds: int
) -> None:
    csd.happen("opened")
    csd.fake.says = [web.Response(status=503, headers={"Retry-After": asked})]
    await csd.work()
    await csd.later(seconds=seconds - 0.5)
    assert len(csd.fake.asked) == 1
    await csd.later(seconds=2)
    assert csd.taken() == ["opened"]


async def test_410_ends_it_until_a_person_lets_it_go_on(csd: Connector) -> None:
    csd.happen("opened", of=1)
    csd.happen("opened", of=2)
    csd.fake.says = [web.Response(status=410)]
    await csd.work()
    await csd.later(days=9)
    await csd.work(csd.another("w2"))
    assert len(csd.fake.asked) == 1
    assert "mailbot csd resume" in queue.troubles(csd.standing())[0]
    with csd.engine.begin() as connection:
        assert queue.resume(connection, csd.now())
        assert not queue.resume(connection, csd.now())
    await csd.work(csd.another("w3"))
    assert csd.taken() == ["opened", "opened"]


async def test_a_refused_event_is_for_a_person_and_what_is_behind_it_waits(csd: Connector) -> None:
    csd.happen("opened", "closed", of=1)
    csd.fake.says = [web.Response(status=422) for _ in range(5)]
    await csd.work()
    for _ in range(9):
        await csd.later(hours=2)
    assert len(csd.fake.asked) == 5
    assert csd.states() == [jobs.BURIED, jobs.WAITING]
    assert "mailbot csd retry" in queue.troubles(csd.standing())[0]
    with csd.engine.begin() as connection:
        assert queue.revive(connection, None, csd.now()) == 1
    await csd.work()
    assert csd.taken() == ["opened", "closed"]


async def test_a_person_sees_what_is_wrong_and_mends_it(csd: Connector, tmp_path: Path) -> None:
    file = tmp_path / "mailbot.toml"
    url = csd.engine.url.render_as_string(hide_password=False)
    file.write_text(f'[database]\nurl = "{url}"\n', encoding="utf-8")

    def say(*words: str) -> Result:
        return CliRunner().invoke(cli, ["csd", *words, "--config", str(file)])

    assert say("status").exit_code == 0
    assert say("resume").exit_code == 1
    csd.happen("opened", of=1)
    csd.fake.says = [web.Response(status=422) for _ in range(5)] + [web.Response(status=410)]
    for _ in range(9):
        await csd.later(hours=1)
    csd.happen("opened", of=2)
    await csd.work()
    assert csd.standing().is_refused
    assert say("status").exit_code == 1
    assert [line.split()[1] for line in say("ls").stdout.splitlines()].count("buried") == 1
    assert say("retry").exit_code == 2
    assert say("retry", "999").exit_code == 1
    assert say("retry", "--all").stdout == "1 queued again\n"
    assert say("resume").exit_code == 0
    await csd.later(minutes=10)
    assert csd.taken() == ["opened", "opened"]
    assert say("status").stdout == "0 events wait, 0 of them for a person\n"


async def test_the_same_webhook_id_at_each_try(csd: Connector, monkeypatch: pytest.MonkeyPatch) -> None:
    csd.happen("opened", "closed")
    with monkeypatch.context() as patched:

        def fails(*_: object, **__: object) -> None:
            raise DatabaseUnavailable("gone")

        patched.setattr(queue, "let_next_go", fails)
        with pytest.raises(DatabaseUnavailable):
            await csd.work()
    assert csd.states() == [jobs.LEASED, jobs.WAITING]
    await csd.later(minutes=5)
    ids = [of for of, _ in csd.fake.taken]
    assert len(ids) == 3
    assert ids[0] == ids[1] != ids[2]
    assert csd.taken() == ["opened", "opened", "closed"]


async def test_two_workers_tell_each_event_once(csd: Connector) -> None:
    for number in (1, 2, 3):
        csd.happen("opened", "mail-sent", "closed", of=number)
    one, two = csd.another("a"), csd.another("b")
    while await one.step() + await two.step():
        pass
    assert len({of for of, _ in csd.fake.taken}) == len(csd.fake.taken) == 9


async def test_the_secret_is_changed_while_both_are_known(csd: Connector) -> None:
    csd.file.write_text(f"{OTHER}\n{SECRET} # until the end of the month\n", encoding="ascii")
    csd.happen("opened")
    await csd.work()
    csd.fake.secret = OTHER
    csd.happen("closed")
    await csd.work()
    assert csd.taken() == ["opened", "closed"]


async def test_without_its_secret_everything_waits_and_it_is_told(csd: Connector) -> None:
    csd.file.unlink()
    csd.happen("opened")
    await csd.work()
    assert "secrets_file" in queue.troubles(csd.standing())[0]
    csd.file.write_text(SECRET, encoding="ascii")
    await csd.later(minutes=10)
    assert csd.taken() == ["opened"]


async def test_a_slow_receiver_does_not_look_like_a_process_that_hangs(
    csd: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20 events that take a minute each are taken: the watchdog must hear of each of them."""
    signs: list[int] = []
    monkeypatch.setattr("mailbot.workers.csd.moving", lambda: signs.append(len(csd.taken())))
    for ticket in (1, 2):
        csd.happen("opened", of=ticket)
    await csd.work()
    assert signs == [0, 1]
