"""Every route of the console, as the application itself lists them: none without login, none without the token of the
session, none for a role that has nothing to do there."""

from __future__ import annotations

import re

import pytest

from mailbot.console import login as console_login
from mailbot.model import Role
from mailbot.service.compose import Parts
from tests.consoles import TOKEN, console, desk
from tests.flow import Clock
from tests.logins import active, browsing

pytestmark = pytest.mark.usefixtures("cheap_passwords")

EXAMPLES = {
    "zgl": "ZGL0000001",
    "letter": "1",
    "file": "0",
    "picture": "page-1.png",
    "number": "ZGL0000001",
    "action": "note",
    "name": "desk.css",
}
CONSULTANT, SUPERVISOR, ADMIN, AUDITOR = Role.CONSULTANT, Role.SUPERVISOR, Role.ADMIN, Role.AUDITOR
WORK = {CONSULTANT, SUPERVISOR}
READ = WORK | {AUDITOR}
ALL = READ | {ADMIN}
LETTER = "/tickets/{zgl}/letters/{letter}"
WHO: dict[str, set[Role]] = {
    "GET /": ALL,
    "GET /todo": READ,
    "GET /todo/list": READ,
    "POST /todo/views": READ,
    "POST /todo/views/forget": READ,
    "GET /search": READ,
    "GET /tickets/{zgl}": READ,
    "POST /tickets/{zgl}/here": READ,
    "GET /tickets/{zgl}/do/{action}": WORK,
    "POST /tickets/{zgl}/do/{action}": WORK,
    "POST /tickets/{zgl}/do/{action}/draft": WORK,
    f"GET {LETTER}": READ,
    f"GET {LETTER}/application": WORK,
    f"POST {LETTER}/application": WORK,
    f"GET {LETTER}/application/{{picture}}": WORK,
    f"POST {LETTER}/files/{{file}}": {SUPERVISOR},
    f"POST {LETTER}/files/{{file}}/pages": WORK,
    f"POST {LETTER}/raw": {SUPERVISOR},
    "GET /telephone": WORK,
    "GET /telephone/{number}": WORK,
    "POST /telephone/{number}": WORK,
    "POST /telephone/{number}/call": WORK,
    "POST /telephone/{number}/stop": WORK,
    "POST /telephone/{number}/hurry": WORK,
    "GET /oversight": {SUPERVISOR, ADMIN, AUDITOR},
    "GET /rules": {ADMIN, AUDITOR},
    "POST /rules/explain": {ADMIN},
    "POST /rules/compare": {ADMIN},
    "GET /audit": {AUDITOR},
    "GET /audit/verify": {AUDITOR},
    "GET /audit/verify/portion": {AUDITOR},
    "POST /audit/export": {AUDITOR},
    "GET /account": ALL,
    "POST /account/password": ALL,
    "POST /account/codes": ALL,
    "POST /logout": ALL,
}
"""Route → roles. A new route must be entered here."""
OPEN = {"GET /login", "POST /login", "GET /login/code", "POST /login/code", "GET /login/enrol", "POST /login/enrol"}
OPEN |= {"GET /static/{name}"}
"""For who is not logged in."""


def routes(parts: Parts) -> set[str]:
    app = console_login.build(desk(parts))
    found = {(r.method, r.resource.canonical) for r in app.router.routes() if r.resource is not None}
    return {f"{method} {path}" for method, path in found if method != "HEAD"}


def asked(route: str) -> tuple[str, str]:
    method, _, path = route.partition(" ")
    return method, path.format(**EXAMPLES)


async def test_every_route_is_listed_here(parts: tuple[Parts, Clock]) -> None:
    assert routes(parts[0]) == set(WHO) | OPEN


async def test_nothing_is_open_without_a_login(parts: tuple[Parts, Clock]) -> None:
    async with browsing(*parts) as browser:
        for route in WHO:
            method, path = asked(route)
            answer = await browser.client.request(
                method, path, allow_redirects=False, data=b"" if method == "POST" else None
            )
            assert (answer.status, answer.headers["Location"][:6]) == (303, "/login"), route


async def test_no_form_counts_without_the_token_of_its_session(parts: tuple[Parts, Clock]) -> None:
    async with browsing(*parts) as browser:
        browser.secret = active(browser, "anna", *Role)
        assert (await browser.log_in()).status == 303
        await browser.get("/account")
        (csrf,) = set(re.findall(r'name="csrf" value="([0-9a-f]+)"', browser.page))
        for route in sorted(WHO):
            method, path = asked(route)
            if method != "POST":
                continue
            for other in (
                {},
                {"csrf": ""},
                {"csrf": csrf[:-1] + "x"},
                {"csrf": "ó" * 64},
                {"csrf": csrf.upper() + " "},
            ):
                answer = await browser.client.post(path, data=other, allow_redirects=False)
                assert answer.status == 403, (route, other)
            answer = await browser.client.post(
                f"{path}?csrf={csrf}", headers={"X-CSRF-Token": csrf}, allow_redirects=False
            )
            assert answer.status == 403, route
        for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            for route in WHO:
                answer = await browser.client.request(method, asked(route)[1], allow_redirects=False)
                assert answer.status in (403, 405), (method, route)
        assert (await browser.get("/account")).status == 200, "nothing of it logged anybody out"


@pytest.mark.parametrize("who", ["anna", "olek", "ada", "oskar"])
async def test_who_may_ask_for_what(parts: tuple[Parts, Clock], who: str) -> None:
    """anna: consultant, olek: supervisor, ada: admin, oskar: auditor. There is no ticket, so a right ends in 404."""
    role = {"anna": CONSULTANT, "olek": SUPERVISOR, "ada": ADMIN, "oskar": AUDITOR}[who]
    async with console(parts[0]) as client:
        for route, roles in WHO.items():
            if route.partition(" ")[2] in ("/account", "/account/password", "/account/codes", "/logout"):
                continue
            method, path = asked(route)
            data = {"csrf": TOKEN} if method == "POST" else None
            answer = await client.request(method, path, data=data, cookies={"who": who}, allow_redirects=False)
            assert (answer.status != 403) == (role in roles), (route, answer.status)
            assert answer.status < 500, route
            assert answer.headers["Cache-Control"] == "no-store", route
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
