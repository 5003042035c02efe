"""The web application: routes, and one Polish page for every failure."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import hdrs, web

from mailbot.accounts.directory import Directory
from mailbot.config import Settings
from mailbot.http import guards
from mailbot.http.doors import Doors
from mailbot.http.failures import failures
from mailbot.http.headers import add_headers
from mailbot.http.listener import DOORS
from mailbot.http.listener import SERVER_OPTIONS as SERVER_OPTIONS
from mailbot.observe import Clock
from mailbot.ruleset.model import Ruleset
from mailbot.secret import Secret
from mailbot.storage.database import Database
from mailbot.tickets.notice import NoticeWriter
from mailbot.web import health, security, watch
from mailbot.web.activation import ActivationPage, Changes
from mailbot.web.pages import STATIC, Pages

_PHONE, _PORTAL = "33 483 20 55", "https://puesc.gov.pl"  # seed 001; use_rules may say otherwise
_PAGES = web.AppKey("pages", Pages)
_ACTIVATION = web.AppKey("activation", ActivationPage)


def build(
    settings: Settings,
    database: Database,
    directory: Directory,
    secret: Secret,
    notice: NoticeWriter,
    clock: Clock,
    ailing: health.Ailing = health.nothing_ails,
    changes: Changes | None = None,
) -> web.Application:
    """The application. ``ailing``: what /readyz is to know of the rest of the process; ``changes``: as of
    ActivationPage."""
    pages = Pages(_PHONE, _PORTAL, settings.web.public_url)
    doors = Doors(settings.web)
    told = failures(lambda status, request: pages.notice(status, _reader(pages, request)), "web.failure")
    app = web.Application(middlewares=[doors.middleware, told], client_max_size=security.BODY_LIMIT)
    app[DOORS] = doors
    add_headers(app, security.CONTENT_POLICY, behind_tls=settings.web.behind_tls)
    csrf = guards.Csrf(secret, secure=settings.web.behind_tls)
    limiter = guards.SharedLimiter(settings.web, clock, database, secret, "activation")
    app.add_routes(watch.routes(settings, database, clock, ailing))
    app[_PAGES] = pages
    app[_ACTIVATION] = ActivationPage(database, directory, pages, csrf, limiter, notice, clock, changes)
    app.add_routes(app[_ACTIVATION].routes())

    async def style(_request: web.Request) -> web.Response:
        return web.Response(text=pages.style, content_type="text/css", headers={hdrs.CACHE_CONTROL: "max-age=3600"})

    async def entrance(request: web.Request) -> web.Response:
        return pages.notice(200, _reader(pages, request))

    app.router.add_get(STATIC, style)
    app.router.add_get("/", entrance)
    return app


def build_health(
    settings: Settings, database: Database, clock: Clock, ailing: health.Ailing = health.nothing_ails
) -> web.Application:
    """The probes and the metrics alone, for a process of any role."""
    few = replace(settings.web, connections=32, connections_per_client=16, trusted_proxy=())
    doors = Doors(few)
    app = web.Application(middlewares=[doors.middleware])
    app[DOORS] = doors
    add_headers(app, security.CONTENT_POLICY, behind_tls=False)
    app.add_routes(watch.routes(settings, database, clock, ailing))
    return app


def use_rules(app: web.Application, ruleset: Ruleset, notice: NoticeWriter) -> None:
    """From now on name the telephone and the portal of a rule set, speak its languages, and write its notices."""
    app[_PAGES].use_rules(ruleset.contacts, ruleset.languages)
    app[_ACTIVATION].notice = notice


def _reader(pages: Pages, request: web.Request) -> str:
    return pages.language(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))
