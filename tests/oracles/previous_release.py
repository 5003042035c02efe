"""What the previous release does on the tables of now. Run by test_previous_release.py in the tree of that release,
whose ``mailbot`` and ``tests`` these are: ``previous_release.py URL FOLDER``. Starts on tables of its own; when a line
comes on its standard input, they have become newer under it.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer

from mailbot.desk import requests
from mailbot.desk.perform import Done
from mailbot.errors import ConfigError
from mailbot.service import compose
from mailbot.storage.engine import connect
from mailbot.tickets.notice import NoticeWriter
from mailbot.web.app import SERVER_OPTIONS, build
from tests import flow
from tests.bench_desk import ANNA, SECRET, Bench

PASSWORD = "Zielony.Kot.Skacze.7"


async def main(url: str, folder: Path) -> None:
    assert Path(compose.__file__).is_relative_to(Path.cwd()), "not the program of today"
    (folder / "key").write_bytes(SECRET.key)
    own = flow.settings
    flow.settings = lambda _, key, relay: own(url, key, relay)
    async with flow.running(folder, accounts=False) as office:
        print("ready", flush=True)
        sys.stdin.readline()
        bench = Bench(connect(url), fill=True)
        outcome = await office.answer(flow.mail())
        assert outcome == "OK_A", outcome
        assert office.sink.kinds() == ["T1", "T2A", "T3"], office.sink.kinds()
        await use_link(office)
        bench.letter(flow.EWA.login, "Dlaczego mój wniosek czeka?", subject="Pytanie", name="question")
        note = bench.act(ANNA, requests.Note, "2", text="oddzwonić")
        assert isinstance(note, Done), note
        print("worked", flush=True)
        try:
            compose.build(office.parts.settings)
        except ConfigError as error:
            print(f"refused {error.reason}", flush=True)
        else:
            print("started", flush=True)


async def use_link(office: flow.Flow) -> None:
    path = re.search(r"(/aktywacja/\S+)", office.sink.accepted[-1].text)
    assert path, "T3 holds the link"
    p = office.parts
    helpdesk = p.settings.helpdesk
    notice = NoticeWriter(p.pipeline.writer, p.secret, helpdesk.address, helpdesk.verp_separator)
    server = TestServer(build(p.settings, p.database, p.directory, p.secret, notice, office.clock))
    await server.start_server(**SERVER_OPTIONS)
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        async with client.get(path[1]) as page:
            field = re.search(r'name="csrf" value="([^"]+)"', await page.text())
        assert field, "a form"
        form = {"haslo": PASSWORD, "powtorz": PASSWORD, "csrf": field[1]}
        async with client.post(path[1], data=form, allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
