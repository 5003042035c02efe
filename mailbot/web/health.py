"""Health probes: /livez (the process runs), /readyz (the database answers)."""

from __future__ import annotations

import asyncio

from aiohttp import web
from sqlalchemy import Connection, text

from mailbot.errors import DatabaseUnavailable
from mailbot.storage.engine import Database

_PATIENCE = 5.0  # seconds; a probe that waits longer is answered "not ready"


def _ask(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))


def routes(database: Database) -> list[web.RouteDef]:
    """The probes. They say nothing but "ok" (200) or "not ready" (503)."""

    async def livez(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(_PATIENCE):
                await database.read(_ask)
        except (DatabaseUnavailable, TimeoutError):
            return web.Response(status=503, text="not ready\n")
        return web.Response(text="ok\n")

    return [web.get("/livez", livez), web.get("/readyz", readyz)]
