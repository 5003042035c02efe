"""The citizen's page over HTTP: what it answers, what it changes, what it refuses."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import insert, select, update

from mailbot.accounts import passwords
from mailbot.accounts.rows import column_values
from mailbot.accounts.sql import SqlDirectory
from mailbot.config import Settings, WebSettings
from mailbot.model import Account
from mailbot.storage.database import Database
from mailbot.storage.engine import connect
from mailbot.storage.schema import account, activation, metadata, ticket_event
from mailbot.tickets.activation import PATH
from mailbot.web.app import SERVER_OPTIONS, build
from tests.links import DAY, NOW, SECRET, grant, notice

LOGIN = "jan.kowalski@wp.example"
PASSWORD = "zielony tramwaj pije herbatę"
WRONG = "A" * 32
pytestmark = pytest.mark.usefixtures("cheap_passwords")


@dataclass
class Site:
    """The page, its database and its clock."""

    client: TestClient[web.Request, web.Application]
    database: Database
    now: datetime = NOW

    def grant(self, number: str = "ZGL0000001", login: str = LOGIN, new_login: str | None = None) -> str:
        return PATH + grant(self.database.engine, number, login, self.now, new_login)

    async def get(self, path: str, **options: object) -> tuple[int, str]:
        async with self.client.get(path, **options) as answer:  # type: ignore[arg-type]
            return answer.status, await answer.text()

    async def csrf(self, path: str) -> str:
        status, page = await self.get(path)
        assert status == 200
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
        assert found
        return found[1]

    async def post(self, path: str, password: str, repeat: str | None = None, *, csrf: str) -> tuple[int, str]:
        form = {"haslo": password, "powtorz": password if repeat is None else repeat, "csrf": csrf}
        async with self.client.post(path, data=form, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    def everything(self) -> list[object]:
        with self.database.engine.connect() as connection:
            return [tuple(r) for t in (account, activation, ticket_event) for r in connection.execute(select(t))]

    def hash(self, login_key: str = LOGIN) -> str | None:
        with self.database.engine.connect() as connection:
            found: str | None = connection.execute(
                select(account.c.emergency_hash).where(account.c.login_key == login_key)
            ).scalar_one()
        return found


Start = Callable[[WebSettings], Awaitable[Site]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a site with two accounts under the web settings given."""
    sites: list[Site] = []

    async def make(settings: WebSettings) -> Site:
        engine = connect(f"sqlite:///{tmp_path}/test.db")
        metadata.create_all(engine)
        rows = [column_values(Account(a, "Jan", "Kowalski", 1980)) for a in (LOGIN, "ewa@wp.example")]
        with engine.begin() as connection:
            connection.execute(insert(account), rows)
        database = Database(engine)
        app = build(replace(Settings(), web=settings), database, SqlDirectory(), SECRET, notice(), lambda: made.now)
        server = TestServer(app)
        await server.start_server(**SERVER_OPTIONS)
        made = Site(TestClient(server), database)
        sites.append(made)
        return made

    yield make
    for site in sites:
        await site.client.close()
        await site.database.close()


@pytest.fixture
async def site(start: Start) -> Site:
    return await start(WebSettings(behind_tls=False, attempts_per_minute=1000))


