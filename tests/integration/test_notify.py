"""Type=notify: READY when all is up, a sign of life only while each loop gets on, STOPPING at the end."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailbot.errors import DatabaseUnavailable
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose, supervision
from mailbot.service.notify import Notifier
from mailbot.service.supervision import MailbotService
from mailbot.workers.loop import Loop, moving
from tests.flow import settings
from tests.support import ROOT


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """systemd's end: what is told can be received."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "notify"))
        server.settimeout(60)
        yield server


def environment(tmp_path: Path, seconds: float = 0.06, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": str(int(seconds * 1e6)), **more}


def heard(server: socket.socket) -> list[str]:
    """All that was told and not received yet."""
    found = []
    server.setblocking(False)
    while True:
        try:
            found.append(server.recv(4096).decode())
        except BlockingIOError:
            return found


def test_a_process_says_ready_lives_and_says_that_it_stops(tmp_path: Path, systemd: socket.socket) -> None:
    (tmp_path / "mailbot.toml").write_text('[lmtp]\nlisten = "127.0.0.1:0"\n[web]\nlisten = ""\n', encoding="utf-8")
    command = [sys.executable, "-m", "mailbot", "run", "--role", "ingress", "--role", "delivery"]
    told = {**os.environ, "PYTHONPATH": str(ROOT), **environment(tmp_path, 0.3)}
    with subprocess.Popen(command, cwd=tmp_path, env=told, stderr=subprocess.DEVNULL) as process:
        try:
            assert systemd.recv(4096) == b"READY=1"
            assert [systemd.recv(4096) for _ in range(3)] == [b"WATCHDOG=1"] * 3
            process.send_signal(signal.SIGTERM)
            while (last := systemd.recv(4096)) == b"WATCHDOG=1":
                pass
            assert last == b"STOPPING=1"
            assert process.wait(30) == 0
        finally:
            process.kill()


async def test_a_loop_that_hangs_ends_the_signs_of_life(
    tmp_path: Path, systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "_PATIENCE", 0.2)
    chosen = settings(f"sqlite:///{tmp_path}/mailbot.db", tmp_path / "key", 1)
    chosen = replace(chosen, worker=replace(chosen.worker, lease_seconds=0))
    service = MailbotService(compose.build(chosen, rng=random.Random(1), resolver=StaticResolver({})), ("delivery",))
    await service.start()
    go_on = asyncio.Event()

    async def hangs() -> int:
        await go_on.wait()
        return 0

    feeding = asyncio.create_task(Notifier(environment(tmp_path)).feed(service.stuck))
    try:
        await asyncio.sleep(0.1)
        assert set(heard(systemd)) == {"WATCHDOG=1"}
        service._run(Loop("hangs", hangs))
        async with asyncio.timeout(60):
            while "STATUS=stuck: worker hangs" not in heard(systemd):  # noqa: ASYNC110  # what comes is in the socket
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)
        assert heard(systemd) == [], "no sign of life, and it is told once"
        go_on.set()
        async with asyncio.timeout(60):
            while "WATCHDOG=1" not in heard(systemd):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    finally:
        feeding.cancel()
        await service.stop()


async def turns() -> None:
    """Time stands still for the event loop, too."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_to_fail_and_to_try_again_is_to_get_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended by the watchdog it would lose the relay's answer that it keeps while the database is away."""
    now = 100.0
    monkeypatch.setattr("mailbot.workers.loop.time.monotonic", lambda: now)
    monkeypatch.setattr("mailbot.workers.loop._PAUSE", 0.0)
    steps = asyncio.Queue[Exception | None]()

    async def work() -> int:
        while (found := await steps.get()) is None:
            moving()  # as record.keep_trying does
        raise found

    loop = Loop("deliver-0", work)
    task = asyncio.create_task(loop.run())
    try:
        for sign in (None, DatabaseUnavailable("away"), None):
            await turns()
            now += 400
            assert loop.stuck() == 400
            steps.put_nowait(sign)
            await turns()
            assert loop.stuck() == 0
        assert loop.silent() == 1200, "not ready all the while"
    finally:
        task.cancel()


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({}, 0.0),
        ({"WATCHDOG_USEC": "1000000"}, 0.0),  # nobody hears it
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1500000"}, 1.5),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "1"}, 0.0),  # meant for another
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1500000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "often"}, 0.0),
    ],
)
def test_the_environment_is_for_this_process_alone(told: dict[str, str], wanted: float) -> None:
    notifier = Notifier(told)
    assert notifier.seconds == wanted
    assert told == {}
    notifier.tell("READY=1")  # a socket that is not there harms nobody


def test_an_abstract_socket_is_found() -> None:
    name = f"mailbot-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(f"\0{name}")
        Notifier({"NOTIFY_SOCKET": f"@{name}"}).tell("READY=1", "STATUS=x")
        assert server.recv(100) == b"READY=1\nSTATUS=x"
