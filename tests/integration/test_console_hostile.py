"""Whatever stands in an address or a form of the console: a page, or a refusal; never a failure of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from tests.consoles import TOKEN, console, hire
from tests.flow import EWA, Flow, mail, running

Client = TestClient[web.Request, web.Application]
NUMBERS = ("-1", "9" * 18, "9" * 19, "9" * 40, "9" * 5000, "٣", "²", "1e9", "\0", "x")
DAYS = ("0001-01-01", "9999-12-31", "9999-12-30", "1883-01-01", "31.12.9999", "2026-02-30", "٢026-01-01")
MOMENTS = ("0001-01-01T00:00:00+14:00~1", "9999-12-31T23:59:59-12:00~1", "2026-01-01T00:00:00+00:00~" + "9" * 30)
WORDS = ("\0", "%", "_", "\ud7ff\uffff", "a" * 5000, "' or 1=1 --", "a\n\rb", "~", "~1", "ZGL" + "9" * 40)

ASKED = [
    *(("olek", "/todo", "after", said) for said in (*MOMENTS, *NUMBERS, *WORDS)),
    *(("olek", "/search", "q", said) for said in (*DAYS, *NUMBERS, *WORDS)),
    *(("olek", "/search?q=2026-11-20", "after", said) for said in (*NUMBERS, *WORDS)),
    *(("olek", "/search?q=ewa.nowak@wp.example", "after", said) for said in (*NUMBERS, *WORDS)),
    *(("olek", "/search?q=Kowalski", "after", said) for said in ("a~" + n for n in NUMBERS)),
    *(("olek", "/telephone", "q", said) for said in (*DAYS, *NUMBERS, *WORDS)),
    *(("oskar", "/audit", "on", said) for said in (*DAYS, *WORDS)),
    *(("oskar", "/audit", "before", said) for said in NUMBERS),
    *(("oskar", "/audit", "object", said) for said in (*NUMBERS, *WORDS)),
    *(("oskar", "/audit/verify", "after", said) for said in NUMBERS),
    *(("oskar", "/audit/verify", "wrong", said) for said in NUMBERS),
]
"""Who, where, the parameter, and what it holds."""


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    async with running(tmp_path) as made:
        hire(made.parts)
        await made.answer(mail(EWA.login, "Dzień dobry, proszę o pomoc.", subject="Pytanie", name="Ewa"), EWA.login)
        yield made


@pytest.fixture
async def client(flow: Flow) -> AsyncIterator[Client]:
    async with console(flow.parts) as made:
        yield made


async def test_no_address_makes_a_page_fail(client: Client) -> None:
    failed = []
    for who, path, name, said in ASKED:
        asked = f"{path}{'&' if '?' in path else '?'}{name}={quote(said, errors='replace')}"
        answer = await client.get(asked, cookies={"who": who}, allow_redirects=False)
        if answer.status >= 500:
            failed.append(asked[:80])
    assert failed == []


async def test_no_form_makes_a_page_fail(client: Client) -> None:
    failed = []
    for action in ("mail-retry", "split", "merge", "give", "assign", "close", "ask", "reply", "accept-a"):
        for said in NUMBERS if action in ("mail-retry", "split", "merge") else WORDS[:2]:
            names = ("mail", "letter", "other", "colleague", "desk", "how", "defects", "to", "template", "waived")
            form = {"csrf": TOKEN, "step": "send", "reason": "bo", "version": "1", **dict.fromkeys(names, said)}
            answer = await client.post(f"/tickets/ZGL0000001/do/{action}", data=form, cookies={"who": "olek"})
            if answer.status >= 500:
                failed.append((action, said[:20]))
    for path in ("/tickets/ZGL0000001/do/note", "/todo/views", "/telephone/ZGL0000001", "/telephone/ZGL0000001/stop"):
        for said in (*NUMBERS, *WORDS):
            names = ("version", "text", "name", "query", "year", "day", "login", "wrong", "reason", "step")
            form = {"csrf": TOKEN, **dict.fromkeys(names, said)}
            answer = await client.post(path, data=form, cookies={"who": "olek"}, allow_redirects=False)
            if answer.status >= 500:
                failed.append((path, said[:20]))
    assert failed == []
