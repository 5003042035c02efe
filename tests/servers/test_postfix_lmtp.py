"""Postfix in front of our LMTP server: whatever fails on our side, it keeps the mail and each is stored once."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailbot.config import ListenerSettings
from mailbot.ingress.smtp import serve
from mailbot.model import Source
from mailbot.observe import utc_now
from tests.intake import SECRET, FailingDatabase, messages, open_database, until
from tests.integration.servers import Postfix, postfix

COUNT = 20


@dataclass
class Chain:
    mx: Postfix
    database: FailingDatabase

    async def send(self, count: int = COUNT) -> None:
        def run() -> None:
            with smtplib.SMTP("127.0.0.1", self.mx.smtp, timeout=60) as client:
                for number in range(count):
                    raw = f"Subject: mail {number}\r\n\r\n.dot\r\nżółć\r\n".encode()
                    client.sendmail("jan@sender.example", ["helpdesk@mailbot.example"], raw)

        await asyncio.to_thread(run)

    async def delivered(self) -> list[int]:
        """The numbers of the mails in the inbox, when Postfix has none left."""

        def empty() -> bool:
            return self.mx.queued() == 0

        for _ in range(30):  # a mail that is deferred just while the queue is scanned would wait for minutes
            with suppress(TimeoutError):
                await until(empty, 3)
                break
            await asyncio.to_thread(self.mx.command, "postqueue", "-f")
        assert empty(), self.mx.log()
        raws = [message.raw for message in await messages(self.database)]
        assert all(raw.endswith("\r\n\r\n.dot\r\nżółć\r\n".encode()) for raw in raws)
        return sorted(int(raw.partition(b"Subject: mail ")[2].split()[0]) for raw in raws)


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[Chain]:
    async with open_database(tmp_path) as database:
        settings = ListenerSettings(listen="127.0.0.1:0")
        server = await serve(settings, Source.LMTP, database, SECRET, utc_now)
        try:
            with postfix(server.sockets[0].getsockname()[1]) as mx:
                yield Chain(mx, database)
        finally:
            server.close()


async def test_all_arrive_with_their_envelope(chain: Chain) -> None:
    await chain.send()
    assert await chain.delivered() == list(range(COUNT))
    first, *_ = await messages(chain.database)
    assert first.envelope.source is Source.LMTP
    assert first.envelope.mail_from == "jan@sender.example"
    assert first.envelope.rcpt_to == ("helpdesk@mailbot.example",)
    assert first.envelope.helo == "mx.mailbot.example"


async def test_while_the_database_fails_postfix_keeps_the_mail(chain: Chain) -> None:
    chain.database.failures = 15
    await chain.send()
    assert await chain.delivered() == list(range(COUNT))
    assert chain.database.failures == 0
    assert "451 4.3.0 temporary failure" in chain.mx.log()
    assert "status=bounced" not in chain.mx.log()


async def test_a_commit_whose_answer_was_lost_makes_one_row(chain: Chain) -> None:
    chain.database.lost_answers = 10
    await chain.send()
    assert await chain.delivered() == list(range(COUNT))
    assert chain.database.lost_answers == 0
    assert "secret" not in chain.mx.log()
