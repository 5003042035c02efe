"""The gate of the console: who asks, by the session behind the cookie, and whether a form is theirs.

Without a full session nothing is open but the login. Whoever must log in (again) comes back to where they were.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable
from urllib.parse import quote, unquote, urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from mailbot.console.forms import PostedForm
from mailbot.console.pages import CSRF, OPERATOR
from mailbot.console.shell import ConsoleContext
from mailbot.http.guards import cookie
from mailbot.model import Operator
from mailbot.operators import login, sessions
from mailbot.operators.sessions import LoginStage, Session

SESSION = web.RequestKey("session", Session)
"""Of any stage."""
TOKEN = web.RequestKey("token", str)
"""What the browser holds of it."""

LOGIN, OIDC, CODE, ENROL, LOGOUT, ACCOUNT = (
    "/login",
    "/login/oidc",
    "/login/code",
    "/login/enrol",
    "/logout",
    "/account",
)
_DOORS = {LoginStage.SECOND: CODE, LoginStage.ENROL: ENROL}
UNATTENDED = "Desk-Unattended"
"""Header of what a page asks of itself: it keeps nobody logged in."""
_SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})
_LOCAL = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
_LONGEST_PATH = 2000

Late = Callable[[web.Request, Operator], Awaitable[str]]
"""Keeps what a person sent whose session had ended, and says where to go on after the login."""


async def nothing_kept(request: web.Request, _operator: Operator) -> str:
    """Only the place is remembered."""
    return request.path


class SessionGate:
    """Finds the session of each request; a form must be of it (the first one, of the login, has a guard of its own).
    ``late``: what becomes of a form that came after the end of its session."""

    def __init__(self, desk: ConsoleContext, late: Late = nothing_kept) -> None:
        self.policy = login.policy(desk.settings.console)
        self._desk = desk
        self._late = late
        self._secure = desk.settings.console.behind_tls
        self._cookie = cookie("desk", secure=self._secure)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Sets OPERATOR and CSRF, or leads to the login."""
        if request.path.startswith("/static/"):
            return await handler(request)
        token = request.cookies.get(self._cookie, "")
        session = await self._find(token, attended=UNATTENDED not in request.headers) if token else None
        if session is not None:
            request[SESSION], request[TOKEN] = session, token
            request[CSRF] = sessions.csrf(self._desk.secret, token)
            if session.stage is LoginStage.FULL:
                request[OPERATOR] = session.operator
            if request.method not in _SAFE and request.path != LOGIN and not await self._holds(request, request[CSRF]):
                raise web.HTTPForbidden
        if OPERATOR in request or _is_login(request.path):
            return await handler(request)
        return await self._to_login(request, token, session)

    def give(self, response: web.StreamResponse, token: str) -> None:
        """Set the cookie, until the browser ends: Strict, so that no other site's link or form carries it."""
        response.set_cookie(self._cookie, token, path="/", secure=self._secure, httponly=True, samesite="Strict")

    def take(self, response: web.StreamResponse) -> None:
        """Take the cookie away."""
        response.del_cookie(self._cookie, path="/", secure=self._secure, httponly=True, samesite="Strict")

    async def _find(self, token: str, *, attended: bool) -> Session | None:
        database, now, limits = self._desk.database, self._desk.clock(), self.policy.limits
        session = await database.read(lambda c: sessions.find(c, token, now, limits))
        if session is not None and attended and sessions.is_due(session, now):
            await database.write(lambda c: sessions.seen(c, session, now))
        return session

    async def _holds(self, request: web.Request, csrf: str) -> bool:
        sent = (await form_of(request)).get("csrf", "")
        return isinstance(sent, str) and hmac.compare_digest(sent.encode(), csrf.encode())

    async def _to_login(self, request: web.Request, token: str, session: Session | None) -> web.Response:
        where = _page(request) or (request.path_qs if request.method in _SAFE else request.path)
        if session is None and request.method not in _SAFE and token:
            where = await self._kept(request, token)
        place = onward(_DOORS[session.stage] if session is not None else LOGIN, where)
        if "HX-Request" in request.headers:  # a part of a page must not become the login
            return web.Response(status=401, headers={"HX-Redirect": place})
        return web.Response(status=303, headers={hdrs.LOCATION: place})

    async def _kept(self, request: web.Request, token: str) -> str:
        """A form of a session that has ended by itself is still that person's: the cookie and the field say so."""
        operator = await self._desk.database.read(lambda c: sessions.past(c, token))
        if operator is None or not await self._holds(request, sessions.csrf(self._desk.secret, token)):
            return request.path
        return await self._late(request, operator)


async def form_of(request: web.Request) -> PostedForm:
    """The fields of a form. Raises HTTPBadRequest when it is none, HTTPRequestEntityTooLarge."""
    try:
        form = await request.post()
        for text in (*form, *(value for value in form.values() if isinstance(value, str))):
            text.encode()  # a charset may bring half a surrogate pair, which is no text
    except (ValueError, LookupError) as error:  # no UTF-8, no multipart, a charset that nobody knows
        raise web.HTTPBadRequest from error
    return form


def _page(request: web.Request) -> str:
    """Where the person stands when a page asks for a part of itself; "" for a whole page."""
    try:
        found = urlsplit(request.headers.get("HX-Current-URL", ""))
    except ValueError:  # anybody may write anything there
        return ""
    return local(f"{found.path}?{found.query}" if found.query else found.path) if found.path else ""


def _is_login(path: str) -> bool:
    return path == LOGIN or path.startswith(LOGIN + "/")


def onward(door: str, where: str) -> str:
    """``door`` with the place to go on to behind it."""
    return door if local(where) == "/" else f"{door}?next={quote(where, safe='')}"


def local(where: str) -> str:
    """``where`` when it is a place of ours, else the entrance: never another host (``//``, a backslash, a scheme), no
    character that ends a header, not the login itself."""
    again = _is_login(unquote(where).partition("?")[0]) or where.startswith(LOGOUT)
    return where if _LOCAL.fullmatch(where) and len(where) <= _LONGEST_PATH and not again else "/"
