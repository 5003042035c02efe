"""Screen 6: search, verify, export, for auditors alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from sqlalchemy import Connection, select, update

from mailbot.audit import chain
from mailbot.console import audit as screen
from mailbot.storage.desk import audit
from tests.consoles import console
from tests.flow import Flow, mail, running

Client = TestClient[web.Request, web.Application]
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    async with running(tmp_path) as made:
        await made.answer(mail())
        await made.parts.database.write(lambda c: chain.take_over(c, 100))
        await made.parts.database.write(
            lambda c: chain.note(c, made.clock(), "operator:anna", "login", "operator:anna", reason=HOSTILE)
        )
        yield made


@pytest.fixture
async def client(flow: Flow) -> AsyncIterator[Client]:
    async with console(flow.parts) as made:
        made.session.cookie_jar.update_cookies({"who": "oskar"})
        yield made


async def text(client: Client, path: str) -> str:
    answer = await client.get(path)
    assert answer.status == 200
    return await answer.text()


@pytest.mark.parametrize("said", ["ZGL0000001", "zgl 1", "1"])
async def test_rows_of_a_ticket_by_its_number_in_any_spelling(client: Client, said: str) -> None:
    page = await text(client, f"/audit?object={said.replace(' ', '%20')}")
    assert "<td>machine</td>" in page
    assert "operator:anna" not in page


async def test_rows_of_a_person_and_of_a_day(client: Client, flow: Flow) -> None:
    assert "<td>machine</td>" not in await text(client, "/audit?actor=anna")
    assert "<td>login</td>" in await text(client, f"/audit?actor=operator:anna&on={flow.clock():%F}")
    assert "Nic nie znaleziono" in await text(client, "/audit?actor=anna&on=2020-01-01")
    assert "Nie ma takiego dnia" in await text(client, "/audit?on=wczoraj")


async def test_what_stands_in_a_row_is_text(client: Client) -> None:
    for page in (
        await text(client, "/audit"),
        await text(client, "/audit?object=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"),
    ):
        assert "<script>alert" not in page
        assert "<img" not in page


async def test_pages_of_rows(client: Client, flow: Flow) -> None:
    def fill(connection: Connection) -> None:
        for n in range(screen.search.PAGE + 5):
            chain.note(connection, flow.clock(), "machine", f"step-{n}", "rules")

    await flow.parts.database.write(fill)
    page = await text(client, "/audit?object=rules")
    following = page.split('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    page = await text(client, following)
    assert "<td>step-4</td>" in page
    assert "<td>step-5</td>" not in page
    for strange in ("before=x", "before=-1", "before=99999999999999999999", "before=1%00"):
        await text(client, f"/audit?{strange}")


async def test_a_chain_is_verified_portion_by_portion(
    client: Client, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "_PORTION", 2)
    path, looks = "/audit/verify", 0
    while 'rel="next"' in (page := await text(client, path)):
        path = page.split('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
        looks += 1
    assert looks >= 2
    assert "są w porządku" in page
    assert 'hx-get="/audit/verify/portion?after=2' in await text(client, "/audit/verify")
    assert "<html" not in await text(client, "/audit/verify/portion")


async def test_nobody_is_told_that_all_is_right_by_the_address_of_the_end(client: Client, flow: Flow) -> None:
    await flow.parts.database.write(lambda c: c.execute(update(audit).where(audit.c.seq == 1).values(actor="eve")))
    for place in ("after=3", "after=99999", "after=3&wrong=0&mac=", "after=3&wrong=0&mac=%C3%B3"):
        for path in ("/audit/verify", "/audit/verify/portion"):
            page = await text(client, f"{path}?{place}")
            assert "są w porządku" not in page
            assert "Wiersz 1" in page


async def test_a_fault_is_named_and_counted_to_the_end(
    client: Client, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "_PORTION", 2)
    await flow.parts.database.write(lambda c: c.execute(update(audit).where(audit.c.seq == 2).values(actor="eve")))
    page, path = "", "/audit/verify"
    while 'rel="next"' in (page := await text(client, path)):
        assert "Wiersz 2" in page or "after=2" not in page
        path = page.split('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "Znaleziono błędów: 1" in page
    assert "są w porządku" not in page


async def test_an_export_is_what_the_command_prints_and_is_itself_a_row(client: Client, flow: Flow) -> None:
    answer = await client.post("/audit/export", data={"after": "1"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit-2.ndjson"'
    lines = (await answer.text()).splitlines()
    rows = [dict(row._mapping) for row in await flow.rows(select(audit).where(audit.c.seq > 1).order_by(audit.c.seq))]
    assert lines == [chain.canonical(row) for row in rows]
    last = json.loads(lines[-1])
    assert (last["action"], last["actor"], last["after"]) == ("audit-exported", "operator:oskar", 1)


async def test_a_file_has_an_end(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "_FILE", 2)
    monkeypatch.setattr(screen, "_BATCH", 1)
    answer = await client.post("/audit/export", data={"after": "x"})
    assert [json.loads(line)["seq"] for line in (await answer.text()).splitlines()] == [1, 2]


@pytest.mark.parametrize("who", ["anna", "olek", "ada"])
async def test_others_see_none_of_it(client: Client, who: str) -> None:
    for path in ("/audit", "/audit/verify", "/audit/verify/portion"):
        assert (await client.get(path, cookies={"who": who})).status == 403
    assert (await client.post("/audit/export", data={}, cookies={"who": who})).status == 403
