"""The list and the page of a ticket over HTTP: two people at once, drafts, what a stranger writes, who sees what."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient, TestServer
from lxml import html
from sqlalchemy import delete, select, update

from mailbot.application import sample
from mailbot.console import acting, acts
from mailbot.console.login import build as build_login
from mailbot.console.session import UNATTENDED
from mailbot.desk.view import LOOKED
from mailbot.http.listener import SERVER_OPTIONS
from mailbot.operators import sessions
from mailbot.operators.sessions import LoginStage, SessionLimits
from mailbot.retention import erase
from mailbot.storage import schema
from mailbot.storage.desk import audit, draft, operator_session
from mailbot.storage.schema import outbox, ticket, ticket_event
from tests.citizens import build
from tests.consoles import ANNA, TOKEN, console, desk, hire
from tests.flow import EWA, JAN, Flow, mail, running

Client = TestClient[web.Request, web.Application]
ZGL = "/tickets/ZGL0000001"
PESEL = "44051401359"
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "<a href='javascript:alert(1)'>x</a>",
    "{{ 7*7 }}{% raw %}",
    "</textarea><script>alert(1)</script>",
    "<iframe srcdoc='<script>1</script>'></iframe>",
    "' autofocus onfocus=alert(1) x='",
    "<form action=https://zle.example><input name=csrf></form>",
    "<base href=https://zle.example/>",
    "<div hx-get='/logout' hx-trigger='load'>x</div>",
    "<meta http-equiv=refresh content='0;url=https://zle.example'>",
]


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    async with running(tmp_path) as made:
        hire(made.parts)
        yield made


@pytest.fixture
async def client(flow: Flow) -> AsyncIterator[Client]:
    async with console(flow.parts) as made:
        yield made


async def ask(flow: Flow, body: str = "Dzień dobry, proszę o pomoc.", subject: str = "Pytanie", **more: Any) -> None:
    """A letter of Ewa that a person must answer."""
    await flow.answer(mail(EWA.login, body, subject=subject, name=subject, **more), EWA.login)


async def page(client: Client, path: str = ZGL, who: str = "anna", status: int = 200) -> str:
    answer = await client.get(path, cookies={"who": who})
    assert answer.status == status, await answer.text()
    return await answer.text()


async def post(client: Client, path: str, who: str = "anna", **fields: Any) -> tuple[int, str]:
    """Send a form; its version is that of the page now unless it is given."""
    if "version" not in fields:
        fields["version"] = version(await page(client, who=who))
    data = FormData([("csrf", TOKEN), *((name, str(value)) for name, value in fields.items())])
    answer = await client.post(path, data=data, cookies={"who": who}, allow_redirects=False)
    return answer.status, await answer.text()


def version(text: str) -> str:
    found = re.search(r'name="version" value="([0-9]+)"', text)
    assert found
    return found[1]


def box(text: str, name: str) -> str:
    """What stands in a textarea."""
    return str(html.fromstring(text).xpath(f"string(//textarea[@id='{name}'])")).strip()


async def reply(client: Client, text: str, who: str = "anna", seen: str | None = None) -> tuple[int, str]:
    """Write, look, send."""
    at = seen or version(await page(client, who=who))
    status, shown = await post(
        client, f"{ZGL}/do/reply", who, version=at, text=text, to="correspondent", step="preview"
    )
    if status != 200:
        return status, shown
    digest = re.search(r'name="digest" value="([0-9a-f]{64})"', shown)
    assert digest
    sent = {"version": at, "text": text, "to": "correspondent", "template": "", "digest": digest[1], "step": "send"}
    return await post(client, f"{ZGL}/do/reply", who, **sent)


async def kinds(flow: Flow) -> list[str]:
    return [row.kind for row in await flow.rows(select(outbox.c.kind).order_by(outbox.c.id))]


async def test_why_it_is_here_is_what_the_newest_letter_did(flow: Flow, client: Client) -> None:
    await ask(flow)
    opened = str(html.fromstring(await page(client)).xpath("string(//section[@aria-labelledby='why'])"))
    await ask(flow, "Składam reklamację. Formularz nadal nie działa.", subject="Re: ZGL0000001")
    outcomes = await flow.rows(select(schema.decision.c.rule).order_by(schema.decision.c.inbox_id))
    why = str(html.fromstring(await page(client)).xpath("string(//section[@aria-labelledby='why'])"))
    assert outcomes[0].rule in opened
    assert why.index(outcomes[-1].rule) < why.index(outcomes[0].rule)


async def test_a_note_is_never_a_mail_and_a_reply_is_seen_before_it_leaves(flow: Flow, client: Client) -> None:
    await ask(flow)
    before = await kinds(flow)
    status, _ = await post(client, f"{ZGL}/do/note", text="tylko dla nas", step="send")
    assert status == 303
    assert await kinds(flow) == before
    assert "tylko dla nas" in await page(client)
    status, shown = await post(client, f"{ZGL}/do/reply", text="Dla klienta.", to="correspondent", step="send")
    assert status == 200, "nothing leaves that was not shown"
    assert "Tak zobaczy to odbiorca" in shown
    assert "Help Desk SISC" in shown
    assert await kinds(flow) == before
    assert (await reply(client, "Dla klienta."))[0] == 303
    assert await kinds(flow) == [*before, "T21"]
    assert "tylko dla nas" not in shown


async def test_a_reply_can_be_taken_back_until_it_leaves(flow: Flow, client: Client) -> None:
    await ask(flow)
    await reply(client, "Zaraz to cofnę.")
    await flow.deliver()
    assert "T21" not in flow.sink.kinds()
    text = await page(client)
    assert "do/take-back" in text
    assert "do/take-back" not in await page(client, who="olek"), "it was Anna's"
    assert (await post(client, f"{ZGL}/do/take-back"))[0] == 303
    flow.clock.advance(minutes=5)
    await flow.deliver()
    assert "T21" not in flow.sink.kinds()
    text = await page(client)
    assert "do/take-back" not in text
    assert box(text, "reply-text") == "Zaraz to cofnę.", "it is a draft again"
    await reply(client, "Teraz dobrze.")
    assert box(await page(client), "reply-text") == ""
    flow.clock.advance(seconds=31)
    await flow.deliver()
    assert flow.sink.kinds()[-1] == "T21"
    assert "250 2.0.0 taken" in await page(client), "the proof stands in the history"


async def test_the_second_reply_is_refused_with_the_first_beside_it_and_nothing_is_lost(
    flow: Flow, client: Client
) -> None:
    await ask(flow)
    seen = version(await page(client))
    assert (await reply(client, "Pierwsza odpowiedź.", "olek", seen))[0] == 303
    status, text = await reply(client, "Moja długa odpowiedź.", "anna", seen)
    assert status == 409
    assert "Pierwsza odpowiedź." in text
    assert "olek" in text
    assert box(text, "reply-text") == "Moja długa odpowiedź."
    assert (await kinds(flow)).count("T21") == 1
    assert (await reply(client, box(text, "reply-text"), "anna", version(text)))[0] == 303


async def test_a_draft_is_kept_at_every_submit_for_one_person_ticket_and_form(flow: Flow, client: Client) -> None:
    await ask(flow)
    await ask(flow, subject="Druga sprawa")
    assert (await post(client, f"{ZGL}/do/reply/draft", text="w trakcie pisania", version=0))[0] == 200
    assert (await post(client, f"{ZGL}/do/note", text="notatka w trakcie", step="keep"))[0] == 303
    text = await page(client)
    assert (box(text, "reply-text"), box(text, "note-text")) == ("w trakcie pisania", "notatka w trakcie")
    assert box(await page(client, "/tickets/ZGL0000002"), "reply-text") == "", "never on another ticket"
    assert box(await page(client, who="olek"), "reply-text") == "", "nor with another person"
    assert (await post(client, f"{ZGL}/do/assign", "olek", desk="II_LINIA", step="send"))[0] == 303
    assert (await post(client, f"{ZGL}/do/note", "olek", text="cudza", step="send"))[0] == 303
    text = await page(client)
    assert box(text, "reply-text") == "w trakcie pisania", "whatever others do"
    assert (await post(client, f"{ZGL}/do/reply", text="", step="discard"))[0] == 303
    assert box(await page(client), "reply-text") == ""
    sealed = [row.sealed for row in await flow.rows(select(draft.c.sealed))]
    assert all(b"notatka" not in one for one in sealed)


async def test_a_session_that_ends_while_one_writes_loses_nothing(flow: Flow) -> None:
    await ask(flow)
    made = desk(flow.parts)
    server = TestServer(build_login(made, acting.late(made)))
    await server.start_server(**SERVER_OPTIONS)
    limits = SessionLimits(timedelta(hours=1), timedelta(hours=9))
    async with TestClient(server) as client:
        with flow.parts.database.engine.begin() as connection:
            token = sessions.begin(connection, ANNA.id, LoginStage.FULL, flow.clock(), limits)
        csrf = sessions.csrf(flow.parts.secret, token)
        jar = {"desk": token}
        with flow.parts.database.engine.begin() as connection:
            connection.execute(update(operator_session).values(seen_at=flow.clock() - timedelta(days=1)))
        form = {"csrf": csrf, "version": "1", "text": "pół godziny pracy", "step": "preview"}
        answer = await client.post(f"{ZGL}/do/reply", data=form, cookies=jar, allow_redirects=False)
        assert answer.status == 303
        assert "/login" in answer.headers["Location"]
        with flow.parts.database.engine.begin() as connection:
            connection.execute(delete(operator_session))
            token = sessions.begin(connection, ANNA.id, LoginStage.FULL, flow.clock(), limits)
        answer = await client.get(ZGL, cookies={"desk": token})
        assert box(await answer.text(), "reply-text") == "pół godziny pracy"


async def test_what_a_stranger_writes_is_text_wherever_it_shows(flow: Flow, client: Client) -> None:
    for number, payload in enumerate(HOSTILE, 1):
        name = f"h{number}"
        sender = f"a@{name}.example"
        entry = {"id": name, "sender": sender, "subject": payload, "body": payload, "auth": "pass", "headers": {}}
        files = [(payload.replace('"', "'"), "text/html", payload.encode())]
        await flow.take(build({**entry, "html_only": True}, "utf8-qp", files), sender)
    await flow.decide()
    with flow.parts.database.engine.begin() as connection:
        for number, payload in enumerate(HOSTILE, 1):
            connection.execute(update(ticket).where(ticket.c.id == number).values(person=payload))
    for number, payload in enumerate(HOSTILE, 1):
        place = f"/tickets/ZGL{number:07}"
        assert (await post(client, f"{place}/do/note", version=0, text=payload, step="send"))[0] in (303, 409)
        await post(client, f"{place}/do/reply/draft", text=payload, version=0)
        for who in ("olek", "oskar"):
            for path in (place, f"{place}/letters/{number}", f"{place}/do/ask"):
                answer = await client.get(path, cookies={"who": who})
                assert answer.status in (200, 403)
                harmless(await answer.text())
        harmless(await page(client, place))
    for path in ("/todo", "/todo/list", "/search?q=a@h1.example", "/search?q=%3Cscript%3Ealert(1)%3C/script%3E"):
        harmless(await page(client, path))


def harmless(text: str) -> None:
    tree = html.fromstring(text)
    assert [s.get("src", "").partition("?")[0] for s in tree.iter("script")] == [
        "/static/vendor/htmx.min.js",
        "/static/desk.js",
    ] or not list(tree.iter("script"))
    for element in tree.iter():
        if not isinstance(element.tag, str):
            continue
        assert element.tag not in ("iframe", "svg", "base", "object", "embed"), element.tag
        assert not [name for name in element.attrib if name.startswith("on") or name == "style"]
        for name in ("href", "src", "action", "hx-get", "hx-post"):
            assert element.get(name, "/").startswith(("/", "#", "data:,")), element.get(name)
    assert "49{% raw" not in text
    assert not [m for m in tree.iter("meta") if m.get("http-equiv")]


async def test_html_is_shown_without_anything_that_reaches_out(flow: Flow, client: Client) -> None:
    body = (
        "<html><head><style>p{color:red}</style></head><body><p style='x' id='main' onclick='x'>Dzień <b>dobry</b></p>"
        "<img src='https://zle.example/a.png'><a href='https://zle.example'>link</a><form><input></form></body></html>"
    )
    raw = mail(EWA.login, body, subject="HTML", name="html").replace(b"text/plain", b"text/html")
    await flow.answer(raw, EWA.login)
    text = await page(client)
    harmless(text)
    shown = html.fromstring(text).xpath("//div[@class='html']")
    assert len(shown) == 1
    inside = html.tostring(shown[0], encoding="unicode")
    assert "<b>dobry</b>" in inside
    assert "zle.example" not in inside
    assert not re.search(r"<(img|a|form|input|style)\b", inside)
    assert "color:red" not in inside


async def test_no_page_shows_a_pesel(flow: Flow, client: Client) -> None:
    await ask(flow, body=f"Mój PESEL {PESEL}, hasło: Tajne123!", subject=f"Sprawa {PESEL}")
    await post(client, f"{ZGL}/do/note", text=f"dzwonił {PESEL}", step="send")
    for who in ("anna", "olek", "oskar", "eve"):
        for path in (ZGL, "/todo", "/search?q=ewa@mejl.example", f"{ZGL}/letters/1"):
            text = await page(client, path, who)
            assert PESEL not in text
            assert "Tajne123" not in text


async def test_an_auditor_sees_everything_masked_and_changes_nothing(flow: Flow, client: Client) -> None:
    await ask(flow)
    text = await page(client, who="oskar")
    assert EWA.login not in text
    assert "e***@mejl.example" in text
    assert "<textarea" not in text
    for path in (f"{ZGL}/do/note", f"{ZGL}/letters/1/raw", f"{ZGL}/letters/1/application"):
        assert (await post(client, path, "oskar", version=1, text="x", step="send"))[0] == 403


async def test_another_desk_and_another_ticket_are_not_there(flow: Flow, client: Client) -> None:
    await ask(flow)
    await ask(flow, subject="Druga")
    for path in (ZGL, f"{ZGL}/letters/1", f"{ZGL}/do/note"):
        await page(client, path, "sec", 404)
    assert (await post(client, f"{ZGL}/do/note", "sec", version=1, text="x", step="send"))[0] == 404
    assert (await post(client, f"{ZGL}/letters/1/raw", "sec", version=1))[0] == 404
    assert (await post(client, f"{ZGL}/here", "sec", version=1))[0] == 404
    for path in (f"{ZGL}/letters/2/raw", f"{ZGL}/letters/99/raw", f"{ZGL}/letters/1/files/7"):
        assert (await post(client, path, "olek"))[0] == 404, "a letter of another ticket"
    await page(client, "/tickets/ZGL9999999", "anna", 404)
    assert "ZGL0000001" not in await page(client, "/todo", "sec")


async def test_each_look_at_octets_is_an_event_and_a_download(flow: Flow, client: Client) -> None:
    entry = {"id": "f", "sender": EWA.login, "subject": "Plik", "body": "W załączniku.", "auth": "pass"}
    files = [("zły\r\nSet-Cookie: a=b.html", "text/html", b"<script>alert(1)</script>")]
    await flow.answer(build({**entry, "html_only": False, "headers": {}}, "utf8-qp", files), EWA.login)
    assert (await post(client, f"{ZGL}/letters/1/files/0"))[0] == 403, "a consultant sees text and pictures"
    data = FormData([("csrf", TOKEN)])
    answer = await client.post(f"{ZGL}/letters/1/files/0", data=data, cookies={"who": "olek"})
    assert answer.status == 200
    assert answer.content_type == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="')
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    answer = await client.post(f"{ZGL}/letters/1/raw", data=FormData([("csrf", TOKEN)]), cookies={"who": "olek"})
    assert (await answer.read()).startswith(b"Received:") or b"Subject:" in await answer.read()
    looked = await flow.rows(select(ticket_event.c.detail).where(ticket_event.c.kind == "raw-opened"))
    assert [row.detail["by"] for row in looked] == ["olek", "olek"]
    chained = await flow.rows(select(audit.c.actor).where(audit.c.action == "raw-opened"))
    assert [row.actor for row in chained] == ["operator:olek"] * 2


async def test_what_the_virus_scanner_did_not_find_clean_needs_a_word_more(flow: Flow, client: Client) -> None:
    await ask(flow)
    notes = update(schema.decision).values(notes={"scan": "found Zly.Wirus-1"})
    with flow.parts.database.engine.begin() as connection:
        connection.execute(notes)
    assert "Zly.Wirus-1" in (text := await page(client, who="olek"))
    assert f"{ZGL}/letters/1/raw?infected=yes" in text
    assert (await post(client, f"{ZGL}/letters/1/raw", "sec", version=1))[0] == 404, "who may not see it hears nothing"
    assert (await post(client, f"{ZGL}/letters/1/raw", "olek"))[0] == 403
    assert await flow.rows(select(ticket_event.c.id).where(ticket_event.c.kind == "raw-opened")) == []
    assert (await post(client, f"{ZGL}/letters/1/raw?infected=yes", "olek"))[0] == 200
    assert len(await flow.rows(select(ticket_event.c.id).where(ticket_event.c.kind == "raw-opened"))) == 1


async def test_of_an_erased_ticket_the_page_says_that_it_was(flow: Flow, client: Client) -> None:
    await ask(flow)
    await flow.parts.database.write(lambda c: c.execute(update(ticket).values(closed_at=flow.clock())))
    await flow.parts.database.write(lambda c: c.execute(update(outbox).values(state="done")))
    await flow.parts.database.write(
        lambda c: erase.erase(c, erase.of_ticket(c, "ZGL0000001"), "shell:root", "RODO 1", flow.clock())
    )
    text = await page(client, who="olek")
    assert "Treść listu została usunięta" in text
    assert JAN.login not in text
    assert (await post(client, f"{ZGL}/letters/1/raw", "olek"))[0] == 404
    assert (await client.get(f"{ZGL}/letters/1", cookies={"who": "olek"})).status == 200
    assert (await client.get("/todo", cookies={"who": "olek"})).status == 200


async def test_a_page_that_refreshes_itself_keeps_nobody_logged_in(flow: Flow) -> None:
    await ask(flow)
    made = desk(flow.parts)
    server = TestServer(build_login(made, acting.late(made)))
    await server.start_server(**SERVER_OPTIONS)
    limits = SessionLimits(timedelta(hours=1), timedelta(hours=9))
    async with TestClient(server) as client:
        with flow.parts.database.engine.begin() as connection:
            token = sessions.begin(connection, ANNA.id, LoginStage.FULL, flow.clock(), limits)
        page_of_list = str(client.make_url("/todo?mine=1"))
        headers = {"HX-Request": "true", "HX-Current-URL": page_of_list, UNATTENDED: "yes"}

        async def refresh() -> Any:
            return await client.get("/todo/list?mine=1", cookies={"desk": token}, headers=headers)

        statuses = []
        for _ in range(60):
            flow.clock.advance(minutes=2)
            statuses.append((await refresh()).status)
        assert (statuses[0], statuses[-1]) == (200, 401), "the last one is over the idle time"
        assert (await refresh()).headers["HX-Redirect"] == "/login?next=%2Ftodo%3Fmine%3D1", (
            "the page, not a part of it"
        )
        headers["HX-Current-URL"] = "http://["
        assert (await refresh()).headers["HX-Redirect"] == "/login?next=%2Ftodo%2Flist%3Fmine%3D1", "it is no address"


async def test_a_pdf_is_drawn_in_the_locked_process(flow: Flow, client: Client) -> None:
    entry = {"id": "p", "sender": EWA.login, "subject": "Plik", "body": "W załączniku.", "auth": "pass", "headers": {}}
    files = [("pismo.pdf", "application/pdf", sample.build()), ("zly.pdf", "application/pdf", b"%PDF-1.7 <script>")]
    files.append(("umowa.txt", "application/octet-stream", b"x"))
    await flow.answer(build({**entry, "html_only": False}, "utf8-qp", files), EWA.login)
    status, text = await post(client, f"{ZGL}/letters/1/files/0/pages")
    assert status == 200
    assert 'src="data:image/png;base64,iVBOR' in text
    status, text = await post(client, f"{ZGL}/letters/1/files/1/pages")
    assert (status, "<img" in text) == (200, False)
    assert (await post(client, f"{ZGL}/letters/1/files/2/pages"))[0] == 404
    assert (await post(client, f"{ZGL}/letters/1/files/0/pages", "oskar", version=1))[0] == 403
    looked = await flow.rows(select(ticket_event.c.kind).where(ticket_event.c.kind.in_(["shown", LOOKED])))
    assert [row.kind for row in looked] == ["shown"] * 3, "none of them is the application"


@pytest.mark.parametrize("text", ["Dzień dobry\r\nBcc: zly@zle.example\r\n\r\nx", "a\nSubject: inny\n\nb", "x\0y"])
async def test_a_reply_makes_no_header(flow: Flow, client: Client, text: str) -> None:
    await ask(flow)
    status, _ = await reply(client, text)
    flow.clock.advance(minutes=1)
    await flow.deliver()
    sent = [one for one in flow.sink.accepted if one.kind == "T21"]
    assert status in (303, 422)
    for one in sent:
        head = one.raw.partition(b"\r\n\r\n")[0]
        assert b"zle.example" not in head
        assert b"inny" not in head
        assert one.rcpt_to == EWA.login


async def test_a_flood_in_one_ticket_is_read_in_parts(flow: Flow, client: Client) -> None:
    for number in range(20):
        await flow.take(
            mail("x@firma.example", f"list {number}", subject=f"{number}", name=f"n{number}"), "x@firma.example"
        )
    await flow.decide()
    (held,) = await flow.rows(select(ticket.c.number).where(ticket.c.state == "WSTRZYMANE"))
    text = await page(client, f"/tickets/{held.number}")
    letters = html.fromstring(text).xpath("//article[@class='letter']")
    assert len(letters) > 10
    assert len([one for one in letters if one.xpath(".//dl[@class='head']")]) == 10
    assert "list 19" in text
    unread = html.fromstring(text).xpath("//article[@class='letter']//a/@href")
    harmless(await page(client, unread[0]))


async def test_who_has_it_open_shows_in_list_and_ticket(flow: Flow, client: Client) -> None:
    await ask(flow)
    await page(client, who="olek")
    assert "otwarte u: Olek Wójcik" in await page(client)
    assert "otwarte u: Olek Wójcik, Anna Nowak" not in await page(client, "/todo/list", "eve")
    assert "Olek Wójcik" in await page(client, "/todo/list", "eve")
    flow.clock.advance(minutes=2)
    assert "Olek Wójcik" not in await page(client, "/todo/list", "eve")
    assert (await post(client, f"{ZGL}/here", "olek", version=1))[0] == 200
    assert "Olek Wójcik" in await page(client, "/todo/list", "eve")


async def test_files_stay_with_the_draft_and_leave_with_the_mail(flow: Flow, client: Client) -> None:
    await ask(flow)
    data = FormData([("csrf", TOKEN), ("version", version(await page(client))), ("text", "W załączniku formularz.")])
    data.add_field("to", "correspondent")
    data.add_field("step", "preview")
    data.add_field("files", b"%PDF-1.7 x", filename='for"mularz; x=y.pdf', content_type="application/pdf")
    answer = await client.post(f"{ZGL}/do/reply", data=data)
    shown = await answer.text()
    assert answer.status == 200, shown
    assert ".pdf" in shown
    digest = re.search(r'name="digest" value="([0-9a-f]{64})"', shown)
    assert digest
    sent = {"version": version(shown), "text": "W załączniku formularz.", "to": "correspondent", "template": ""}
    assert (await post(client, f"{ZGL}/do/reply", **sent, digest=digest[1], step="send"))[0] == 303
    flow.clock.advance(minutes=1)
    await flow.deliver()
    assert b"application/pdf" in flow.sink.accepted[-1].raw
    assert b'for"mularz' not in flow.sink.accepted[-1].raw


async def test_a_draft_does_not_grow_without_end_and_keeps_the_words(flow: Flow, client: Client) -> None:
    await ask(flow)
    at = version(await page(client))
    for n in range(8):
        data = FormData([("csrf", TOKEN), ("version", at), ("text", f"Odpowiedź {n}."), ("step", "keep")])
        data.add_field("files", b"%PDF-1.7 " + bytes([n]), filename=f"{n}.pdf", content_type="application/pdf")
        answer = await client.post(f"{ZGL}/do/reply", data=data, allow_redirects=False)
        assert answer.status == (303 if n < 5 else 413), n
    text = await page(client)
    assert box(text, "reply-text") == "Odpowiedź 7."
    (sealed,) = await flow.rows(select(draft.c.sealed))
    kept = flow.parts.secret.unseal("draft", sealed[0], b"1 1 reply")
    assert len(json.loads(kept)["files"]) == 5


async def test_every_action_has_a_form_and_says_what_is_wrong(flow: Flow, client: Client) -> None:
    await ask(flow)
    for action in acts.FIELDS:
        for who in ("olek", "eve"):
            harmless(await page(client, f"{ZGL}/do/{action}", who))
        at = version(await page(client, who="olek"))
        status, text = await post(client, f"{ZGL}/do/{action}", "olek", version=at, step="send", reason="bo tak")
        assert status in (303, 422, 409), (action, status)
        if status != 303:
            assert 'role="alert"' in text
    assert (await client.get(f"{ZGL}/do/nothing")).status == 404
    assert (await post(client, f"{ZGL}/do/take", version="x"))[0] == 400


async def test_the_list_filters_saves_views_and_finds(flow: Flow, client: Client) -> None:
    await ask(flow)
    assert "ZGL0000001" in await page(client, "/todo")
    assert "ZGL0000001" not in await page(client, "/todo?sort=stop")
    assert "ZGL0000001" in await page(client, "/todo?sort=%3Cscript%3E&desk=x&after=y")
    assert (await post(client, f"{ZGL}/do/take"))[0] == 303
    assert "ZGL0000001" in await page(client, "/todo?mine=1")
    assert "ZGL0000001" not in await page(client, "/todo?mine=1", "olek")
    status, _ = await post(client, "/todo/views", name="<b>moje</b>", query="mine=1&x=https://zle.example")
    assert status == 303
    text = await page(client, "/todo")
    assert '<a href="/todo?mine=1">&lt;b&gt;moje&lt;/b&gt;</a>' in text
    answer = await client.get("/search?q=zgl-1", allow_redirects=False)
    assert answer.headers["Location"] == ZGL
    assert "ZGL0000001" in await page(client, "/search?q=ewa@mejl.example")
    assert JAN.login not in text
