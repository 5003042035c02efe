"""Health probes: /livez or /healthz (the process runs), /readyz (it can do its work), /statusz (what is wrong)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Any

from aiohttp import web
from sqlalchemy import Connection

from mailbot.errors import DatabaseUnavailable
from mailbot.storage import upsert
from mailbot.storage.database import Database
from mailbot.storage.schema import counter
from mailbot.web.metrics import Audience

_PATIENCE = 5.0  # seconds; a commit that takes longer is none
_FRESH = 1.0  # seconds; many probes share one look, since each look is a commit
_ROOM = 64 * 2**20  # octets: one large message more, and the log beside it
_NAME = "readiness"

Ailing = Callable[[], Awaitable[Collection[str]]]
"""Names what does not work just now in the process, in words without values. Raises DatabaseUnavailable."""


async def nothing_ails() -> tuple[str, ...]:
    """For a process that is only the web port."""
    return ()


class Readiness:
    """Whether this process can do its work."""

    def __init__(self, database: Database, ailing: Ailing) -> None:
        self._database = database
        self._ailing = ailing
        self._commit: asyncio.Task[Any] | None = None
        self._look: asyncio.Task[list[str]] | None = None
        self._looked_at = 0.0

    async def wrong(self) -> list[str]:
        """What fails, sorted; nothing: all is well."""
        now = asyncio.get_running_loop().time()
        if self._look is None or (self._look.done() and now - self._looked_at > _FRESH):
            self._look, self._looked_at = asyncio.create_task(self._find()), now
        return await asyncio.shield(self._look)

    async def _find(self) -> list[str]:
        found: set[str] = set()
        try:
            async with asyncio.timeout(_PATIENCE):
                found.update(await self._ailing())
        except (DatabaseUnavailable, TimeoutError):
            found.add("database")
        if not await self._commits():
            found.add("database")
        if await asyncio.to_thread(self._full):
            found.add("disk")
        return sorted(found)

    async def _commits(self) -> bool:
        """One commit, and never two that wait: behind a locked database they would pile up."""
        if self._commit is None or self._commit.done():
            self._commit = asyncio.create_task(self._database.write(_touch))
        done, _ = await asyncio.wait({self._commit}, timeout=_PATIENCE)
        return bool(done) and not self._commit.cancelled() and self._commit.exception() is None

    def _full(self) -> bool:
        """Of SQLite's file system; PostgreSQL may be anywhere, and refuses the commit itself."""
        file = self._database.engine.url.database
        if self._database.engine.dialect.name != "sqlite" or not file or file == ":memory:":
            return False
        try:
            room = os.statvfs(Path(file).resolve().parent)
        except OSError:
            return True
        return room.f_bavail * room.f_frsize < _ROOM


def _touch(connection: Connection) -> None:
    """Write a row that nobody waits for."""
    row = upsert.insert(connection, counter).values(name=_NAME, value=1)
    next_one = (counter.c.value + 1) % 1_000_000
    connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"value": next_one}))


Describe = Callable[[Collection[str]], Awaitable[str]]
"""The state of everything for a person; told what the process itself lacks."""


def routes(database: Database, ailing: Ailing, may_ask: Audience, words: Describe | None = None) -> list[web.RouteDef]:
    """The probes: "ok" (200) or "not ready" (503), and to those who may read the metrics what is wrong.

    ``words``: for /statusz, which nobody else may read.
    """
    readiness = Readiness(database, ailing)

    async def livez(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(request: web.Request) -> web.Response:
        wrong = await readiness.wrong()
        if not wrong:
            return web.Response(text="ok\n")
        told = f": {', '.join(wrong)}" if may_ask(request) else ""
        return web.Response(status=503, text=f"not ready{told}\n")

    found = [web.get("/livez", livez), web.get("/healthz", livez), web.get("/readyz", readyz)]
    if words is None:
        return found

    async def statusz(request: web.Request) -> web.Response:
        if not may_ask(request):
            raise web.HTTPNotFound
        return web.Response(text=await words(await readiness.wrong()))

    return [*found, web.get("/statusz", statusz)]
