"""The web application: routes, and one Polish page for every failure."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from mailbot.accounts.directory import Directory
from mailbot.config import Settings
from mailbot.errors import TemporaryError
from mailbot.observe import Clock, failure
from mailbot.ruleset.model import Ruleset
from mailbot.secret import Secret
from mailbot.storage.engine import Database
from mailbot.tickets.notice import NoticeWriter
from mailbot.web import health, metrics, security
from mailbot.web.activation import ActivationPage
from mailbot.web.doors import Doors
from mailbot.web.pages import STATIC, Pages

_PHONE, _PORTAL = "33 483 20 55", "https://puesc.gov.pl"  # seed 001; use_rules may say otherwise
_PAGES = web.AppKey("pages", Pages)
_ACTIVATION = web.AppKey("activation", ActivationPage)
DOORS = web.AppKey("doors", Doors)

SERVER_OPTIONS: dict[str, Any] = {
    "access_log": None,  # its lines would hold the links
    "auto_decompress": False,  # no browser packs a form; a bomb would be unpacked
    "lingering_time": 2.0,  # seconds to read on after a refused form, so that the browser sees the answer
}
"""For ``web.AppRunner(app, **SERVER_OPTIONS)``."""


def build(
    settings: Settings,
    database: Database,
    directory: Directory,
    secret: Secret,
    notice: NoticeWriter,
    clock: Clock,
    ailing: health.Ailing = health.nothing_ails,
) -> web.Application:
    """The application. ``ailing``: what /readyz is to know of the rest of the process."""
    pages = Pages(_PHONE, _PORTAL, settings.web.public_url)
    doors = Doors(settings.web)
    app = web.Application(middlewares=[doors.middleware, _failures(pages)], client_max_size=security.BODY_LIMIT)
    app[DOORS] = doors
    security.add_headers(app, behind_tls=settings.web.behind_tls)
    csrf = security.Csrf(secret, secure=settings.web.behind_tls)
    limiter = security.Limiter(settings.web, clock)
    mailbox = settings.imap.mailbox if settings.imap.host else None
    app.add_routes(health.routes(database, ailing, metrics.audience(settings.web)))
    app.add_routes(metrics.routes(database, settings.web, clock, mailbox))
    app[_PAGES] = pages
    app[_ACTIVATION] = ActivationPage(database, directory, pages, csrf, limiter, notice, clock)
    app.add_routes(app[_ACTIVATION].routes())

    async def style(_request: web.Request) -> web.Response:
        return web.Response(text=pages.style, content_type="text/css", headers={hdrs.CACHE_CONTROL: "max-age=3600"})

    async def entrance(request: web.Request) -> web.Response:
        return pages.notice(200, _reader(pages, request))

    app.router.add_get(STATIC, style)
    app.router.add_get("/", entrance)
    return app


def use_rules(app: web.Application, ruleset: Ruleset, notice: NoticeWriter) -> None:
    """From now on name the telephone and the portal of a rule set, speak its languages, and write its notices."""
    app[_PAGES].use_rules(ruleset.contacts, ruleset.languages)
    app[_ACTIVATION].notice = notice


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


def _reader(pages: Pages, request: web.Request) -> str:
    return pages.language(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))


def _failures(pages: Pages) -> Middleware:
    @web.middleware
    async def failures(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            response = pages.notice(error.status, _reader(pages, request))
            for name in (hdrs.ALLOW, hdrs.RETRY_AFTER):
                if name in error.headers:
                    response.headers[name] = error.headers[name]
            return response
        except TemporaryError as error:
            failure("web.failure", error)  # its reason may quote a statement with values, a password's hash among them
            response = pages.notice(503, _reader(pages, request))
            response.headers[hdrs.RETRY_AFTER] = "60"
            return response
        except (ConnectionError, web.RequestPayloadError):  # the client went, or its form is no HTTP
            return pages.notice(400, _reader(pages, request))
        except Exception as error:
            failure("web.failure", error)  # without the address: it holds the link
            return pages.notice(500, _reader(pages, request))

    return failures
