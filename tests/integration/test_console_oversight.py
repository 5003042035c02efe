"""Screen 4: what a supervisor sees, and what an admin does not."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from sqlalchemy import Connection, insert

from mailbot.config import TrustSettings
from mailbot.desk import oversight
from mailbot.storage.mailbox import imap_cursor
from mailbot.storage.schema import ruleset_load, ticket
from tests.consoles import console
from tests.flow import EWA, Flow, mail, running

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    async with running(tmp_path) as made:
        yield made


@pytest.fixture
async def client(flow: Flow) -> AsyncIterator[Client]:
    async with console(flow.parts) as made:
        yield made


async def text(client: Client, who: str = "olek") -> str:
    answer = await client.get("/oversight", cookies={"who": who})
    assert answer.status == 200
    return await answer.text()


def table(page: str, title: str) -> dict[str, list[str]]:
    """Rows of the table with that caption: first cell → the others."""
    inside = re.split(rf"<caption[^>]*>{re.escape(title)}</caption>", page)[1].partition("</table>")[0]
    rows = re.findall(r"(?s)<tr>(.*?)</tr>", inside)[1:]
    cells = [re.findall(r"(?s)<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
    return {found[0]: [re.sub(r"<[^>]*>", "", cell).strip() for cell in found[1:]] for found in cells}


async def test_what_is_owed_and_what_came(client: Client, flow: Flow) -> None:
    await flow.answer(mail())
    await flow.answer(mail(EWA.login, "Nie działa formularz.", subject="Pytanie", name="q"), EWA.login)
    await flow.answer(mail(auth="fail", name="forged"))
    page = await text(client)
    assert table(page, "Maile 1, 2, 3 wobec 24 godzin") == {
        "1: rejestracja": ["1", "0", "0"],
        "2: rozstrzygnięcie": ["1", "0", "0"],
        "3: link": ["1", "0", "0"],
    }
    today = f"{flow.clock():%d.%m}"
    assert table(page, "Rozstrzygnięte maile dziennie")[today] == ["3"]
    assert table(page, "Podszycia dziennie")[today] == ["1"]
    assert table(page, "Co z nich wynikło")["QUARANTINE"] == ["1"]
    assert "/tickets/ZGL0000002" in page, "the oldest that waits"
    assert page.count("<svg") == page.count("<title id=") == page.count("<desc id=")
    assert page.count("<svg") >= 5


async def test_a_broken_promise_shows(client: Client, flow: Flow) -> None:
    await flow.answer(mail(EWA.login, "Nie działa formularz.", subject="Pytanie", name="q"), EWA.login)
    await flow.parts.database.write(
        lambda c: c.execute(ticket.update().values(promised_at=flow.clock() - timedelta(hours=5)))
    )
    page = await text(client)
    assert '! <a href="/tickets/ZGL0000001"' in page
    assert "(5 godz. temu)" in page


async def test_a_day_that_is_over_is_asked_about_once(
    client: Client, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    once = oversight.day
    monkeypatch.setattr(oversight, "day", lambda c, on: asked.append(on) or once(c, on))
    await text(client)
    assert len(asked) == oversight.DAYS
    asked.clear()
    await text(client)
    assert [on.isoformat() for on in asked] == [f"{flow.clock():%F}"]
    flow.clock.advance(days=1)
    asked.clear()
    await text(client)
    assert len(asked) == 2, "yesterday was not over when it was asked about"


async def test_the_machine_is_told(client: Client, flow: Flow) -> None:
    await flow.take(mail())
    hostile = "<script>alert(1)</script>"
    now = flow.clock()

    def fill(connection: Connection) -> None:
        connection.execute(insert(imap_cursor).values(mailbox=hostile, uidvalidity=1, last_uid=1, polled_at=now))
        connection.execute(insert(ruleset_load).values(at=now, process="p", hash="h" * 64))
        connection.execute(insert(ruleset_load).values(at=now, process="p", mistakes=hostile))

    await flow.parts.database.write(fill)
    page = await text(client)
    assert table(page, "Skrzynka przychodząca")["w kolejce"][0] == "1"
    assert hostile not in page
    assert "Zestaw w katalogu jest odrzucony" in page
    assert "Podpisy nie są sprawdzane" in page


async def test_lists_that_are_not_there_are_told_to_the_admin_by_name(flow: Flow, tmp_path: Path) -> None:
    folder = tmp_path / "trust"
    folder.mkdir()
    (folder / "pl.xml").write_text("<no list/>")
    flow.parts = replace(flow.parts, settings=replace(flow.parts.settings, trust=TrustSettings(directory=str(folder))))
    async with console(flow.parts) as client:
        page = await text(client)
        assert "Problemy z listami:" in page
        assert "lotl.xml" not in page
        assert "lotl.xml" in await text(client, "ada")


@pytest.mark.parametrize(("who", "status"), [("anna", 403), ("eve", 403), ("olek", 200), ("ada", 200), ("oskar", 200)])
async def test_who_oversees(client: Client, who: str, status: int) -> None:
    assert (await client.get("/oversight", cookies={"who": who})).status == status


async def test_an_admin_is_led_to_no_letter(client: Client, flow: Flow) -> None:
    await flow.answer(mail(EWA.login, "Nie działa formularz.", subject="Pytanie", name="q"), EWA.login)
    page = await text(client, "ada")
    assert "ZGL0000001" in page
    assert "/tickets/" not in page
