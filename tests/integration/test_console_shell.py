"""What every page of the console has: headers, language, navigation by role, a page of ours for every failure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from mailbot.console.app import SCREENS
from tests.consoles import console
from tests.flow import running

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with running(tmp_path) as flow, console(flow.parts) as made:
        yield made


async def test_nothing_may_run_but_files_of_ours(client: Client) -> None:
    for path in ("/todo", "/static/desk.js", "/nothing"):
        answer = await client.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "Server" not in answer.headers
    assert (await client.get("/todo")).headers["Cache-Control"] == "no-store"


async def test_files_are_those_of_the_page(client: Client) -> None:
    page = await (await client.get("/todo")).text()
    for name in ("vendor/htmx.min.js", "vendor/pico.min.css", "desk.css", "desk.js"):
        place = page.split(f'"/static/{name}')[1].partition('"')[0]
        answer = await client.get(f"/static/{name}{place}")
        assert answer.status == 200
        assert "immutable" in answer.headers["Cache-Control"]
    assert (await client.get("/static/../app.py")).status == 404
    assert (await client.get("/static/vendor/README.md")).status == 404


@pytest.mark.parametrize(("who", "language", "words"), [("anna", "pl", "Do zrobienia"), ("eve", "en", "To do")])
async def test_a_page_speaks_the_language_of_its_reader(client: Client, who: str, language: str, words: str) -> None:
    answer = await client.get("/todo", cookies={"who": who})
    text = await answer.text()
    assert f'<html lang="{language}">' in text
    assert f"<h1>{words}" in text


async def test_who_has_nothing_to_do_there_gets_nothing(client: Client) -> None:
    for screen in SCREENS:
        if screen.name:
            assert (await client.get(screen.path, cookies={"who": "ada"})).status in (200, 403)
    answer = await client.get("/todo", cookies={"who": "ada"})
    assert answer.status == 403
    assert "Twoja rola" in await answer.text()


async def test_the_entrance_leads_to_the_first_screen(client: Client) -> None:
    answer = await client.get("/", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/todo")


async def test_failures_are_pages_of_ours(client: Client) -> None:
    for path, status in (("/nothing", 404), ("/static/none", 404)):
        answer = await client.get(path)
        assert answer.status == status
        assert "<h1>Nie ma takiej strony" in await answer.text()
    answer = await client.post("/todo")
    assert answer.status == 405
    assert answer.headers["Allow"]
