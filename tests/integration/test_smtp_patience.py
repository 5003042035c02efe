"""How long a silent client of SMTP and LMTP may hold a connection."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import pytest

from mailbot.ingress import smtp
from mailbot.model import Source
from tests.integration.test_smtp_wire import MAIL, TRANSACTION, listening, send, wire


@pytest.mark.parametrize("source", [Source.SMTP, Source.LMTP])
@pytest.mark.parametrize("said", [(), (b"EHLO c",), (b"EHLO c", *TRANSACTION)], ids=["nothing", "hello", "data"])
async def test_a_silent_client_is_disconnected(tmp_path: Path, source: Source, said: tuple[bytes, ...]) -> None:
    hello = b"LHLO c" if source is Source.LMTP else b"EHLO c"
    async with listening(tmp_path, source, idle_seconds=0.3) as listener, wire(listener.port) as client:
        for command in said:
            await client.do(hello if command.startswith(b"EHLO") else command)
        assert await client.hear() == ""
        assert await listener.raws() == []


async def test_a_message_that_trickles_is_not_waited_for(tmp_path: Path) -> None:
    async with listening(tmp_path, data_seconds=0.5) as listener, wire(listener.port) as client:
        await client.do(b"EHLO c", *TRANSACTION)
        begun = time.monotonic()

        async def trickle() -> None:
            for _ in range(3000):
                await client.say(b"Subject: x\r\n")
                await asyncio.sleep(0.02)

        trickling = asyncio.create_task(trickle())
        assert (await client.hear()).startswith("421 4.4.2")
        with suppress(ConnectionResetError):  # what is on its way to a closed door is answered with a reset
            assert await client.hear() == ""
        assert time.monotonic() - begun < 30
        trickling.cancel()
        await asyncio.gather(trickling, return_exceptions=True)
        assert await listener.raws() == []


async def test_silence_is_short_while_places_are_rare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Postfix does under stress; a client that works is not hurt."""
    monkeypatch.setattr(smtp, "_STRESS", 0.4)
    async with listening(tmp_path, max_connections=4) as listener:
        async with wire(listener.port) as first, wire(listener.port) as second, wire(listener.port) as third:
            assert await third.hear() == "", "the third of four: more than half"
            for calm in (first, second):
                assert (await calm.do(b"NOOP")).startswith("250"), "they came when there was room"
        await send(listener.port, lambda client: client.sendmail("a@b.example", ["c@d.example"], MAIL))
        assert await listener.raws() == [MAIL]


async def test_while_a_message_is_stored_the_client_may_be_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "_STRESS", 0.2)
    async with listening(tmp_path, max_connections=1) as listener, wire(listener.port) as client:
        real = listener.database.write_together

        async def slow(*arguments: object) -> object:
            await asyncio.sleep(0.6)
            return await real(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(listener.database, "write_together", slow)
        await client.do(b"EHLO c", *TRANSACTION)
        assert (await client.do(MAIL + b".")).startswith("250 2.0.0 stored")
