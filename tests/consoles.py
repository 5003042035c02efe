"""The console over the parts of a mailbot, for people who are logged in already."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Handler, Middleware
from sqlalchemy import insert

from mailbot.console.app import build
from mailbot.console.pages import CSRF, OPERATOR, ConsolePages
from mailbot.console.shell import ConsoleContext
from mailbot.http.listener import SERVER_OPTIONS
from mailbot.model import Operator, Role
from mailbot.service.compose import Parts
from mailbot.storage.desk import operator

ANNA = Operator(1, "anna", "Anna Nowak", frozenset({Role.CONSULTANT}), frozenset(), "pl")
OLEK = Operator(2, "olek", "Olek Wójcik", frozenset({Role.SUPERVISOR}), frozenset(), "pl")
ADA = Operator(3, "ada", "Ada Admin", frozenset({Role.ADMIN}), frozenset(), "pl")
OSKAR = Operator(4, "oskar", "Oskar Audytor", frozenset({Role.AUDITOR}), frozenset(), "pl")
EVE = Operator(5, "eve", "Eve English", frozenset({Role.CONSULTANT}), frozenset(), "en")
SEC = Operator(6, "sec", "Sekcja Bezpieczeństwa", frozenset({Role.SUPERVISOR}), frozenset({"BEZPIECZENSTWO"}), "pl")
PEOPLE = {person.name: person for person in (ANNA, OLEK, ADA, OSKAR, EVE, SEC)}

TOKEN = "token of the form"


@web.middleware
async def by_cookie(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whoever the cookie "who" names; anna without it."""
    request[OPERATOR] = PEOPLE[request.cookies.get("who", "anna")]
    request[CSRF] = TOKEN
    return await handler(request)


def hire(parts: Parts) -> None:
    """Put PEOPLE into the database."""
    rows = [
        {
            "id": person.id,
            "name": person.name,
            "display": person.display,
            "roles": sorted(person.roles),
            "desks": sorted(person.desks),
            "language": person.language,
            "state": "active",
            "made_at": parts.clock(),
        }
        for person in PEOPLE.values()
    ]
    with parts.database.engine.begin() as connection:
        connection.execute(insert(operator), rows)


def desk(parts: Parts) -> ConsoleContext:
    return ConsoleContext(
        parts.settings, parts.database, parts.directory, parts.secret, parts.clock, ConsolePages(), parts.pipeline
    )


@asynccontextmanager
async def console(
    parts: Parts, gate: Middleware = by_cookie
) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """A client of the console."""
    server = TestServer(build(desk(parts), gate))
    await server.start_server(**SERVER_OPTIONS)
    async with TestClient(server) as client:
        yield client
