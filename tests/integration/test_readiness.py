"""/readyz says what does not work, and says ok only when a mail could be taken and answered."""

from __future__ import annotations

import asyncio
import os
import smtplib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from aiohttp import ClientSession
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from mailbot.config import ImapSettings
from mailbot.inbox import Cursor, move_cursor
from mailbot.ingress.standing import Standing
from mailbot.service.supervision import MailbotService
from mailbot.storage.schema import counter
from mailbot.web import health
from mailbot.workers.loop import Loop
from tests.flow import JAN, Clock, hand_over, mail
from tests.integration.test_doors import running


async def ask(service: MailbotService, path: str, **headers: str) -> tuple[int, str]:
    host, port = service.addresses["web"]
    async with ClientSession() as session, session.get(f"http://{host}:{port}{path}", headers=headers) as answer:
        return answer.status, await answer.text()


ready = partial(ask, path="/readyz")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_FRESH", -1.0)
    monkeypatch.setattr(health, "_PATIENCE", 0.5)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[MailbotService]:
    async with running(tmp_path, ("ingress", "delivery", "web")) as found:
        yield found


async def test_all_is_well(service: MailbotService) -> None:
    assert await ready(service) == (200, "ok\n")
    assert await ready(service) == (200, "ok\n")
    rows = await service.parts.database.read(lambda c: c.execute(select(counter.c.name, counter.c.value)).all())
    assert [tuple(row) for row in rows] == [("readiness", 2)], "each look is a commit"


@contextmanager
def locked(file: Path) -> Iterator[None]:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


async def test_a_locked_database_is_not_ready_and_is_asked_once(service: MailbotService, tmp_path: Path) -> None:
    with locked(tmp_path / "mailbot.db"):
        for _ in range(4):
            assert await ready(service) == (503, "not ready: database\n")
    await asyncio.sleep(0.5)
    assert await ready(service) == (200, "ok\n")
    (value,) = await service.parts.database.read(lambda c: c.execute(select(counter.c.value)).scalars().all())
    assert value == 2, "the probes that were in vain did not pile up"


async def test_a_disk_that_is_full_is_not_ready(service: MailbotService, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs

    def full(path: Path) -> os.statvfs_result:
        found = list(real(path))
        found[4] = 10  # f_bavail
        return os.statvfs_result(found)

    monkeypatch.setattr(os, "statvfs", full)
    assert await ready(service) == (503, "not ready: disk\n")


async def test_a_commit_that_is_refused_is_not_ready(service: MailbotService, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: object) -> None:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    monkeypatch.setattr(health, "_touch", refused)
    assert await ready(service) == (503, "not ready: database\n")


async def test_a_worker_that_hangs_is_not_ready(service: MailbotService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Loop, "silent", lambda self: 301.0 if self.name == "deliver-1" else 0.0)
    assert await ready(service) == (503, "not ready: worker deliver-1\n")


async def test_a_door_through_which_nothing_can_be_stored_is_not_ready(service: MailbotService, tmp_path: Path) -> None:
    """Commits elsewhere go well: the database is there, and only the inbox cannot be written."""
    now = 0.0
    service._standing["lmtp"]._clock = lambda: now

    async def deliver() -> None:
        await asyncio.to_thread(hand_over, service.addresses["lmtp"][1], mail(), JAN.login)

    def rename(old: str, new: str) -> None:
        with closing(sqlite3.connect(tmp_path / "mailbot.db", timeout=30)) as other, other:
            other.execute(f"ALTER TABLE {old} RENAME TO {new}")

    await deliver()
    await asyncio.to_thread(rename, "raw_message", "kept")
    for now, told in ((10.0, "ok"), (300.0, "ok"), (311.0, "not ready: lmtp"), (3900.0, "not ready: lmtp")):
        with pytest.raises(smtplib.SMTPDataError, match="451"):
            await asyncio.to_thread(hand_over, service.addresses["lmtp"][1], mail(name=f"{now}"), JAN.login)
        assert (await ready(service))[1] == f"{told}\n"
    assert "lmtp-failed" in (await ask(service, "/statusz"))[1]
    await asyncio.to_thread(rename, "kept", "raw_message")
    await asyncio.to_thread(hand_over, service.addresses["lmtp"][1], mail(name="new"), JAN.login)
    assert await ready(service) == (200, "ok\n")


def test_failures_far_apart_and_long_ago_are_none() -> None:
    now = 0.0
    standing = Standing(lambda: now)
    found = []
    for now in (0.0, 400.0, 8000.0, 8100.0, 16_000.0):  # noqa: B007  # the clock says it
        standing.failed()
        found.append(standing.failing())
    now = 24_000.0
    assert (*found, standing.failing()) == (0.0, 400.0, 0.0, 100.0, 0.0, 0.0)


async def test_strangers_hear_no_reason(service: MailbotService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Loop, "silent", lambda self: 301.0)
    assert await ready(service, **{"X-Forwarded-For": "192.0.2.1"}) == (503, "not ready\n")


async def test_a_mailbox_nobody_looked_at_is_not_ready(tmp_path: Path) -> None:
    """Also one whose server never answered, which has no row."""
    async with running(tmp_path, ("ingress", "web")) as service:
        password = tmp_path / "password"
        password.write_text("x")
        imap = ImapSettings("127.0.0.1", 1, "plain", user="h", password_file=str(password), poll_seconds=60)
        chosen = replace(service.parts.settings, imap=imap)
        clock = Clock()
        service.parts = replace(service.parts, settings=chosen, clock=clock)
        service._started_at = clock()
        await service._start_ingress(lambda: None)
        clock.advance(seconds=200)
        assert await ready(service) == (200, "ok\n")
        clock.advance(seconds=100)
        assert await ready(service) == (503, "not ready: imap\n")
        cursor = Cursor(imap.mailbox, 1, 1)
        await service.parts.database.write(lambda c: move_cursor(c, cursor, clock() - timedelta(seconds=10)))
        assert await ready(service) == (200, "ok\n")


async def test_many_probes_share_one_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_FRESH", 60.0)
    async with running(tmp_path, ("web",)) as service:
        assert set(await asyncio.gather(*(ready(service) for _ in range(20)))) == {(200, "ok\n")}
        (value,) = await service.parts.database.read(lambda c: c.execute(select(counter.c.value)).scalars().all())
        assert value == 1
