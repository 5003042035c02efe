"""Screen 3: nothing of a ticket is in a page before the caller is known; what follows is done and written down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from sqlalchemy import insert, select, update

from mailbot.desk import telephone
from mailbot.storage.desk import audit, desk_text
from mailbot.storage.schema import outbox, ticket, ticket_event
from tests.consoles import console
from tests.flow import EWA, JAN, Flow, mail, running

Client = TestClient[web.Request, web.Application]
DAY = "2026-11-20"
RIGHT = {"name": "Jan Kowalski", "year": "1980", "login": JAN.login, "matter": "procedura-specjalna"}
PERSONAL = ("kowalski", "1980", "wp.example", "procedura", "hasła", "<script", "onerror=")
"""What tells anything of the citizen or of the matter."""


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    async with running(tmp_path) as made:
        await made.answer(mail())  # ZGL0000001: case A of JAN
        yield made


@pytest.fixture
async def client(flow: Flow) -> AsyncIterator[Client]:
    async with console(flow.parts) as made:
        yield made


def said(flow: Flow, **other: str) -> dict[str, str]:
    return {**RIGHT, "day": f"{flow.clock():%Y-%m-%d}", **other}


async def text(client: Client, path: str, form: dict[str, str] | None = None, who: str = "anna") -> str:
    cookies = {"who": who}
    answer = await (
        client.get(path, cookies=cookies) if form is None else client.post(path, data=form, cookies=cookies)
    )
    assert answer.status == 200, answer.status
    return await answer.text()


async def calls(flow: Flow) -> list[dict[str, Any]]:
    wanted = select(ticket_event.c.detail).where(ticket_event.c.kind == "call").order_by(ticket_event.c.id)
    return [row.detail for row in await flow.rows(wanted)]


def main(page: str) -> str:
    """Without the options of the form, which are the same for every ticket."""
    kept = page.partition("<main")[2].partition("</main>")[0]
    before, select_, rest = kept.partition("<select")
    return before + rest.partition("</select>")[2] if select_ else kept


@pytest.mark.parametrize("asked", ["ZGL 0000001", "zgl-1", "1", JAN.login, "Kowalski", "jan kowalski"])
async def test_before_the_questions_there_is_a_number_and_nothing_else(client: Client, asked: str) -> None:
    page = main(await text(client, "/telephone?q=" + asked.replace(" ", "%20")))
    assert "/telephone/ZGL0000001" in page
    echoed = page.replace(f'value="{asked}"', "")
    assert [word for word in PERSONAL if word in echoed.lower()] == []
    page = main(await text(client, "/telephone/ZGL0000001"))
    assert [word for word in PERSONAL if word in page.lower()] == []


async def test_wrong_answers_show_nothing_of_the_right_ones(client: Client, flow: Flow) -> None:
    form = {"name": "Piotr Nowak", "year": "", "login": "", "matter": "", "day": ""}
    page = main(await text(client, "/telephone/ZGL0000001", form))
    assert 'class="heard heard-wrong"' in page
    assert [word for word in PERSONAL if word in page.lower()] == []
    assert await calls(flow) == []


async def test_who_is_known_is_told_and_the_call_is_written_down(client: Client, flow: Flow) -> None:
    page = await text(client, "/telephone/ZGL0000001", said(flow))
    assert "Co wolno powiedzieć" in page
    assert "/tickets/ZGL0000001" in page
    assert "aktywacja" not in page
    form = {**said(flow), "text": "dzwonił z pracy"}
    answer = await client.post("/telephone/ZGL0000001/call", data=form, allow_redirects=False)
    assert (answer.status, parse_qs(urlsplit(answer.headers["Location"]).query)["done"]) == (303, ["call"])
    (call,) = await calls(flow)
    assert (call["outcome"], call["identified"], call["by"]) == ("told", 1, "anna")
    (sealed,) = await flow.rows(select(desk_text.c.sealed))
    assert b"pracy" not in sealed[0]
    last = select(audit.c.actor, audit.c.action).order_by(audit.c.seq.desc()).limit(1)
    assert await flow.rows(last) == [("operator:anna", "call")]


async def test_no_field_makes_anybody_known(client: Client, flow: Flow) -> None:
    form = {**said(flow, year="1981"), "standing": "clear", "known": "1", "heard": "right", "text": "x"}
    await client.post("/telephone/ZGL0000001/call", data=form)
    (call,) = await calls(flow)
    assert (call["outcome"], call["identified"]) == ("nothing", 0)
    answer = await client.post("/telephone/ZGL0000001/hurry", data=form)
    assert answer.status == 403


async def test_two_wrong_answers_end_the_call_for_everybody_for_a_day(client: Client, flow: Flow) -> None:
    form = said(flow, year="1981", name="Piotr Nowak")
    answer = await client.post("/telephone/ZGL0000001", data=form, allow_redirects=False)
    assert answer.status == 303
    (call,) = await calls(flow)
    assert (call["outcome"], call["wrong"]) == ("by-mail", 2)
    page = await text(client, "/telephone/ZGL0000001", said(flow), who="olek")
    assert "odpowiemy e-mailem na login" in page
    assert "Co wolno powiedzieć" not in page
    assert (await client.post("/telephone/ZGL0000001/hurry", data=said(flow))).status == 403
    flow.clock.advance(hours=25)
    assert "Co wolno powiedzieć" in await text(client, "/telephone/ZGL0000001", said(flow))


async def test_who_does_not_see_a_ticket_learns_nothing_by_trying_answers(client: Client, flow: Flow) -> None:
    """Right, wrong, one wrong already: status, place and page are the same."""
    await flow.parts.database.write(lambda c: c.execute(update(ticket).values(desk="II_LINIA")))
    client.session.cookie_jar.update_cookies({"who": "sec"})
    for path in ("", "/call", "/hurry"):
        seen = set()
        for form in (
            said(flow),
            said(flow, year="1981"),
            said(flow, year="1981", wrong="year 1979"),
            said(flow, name="X"),
        ):
            answer = await client.post(f"/telephone/ZGL0000001{path}", data=form, allow_redirects=False)
            seen.add((answer.status, answer.headers.get("Location"), await answer.text()))
        assert len(seen) == 1, path
    assert await calls(flow) == []


async def test_a_protocol_is_kept_whatever_happens_meanwhile(
    client: Client, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = telephone.judge

    def slowly(*given: Any) -> telephone.CallerVerdict:
        with flow.parts.database.engine.begin() as connection:  # a colleague writes a note just now
            event = {"ticket_id": 1, "at": flow.clock(), "kind": "note", "detail": {"by": "olek"}}
            connection.execute(insert(ticket_event).values(event))
        return once(*given)

    monkeypatch.setattr(telephone, "judge", slowly)
    await client.post("/telephone/ZGL0000001", data=said(flow, year="1981", name="Piotr Nowak"))
    (call,) = await calls(flow)
    assert call["wrong"] == 2


async def test_it_was_not_me_needs_the_number_alone(client: Client, flow: Flow) -> None:
    form = {"reason": "to nie ja"}
    answer = await client.post("/telephone/ZGL0000001/stop", data=form, allow_redirects=False)
    assert answer.headers["Location"] == "/telephone?done=stop&number=ZGL0000001"
    assert (await flow.ticket()).state == "WSTRZYMANE"
    (call,) = await calls(flow)
    assert (call["outcome"], call["right"]) == ("not-his", 0)
    # Nothing to stop any more: the second call is written down all the same, and the page says why.
    answer = await client.post("/telephone/ZGL0000001/stop", data=form, allow_redirects=False)
    assert "why=stopped-already" in answer.headers["Location"]
    assert len(await calls(flow)) == 2
    assert "już jest wstrzymane" in await text(client, answer.headers["Location"])


async def test_what_did_not_leave_is_sent_again(client: Client, flow: Flow) -> None:
    await flow.parts.database.write(
        lambda c: c.execute(outbox.update().where(outbox.c.kind == "T3").values(state="buried", last_error="550"))
    )
    assert "Wyślij niewysłany mail" in await text(client, "/telephone/ZGL0000001", said(flow))
    form = {**said(flow), "reason": "czeka na lotnisku"}
    answer = await client.post("/telephone/ZGL0000001/hurry", data=form, allow_redirects=False)
    assert "done=hurry" in answer.headers["Location"]
    assert (await flow.states())["T3"] == "queued"


async def test_a_ticket_is_taken_to_speed_it_up(client: Client, flow: Flow) -> None:
    await flow.answer(mail(EWA.login, "Nie działa formularz.", subject="Pytanie", name="q"), EWA.login)
    form = {"name": "Ewa Nowak", "year": "1975", "login": EWA.login, "matter": "ogolne", "day": f"{flow.clock():%F}"}
    page = await text(client, "/telephone/ZGL0000002", form)
    assert "Weź zgłoszenie" in page
    await client.post("/telephone/ZGL0000002/hurry", data=form)
    assert (await flow.ticket("ZGL0000002")).owner == "anna"
    page = await text(client, "/telephone/ZGL0000002/hurry", form, who="eve")
    assert "anna has it" in page, "somebody else has it"


@pytest.mark.parametrize("who", ["ada", "oskar"])
async def test_who_does_not_work_with_tickets_takes_no_calls(client: Client, who: str) -> None:
    for path in ("/telephone", "/telephone?q=1", "/telephone/ZGL0000001"):
        assert (await client.get(path, cookies={"who": who})).status == 403
    for path in ("", "/call", "/stop", "/hurry"):
        answer = await client.post("/telephone/ZGL0000001" + path, data={"reason": "x"}, cookies={"who": who})
        assert answer.status == 403


async def test_there_is_no_ticket_by_that_number(client: Client) -> None:
    for zgl in ("ZGL0000099", "x", "%00", "'"):
        assert (await client.get(f"/telephone/{zgl}")).status == 404
    assert "Nic nie znaleziono" in await text(client, "/telephone?q=99")


async def test_hostile_answers_are_text(client: Client, flow: Flow) -> None:
    hostile = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    form = said(flow, name=hostile, year=hostile)
    form |= {"wrong": f"year {hostile}", "day": hostile, "matter": hostile}
    for page in (
        await text(client, "/telephone?q=" + hostile.replace('"', "%22").replace(" ", "%20")),
        await (await client.post("/telephone/ZGL0000001", data=form | {"name": ""})).text(),
    ):
        assert "<script>alert" not in page
        assert "<img" not in page


async def test_it_is_said_in_english_too(client: Client) -> None:
    page = await text(client, "/telephone?q=1", who="eve")
    assert "Do not say so to the caller" in page
    assert "Year of birth" in await text(client, "/telephone/ZGL0000001", who="eve")


async def test_what_another_desk_has_can_be_stopped_and_nothing_else(client: Client, flow: Flow) -> None:
    await flow.parts.database.write(lambda c: c.execute(ticket.update().values(desk="I_LINIA")))
    page = main(await text(client, "/telephone/ZGL0000001", said(flow), who="sec"))
    assert "inny zespół" in page
    assert "Co wolno powiedzieć" not in page
    assert 'name="text"' not in page
    answer = await client.post("/telephone/ZGL0000001/hurry", data=said(flow), cookies={"who": "sec"})
    assert answer.status == 403
    await client.post("/telephone/ZGL0000001/call", data=said(flow), cookies={"who": "sec"})
    assert await calls(flow) == []
    await client.post("/telephone/ZGL0000001/stop", data={"reason": "to nie ja"}, cookies={"who": "sec"})
    assert (await flow.ticket()).state == "WSTRZYMANE"
