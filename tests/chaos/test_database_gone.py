"""``mailbot run`` whose database file vanishes: 451 to the MTA, an alarm, exit code 78, and no empty database."""

from __future__ import annotations

import asyncio
import os
import smtplib
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from mailbot.config import WebSettings
from mailbot.errors import DatabaseGone
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.service.supervision import MailbotService
from tests.flow import hand_over, mail, settings
from tests.integration.servers import mailbot
from tests.support import ROOT


@pytest.fixture
def office(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    (tmp_path / "mailbot.toml").write_text(
        '[database]\nurl = "sqlite:///state/mailbot.db"\n[lmtp]\nlisten = "127.0.0.1:0"\n[web]\nlisten = ""\n'
        '[console]\nlisten = ""\n'
        '[authentication]\nauthserv_id = "mx.helpdesk.example"\n',
        encoding="utf-8",
    )
    return tmp_path


@pytest.fixture
def intake(office: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The process and its LMTP port."""
    with mailbot(office, "ingress") as found:
        yield found


def test_every_250_is_in_the_file_that_remains(office: Path, intake: tuple[subprocess.Popen[str], int]) -> None:
    process, port = intake
    file, kept = office / "state" / "mailbot.db", office / "state" / "kept.db"
    taken = [hand_over(port, mail(name=f"{n}")) for n in range(3)]
    os.link(file, kept)  # what a person can still save
    os.link(f"{file}-wal", f"{kept}-wal")
    with smtplib.LMTP("127.0.0.1", port, timeout=60) as client:
        client.ehlo()
        client.mail("a@b.example")
        client.rcpt("helpdesk@b.example")
        file.unlink()
        assert client.data(mail(name="lost"))[0] == 451
    assert process.stderr is not None
    told = process.stderr.read()
    assert process.wait(60) == 78
    assert '"database-gone"' in told
    assert "was deleted, moved or replaced while mailbot ran" in told
    again = subprocess.run(
        process.args,
        cwd=office,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert again.returncode == 78, "whoever starts it again"
    assert "was lost while mailbot ran; mend: put it back" in again.stderr
    assert not file.exists(), "nothing was begun in its place"
    with sqlite3.connect(kept) as connection:
        assert [row for (row,) in connection.execute("SELECT id FROM inbox ORDER BY id")] == taken


async def _until_not_ready(session: aiohttp.ClientSession) -> int:
    """Looks are a second apart, and the first of them may have been before."""
    async with asyncio.timeout(60):
        while True:
            async with session.get("/readyz") as answer:
                if answer.status != 200:
                    return answer.status
            await asyncio.sleep(0.1)


async def test_readiness_fails_and_the_service_ends(tmp_path: Path) -> None:
    chosen = settings(f"sqlite:///{tmp_path}/mailbot.db", tmp_path / "key", 1)
    chosen = replace(chosen, web=WebSettings("127.0.0.1:0", public_url="http://127.0.0.1:1", behind_tls=False))
    service = MailbotService(compose.build(chosen, resolver=StaticResolver({})), ("ingress", "web"))
    await service.start()
    try:
        host, port = service.addresses["web"]
        async with aiohttp.ClientSession(f"http://{host}:{port}") as session:
            async with session.get("/readyz") as answer:
                assert answer.status == 200
            (tmp_path / "mailbot.db").rename(tmp_path / "moved.db")
            assert await _until_not_ready(session) == 503
        with pytest.raises(DatabaseGone):
            async with asyncio.timeout(60):
                await service.wait()
    finally:
        await service.stop()
