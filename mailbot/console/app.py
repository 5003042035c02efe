"""The console: the application, and the screens it is made of.

A new screen is one module with a ``SCREEN`` (shell.Screen), a template, a table of words, and its name in SCREENS.
"""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from mailbot.console import audit, case, oversight, rules, telephone, todo
from mailbot.console.pages import OPERATOR, ConsolePages
from mailbot.console.shell import ConsoleContext, Screen, require
from mailbot.http.doors import Doors
from mailbot.http.failures import failures
from mailbot.http.headers import add_headers
from mailbot.http.listener import DOORS

DESK = web.AppKey("desk", ConsoleContext)

SCREENS: tuple[Screen, ...] = (todo.SCREEN, case.SCREEN, telephone.SCREEN, oversight.SCREEN, rules.SCREEN, audit.SCREEN)
"""In the order of the navigation."""

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""No script and no style but from files of ours. data: is for the pictures that the style sheet holds."""


def build(desk: ConsoleContext, gate: Middleware, login: Iterable[web.RouteDef] = ()) -> web.Application:
    """The application over ``desk``. ``gate``: tells who asks (OPERATOR, CSRF), or answers in our place; ``login``: the
    pages that it lets everybody see."""
    doors = Doors(desk.settings.console)
    told = failures(desk.pages.notice, "console.failure")
    app = web.Application(
        middlewares=[doors.middleware, told, gate], client_max_size=desk.settings.console.upload_mb * 2**20
    )
    app[DOORS], app[DESK] = doors, desk
    app.on_cleanup.append(lambda _app: desk.readers.close())
    add_headers(app, CONTENT_POLICY, behind_tls=desk.settings.console.behind_tls)
    desk.pages.navigation = tuple((screen.name, screen.path, screen.roles) for screen in SCREENS if screen.name)
    for screen in SCREENS:
        app.add_routes(_guarded(route, screen) for route in screen.routes(desk))
    app.add_routes(login)
    app.router.add_get("/static/{name:.+}", desk.pages.file)
    app.router.add_get("/", _home(desk.pages))
    return app


def _home(pages: ConsolePages) -> Handler:
    async def home(request: web.Request) -> web.StreamResponse:
        """To the first screen that is for whoever asks."""
        roles = request[OPERATOR].roles
        path = next((path for _, path, allowed in pages.navigation if allowed & roles), None)
        if path is None:
            raise web.HTTPForbidden
        return web.Response(status=303, headers={hdrs.LOCATION: path})

    return home


def _guarded(route: web.RouteDef, screen: Screen) -> web.RouteDef:
    return web.RouteDef(route.method, route.path, require(screen.roles, route.handler), route.kwargs)
