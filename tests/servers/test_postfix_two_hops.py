"""Postfix in front of two machines, by the line of docs/scaling.md: one is down, hangs, or its answer is lost.

Each mail is one row all the same.
"""

from __future__ import annotations

import asyncio
import re
import smtplib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

from mailbot.config import ListenerSettings
from mailbot.ingress.smtp import serve
from mailbot.model import Source
from mailbot.observe import utc_now
from mailbot.storage.engine import connect
from tests.intake import SECRET, FailingDatabase, messages, open_database, until
from tests.integration.servers import Postfix, free_port, postfix
from tests.support import ROOT

COUNT = 12
PATIENCE = "lmtp_connect_timeout = 2s\nlmtp_lhlo_timeout = 2s\nlmtp_data_done_timeout = 5s\n"
ALWAYS_ANEW = "lmtp_connection_cache_on_demand = no\n"
"""A session that Postfix kept would outlive the door of a machine that is down here, for its process goes on."""
LINE = re.search(r"(?m)^transport_maps = .*$", (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8"))


@contextmanager
def in_front(ports: Sequence[int]) -> Iterator[Postfix]:
    assert LINE is not None
    line = LINE[0].replace("helpdesk@helpdesk.example", "helpdesk@mailbot.example")
    for number, port in enumerate(ports, start=1):
        line = line.replace(f"mail{number}.helpdesk.example:2400", f"127.0.0.1:{port}")
    assert "example:" not in line
    with postfix(0, f"{line}\n{PATIENCE}{ALWAYS_ANEW}") as mx:
        yield mx


@asynccontextmanager
async def machine(port: int, database: FailingDatabase) -> AsyncIterator[None]:
    server = await serve(ListenerSettings(listen=f"127.0.0.1:{port}"), Source.LMTP, database, SECRET, utc_now)
    try:
        yield
    finally:
        server.close()


@asynccontextmanager
async def second(folder: Path) -> AsyncIterator[FailingDatabase]:
    """Another process's way to the same database."""
    database = FailingDatabase(connect(f"sqlite:///{folder / 'mailbot.db'}"))
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def silent(port: int) -> AsyncIterator[None]:
    """A machine that takes connections and says nothing, as one that is stopped (SIGSTOP) or out of memory."""

    async def nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await _reader.read()
        writer.close()

    server = await asyncio.start_server(nothing, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


async def send(mx: Postfix, first: int = 0, count: int = COUNT) -> None:
    def run() -> None:
        with smtplib.SMTP("127.0.0.1", mx.smtp, timeout=60) as client:
            for number in range(first, first + count):
                raw = f"Subject: mail {number}\r\nMessage-ID: <{number}@sender.example>\r\n\r\nx\r\n".encode()
                client.sendmail("jan@sender.example", ["helpdesk@mailbot.example"], raw)

    await asyncio.to_thread(run)


async def arrived(mx: Postfix, database: FailingDatabase) -> list[int]:
    """The numbers of the mails in the inbox, when Postfix has none left."""
    for _ in range(20):
        with suppress(TimeoutError):
            await until(lambda: mx.queued() == 0, 3)
            break
        await asyncio.to_thread(mx.command, "postqueue", "-f")
    assert mx.queued() == 0, mx.log()
    assert "status=bounced" not in mx.log()
    return sorted(int(m.raw.partition(b"Subject: mail ")[2].split()[0]) for m in await messages(database))


async def test_whichever_machine_is_down_the_other_takes_its_mail(tmp_path: Path) -> None:
    ports = (free_port(), free_port())
    with in_front(ports) as mx:
        async with open_database(tmp_path) as one, second(tmp_path) as two:
            async with machine(ports[0], one):
                await send(mx)
                assert await arrived(mx, one) == list(range(COUNT))
            async with machine(ports[1], two):
                await send(mx, COUNT)
                assert await arrived(mx, one) == list(range(2 * COUNT))
            await send(mx, 2 * COUNT)
            await until(lambda: mx.log().count("status=deferred") >= COUNT)
            # with both down it keeps them; one on its way between two of its folders is counted in neither
            await until(lambda: mx.queued() == COUNT)
            async with machine(ports[0], one), machine(ports[1], two):
                assert await arrived(mx, one) == list(range(3 * COUNT))


async def test_one_that_hangs_keeps_no_mail(tmp_path: Path) -> None:
    ports = (free_port(), free_port())
    with in_front(ports) as mx:
        async with open_database(tmp_path) as one, second(tmp_path) as two, silent(ports[0]), machine(ports[1], two):
            await send(mx, count=4)
            assert await arrived(mx, one) == list(range(4))


async def test_one_whose_answers_are_lost_and_then_is_gone_doubles_nothing(tmp_path: Path) -> None:
    """What it committed comes again to the other, and is the same row."""
    ports = (free_port(), free_port())
    with in_front(ports) as mx:
        async with open_database(tmp_path) as one, second(tmp_path) as two:
            one.lost_answers = COUNT
            async with machine(ports[1], two), AsyncExitStack() as first:
                await first.enter_async_context(machine(ports[0], one))
                await send(mx)
                await until(lambda: one.lost_answers < COUNT)
                await first.aclose()
                assert await arrived(mx, one) == list(range(COUNT))
