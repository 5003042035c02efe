"""What operators change of their own: the password, the recovery codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from aiohttp import web

from mailbot.console import words
from mailbot.console.entry import LoginGuard, rules
from mailbot.console.pages import OPERATOR, reader
from mailbot.console.session import ACCOUNT, SESSION
from mailbot.operators import login


class AccountPages:
    """Handlers of /account: each change needs a code of the authenticator, so a browser left open is not enough."""

    def __init__(self, entry: LoginGuard) -> None:
        self._entry, self._desk, self._gate = entry, entry.desk, entry.gate

    def routes(self) -> Iterable[web.RouteDef]:
        """GET shows, POST changes."""
        return (
            web.get(ACCOUNT, self.show),
            web.post(f"{ACCOUNT}/password", self.password),
            web.post(f"{ACCOUNT}/codes", self.codes),
        )

    async def show(self, request: web.Request) -> web.Response:
        """The two forms."""
        return self._page(request)

    async def password(self, request: web.Request) -> web.Response:
        """A new password: the person is logged out everywhere else."""
        form, who, now = await self._entry.form(request), request[OPERATOR], self._desk.clock()
        if broken := self._entry.problems(request, form, who):
            return self._page(request, broken, 422)
        tried, right = await self._entry.tried(who.name, form.get("old", ""), now)
        token = None
        if right is not None:
            kept, session, policy = await self._entry.hashed(form["password"]), request[SESSION], self._gate.policy
            token = await self._desk.database.write(
                lambda c: login.change(c, session, tried, kept, form.get("code", ""), now, policy, self._desk.secret)
            )
        if token is None:
            return await self._wrong(request, "account.wrong", now)
        response = self._desk.pages.page(request, "account_done.html", codes=())
        self._gate.give(response, token)
        return response

    async def codes(self, request: web.Request) -> web.Response:
        """New recovery codes, shown once."""
        form, session, now = await self._entry.form(request), request[SESSION], self._desk.clock()
        codes = await self._desk.database.write(
            lambda c: login.renew_codes(c, session, form.get("code", ""), now, self._gate.policy, self._desk.secret)
        )
        if codes is None:
            return await self._wrong(request, "login.wrong-code", now)
        return self._desk.pages.page(request, "account_done.html", codes=codes)

    async def _wrong(self, request: web.Request, key: str, now: datetime) -> web.Response:
        await self._entry.refuse(request[OPERATOR].id, now)
        return self._page(request, [words.say(reader(request), key)], 403)

    def _page(self, request: web.Request, broken: Sequence[str] = (), status: int = 200) -> web.Response:
        values: Mapping[str, object] = {"broken": broken, "rules": rules(request)}
        return self._desk.pages.page(request, "account.html", status, **values)
