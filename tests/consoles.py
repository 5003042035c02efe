"""The console over the parts of a mailbot, for people who are logged in already."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Handler, Middleware

from mailbot.console.app import build
from mailbot.console.pages import CSRF, OPERATOR, Pages
from mailbot.console.shell import Desk
from mailbot.http.listener import SERVER_OPTIONS
from mailbot.model import Operator, Role
from mailbot.service.compose import Parts

ANNA = Operator(1, "anna", "Anna Nowak", frozenset({Role.CONSULTANT}), frozenset(), "pl")
OLEK = Operator(2, "olek", "Olek Wójcik", frozenset({Role.SUPERVISOR}), frozenset(), "pl")
ADA = Operator(3, "ada", "Ada Admin", frozenset({Role.ADMIN}), frozenset(), "pl")
OSKAR = Operator(4, "oskar", "Oskar Audytor", frozenset({Role.AUDITOR}), frozenset(), "pl")
EVE = Operator(5, "eve", "Eve English", frozenset({Role.CONSULTANT}), frozenset(), "en")
PEOPLE = {person.name: person for person in (ANNA, OLEK, ADA, OSKAR, EVE)}

TOKEN = "token of the form"


@web.middleware
async def by_cookie(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whoever the cookie "who" names; anna without it."""
    request[OPERATOR] = PEOPLE[request.cookies.get("who", "anna")]
    request[CSRF] = TOKEN
    return await handler(request)


def desk(parts: Parts) -> Desk:
    return Desk(parts.settings, parts.database, parts.directory, parts.secret, parts.clock, Pages(), parts.pipeline)


@asynccontextmanager
async def console(
    parts: Parts, gate: Middleware = by_cookie
) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """A client of the console."""
    server = TestServer(build(desk(parts), gate))
    await server.start_server(**SERVER_OPTIONS)
    async with TestClient(server) as client:
        yield client