async def test_looking_changes_nothing(site: Site) -> None:
    path = site.grant()
    before = site.everything()
    for headers in ({}, {"Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}):
        for method in ("GET", "HEAD", "GET"):
            async with site.client.request(method, path, headers=headers) as answer:
                assert answer.status == 200
                assert (await answer.text() == "") is (method == "HEAD")
    assert site.everything() == before


@pytest.mark.parametrize(
    "typed",
    [lambda n: "", lambda n: "test", lambda n: f"Some-random-words-{n}", lambda n: "The-same-random-words-1"],
    ids=["the button", "a word in each field", "random words", "the same words in each field"],
)
async def test_a_scanner_that_sends_the_form_uses_nothing(site: Site, typed: Callable[[int], str]) -> None:
    """As sandboxes of mail gateways do: every field that has a name is filled, what has a value keeps it."""
    path = site.grant()
    _, page = await site.get(path)
    before = site.everything()
    named = re.findall(r'<input [^>]*?name="(\w+)"(?: value="([^"]*)")?', page)
    form = {name: value or typed(n) for n, (name, value) in enumerate(named)}
    assert {"haslo", "powtorz", "csrf"} < form.keys()
    async with site.client.post(path, data=form, allow_redirects=False) as answer:
        assert answer.status in (403, 422)
    assert site.everything() == before
    assert (await site.post(path, PASSWORD, csrf=await site.csrf(path)))[0] == 303


async def test_the_entrance_tells_to_open_the_link(site: Site) -> None:
    status, page = await site.get("/")
    assert status == 200
    assert "Otwórz link z wiadomości" in page


async def test_the_form_sets_the_password_once(site: Site) -> None:
    path = site.grant()
    csrf = await site.csrf(path)
    form = {"haslo": PASSWORD, "powtorz": PASSWORD, "csrf": csrf}
    async with site.client.post(path, data=form) as answer:  # follows the redirect
        page = await answer.text()
        assert (answer.status, answer.url.path) == (200, "/aktywacja/gotowe")
        assert answer.history[0].status == 303
    assert "Nowe hasło awaryjne jest ustawione" in page
    stored = site.hash()
    assert stored is not None
    assert passwords.verify(stored, PASSWORD)
    assert site.hash("ewa@wp.example") is None
    with site.database.engine.connect() as connection:
        assert connection.execute(select(ticket_event.c.kind)).scalars().all() == ["activation-used"]
        assert connection.execute(select(activation.c.used_at)).scalar_one() == NOW

    assert (await site.post(path, "inne zdanie o lesie", csrf=csrf))[0] == 404
    assert site.hash() == stored


async def test_links_that_do_not_work_look_the_same(site: Site) -> None:
    used = site.grant("ZGL0000001")
    csrf = await site.csrf(used)
    await site.post(used, PASSWORD, csrf=csrf)
    ended = site.grant("ZGL0000002", "ewa@wp.example")
    site.grant("ZGL0000003", "ewa@wp.example")
    blocked = site.grant("ZGL0000004")
    with site.database.engine.begin() as connection:
        connection.execute(update(account).where(account.c.login_key == LOGIN).values(status="blocked"))
    orphan = site.grant("ZGL0000005", "nobody@wp.example")
    before = site.everything()
    bad = (WRONG, "x", "", "a/b", "%00", "%ff%fe", "%F0%9F%98%80", "..%2f..%2fetc", "A" * 5000, "'--", "{{7*7}}")
    dead = [used, ended, blocked, orphan, *("/aktywacja/" + token for token in bad)]
    answers = {await site.get(path) for path in dead}
    answers |= {await site.post(path, PASSWORD, csrf=csrf) for path in dead}
    answers |= {await site.post(path, "", csrf="") for path in dead}
    assert len(answers) == 1
    status, page = answers.pop()
    assert status == 404
    assert "Ten link nie działa" in page
    assert "33 483 20 55" in page
    assert "ZGL" in page
    assert site.everything() == before


async def test_an_expired_link_is_refused_even_with_its_form_open(site: Site) -> None:
    path = site.grant()
    csrf = await site.csrf(path)
    site.now += DAY
    assert (await site.post(path, PASSWORD, csrf=csrf))[0] == 404
    assert site.hash() is None


async def test_case_b_moves_the_login(site: Site) -> None:
    path = site.grant(new_login="nowy@wp.example")
    _, page = await site.get(path)
    assert "n***@wp.example" in page
    assert "Dotychczasowy login przestanie działać" in page
    assert LOGIN not in page
    csrf = await site.csrf(path)
    assert (await site.post(path, PASSWORD, csrf=csrf))[0] == 303
    assert passwords.verify(site.hash("nowy@wp.example") or "", PASSWORD)


async def test_a_new_login_that_was_taken_meanwhile_changes_nothing(site: Site) -> None:
    path = site.grant(new_login="ewa@wp.example")
    csrf = await site.csrf(path)
    before = site.everything()
    assert (await site.post(path, PASSWORD, csrf=csrf))[0] == 404
    assert site.everything() == before, "the link stays usable for a person at the Help Desk"


async def test_of_two_forms_at_once_one_wins(site: Site) -> None:
    path = site.grant()
    csrf = await site.csrf(path)
    answers = await asyncio.gather(*(site.post(path, f"{PASSWORD} {n}", csrf=csrf) for n in range(4)))
    assert sorted(status for status, _ in answers) == [303, 404, 404, 404]
    (winner,) = [n for n, (status, _) in enumerate(answers) if status == 303]
    assert passwords.verify(site.hash() or "", f"{PASSWORD} {winner}")
    assert len([r for r in site.everything() if "activation-used" in r]) == 1  # type: ignore[operator]


@pytest.mark.parametrize(
    ("password", "repeat", "told"),
    [
        ("", "", "Wpisz nowe hasło"),
        ("krótkie", "krótkie", "za krótkie"),
        (PASSWORD, PASSWORD + "x", "Hasła różnią się"),
        (PASSWORD, "", "drugi raz"),
        ("jan kowalski tramwaj", "jan kowalski tramwaj", "login lub jego część"),
        ("a" * 200, "a" * 200, "za długie"),
        ("<b>&amp;\"'", "<b>&amp;\"'", "za krótkie"),
        ("zielony\r\ntramwaj", "zielony\r\ntramwaj", "nie widać"),
    ],
)
async def test_a_bad_password_is_explained_and_the_link_stays(
    site: Site, password: str, repeat: str, told: str
) -> None:
    path = site.grant()
    csrf = await site.csrf(path)
    before = site.everything()
    status, page = await site.post(path, password, repeat, csrf=csrf)
    assert status == 422
    assert told in page
    assert 'role="alert"' in page
    assert 'aria-invalid="true"' in page
    assert "<title>Błąd: " in page
    assert not password or f'value="{password}' not in page
    assert "<b>" not in page
    assert site.everything() == before
    assert (await site.post(path, PASSWORD, csrf=csrf))[0] == 303


async def test_a_form_that_we_did_not_give_is_refused(site: Site) -> None:
    path, other = site.grant("ZGL0000001"), site.grant("ZGL0000002", "ewa@wp.example")
    csrf, others = await site.csrf(path), await site.csrf(other)
    before = site.everything()
    for wrong in ("", "0" * 64, others, csrf.upper(), csrf[:-1], "ż"):
        status, page = await site.post(path, PASSWORD, csrf=wrong)
        assert status == 403
        assert "Wpisz hasło jeszcze raz" in page
    site.client.session.cookie_jar.clear()  # another browser: the right field, no cookie
    assert (await site.post(path, PASSWORD, csrf=csrf))[0] == 403
    assert site.everything() == before
    again = await site.csrf(path)
    assert again != csrf
    assert (await site.post(path, PASSWORD, csrf=again))[0] == 303


async def test_a_form_sent_after_a_403_is_taken(site: Site) -> None:
    """Who lost the cookie gets a new form with the answer, not a dead end."""
    path = site.grant()
    csrf = await site.csrf(path)
    site.client.session.cookie_jar.clear()
    _, page = await site.post(path, PASSWORD, csrf=csrf)
    fresh = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
    assert fresh
    assert (await site.post(path, PASSWORD, csrf=fresh[1]))[0] == 303


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b"haslo=x", {}, 400),
        (b"haslo=x&haslo=x&powtorz=x&csrf=x", {}, 400),
        (b"haslo=%ff%fe&powtorz=%ff&csrf=x", {}, 400),
        (b"haslo=\xb1\xea&powtorz=x&csrf=x", {}, 400),
        (b"&".join([b"a=1"] * 500), {}, 400),
        (bytes(range(256)), {}, 400),
        (b"haslo=" + b"x" * 20_000, {}, 413),
        (b"x" * 1_000_000, {}, 413),
        (zlib.compress(b"x" * 50_000_000), {"Content-Encoding": "deflate"}, 415),
        (b"garbage", {"Content-Encoding": "gzip"}, 415),
        (b"haslo=x&powtorz=x&csrf=x", {"Content-Type": FORM + "; charset=iso-8859-2"}, 415),
        (b"haslo=x&powtorz=x&csrf=x", {"Content-Type": FORM + "; charset=no-such"}, 415),
        (b"{}", {"Content-Type": "application/json"}, 415),
        (b"x", {"Content-Type": "multipart/form-data; boundary=x"}, 415),
        (b"x", {"Content-Type": "text/plain"}, 415),
    ],
)
async def test_odd_bodies_are_refused(site: Site, body: bytes, headers: dict[str, str], status: int) -> None:
    path = site.grant()
    before = site.everything()
    async with site.client.post(path, data=body, headers={"Content-Type": FORM} | headers) as answer:
        assert answer.status == status
        assert "<h1>" in await answer.text()
    assert site.everything() == before
    assert (await site.get(path))[0] == 200


