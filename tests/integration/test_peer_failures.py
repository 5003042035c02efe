"""Failures of other programs that no other test shows in one piece (docs/failures.md names the tests of all)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select
from tests.integration.test_imap_dovecot import Box, Intake
from tests.integration.test_imap_dovecot import mail as letter

from mailbot.config import ImapSettings
from mailbot.storage.schema import decision, inbox, raw_message, ticket
from mailbot.workers.alarms import AlarmWorker
from tests.flow import JAN, Flow, mail, running
from tests.intake import open_database, until
from tests.integration.servers import PASSWORD, USER, dovecot


class Proxy:
    """Between a client and a server. What ``freeze`` has cut off stays open, and no octet passes any more."""

    def __init__(self, server: int) -> None:
        self.port = 0
        self.connections = 0
        self._server = server
        self._open: list[asyncio.Event] = []

    def freeze(self) -> None:
        for passing in self._open:
            passing.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        passing = asyncio.Event()
        passing.set()
        self._open.append(passing)
        behind, to_server = await asyncio.open_connection("127.0.0.1", self._server)
        with contextlib.suppress(OSError):
            await asyncio.gather(_pass(reader, to_server, passing), _pass(behind, writer, passing))


async def _pass(source: asyncio.StreamReader, target: asyncio.StreamWriter, passing: asyncio.Event) -> None:
    try:
        while octets := await source.read(65536):
            await passing.wait()
            target.write(octets)
    finally:
        target.close()


@asynccontextmanager
async def proxy(port: int) -> AsyncIterator[Proxy]:
    made = Proxy(port)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(made.serve(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_3_imap_dies_silently(tmp_path: Path) -> None:
    """A firewall forgets the connection while we wait in IDLE: nothing is closed, no octet comes."""
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    with dovecot() as server:
        async with proxy(server.imap) as between, open_database(tmp_path) as database:
            settings = ImapSettings("127.0.0.1", between.port, "plain", "", USER, str(password))
            intake, box = Intake(server, database, settings), Box(server)
            async with intake.reading(poll_seconds=1, timeout_seconds=1.0) as reader:
                await until(lambda: reader.last_poll is not None)
                before = between.connections
                between.freeze()
                await asyncio.to_thread(box.append, letter("after the cut"))
                await intake.holds(1)
            assert between.connections > before
            assert await intake.raws() == [letter("after the cut")]


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    async with running(tmp_path) as whole:
        yield whole


async def test_15_deleted_here_and_imported_again(flow: Flow) -> None:
    """The octets are gone, and the mailbox is read from the start: no second ticket, no second link."""
    first = mail()
    assert await flow.answer(first) == "OK_A"
    await flow.parts.database.write(lambda c: c.execute(delete(raw_message)))
    flow.clock.advance(days=2)
    assert await flow.answer(b"X-Relay: two\r\n" + first) == "DUPLICATE"
    assert await flow.rows(select(func.count()).select_from(ticket)) == [(1,)]
    assert flow.sink.kinds() == ["T1", "T2A", "T3"]


async def test_19_what_was_refused_stays_until_a_person_acts(flow: Flow) -> None:
    """A month in which other mail comes and every timer runs, after which the program starts anew."""
    assert await flow.answer(mail(auth="fail", name="forged"), JAN.login) == "QUARANTINE"
    kept = select(inbox.c.id, inbox.c.outcome, inbox.c.state, decision.c.rule, raw_message.c.raw, ticket.c.state)
    kept = kept.join(decision).join(raw_message).outerjoin(ticket, ticket.c.id == inbox.c.ticket_id)
    before = await flow.rows(kept)
    assert [(row.outcome, row[-1]) for row in before] == [("QUARANTINE", "KWARANTANNA")]
    for week in range(4):
        flow.clock.advance(days=7)
        await flow.answer(mail(name=f"week {week}", body=f"Mam pytanie {week}."))
        await AlarmWorker(flow.parts.database, flow.parts.pipeline, flow.clock).step()
        await flow.deliver()
    assert await flow.rows(kept.where(inbox.c.id == before[0].id)) == before
