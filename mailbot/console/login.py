"""The pages of the way in: password, second factor or recovery code, first login with QR code, and the way out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from aiohttp import web
from markupsafe import Markup

from mailbot.console import app, words
from mailbot.console.account import AccountPages
from mailbot.console.entry import LoginGuard, go_on, rules
from mailbot.console.pages import reader
from mailbot.console.session import (
    CODE,
    ENROL,
    LOGIN,
    LOGOUT,
    OIDC,
    SESSION,
    TOKEN,
    Late,
    SessionGate,
    local,
    nothing_kept,
    onward,
)
from mailbot.console.shell import ConsoleContext
from mailbot.http.guards import Csrf
from mailbot.observe import log_event
from mailbot.operators import factors, login, people
from mailbot.operators.sessions import LoginStage, Session

_FORM = "login"
"""What the form of the first page is called in its CSRF field: there is no session yet that it could belong to."""


def build(desk: ConsoleContext, late: Late = nothing_kept) -> web.Application:
    """The console behind its login. ``late``: see session.SessionGate."""
    gate = SessionGate(desk, late)
    entry = LoginGuard(desk, gate)
    routes = [*LoginPages(entry).routes(), *AccountPages(entry).routes()]
    if desk.settings.oidc.issuer:
        from mailbot.console.oidc import OidcPages  # its libraries are a hundred modules

        routes += OidcPages(entry).routes()
    return app.build(desk, gate.middleware, routes)


class LoginPages:
    """Handlers of /login…; what is wrong is said in one sentence that does not tell a name from a password."""

    def __init__(self, entry: LoginGuard) -> None:
        self._entry, self._desk, self._gate, self._pages = entry, entry.desk, entry.gate, entry.desk.pages
        self._csrf = Csrf(self._desk.secret, secure=self._desk.settings.console.behind_tls, name="desk-form")

    def routes(self) -> Iterable[web.RouteDef]:
        """GET shows, POST goes on."""
        return (
            web.get(LOGIN, self.show),
            web.post(LOGIN, self.password),
            web.get(CODE, self.show_code),
            web.post(CODE, self.code),
            web.get(ENROL, self.show_enrol),
            web.post(ENROL, self.enrol),
            web.post(LOGOUT, self.logout),
        )

    async def show(self, request: web.Request) -> web.Response:
        """The first page, or straight on for whoever is in."""
        session = request.get(SESSION)
        if session is not None and session.stage is LoginStage.FULL:
            return go_on(_next(request.query))
        return self._first(request, _next(request.query))

    async def password(self, request: web.Request) -> web.Response:
        """Judge name and password."""
        form = await self._entry.form(request)
        where = _next(form)
        if not self._csrf.holds(request, _FORM, form.get("form", "")):
            return self._first(request, where, "login.stale", 403)
        now, policy, key = self._desk.clock(), self._gate.policy, self._desk.secret
        tried, kept = await self._entry.tried(form.get("name", ""), form.get("password", ""), now)
        token, before = None, request.get(TOKEN, "")
        if kept is not None:
            token = await self._desk.database.write(lambda c: login.enter(c, tried, kept, now, policy, key, before))
        if token is None:
            await self._entry.refuse(None if tried.row is None else tried.row["id"], now)
            return self._first(request, where, "login.wrong", 403, form.get("name", ""))
        assert tried.row is not None
        response = go_on(onward(ENROL if tried.row["state"] == people.INVITED else CODE, where))
        self._gate.give(response, token)
        return response

    async def show_code(self, request: web.Request) -> web.Response:
        """The second page."""
        if _stage(request) is not LoginStage.SECOND:
            return go_on(onward(LOGIN, _next(request.query)))
        return self._pages.page(request, "login_code.html", where=_next(request.query), wrong="")

    async def code(self, request: web.Request) -> web.Response:
        """Judge the second factor."""
        form = await self._entry.form(request)
        where = _next(form)
        if _stage(request) is not LoginStage.SECOND:
            return go_on(onward(LOGIN, where))
        session, now, key = request[SESSION], self._desk.clock(), self._desk.secret
        token = await self._desk.database.write(
            lambda c: login.confirm(c, session, request[TOKEN], form.get("code", ""), now, self._gate.policy, key)
        )
        if token is None:
            await self._entry.refuse(session.operator.id, now)
            return self._pages.page(request, "login_code.html", 403, where=where, wrong="login.wrong-code")
        log_event("console-login", operator=session.operator.id)
        response = go_on(where)
        self._gate.give(response, token)
        return response

    async def show_enrol(self, request: web.Request) -> web.Response:
        """The first login: a password of one's own, and the QR code."""
        if _stage(request) is not LoginStage.ENROL:
            return go_on(onward(LOGIN, _next(request.query)))
        return await self._enrolment(request, _next(request.query))

    async def enrol(self, request: web.Request) -> web.Response:
        """Take password and second factor; the answer shows the recovery codes, once."""
        form = await self._entry.form(request)
        where = _next(form)
        if _stage(request) is not LoginStage.ENROL:
            return go_on(onward(LOGIN, where))
        session, now, key = request[SESSION], self._desk.clock(), self._desk.secret
        if broken := self._entry.problems(request, form, session.operator):
            return await self._enrolment(request, where, broken, 422)
        kept = await self._entry.hashed(form["password"])
        done = await self._desk.database.write(
            lambda c: login.enrol(c, session, request[TOKEN], kept, form.get("code", ""), now, self._gate.policy, key)
        )
        if done is None:
            wrong = words.say(reader(request), "login.wrong-code")
            return await self._enrolment(request, where, [wrong], 422)
        token, codes = done
        response = self._pages.page(request, "login_codes.html", where=where, codes=codes)
        self._gate.give(response, token)
        return response

    async def logout(self, request: web.Request) -> web.Response:
        """End the session."""
        session, now = request[SESSION], self._desk.clock()
        await self._desk.database.write(lambda c: login.leave(c, session, request[TOKEN], now))
        response = go_on(LOGIN)
        self._gate.take(response)
        return response

    def _first(
        self, request: web.Request, where: str, wrong: str = "", status: int = 200, name: str = ""
    ) -> web.Response:
        nonce = self._csrf.nonce(request)
        oidc = self._desk.settings.oidc
        values = {"where": where, "wrong": wrong, "name": name, "form": self._csrf.field(nonce, _FORM)}
        values |= {"provider": oidc.label if oidc.issuer else "", "oidc": onward(OIDC, where)}
        response = self._pages.page(request, "login.html", status, **values)
        self._csrf.give(response, nonce)
        return response

    async def _enrolment(
        self, request: web.Request, where: str, broken: Sequence[str] = (), status: int = 200
    ) -> web.Response:
        who = request[SESSION].operator
        sealed = await self._desk.database.read(lambda c: people.sealed_totp(c, who.id))
        base32 = factors.opened(self._desk.secret, who.id, sealed)
        return self._pages.page(
            request,
            "login_enrol.html",
            status,
            where=where,
            broken=broken,
            rules=rules(request),
            picture=Markup(factors.picture(base32, who.name)),  # noqa: S704 - made by segno of letters and digits
            secret=" ".join(base32[n : n + 4] for n in range(0, len(base32), 4)),
            name=who.name,
        )


def _stage(request: web.Request) -> LoginStage | None:
    session: Session | None = request.get(SESSION)
    return None if session is None else session.stage


def _next(given: Mapping[str, str]) -> str:
    return local(given.get("next", "/"))
