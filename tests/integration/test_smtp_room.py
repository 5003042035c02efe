"""Large messages wait for room in memory, whoever sends how many of them; small ones never do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mailbot.config import ListenerSettings
from mailbot.ingress import smtp
from mailbot.ingress.smtp import serve
from mailbot.model import Source
from mailbot.room import Room
from tests.intake import SECRET, clock, open_database, until
from tests.integration.test_smtp_wire import TRANSACTION, Listener, Wire, wire

LARGE = b"y" * 300_000 + b"\r\n"


@asynccontextmanager
async def listening(folder: Path, room: Room, **changes: Any) -> AsyncIterator[Listener]:
    async with open_database(folder) as database:
        settings = ListenerSettings(listen="127.0.0.1:0", max_size=1_000_000, **changes)
        server = await serve(settings, Source.SMTP, database, SECRET, clock, room=room)
        try:
            yield Listener(database, server.sockets[0].getsockname()[1], [])
        finally:
            server.close()


async def begin(client: Wire, size: int | None = None) -> str:
    """Up to DATA; what is said to it."""
    declared = b" SIZE=%d" % size if size else b""
    return await client.do(b"EHLO c", TRANSACTION[0] + declared, TRANSACTION[1], b"DATA")


@pytest.mark.parametrize("declared", [True, False])
async def test_many_large_messages_come_through_one_after_the_other(tmp_path: Path, declared: bool) -> None:
    room = Room(400_000)

    async def one(port: int) -> str:
        async with wire(port) as client:
            assert (await begin(client, len(LARGE) if declared else None)).startswith("354")
            return await client.do(LARGE + b".")

    async with listening(tmp_path, room) as listener:
        replies = await asyncio.gather(*(one(listener.port) for _ in range(12)))
        assert [reply[:3] for reply in replies] == ["250"] * 12
        await until(lambda: (room.free, room.waiting) == (400_000, 0))
        assert set(await listener.raws()) == {LARGE}


async def test_a_declared_message_waits_before_the_354_and_is_told_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "_BEFORE", 0.3)
    room = Room(400_000)
    async with listening(tmp_path, room) as listener:
        async with wire(listener.port) as first, wire(listener.port) as second, wire(listener.port) as third:
            assert (await begin(first, 400_000)).startswith("354")
            assert (await begin(second, 400_000)).startswith("354"), "one may go beyond"
            assert (await begin(third, 400_000)).startswith("452 4.3.1")
            assert (await third.do(b"RSET", *TRANSACTION)).startswith("354"), "a small one needs no room"
            assert (await third.do(b"small\r\n.")).startswith("250")
            assert (await first.do(LARGE + b".")).startswith("250")
            assert (await third.do(TRANSACTION[0] + b" SIZE=400000", TRANSACTION[1], b"DATA")).startswith("354")
        await until(lambda: room.free == 400_000)


async def test_declared_small_and_sent_big_finds_no_room_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "_WITHIN", 0.3)
    room = Room(100_000)
    async with listening(tmp_path, room) as listener:
        async with wire(listener.port) as first, wire(listener.port) as second:
            for holder in (first, second):
                assert (await begin(holder, 90_000)).startswith("354")
            async with wire(listener.port) as liar:
                assert (await begin(liar, 1)).startswith("354")
                await liar.say(LARGE)
                assert (await liar.hear()).startswith("421 4.3.1")
        await until(lambda: (room.free, room.waiting) == (100_000, 0))
        async with wire(listener.port) as again:
            assert (await begin(again)).startswith("354")
            assert (await again.do(LARGE + b".")).startswith("250")
        assert await listener.raws() == [LARGE]


async def test_who_drips_while_others_wait_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "_HURRY", 0.5)
    room = Room(400_000)
    async with listening(tmp_path, room) as listener:
        async with wire(listener.port) as one, wire(listener.port) as two, wire(listener.port) as honest:
            for drip in (one, two):
                assert (await begin(drip, 400_000)).startswith("354")
                await drip.say(b"x")
            assert (await begin(honest, 400_000)).startswith("354")
            assert (await honest.do(LARGE + b".")).startswith("250")
            assert (await one.hear()).startswith("421 4.4.2")
            assert (await two.hear()).startswith("421 4.4.2")
        await until(lambda: (room.free, room.waiting) == (400_000, 0))
        assert await listener.raws() == [LARGE]


async def test_the_time_that_it_waited_is_not_held_against_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "_HURRY", 0.4)
    room = Room(100_000)
    async with listening(tmp_path, room) as listener, wire(listener.port) as waiting:
        async with wire(listener.port) as first, wire(listener.port) as second:
            for holder in (first, second):
                assert (await begin(holder, 90_000)).startswith("354")
            monkeypatch.setattr(smtp, "_HURRY", 60)
            assert (await begin(waiting)).startswith("354")
            await waiting.say(LARGE[:200_000])
            await until(lambda: room.waiting == 1)
            await asyncio.sleep(0.5)
            monkeypatch.setattr(smtp, "_HURRY", 0.4)
        await until(lambda: room.waiting == 0)
        async with wire(listener.port) as next_one, wire(listener.port) as hurrying:
            assert (await begin(next_one, 90_000)).startswith("354")
            hurried = asyncio.create_task(begin(hurrying, 90_000))
            await until(lambda: room.waiting == 1)
            await waiting.say(LARGE[200_000:] + b".\r\n")
            assert (await waiting.hear()).startswith("250")
            assert (await hurried).startswith("354")


async def test_who_leaves_behind_the_dot_holds_room_until_the_commit(tmp_path: Path) -> None:
    room, go = Room(400_000), asyncio.Event()
    async with listening(tmp_path, room) as listener:
        real = listener.database.write_together

        async def slow(*arguments: object) -> object:
            await go.wait()
            return await real(*arguments)  # type: ignore[arg-type]

        listener.database.write_together = slow  # type: ignore[assignment,method-assign]
        async with wire(listener.port) as client:
            assert (await begin(client, len(LARGE))).startswith("354")
            await client.say(LARGE + b".\r\n")
            await until(lambda: room.free < 400_000)
        await asyncio.sleep(0.05)
        assert room.free < 400_000
        go.set()
        await until(lambda: room.free == 400_000)
        assert await listener.raws() == [LARGE]


async def test_who_is_gone_before_the_354_holds_no_room(tmp_path: Path) -> None:
    room = Room(400_000)
    async with listening(tmp_path, room) as listener:
        for _ in range(20):
            async with wire(listener.port) as client:
                await client.do(b"EHLO c", TRANSACTION[0] + b" SIZE=300000", TRANSACTION[1])
                await client.say(b"DATA\r\n")
                client.writer.transport.abort()
        await until(lambda: (room.free, room.waiting, room.beyond.locked()) == (400_000, 0, False))


async def test_whose_354_cannot_be_said_holds_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(400_000)
    real = smtp._BulkServer.push

    async def push(self: smtp._BulkServer, status: str | bytes) -> None:
        if str(status).startswith("354"):
            raise ConnectionResetError
        await real(self, status)

    monkeypatch.setattr(smtp._BulkServer, "push", push)
    async with listening(tmp_path, room) as listener, wire(listener.port) as client:
        assert await begin(client, 300_000) == ""
        await until(lambda: room.free == 400_000)


@pytest.mark.parametrize("end", [b"", b".\r\n"], ids=["in the middle", "too big"])
async def test_room_is_given_back_however_it_ends(tmp_path: Path, end: bytes) -> None:
    room = Room(2_000_000)
    async with listening(tmp_path, room) as listener:
        async with wire(listener.port) as client:
            assert (await begin(client)).startswith("354")
            await client.say((LARGE * 4 if end else LARGE) + end)
            if end:
                assert (await client.hear()).startswith("552")
        await until(lambda: room.free == 2_000_000)
        assert await listener.raws() == []
