"""The web application: routes, and one Polish page for every failure."""

from __future__ import annotations

import logging
from typing import Any

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from mailbot.accounts.directory import Directory
from mailbot.config import Settings
from mailbot.errors import TemporaryError
from mailbot.observe import Clock, log, step
from mailbot.ruleset.model import Contacts
from mailbot.ruleset.texts import MAIN_PHONE
from mailbot.secret import Secret
from mailbot.storage.engine import Database
from mailbot.tickets.notice import Notice
from mailbot.web import health, metrics, security
from mailbot.web.activation import ActivationPage
from mailbot.web.pages import STATIC, Pages

_PHONE, _PORTAL = "33 483 20 55", "https://puesc.gov.pl"  # seed 001; use_rules may say otherwise
_PAGES = web.AppKey("pages", Pages)
_ACTIVATION = web.AppKey("activation", ActivationPage)

SERVER_OPTIONS: dict[str, Any] = {
    "access_log": None,  # its lines would hold the links
    "auto_decompress": False,  # no browser packs a form; a bomb would be unpacked
}
"""For ``web.AppRunner(app, **SERVER_OPTIONS)``."""


def build(
    settings: Settings,
    database: Database,
    directory: Directory,
    secret: Secret,
    notice: Notice,
    clock: Clock,
) -> web.Application:
    """The application."""
    pages = Pages(_PHONE, _PORTAL, settings.web.public_url)
    app = web.Application(middlewares=[_failures(pages)], client_max_size=security.BODY_LIMIT)
    security.add_headers(app, behind_tls=settings.web.behind_tls)
    csrf = security.Csrf(secret, secure=settings.web.behind_tls)
    limiter = security.Limiter(settings.web, clock)
    app.add_routes(health.routes(database))
    app.add_routes(metrics.routes(database, settings.web, clock))
    app[_PAGES] = pages
    app[_ACTIVATION] = ActivationPage(database, directory, pages, csrf, limiter, notice, clock)
    app.add_routes(app[_ACTIVATION].routes())

    async def style(_request: web.Request) -> web.Response:
        return web.Response(text=pages.style, content_type="text/css", headers={hdrs.CACHE_CONTROL: "max-age=3600"})

    async def entrance(_request: web.Request) -> web.Response:
        return pages.notice(200)

    app.router.add_get(STATIC, style)
    app.router.add_get("/", entrance)
    return app


def use_rules(app: web.Application, contacts: Contacts, notice: Notice) -> None:
    """From now on name the telephone and the portal of a rule set, and write its notices."""
    app[_PAGES].use_contacts(contacts.phones[MAIN_PHONE], contacts.portal)
    app[_ACTIVATION].notice = notice


def _failures(pages: Pages) -> Middleware:
    @web.middleware
    async def failures(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            response = pages.notice(error.status)
            for name in (hdrs.ALLOW, hdrs.RETRY_AFTER):
                if name in error.headers:
                    response.headers[name] = error.headers[name]
            return response
        except TemporaryError as error:
            # The reason may quote a statement with its values, the password's hash among them: only kinds are told.
            step("web.failure", level=logging.ERROR, kind=type(error).__name__, cause=type(error.__cause__).__name__)
            response = pages.notice(503)
            response.headers[hdrs.RETRY_AFTER] = "60"
            return response
        except Exception:
            log.exception("web: unexpected failure")  # without the address: it holds the link
            return pages.notice(500)

    return failures
