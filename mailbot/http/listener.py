"""The open port of an application."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from aiohttp import hdrs, web

from mailbot.http.doors import Doors

DOORS = web.AppKey("doors", Doors)

SERVER_OPTIONS: dict[str, Any] = {
    "access_log": None,  # its lines would hold the addresses of pages
    "auto_decompress": False,  # no browser packs a form; a bomb would be unpacked
    "lingering_time": 2.0,  # seconds to read on after a refused form, so that the browser sees the answer
}
"""For ``web.AppRunner(app, **SERVER_OPTIONS)``."""


async def listen(app: web.Application, host: str, port: int) -> Listener:
    """Serve ``app`` on ``host``:``port`` behind its doors. Raises OSError."""
    loop = asyncio.get_running_loop()
    runner = web.AppRunner(app, **SERVER_OPTIONS)
    await runner.setup()

    def protocol() -> asyncio.Protocol:
        assert runner.server is not None
        return _Protocol(runner.server, loop=loop, **SERVER_OPTIONS)

    return Listener(runner, await loop.create_server(app[DOORS].guard(protocol), host, port))


class _Protocol(web.RequestHandler):
    """aiohttp's protocol, without its answer to what is no HTTP: that quotes all of it, and so does its log line."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to a request that cannot be read (4xx), or whose answer failed."""
        if status >= 500 or request.writer.output_size > 0:
            return super().handle_error(request, status, exc, message)
        answer = web.Response(status=status, headers={hdrs.SERVER: "mailbot"})
        answer.force_close()
        return answer


@dataclass(frozen=True, slots=True)
class Listener:
    """The open web port."""

    runner: web.AppRunner
    server: asyncio.Server

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        found: tuple[str, int] = self.server.sockets[0].getsockname()[:2]
        return found

    async def close(self) -> None:
        """Take no more connections, end those that do not ask, finish the requests at hand."""
        self.server.close()
        self.runner.app[DOORS].close()
        await self.runner.cleanup()