def check_headers(answer: ClientResponse, *, tls: bool) -> None:
    headers = answer.headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Permissions-Policy" in headers
    assert "Server" not in headers
    assert ("Strict-Transport-Security" in headers) is tls


@pytest.mark.parametrize("tls", [True, False])
async def test_every_answer_has_the_security_headers(start: Start, tls: bool) -> None:
    site = await start(WebSettings(behind_tls=tls, attempts_per_minute=9))
    path = site.grant()
    seen = set()
    for method, where in (
        ("GET", path),
        ("HEAD", path),
        ("POST", path),
        ("PUT", path),
        ("GET", "/aktywacja/" + WRONG),
        ("GET", "/aktywacja/gotowe"),
        ("GET", "/nothing"),
        ("GET", "/livez"),
        *[("GET", path)] * 6,
    ):
        async with site.client.request(method, where) as answer:
            check_headers(answer, tls=tls)
            assert answer.headers["Cache-Control"] == "no-store"
            seen.add(answer.status)
            if cookie := answer.cookies.get("__Host-mailbot" if tls else "mailbot"):
                assert (cookie["samesite"], cookie["httponly"], cookie["path"]) == ("Strict", True, "/")
                assert bool(cookie["secure"]) is tls
                assert not cookie["domain"]
    assert seen == {200, 404, 405, 415, 429}
    async with site.client.get("/static/style.css") as answer:
        check_headers(answer, tls=tls)
        assert (answer.status, answer.content_type) == (200, "text/css")


