"""Who asks: a bearer token in the one field for it (RFC 6750 §2.1), never a cookie, a form or a parameter."""

from __future__ import annotations

import re

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from mailbot.api.context import TOKEN, ApiContext
from mailbot.api.problems import problem
from mailbot.http.guards import SharedLimiter
from mailbot.observe import log_event
from mailbot.operators import tokens

_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*) *", re.IGNORECASE)
_REALM = 'Bearer realm="mailbot"'


class TokenGate:
    """Finds the token of each request. Refused ones are counted for each client; a good one is never kept out by the
    wrong ones of a neighbour: nobody guesses 256 bits."""

    def __init__(self, api: ApiContext) -> None:
        self._api = api
        self._limiter = SharedLimiter(api.settings.api, api.clock, api.database, api.secret, "api")

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Sets TOKEN, or answers 401."""
        sent = request.headers.getall(hdrs.AUTHORIZATION, [])
        found = _BEARER.fullmatch(sent[0]) if len(sent) == 1 else None
        if found is None:
            return await self._refused(request, "", "send one token: Authorization: Bearer …")
        database, now = self._api.database, self._api.clock()
        token = found[1]
        row = await database.read(lambda c: tokens.find(c, token, now)) if tokens.may_be(token) else None
        if row is None:
            return await self._refused(request, ', error="invalid_token"', "this token opens nothing: unknown or ended")
        if tokens.is_due(row, now):
            await database.write(lambda c: tokens.seen(c, row["id"], now))
        request[TOKEN] = tokens.of_row(row)
        return await handler(request)

    async def _refused(self, request: web.Request, error: str, told: str) -> web.Response:
        if not await self._limiter.admits(request):
            answer = problem(429, "too-many", "too many refused tokens; wait")
            answer.headers[hdrs.RETRY_AFTER] = "60"
            return answer
        if error:
            log_event("api.refused-token")
        answer = problem(401, "token" if error else "no-token", told)
        answer.headers[hdrs.WWW_AUTHENTICATE] = f"{_REALM}{error}"
        return answer
