"""docs/operating.md, Upgrade, tried from the first release: its own code makes the database, today's goes on."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from mailbot.cli import cli
from mailbot.config.writing import written
from mailbot.http.listener import SERVER_OPTIONS
from mailbot.storage.engine import connect
from mailbot.storage.reading import schema_version
from mailbot.storage.schema import activation, inbox
from mailbot.tickets.notice import NoticeWriter
from mailbot.web.app import build
from tests import flow
from tests.consoles import console, hire
from tests.releases import unpack
from tests.support import ROOT

FIRST = "9dadcb602759ef9b4cd07795878a88a345f68da5"
"""Release 0.1.0."""
PASSWORD = "zielony tramwaj pije herbatę"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the first release."""
    return unpack(FIRST, tmp_path_factory.mktemp("first"))


def old(tree: Path, *words: str) -> Any:
    """What the first release tells when it is asked to do that (first_release.py)."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MAILBOT_")}
    command = [sys.executable, str(Path(__file__).with_name("first_release.py")), *words]
    done = subprocess.run(
        command, cwd=tree, env=clean | {"PYTHONPATH": str(tree)}, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def version(folder: Path) -> str:
    engine = connect(f"sqlite:///{folder}/mailbot.db")
    with engine.connect() as connection:
        found = schema_version(connection)
    engine.dispose()
    return found


def test_what_the_first_release_left_goes_on(tree: Path, tmp_path: Path) -> None:
    here, copy = tmp_path / "here", tmp_path / "copy"
    here.mkdir()
    told = old(tree, "begin", str(here))
    shutil.copytree(here, copy)
    wanted = sorted(map(tuple, old(tree, "finish", str(copy))))
    asyncio.run(upgraded(here, told, wanted))
    commands(here)


async def upgraded(here: Path, told: dict[str, Any], wanted: list[tuple[str, str, str]]) -> None:
    """Install, start; what was begun comes to its end. ``wanted``: ticket, kind and recipient of the mails."""
    before = version(here)
    async with flow.running(here, accounts=False) as office:
        assert version(here) > before
        await office.decide()
        for _ in range(100):
            await office.deliver()
            office.clock.advance(minutes=10)
        sent = office.sink.accepted
        assert sorted((one.ticket, one.kind, one.rcpt_to) for one in sent) == wanted
        assert {"T1", "T2A", "T3"} <= {one.kind for one in sent}
        assert not {one.message_id for one in sent} & {*told["sent"]}, "nothing leaves a second time"
        ((undone,),) = await office.rows(select(func.count()).select_from(inbox).where(inbox.c.state != "done"))
        assert undone == 0
        await use_link(office, told["link"])
        hire(office.parts)
        async with console(office.parts) as desk:
            for page in ("/todo", "/tickets/ZGL0000001", "/tickets/ZGL0000002"):
                async with desk.get(page) as answer:
                    assert answer.status == 200, page


async def use_link(office: flow.Flow, path: str) -> None:
    """A citizen sets his password by a link that the first release sent."""
    p = office.parts
    helpdesk = p.settings.helpdesk
    notice = NoticeWriter(p.pipeline.writer, p.secret, helpdesk.address, helpdesk.verp_separator)
    server = TestServer(build(p.settings, p.database, p.directory, p.secret, notice, office.clock))
    await server.start_server(**SERVER_OPTIONS)
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        async with client.get(path) as page:
            field = re.search(r'name="csrf" value="([^"]+)"', await page.text())
        assert field, "a form"
        form = {"haslo": PASSWORD, "powtorz": PASSWORD, "csrf": field[1]}
        async with client.post(path, data=form, allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()
    ((used,),) = await office.rows(select(func.count()).where(activation.c.used_at.isnot(None)))
    assert used == 1


def commands(folder: Path) -> None:
    """Every command of the page that reads, after the upgrade."""
    settings = flow.settings(f"sqlite:///{folder}/mailbot.db", folder / "key", 1)
    (folder / "mailbot.toml").write_text(written(settings, "Of a test."), encoding="utf-8")

    def run(*words: str) -> Result:
        return CliRunner().invoke(cli, [*words, "--config", str(folder / "mailbot.toml")])

    exports: list[str] = []
    for seals in ((), ("key seal",)):
        asked = (
            "audit verify",
            "tickets list",
            "tickets list --open",
            "tickets show ZGL0000002",
            "queue ls",
            "outbox ls",
        )
        for line in (*seals, *asked, "tickets export", "rules hits"):
            found = run(*line.split())
            assert found.exit_code == 0, f"{line}: {found.output}{found.exception!r}"
        assert "nothing wrong" in run("audit", "verify").output
        exports.append(run("tickets", "export").output)
        told = run("doctor").output
        assert all(f"✓ {what}" in told for what in ("database", "key", "rules", "accounts", "addresses"))
        assert ("mailbot key seal" in told) is not bool(seals)
    assert "@" in exports[0]
    assert exports[0] == exports[1], "sealed, and read as before"


def test_of_the_rules_of_the_first_release_what_to_mend_is_told(tree: Path, tmp_path: Path) -> None:
    """An office has a folder of its own since then, and mends it as docs/operating.md says."""
    own = tmp_path / "rules"
    shutil.copytree(tree / "rules", own)
    refused = CliRunner().invoke(cli, ["rules", "check", str(own)])
    wrong = [line.split(": ")[:2] for line in refused.output.splitlines() if "mend:" in line]
    keys = {key for _, key in wrong}
    assert {"letter.clauses", "letter.joints", "letter.towns", "letter.parts"} <= keys, refused.output
    assert {Path(where.split(":")[0]).name for where, _ in wrong} == {"applications.yaml"}
    shutil.copy(ROOT / "rules/applications.yaml", own)
    found = CliRunner().invoke(cli, ["rules", "check", str(own)])
    assert found.exit_code == 0, found.output