async def test_a_client_that_asks_too_often_has_to_wait(start: Start) -> None:
    site = await start(WebSettings(behind_tls=False, attempts_per_minute=3))
    path = site.grant()
    assert [(await site.get("/aktywacja/" + WRONG))[0] for _ in range(5)] == [404, 404, 404, 429, 429]
    async with site.client.get(path) as answer:
        assert answer.status == 429
        assert answer.headers["Retry-After"] == "60"
        assert "Poczekaj minutę" in await answer.text()
    assert (await site.get("/livez"))[0] == 200
    site.now += timedelta(seconds=20)
    assert [(await site.get(path))[0] for _ in range(2)] == [200, 429]
    site.now -= timedelta(hours=1)  # a clock set back neither frees nor locks out
    assert (await site.get(path))[0] == 429
    site.now += timedelta(seconds=61)
    assert [(await site.get(path))[0] for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.parametrize("trusted", [True, False])
async def test_only_a_trusted_proxy_names_the_client(start: Start, trusted: bool) -> None:
    site = await start(
        WebSettings(
            behind_tls=False, trusted_proxy=("127.0.0.0/8", "203.0.113.9") if trusted else (), attempts_per_minute=1
        )
    )
    path = "/aktywacja/" + WRONG

    async def ask(forwarded: str) -> int:
        return (await site.get(path, headers={"X-Forwarded-For": forwarded}))[0]

    assert await ask("203.0.113.1") == 404
    assert await ask("203.0.113.2") == (404 if trusted else 429)
    assert await ask("198.51.100.7, 203.0.113.2") == 429, "the first elements are the client's own claim"
    assert await ask("203.0.113.2, 203.0.113.9") == 429, "one proxy behind another"
    assert await ask("2001:db8::1") == (404 if trusted else 429)
    assert await ask("2001:db8::2") == 429, "one household, one bucket"
    assert await ask("nonsense") == (404 if trusted else 429)


async def test_the_page_says_what_it_must_and_no_more(site: Site) -> None:
    path = site.grant()
    _, page = await site.get(path)
    assert '<html lang="pl">' in page
    assert "j***@wp.example" in page
    assert "Link działa do 29 marca 2026 r., godz. 14:00." in page
    for rule in passwords.RULES:
        assert rule in page
    for secret in (LOGIN, "kowalski", "Kowalski", "1980", "<script", path.rpartition("/")[2]):
        assert secret not in page
    assert "puesc.gov.pl" in (await site.get("/aktywacja/gotowe"))[1]


async def test_a_page_under_a_path_finds_its_style(start: Start) -> None:
    site = await start(WebSettings(public_url="https://portal.example/haslo", behind_tls=True))
    _, page = await site.get(site.grant())
    assert 'href="/haslo/static/style.css"' in page


async def test_probes(site: Site) -> None:
    assert (await site.get("/livez"))[0] == 200
    assert (await site.get("/readyz"))[0] == 200


async def test_a_broken_database_is_a_polite_503(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    path = site.grant()
    csrf = await site.csrf(path)
    with site.database.engine.begin() as connection:
        ticket_event.drop(connection)
    with caplog.at_level(logging.INFO, "mailbot"):
        status, page = await site.post(path, PASSWORD, csrf=csrf)
        assert status == 503
        assert "chwilowo niedostępna" in page
        activation.drop(site.database.engine)
        assert (await site.get(path))[0] == 503
    assert site.hash() is None
    assert caplog.records
    for record in caplog.records:
        assert json.loads(record.getMessage())["step"] == "web.failure"
        assert "argon2" not in caplog.text
        assert LOGIN not in caplog.text


async def test_an_unforeseen_failure_is_a_polite_500_without_the_link_in_the_log(
    site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = site.grant()

    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(SqlDirectory, "find", broken)
    status, page = await site.get(path)
    assert status == 500
    assert "To nasz błąd" in page
    assert "RuntimeError" in caplog.text
    assert path not in caplog.text
