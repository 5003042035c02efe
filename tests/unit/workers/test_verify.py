"""How the processes that check signed applications are started."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from mailbot.application.isolated import Readers
from mailbot.config import Settings
from mailbot.errors import ConfigError
from mailbot.signatures.worker import Workers
from mailbot.workers import verify
from mailbot.workers.verify import Verifier


@pytest.fixture
def verifier(monkeypatch: pytest.MonkeyPatch) -> Verifier:
    """Its processes cost nothing."""

    async def begin(self: Workers) -> None:
        pass

    monkeypatch.setattr(Workers, "start", begin)
    return Verifier(SimpleNamespace(settings=Settings()))  # type: ignore[arg-type]


async def test_nobody_waits_for_the_proof_of_the_reader(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    proving, ended = asyncio.Event(), asyncio.Event()

    async def for_ever(self: Readers) -> None:
        proving.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr(Readers, "prove", for_ever)
    async with verifier, asyncio.timeout(60):
        await verifier.start()
        await proving.wait()
    assert ended.is_set()


async def test_a_reader_that_does_not_work_is_told(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: Readers) -> None:
        raise ConfigError("no data")

    told: asyncio.Queue[str] = asyncio.Queue()
    monkeypatch.setattr(Readers, "prove", broken)
    monkeypatch.setattr(verify, "log_event", lambda event, **_: told.put_nowait(event))
    async with verifier, asyncio.timeout(60):
        await verifier.start()
        assert await told.get() == "reader-broken"
