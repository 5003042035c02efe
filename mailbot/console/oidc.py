"""The way in by OpenID Connect: to the provider, and back."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from aiohttp import hdrs, web
from sqlalchemy import Connection

from mailbot.audit import chain
from mailbot.console.entry import LoginGuard
from mailbot.console.session import LOGIN, OIDC, local
from mailbot.http.guards import cookie
from mailbot.model import Operator, Role
from mailbot.observe import log_event
from mailbot.operators import login, people
from mailbot.operators.oidc import PATIENCE, NotProven, Proven, Provider

BACK = "/login/oidc/back"


class OidcPages:
    """Handlers of /login/oidc…"""

    def __init__(self, entry: LoginGuard) -> None:
        desk = entry.desk
        console = desk.settings.console
        self._entry, self._desk, self._gate = entry, desk, entry.gate
        self._secure = console.behind_tls
        self._cookie = cookie("desk-oidc", secure=self._secure)
        self._provider = Provider(desk.settings.oidc, console.public_url + BACK, desk.secret, desk.clock)

    def routes(self) -> Iterable[web.RouteDef]:
        """Both are links: nothing is changed by them that the cookie does not vouch for."""
        return web.get(OIDC, self.go), web.get(BACK, self.back)

    async def go(self, request: web.Request) -> web.Response:
        """To the provider."""
        await self._entry.admit(request)
        address, kept = await self._provider.begin(local(request.query.get("next", "/")))
        response = web.Response(status=303, headers={hdrs.LOCATION: address})
        # Lax: the provider's redirect back is another site's, which a Strict cookie would not go along with. It opens
        # nothing: it only ends what this browser began.
        response.set_cookie(
            self._cookie,
            kept,
            max_age=int(PATIENCE.total_seconds()),
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="Lax",
        )
        return response

    async def back(self, request: web.Request) -> web.Response:
        """From the provider. The page that follows is ours, and so is the way on from it: a redirect from here would
        still be the provider's, and the session's cookie, Strict, would stay behind."""
        await self._entry.admit(request)
        token, where = None, "/"
        try:
            proven = await self._provider.finish(request.query, request.cookies.get(self._cookie, ""))
            where = local(proven.where)
            token = await self._desk.database.write(lambda c: self._admitted(c, proven))
        except (NotProven, people.OperatorRefused) as error:
            reason = error.reason if isinstance(error, NotProven) else "cannot be made an operator"
            log_event("console-oidc-refused", level=logging.WARNING, reason=reason)
        place = where if token else LOGIN
        response = self._desk.pages.page(
            request, "login_in.html", 200 if token else 403, where=place, refused=token is None
        )
        if token:
            response.headers["Refresh"] = f"0; url={place}"
        response.del_cookie(self._cookie, path="/", secure=self._secure, httponly=True, samesite="Lax")
        if token:
            self._gate.give(response, token)
        return response

    def _admitted(self, connection: Connection, proven: Proven) -> str:
        """Raises NotProven, OperatorRefused."""
        now = self._desk.clock()
        row = people.of_subject(connection, proven.subject)
        if row is None and (role := self._desk.settings.oidc.create_role):
            name = proven.name.partition("@")[0]
            person = Operator(0, name, name, frozenset({Role(role)}), frozenset(), "pl")
            people.add(connection, chain.MACHINE, person, now, proven.subject)
            row = people.of_subject(connection, proven.subject)
        if row is None or row["state"] != people.ACTIVE:
            raise NotProven("nobody here")
        return login.admit(connection, row["id"], now, self._gate.policy, "oidc")
