"""The way into the console, as a browser goes it, and as who should not come in tries it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest
from aiohttp import web
from sqlalchemy import select, update

from mailbot.audit.verify import verify
from mailbot.config import ConsoleSettings
from mailbot.console.session import local
from mailbot.model import Operator
from mailbot.operators import login as steps
from mailbot.operators import people
from mailbot.service.compose import Parts
from mailbot.storage.desk import audit, operator, operator_session
from tests.flow import Clock
from tests.logins import PASSWORD, Browser, active, browsing, person, rows

pytestmark = pytest.mark.usefixtures("cheap_passwords")

LIMIT, LONG = 5, timedelta(hours=8)


@pytest.fixture
async def browser(parts: tuple[Parts, Clock]) -> AsyncIterator[Browser]:
    """Anna has a password and a second factor; nobody is logged in."""
    async with browsing(*parts) as made:
        made.secret = active(made)
        yield made


async def test_one_logs_in_works_and_logs_out(browser: Browser) -> None:
    answer = await browser.get("/todo?desk=II_LINIA")
    assert (answer.status, answer.headers["Location"]) == (303, "/login?next=%2Ftodo%3Fdesk%3DII_LINIA")
    answer = await browser.log_in(answer.headers["Location"])
    assert (answer.status, answer.headers["Location"]) == (303, "/todo?desk=II_LINIA")
    answer = await browser.get("/todo?desk=II_LINIA")
    assert answer.status == 200
    assert "Anna Nowak" in browser.page
    token = browser.cookie()
    answer = await browser.post("/logout")
    assert (answer.status, answer.headers["Location"]) == (303, "/login")
    assert browser.cookie() is None
    browser.plant(token or "")
    assert (await browser.get("/todo")).headers["Location"].startswith("/login")
    told = [("login", "authenticator"), ("logout", "")]
    assert rows(browser) == [("operator:anna", *row) for row in told]
    with browser.parts.database.engine.connect() as c:
        assert list(verify(c)) == []


async def test_the_first_login_sets_password_and_second_factor(parts: tuple[Parts, Clock]) -> None:
    async with browsing(*parts) as browser:
        with browser.parts.database.engine.begin() as c:
            temporary = people.add(c, "shell:root", person("Olek"), browser.clock())
        assert temporary is not None
        answer = await browser.name_and_password("OLEK ", temporary)
        assert answer.headers["Location"] == "/login/enrol"
        assert (await browser.get("/todo")).headers["Location"] == "/login/enrol?next=%2Ftodo"
        assert (await browser.get("/login/code")).headers["Location"] == "/login"
        await browser.get("/login/enrol")
        assert "<svg" in browser.page
        browser.secret = re.sub(r"\s", "", re.findall(r"<code>([A-Z2-7 ]+)</code>", browser.page)[0])
        answer = await browser.post("/login/enrol", password="olek", repeat="olek!", code=browser.code())
        assert answer.status == 422
        assert "Hasło jest za krótkie" in browser.page
        assert "Hasło zawiera Twoją nazwę" in browser.page
        assert (await browser.post("/login/enrol", password=PASSWORD, repeat=PASSWORD, code="000000")).status == 422
        before = browser.cookie()
        answer = await browser.post("/login/enrol", password=PASSWORD, repeat=PASSWORD, code=browser.code())
        assert answer.status == 200
        codes = re.findall(r"<code>([a-z2-7-]+)</code>", browser.page)
        assert len(codes) == 10
        assert browser.cookie() != before
        assert (await browser.get("/todo")).status == 200
        await browser.post("/logout")
        assert (await browser.name_and_password("olek", temporary)).status == 403
        for code, status in ((codes[3].upper().replace("-", " "), 303), (codes[3], 403)):  # each counts once
            answer = await browser.name_and_password("olek")
            await browser.get("/login/code")
            assert (await browser.post("/login/code", code=code)).status == status
            if status == 303:
                await browser.get("/todo")
                await browser.post("/logout")
        assert [row[1:] for row in rows(browser)] == [
            *[("enrolled", "authenticator"), ("logout", ""), ("login", "recovery-code"), ("logout", "")]
        ]


async def test_a_code_counts_once(browser: Browser) -> None:
    await browser.log_in()
    code = browser.code()
    await browser.get("/todo")
    await browser.post("/logout")
    await browser.name_and_password()
    await browser.get("/login/code")
    assert (await browser.post("/login/code", code=code)).status == 403
    browser.clock.advance(seconds=30)
    assert (await browser.post("/login/code", code=f" {browser.code()[:3]} {browser.code()[3:]}")).status == 303


async def test_nothing_is_open_before_the_second_factor(browser: Browser) -> None:
    await browser.name_and_password()
    for path in ("/", "/todo", "/nothing"):
        assert (await browser.get(path)).headers["Location"].startswith("/login/code")
    assert (await browser.get("/login/enrol")).headers["Location"] == "/login"
    await browser.get("/login/code")
    assert (await browser.post("/todo")).headers["Location"].startswith("/login/code")


async def test_a_session_that_somebody_planted_opens_nothing(browser: Browser) -> None:
    """Session fixation: every stage has a token of its own, and the one before ends."""
    browser.plant("planted")
    answer = await browser.name_and_password()
    second = browser.cookie()
    assert second not in (None, "planted")
    await browser.get(answer.headers["Location"])
    browser.clock.advance(seconds=30)
    await browser.post("/login/code", code=browser.code())
    assert browser.cookie() not in (second, "planted")
    for old in ("planted", second):
        browser.plant(old or "")
        assert (await browser.get("/todo")).headers["Location"] == "/login?next=%2Ftodo"


async def test_a_form_of_another_site_does_nothing(browser: Browser) -> None:
    await browser.get("/login")
    for form in ("", "0" * 64):
        assert (await browser.send("/login", form=form, name="anna", password=PASSWORD)).status == 403
    hidden = re.findall(r'name="form" value="([^"]*)"', browser.page)[0]
    browser.client.session.cookie_jar.clear()  # the field without its cookie
    assert (await browser.send("/login", form=hidden, name="anna", password=PASSWORD)).status == 403
    await browser.log_in()
    for csrf in ("", "0" * 64, hidden):
        assert (await browser.send("/logout", csrf=csrf)).status == 403
    assert (await browser.get("/todo")).status == 200


@pytest.mark.parametrize("name", ["anna", "nobody"])
async def test_wrong_tries_wait_and_every_wrong_answer_is_the_same(browser: Browser, name: str) -> None:
    pages = set()
    for _ in range(LIMIT):
        assert (await browser.name_and_password(name, "wrong")).status == 403
        browser.clock.advance(seconds=1)
        pages.add(re.sub(r'value="[0-9a-f]{64}"', "", browser.page))
    assert len(pages) == 1
    assert (await browser.name_and_password(name)).status == 403  # the right one has to wait, too
    assert re.sub(r'value="[0-9a-f]{64}"', "", browser.page) in pages
    browser.clock.advance(seconds=31)
    assert (await browser.name_and_password(name)).status == (303 if name == "anna" else 403)
    assert [row[:2] for row in rows(browser)] == ([("machine", "locked")] if name == "anna" else [])


async def test_the_wait_doubles_to_a_quarter_of_an_hour(browser: Browser) -> None:
    waits = []
    for _ in range(LIMIT + 8):
        browser.clock.advance(minutes=16)
        await browser.name_and_password("anna", "wrong")
        with browser.parts.database.engine.connect() as c:
            until = c.execute(select(operator.c.locked_until)).scalar_one()
        waits.append((until - browser.clock()).total_seconds() if until else 0)
    assert waits == [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900, 900]


async def test_who_knows_the_password_has_few_tries_at_the_code(browser: Browser) -> None:
    """The right password forgives itself, not the wrong codes before it."""
    tries = 0
    while (await browser.name_and_password()).status == 303 and tries < 20:
        await browser.get("/login/code")
        assert (await browser.post("/login/code", code="000000")).status == 403
        tries += 1
    assert tries == LIMIT
    assert browser.cookie() is not None
    assert (
        await browser.post("/login/code", code=browser.code())
    ).status == 403  # of the session that was begun before


async def test_many_tries_at_once_are_no_more_than_one_after_the_other(browser: Browser) -> None:
    database, now, rules = browser.parts.database, browser.clock(), steps.policy(ConsoleSettings())
    tries = (database.write(lambda c: steps.attempt(c, "anna", now, rules)) for _ in range(40))
    tried = await asyncio.gather(*tries)
    assert sum(one.may for one in tried) == LIMIT


async def test_too_many_forms_of_one_client_are_turned_away(browser: Browser) -> None:
    answers = [(await browser.name_and_password(f"name{n}", "x")).status for n in range(22)]
    assert answers == [403] * 20 + [429] * 2


async def test_a_session_ends(browser: Browser) -> None:
    await browser.log_in()
    for _ in range(4):
        browser.clock.advance(minutes=29)
        assert (await browser.get("/todo")).status == 200
    browser.clock.advance(minutes=31)
    assert (await browser.get("/todo")).status == 303
    await browser.log_in()
    for _ in range(21):  # ten hours, however busy
        browser.clock.advance(minutes=29)
        last = (await browser.get("/todo")).status
    assert last == 303


async def test_a_clock_that_was_ahead_keeps_nobody_in_or_out(browser: Browser) -> None:
    await browser.log_in()
    browser.clock.advance(days=3)
    with browser.parts.database.engine.begin() as c:
        c.execute(update(operator_session).values(seen_at=browser.clock(), expires_at=browser.clock() + LONG))
        c.execute(update(operator).values(failed=LIMIT, locked_until=browser.clock() + timedelta(minutes=15)))
    browser.clock.advance(days=-3, minutes=1)
    assert (await browser.get("/todo")).headers["Location"].startswith("/login")
    assert (await browser.log_in()).status == 303
    assert (await browser.get("/todo")).status == 200


@pytest.mark.parametrize("how", ["reset", "disable"])
async def test_what_an_admin_takes_away_is_gone_at_once(browser: Browser, how: str) -> None:
    await browser.log_in()
    with browser.parts.database.engine.begin() as c:
        row = people.named(c, "anna")
        assert row is not None
        (people.reset if how == "reset" else people.disable)(c, "shell:root", row, browser.clock())
    assert (await browser.get("/todo")).status == 303
    assert (await browser.name_and_password()).status == 403


async def test_a_temporary_password_does_not_last(parts: tuple[Parts, Clock]) -> None:
    async with browsing(*parts) as browser:
        with browser.parts.database.engine.begin() as c:
            temporary = people.add(c, "shell:root", person("olek"), browser.clock())
        assert temporary is not None
        browser.clock.advance(hours=73)
        assert (await browser.name_and_password("olek", temporary)).status == 403


async def test_a_form_that_comes_after_the_end_is_kept_for_its_person(parts: tuple[Parts, Clock]) -> None:
    kept: list[tuple[str, str]] = []

    async def late(request: web.Request, who: Operator) -> str:
        kept.append((who.name, str((await request.post())["text"])))
        return "/todo?draft=1"

    async with browsing(*parts, late) as browser:
        browser.secret = active(browser)
        await browser.log_in()
        await browser.get("/todo")
        hidden = re.findall(r'name="csrf" value="([^"]*)"', browser.page)[0]
        browser.clock.advance(minutes=31)
        answer = await browser.send("/todo", csrf=hidden, text="half an hour's reply")
        assert answer.headers["Location"] == "/login?next=%2Ftodo%3Fdraft%3D1"
        await browser.send("/todo", csrf="0" * 64, text="of another site")
        assert kept == [("anna", "half an hour's reply")]


ELSEWHERE = (
    *("//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "evil.example", ""),
    *("/a\r\nSet-Cookie: a=b", "/\t/evil.example", "/a\\b", "/ł", "/" + "a" * 2000),
    *("/login", "/login/code", "/%6cogin", "/logout"),
)


async def test_nobody_is_led_elsewhere(browser: Browser) -> None:
    for where in ELSEWHERE:
        assert local(where) == "/", where
        assert (await browser.name_and_password(where=f"/login?next={quote(where)}")).headers[
            "Location"
        ] == "/login/code"
        form = re.findall(r'name="form" value="([^"]*)"', await (await browser.client.get("/login")).text())[0]
        answer = await browser.send("/login", form=form, name="anna", password=PASSWORD, next=where)
        assert answer.headers["Location"] == "/login/code"
        browser.clock.advance(minutes=1)


async def test_places_of_ours_are_kept() -> None:
    for where in ("/todo", "/tickets/ZGL0000034?tab=mail&x=%C5%82", "/a//b"):
        assert local(where) == where


async def test_a_part_of_a_page_leads_the_whole_page_to_the_login(browser: Browser) -> None:
    browser.headers = {"HX-Request": "true"}
    answer = await browser.get("/todo?part=1")
    assert (answer.status, answer.headers["HX-Redirect"]) == (401, "/login?next=%2Ftodo%3Fpart%3D1")


async def test_cookies_are_for_this_host_and_no_script(parts: tuple[Parts, Clock]) -> None:
    made, clock = parts
    secure = replace(made.settings, console=replace(made.settings.console, behind_tls=True))
    async with browsing(replace(made, settings=secure), clock) as browser:
        active(browser)
        answer = await browser.get("/login")
        assert "__Host-desk-form=" in answer.headers["Set-Cookie"]
        nonce = answer.cookies["__Host-desk-form"].value
        form = re.findall(r'name="form" value="([^"]*)"', browser.page)[0]
        browser.headers = {"Cookie": f"__Host-desk-form={nonce}"}
        answer = await browser.send("/login", form=form, name="anna", password=PASSWORD)
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-desk=")
        assert {"HttpOnly", "Secure", "Path=/", "SameSite=Strict"} <= set(cookie.split("; "))
        assert answer.headers["Strict-Transport-Security"]
        assert answer.headers["Cache-Control"] == "no-store"


async def test_the_database_holds_no_token_and_no_code(browser: Browser) -> None:
    await browser.log_in()
    with browser.parts.database.engine.connect() as c:
        dumped = repr([c.execute(select(t)).all() for t in (operator, operator_session, audit)])
    for secret in (browser.cookie(), browser.secret, PASSWORD):
        assert secret
        assert secret not in dumped


async def test_a_form_that_is_none_is_told_as_such(browser: Browser) -> None:
    await browser.get("/login")
    for kind, body in (
        ("application/x-www-form-urlencoded; charset=none", b"a=b"),
        ("application/x-www-form-urlencoded", b"name=%ff%00&password=\xff"),
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n\xff\xfe"),
        ("text/plain", b"name=anna"),
        ("application/json", b"{}"),
    ):
        for path in ("/login", "/login/code", "/todo"):
            answer = await browser.client.post(
                path, data=body, headers={"Content-Type": kind}, allow_redirects=False, skip_auto_headers=("Expect",)
            )
            assert answer.status in (303, 400, 403, 405), (kind, path, answer.status)
    assert (await browser.send("/login", name="x" * 20_000)).status == 413
    await browser.log_in()
    half = b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n'
    half += b"Content-Type: text/plain; charset=raw_unicode_escape\r\n\r\n"
    for kind, body in (
        ("application/x-www-form-urlencoded; charset=raw_unicode_escape", b"form=\\ud800&csrf=\\ud800"),
        ("multipart/form-data; boundary=x", half + b"\\ud800\r\n--x--\r\n"),
    ):
        for path in ("/login", "/logout"):
            answer = await browser.client.post(path, data=body, headers={"Content-Type": kind}, allow_redirects=False)
            assert answer.status == 400, (kind, path)


async def test_who_logs_in_again_has_one_session(browser: Browser) -> None:
    await browser.log_in()
    first = browser.cookie() or ""
    answer = await browser.send("/login", form=await _form(browser), name="anna", password=PASSWORD)
    assert answer.status == 303
    second = browser.cookie() or ""
    browser.plant(first)
    assert (await browser.get("/todo")).headers["Location"].startswith("/login?")
    browser.plant(second)
    assert (await browser.get("/todo")).headers["Location"].startswith("/login/code?")


async def _form(browser: Browser) -> str:
    """The hidden field of the first page, as another tab still shows it."""
    jar = browser.client.session.cookie_jar
    kept = browser.cookie() or ""
    jar.clear(lambda cookie: cookie.key == "desk")
    await browser.get("/login")
    browser.plant(kept)
    return str(re.findall(r'name="form" value="([^"]*)"', browser.page)[0])


NEW = "granatowy rower czyta gazetę"


async def test_one_changes_the_password_and_is_out_everywhere_else(browser: Browser) -> None:
    await browser.log_in()
    elsewhere = browser.cookie() or ""
    browser.client.session.cookie_jar.clear(lambda cookie: cookie.key == "desk")
    browser.clock.advance(minutes=1)
    await browser.log_in()

    async def change(status: int, **fields: str) -> None:
        await browser.get("/account")
        right = {"old": PASSWORD, "password": NEW, "repeat": NEW, "code": browser.code()}
        assert (await browser.post("/account/password", **right | fields)).status == status

    await change(403)  # the code of the login has counted
    browser.clock.advance(seconds=30)
    await change(403, old="wrong")
    await change(403, code="000000")
    await change(422, repeat="other")
    await change(422, password="anna", repeat="anna")
    here = browser.cookie() or ""
    await change(200)
    assert "Na innych urządzeniach" in browser.page
    fresh_token = browser.cookie() or ""
    for old in (elsewhere, here):
        browser.plant(old)
        assert (await browser.get("/todo")).status == 303
    browser.plant(fresh_token)
    assert (await browser.get("/todo")).status == 200
    assert rows(browser)[-1] == ("operator:anna", "password-changed", "authenticator")
    browser.client.session.cookie_jar.clear()
    assert (await browser.name_and_password()).status == 403
    assert (await browser.name_and_password(password=NEW)).status == 303


async def test_new_recovery_codes_end_the_old_ones(browser: Browser) -> None:
    await browser.log_in()
    kept: list[list[str]] = []
    for _ in range(2):
        browser.clock.advance(seconds=30)
        await browser.get("/account")
        assert (await browser.post("/account/codes", code=browser.code())).status == 200
        kept.append(re.findall(r"<code>([a-z2-7-]+)</code>", browser.page))
        await browser.get("/account")
        assert (await browser.post("/account/codes", code=browser.code())).status == 403
    assert len(set(kept[0]) | set(kept[1])) == 20
    await browser.post("/logout")
    for code, status in ((kept[0][0], 403), (kept[1][0], 303)):
        await browser.name_and_password()
        await browser.get("/login/code")
        assert (await browser.post("/login/code", code=code)).status == status


async def test_guessing_at_an_open_browser_makes_it_wait(browser: Browser) -> None:
    """Whoever finds it open has as few tries as at the login."""
    await browser.log_in()
    await browser.get("/account")
    for _ in range(LIMIT):
        browser.clock.advance(seconds=1)
        await browser.post("/account/codes", code="000000")
    browser.clock.advance(seconds=25)
    assert (await browser.post("/account/codes", code=browser.code())).status == 403
    assert ("machine", "locked", "") in rows(browser)
