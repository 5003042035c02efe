"""What every screen of the console is built on: what a screen is, what it has at hand, who asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler

from mailbot.accounts.directory import Directory
from mailbot.application.isolated import Readers
from mailbot.config import Settings
from mailbot.console.pages import OPERATOR, ConsolePages
from mailbot.flow.pipeline import Pipeline
from mailbot.model import Role
from mailbot.observe import Clock
from mailbot.secret import Secret
from mailbot.storage.database import Database


@dataclass(slots=True)
class ConsoleContext:
    """What the handlers share."""

    settings: Settings
    database: Database
    directory: Directory
    secret: Secret
    clock: Clock
    pages: ConsolePages
    pipeline: Pipeline
    """May be replaced at any time by one with another rule set."""
    readers: Readers = field(init=False)
    """The locked processes that draw files; started when first needed."""

    def __post_init__(self) -> None:
        self.readers = Readers(1, self.settings.signatures.deadline_seconds)


@dataclass(frozen=True, slots=True)
class Screen:
    """One page of the console and what belongs to it.

    name: its word in the navigation, empty where it has no place there; path: where that leads.
    roles: who may ask for any of its routes. A route for fewer people wraps its handler in ``require`` itself."""

    name: str
    path: str
    roles: frozenset[Role]
    routes: Callable[[ConsoleContext], Iterable[web.RouteDef]]


READERS = frozenset({Role.CONSULTANT, Role.SUPERVISOR, Role.AUDITOR})
"""Who sees tickets at all; the auditor masked."""
WRITERS = frozenset({Role.CONSULTANT, Role.SUPERVISOR})
"""Who does anything to a ticket."""


def require(roles: frozenset[Role], handler: Handler) -> Handler:
    """``handler`` for people with one of ``roles``; the others get 403."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        if not request[OPERATOR].roles & roles:
            raise web.HTTPForbidden
        return await handler(request)

    return guarded
