"""Log in with a provider of OpenID Connect: a foreign one, and one that lies."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from aiohttp import ClientSession, CookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from mailbot.config import OidcSettings
from mailbot.console import login
from mailbot.http.listener import SERVER_OPTIONS
from mailbot.model import Role
from mailbot.observe import utc_now
from mailbot.operators import people
from mailbot.service.compose import Parts
from tests.consoles import desk
from tests.flow import Clock
from tests.integration.servers import free_port
from tests.logins import Browser, person, rows
from tests.support import missing

BACK = "/login/oidc/back"
Forge = Callable[[dict[str, Any]], None]


async def at(parts: Parts, clock: Clock, chosen: OidcSettings) -> Browser:
    """A browser at a console with this provider; close its client."""
    settings = replace(parts.settings, oidc=chosen)
    made = replace(parts, settings=settings)
    server = TestServer(login.build(desk(made)))
    await server.start_server(**SERVER_OPTIONS)
    client = TestClient[web.Request, web.Application](server, cookie_jar=CookieJar(unsafe=True))
    return Browser(client, made, clock)


def know(parts: Parts, issuer: str, sub: str = "4711", name: str = "anna") -> None:
    with parts.database.engine.begin() as c:
        people.add(c, "shell:root", person(name), utc_now(), people.subject(issuer, sub))


# --- a foreign provider


@pytest.fixture
async def foreign() -> AsyncIterator[str]:
    """oidc-provider-mock, in a process of its own; its issuer."""
    if importlib.util.find_spec("oidc_provider_mock") is None:
        missing("oidc-provider-mock")
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "-p", str(port), "-r", "true", "-n", "true",
        stderr=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    issuer = f"http://localhost:{port}"
    async with ClientSession() as session:
        for _ in range(300):
            try:
                async with session.get(issuer + "/jwks") as answer:
                    if answer.status == 200:
                        break
            except OSError:
                await asyncio.sleep(0.1)
    yield issuer
    process.terminate()
    await process.wait()


async def test_a_foreign_provider_lets_in_whom_we_know(
    foreign: str, parts: tuple[Parts, Clock], tmp_path: Path
) -> None:
    made = replace(parts[0], clock=utc_now)  # its tokens are of today
    know(made, foreign, "anna@urzad.example")
    port = free_port()
    async with ClientSession() as session:
        back = f"http://127.0.0.1:{port}{BACK}"
        async with session.post(foreign + "/oauth2/clients", json={"redirect_uris": [back]}) as answer:
            client = await answer.json()
        (tmp_path / "secret").write_text(client["client_secret"] + "\n")
        console = replace(made.settings.console, public_url=f"http://127.0.0.1:{port}")
        oidc = OidcSettings(foreign, client["client_id"], str(tmp_path / "secret"), label="SSO")
        settings = replace(made.settings, console=console, oidc=oidc)
        server = TestServer(login.build(desk(replace(made, settings=settings))), port=port)
        await server.start_server(**SERVER_OPTIONS)
        async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as browser:
            page = await (await browser.get("/login?next=/todo")).text()
            place = re.findall(r'href="(/login/oidc[^"]*)"', page)[0]
            for sub, status in (("stranger", 403), ("anna@urzad.example", 200)):
                sent = await browser.get(place, allow_redirects=False)
                async with session.post(
                    sent.headers["Location"], data={"sub": sub}, allow_redirects=False
                ) as authorized:
                    returned = urlsplit(authorized.headers["Location"])
                answer = await browser.get(f"{returned.path}?{returned.query}", allow_redirects=False)
                assert answer.status == status
            assert answer.headers["Refresh"] == "0; url=/todo"
            assert (await browser.get("/todo", allow_redirects=False)).status == 200
            again = await browser.get(f"{returned.path}?{returned.query}", allow_redirects=False)
            assert again.status == 403  # the code and the cookie are spent
    with made.database.engine.connect() as c:
        row = people.named(c, "anna")
    assert row is not None
    assert row["failed"] == 0


# --- one that lies


@dataclass
class Liar:
    """A provider that checks PKCE, and then says what it is told to."""

    clock: Clock
    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    claims: Forge = lambda claims: None
    header: dict[str, str] = field(default_factory=dict)
    signs_with: Any = None
    tokens: Forge = lambda tokens: None
    described: Forge = lambda described: None
    asked_for_keys: int = 0
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/.well-known/openid-configuration", self.describe),
            web.get("/jwks", self.jwks),
            web.post("/token", self.token),
        ]

    async def describe(self, _: web.Request) -> web.Response:
        found: dict[str, Any] = {"issuer": self.issuer}
        for name, path in (("authorization_endpoint", "authorize"), ("token_endpoint", "token"), ("jwks_uri", "jwks")):
            found[name] = f"{self.issuer}/{path}"
        self.described(found)
        return web.json_response(found)

    async def jwks(self, _: web.Request) -> web.Response:
        self.asked_for_keys += 1
        return web.json_response(KeySet([self.key]).as_dict(private=False))

    def authorize(self, location: str) -> dict[str, str]:
        """What the browser brings back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        self.codes["code"] = asked
        return {"code": "code", "state": asked["state"]}

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = self.codes.pop(str(form["code"]), None)
        if asked is None or create_s256_code_challenge(str(form["code_verifier"])) != asked["code_challenge"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(self.clock().timestamp())
        claims = {"iss": self.issuer, "sub": "4711", "aud": "console", "nonce": asked["nonce"]}
        claims |= {"iat": now, "exp": now + 300}  # type: ignore[dict-item]
        self.claims(claims)
        header = {"alg": "RS256", "kid": "one"} | self.header
        signed = jwt.encode(header, claims, self.signs_with or self.key, algorithms=[header["alg"]])
        tokens: dict[str, Any] = {"access_token": "x", "token_type": "Bearer", "id_token": signed}
        self.tokens(tokens)
        return web.json_response(tokens)


@pytest.fixture
async def liar(parts: tuple[Parts, Clock]) -> AsyncIterator[Liar]:
    made = Liar(parts[1])
    app = web.Application()
    app.add_routes(made.routes())
    async with TestServer(app) as server:
        made.issuer = str(server.make_url("")).rstrip("/")
        yield made


@pytest.fixture
async def browser(parts: tuple[Parts, Clock], liar: Liar) -> AsyncIterator[Browser]:
    made = await at(*parts, OidcSettings(liar.issuer, "console"))
    know(made.parts, liar.issuer)
    async with made.client:
        yield made


async def through(browser: Browser, liar: Liar, **changed: str) -> int:
    """Go to the provider and come back; the status of the page there."""
    sent = await browser.get("/login/oidc?next=/todo")
    assert sent.status == 303
    return (await browser.get(f"{BACK}?{urlencode(liar.authorize(sent.headers['Location']) | changed)}")).status


async def test_who_is_proven_is_in(browser: Browser, liar: Liar) -> None:
    assert await through(browser, liar) == 200
    assert (await browser.get("/todo")).status == 200
    assert rows(browser) == [("operator:anna", "login", "oidc")]


def _oct(liar: Liar) -> None:
    """HS256 with the public key as secret: the classic."""
    liar.header = {"alg": "HS256"}
    liar.signs_with = OctKey.import_key(json.dumps(liar.key.as_dict(private=False)).encode())


LIES: dict[str, Callable[[Liar], None]] = {
    "another issuer": lambda liar: setattr(liar, "claims", lambda c: c.update(iss="https://evil.example")),
    "another audience": lambda liar: setattr(liar, "claims", lambda c: c.update(aud="other")),
    "two audiences, azp another": lambda liar: setattr(
        liar, "claims", lambda c: c.update(aud=["console", "other"], azp="other")
    ),
    "another nonce": lambda liar: setattr(liar, "claims", lambda c: c.update(nonce="x")),
    "no nonce": lambda liar: setattr(liar, "claims", lambda c: c.pop("nonce")),
    "over": lambda liar: setattr(liar, "claims", lambda c: c.update(exp=c["iat"] - 61)),
    "no end": lambda liar: setattr(liar, "claims", lambda c: c.pop("exp")),
    "of the future": lambda liar: setattr(liar, "claims", lambda c: c.update(iat=c["iat"] + 3600)),
    "no subject": lambda liar: setattr(liar, "claims", lambda c: c.pop("sub")),
    "subject no text": lambda liar: setattr(liar, "claims", lambda c: c.update(sub=4711)),
    "another subject": lambda liar: setattr(liar, "claims", lambda c: c.update(sub="4712")),
    "another key": lambda liar: setattr(liar, "signs_with", RSAKey.generate_key(2048, {"kid": "one"})),
    "a key nobody has": lambda liar: liar.header.update(kid="two"),
    "a symmetric key": _oct,
    "no token": lambda liar: setattr(liar, "tokens", lambda t: t.pop("id_token")),
    "no JWT": lambda liar: setattr(liar, "tokens", lambda t: t.update(id_token="a.b.c")),
    "unsigned": lambda liar: setattr(
        liar, "tokens", lambda t: t.update(id_token="eyJhbGciOiJub25lIn0." + t["id_token"].split(".")[1] + ".")
    ),
    "at_hash of another": lambda liar: setattr(liar, "claims", lambda c: c.update(at_hash="AAAA")),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_proves_nobody(browser: Browser, liar: Liar, lie: str) -> None:
    LIES[lie](liar)
    assert await through(browser, liar) == 403
    assert "Dostawca logowania nie potwierdził" in browser.page
    assert browser.cookie() is None
    assert (await browser.get("/todo")).status == 303


@pytest.mark.parametrize("changed", [{"state": "x"}, {"state": ""}, {"code": "other"}, {"iss": "https://evil.example"}])
async def test_what_did_not_begin_here_does_not_end_here(browser: Browser, liar: Liar, changed: dict[str, str]) -> None:
    assert await through(browser, liar, **changed) == 403


async def test_only_the_browser_that_began_can_end_it_and_soon(browser: Browser, liar: Liar) -> None:
    back = f"{BACK}?{urlencode(liar.authorize((await browser.get('/login/oidc')).headers['Location']))}"
    kept = browser.cookie("desk-oidc")
    assert kept is not None
    jar, here = browser.client.session.cookie_jar, browser.client.make_url("/")
    jar.clear()
    assert (await browser.get(back)).status == 403  # login CSRF: another's code in our browser
    for cookie in ("", "x", "e30=", kept[:-8] + "AAAAAAA=", kept):
        jar.update_cookies({"desk-oidc": cookie}, here)
        if cookie == kept:
            browser.clock.advance(minutes=11)
        assert (await browser.get(back)).status == 403
    assert browser.cookie() is None


async def test_nobody_is_led_elsewhere_and_the_cookie_is_short(browser: Browser, liar: Liar) -> None:
    sent = await browser.get("/login/oidc?next=//evil.example")
    cookie = sent.headers["Set-Cookie"]
    assert {"HttpOnly", "Max-Age=600", "SameSite=Lax"} <= set(cookie.split("; "))
    answer = await browser.get(f"{BACK}?{urlencode(liar.authorize(sent.headers['Location']))}")
    assert answer.headers["Refresh"] == "0; url=/"


async def test_the_provider_lets_nobody_in_whom_an_admin_has_disabled(browser: Browser, liar: Liar) -> None:
    with browser.parts.database.engine.begin() as c:
        row = people.named(c, "anna")
        assert row is not None
        people.disable(c, "shell:root", row, browser.clock())
    assert await through(browser, liar) == 403


async def test_a_stranger_becomes_an_operator_only_where_that_is_set(parts: tuple[Parts, Clock], liar: Liar) -> None:
    chosen = OidcSettings(liar.issuer, "console", create_role="consultant")
    browser = await at(*parts, chosen)
    liar.claims = lambda c: c.update(sub="new", preferred_username="Ewa.Nowa@urzad.example")
    async with browser.client:
        assert await through(browser, liar) == 200
        with browser.parts.database.engine.connect() as c:
            row = people.named(c, "ewa.nowa")
        assert row is not None
        assert people.of_row(row).roles == {Role.CONSULTANT}
        await browser.post("/logout")
        liar.claims = lambda c: c.update(sub="thief", preferred_username="ewa.nowa")  # a name proves nothing
        assert await through(browser, liar) == 403


async def test_who_was_disabled_does_not_come_back_under_another_name(parts: tuple[Parts, Clock], liar: Liar) -> None:
    """What he is called at the provider he may change there himself; and two names would be two people at the desk."""
    browser = await at(*parts, OidcSettings(liar.issuer, "console", create_role="consultant"))
    liar.claims = lambda c: c.update(sub="new", preferred_username="olek@urzad.example")
    async with browser.client:
        assert await through(browser, liar) == 200
        with browser.parts.database.engine.begin() as c:
            people.disable(c, "shell:root", people.known(c, "olek"), browser.clock())
        liar.claims = lambda c: c.update(sub="new", preferred_username="aleksander@urzad.example")
        assert await through(browser, liar) == 403
        with browser.parts.database.engine.begin() as c:
            assert people.named(c, "aleksander") is None
            subject = people.subject(liar.issuer, "new")
            people.add(c, "shell:root", person("ola"), browser.clock(), subject)  # an admin may give it to another
            assert [people.known(c, name)["subject"] for name in ("olek", "ola")] == [None, subject]
        assert await through(browser, liar) == 200


async def test_new_keys_are_fetched_but_not_at_everybodys_wish(browser: Browser, liar: Liar) -> None:
    assert await through(browser, liar) == 200
    liar.key = RSAKey.generate_key(2048, {"kid": "two"})
    liar.header = {"kid": "two"}
    assert await through(browser, liar) == 403
    assert liar.asked_for_keys == 1
    browser.clock.advance(minutes=2)
    assert await through(browser, liar) == 200
    assert liar.asked_for_keys == 2


BROKEN: dict[str, Forge] = {
    "another issuer": lambda d: d.update(issuer="https://evil.example"),
    "no TLS": lambda d: d.update(token_endpoint="http://evil.example/token"),
    "no endpoint": lambda d: d.pop("jwks_uri"),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_a_provider_that_is_none_is_told_as_such(browser: Browser, liar: Liar, what: str) -> None:
    liar.described = BROKEN[what]
    assert (await browser.get("/login/oidc")).status == 503


async def test_without_a_provider_there_is_no_such_way(parts: tuple[Parts, Clock]) -> None:
    browser = await at(*parts, OidcSettings())
    async with browser.client:
        await browser.get("/login")
        assert "oidc" not in browser.page
        assert (await browser.get("/login/oidc")).status == 404
