"""The real program is killed while CSD has an event and mailbot does not know it yet: told again, as the same event."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web
from sqlalchemy import select, update

from mailbot.csd import queue
from mailbot.inbox import store
from mailbot.installation import open_key
from mailbot.model import Envelope, RawMessage, Source
from mailbot.storage.engine import connect, migrate
from mailbot.storage.webhooks import webhook
from tests.citizens import HELPDESK
from tests.flow import JAN, add_accounts, mail, relay_sink
from tests.intake import until
from tests.receivers import SECRET, CsdFake, csd_fake
from tests.support import ROOT

_ROLES = ("--role", "worker", "--role", "delivery")


@asynccontextmanager
async def running(config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    command = (sys.executable, "-m", "mailbot", "run", *_ROLES, "--config", str(config))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=asyncio.subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _told(fake: CsdFake, count: int) -> None:
    await until(lambda: len(fake.taken) >= count, 60)


async def test_an_event_is_told_again_with_its_id_and_in_its_order(tmp_path: Path) -> None:
    url, key = f"sqlite:///{tmp_path}/mailbot.db", tmp_path / "key"
    engine = connect(url)
    migrate(engine)
    add_accounts(engine)
    (tmp_path / "secrets").write_text(SECRET, encoding="ascii")
    async with relay_sink() as sink, csd_fake() as fake:
        config = tmp_path / "mailbot.toml"
        config.write_text(
            f'[database]\nurl = "{url}"\n[secret]\nkey_file = "{key}"\n[delivery]\nport = {sink.port}\n'
            f'[csd]\nurl = "{fake.url}"\nsecrets_file = "{tmp_path}/secrets"\n[worker]\nprocesses = 0\n',
            encoding="utf-8",
        )
        with engine.begin() as connection:
            queue.read_on(connection, datetime.now(UTC))
            message = RawMessage(mail(), Envelope(Source.LMTP, JAN.login, (HELPDESK,)), datetime.now(UTC))
            store(connection, [message], datetime.now(UTC), open_key(connection, key))
        async with running(config) as first:

            async def kills(_request: web.Request) -> web.StreamResponse:
                fake.taken.append(fake.asked[-1])
                first.kill()
                await first.wait()
                return web.Response(status=204)

            fake.says = [kills]
            await _told(fake, 1)
        with engine.begin() as connection:  # time goes by
            ended = {"leased_until": datetime.now(UTC) - timedelta(seconds=1)}
            connection.execute(update(webhook).where(webhook.c.leased_by.is_not(None)).values(**ended))
        async with running(config):
            await _told(fake, 3)
    ids = [message_id for message_id, _ in fake.taken]
    assert ids[0] == ids[1]
    assert len(set(ids[1:])) == len(ids) - 1
    assert [told["data"]["event"] for _, told in fake.taken[:2]] == ["opened", "opened"]
    seqs = [told["data"]["seq"] for _, told in fake.taken[1:]]
    assert seqs == sorted(seqs)
    with engine.connect() as connection:
        assert connection.execute(select(webhook.c.state).order_by(webhook.c.id)).scalars().first() == "done"
    engine.dispose()
