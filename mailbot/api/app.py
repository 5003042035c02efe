"""The API: the application, made from the table of its operations."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from multidict import MultiMapping

from mailbot.api import acting, problems, schema, shapes, tickets
from mailbot.api.context import API, TOKEN, ApiContext
from mailbot.api.gate import TokenGate
from mailbot.api.problems import RequestRefused
from mailbot.api.table import OPERATIONS, Operation
from mailbot.desk import letters
from mailbot.http.doors import Doors
from mailbot.http.failures import failures
from mailbot.http.headers import add_headers
from mailbot.http.listener import DOORS

BODY_LIMIT = letters.OCTETS * 4 // 3 + 65_536
"""Octets of a body: the files of a mail in base64, and the words around them."""
CONTENT_POLICY = "default-src 'none'; frame-ancestors 'none'"

_NUMBER = "{number:[A-Za-z]{3}[0-9]{7,12}}"

Endpoint = Callable[[ApiContext, web.Request], Awaitable[Any]]
_READS: Mapping[str, Endpoint] = {
    "events": tickets.history,
    "correspondence": tickets.correspondence,
    "actions": tickets.possible,
}


def build(api: ApiContext) -> web.Application:
    """The application over ``api``."""
    doors = Doors(api.settings.api)
    told = failures(problems.notice, "api.failure")
    app = web.Application(
        middlewares=[doors.middleware, told, problems.refusals, TokenGate(api).middleware], client_max_size=BODY_LIMIT
    )
    app[DOORS], app[API] = doors, api
    add_headers(app, CONTENT_POLICY, behind_tls=api.settings.api.behind_tls)
    for one in OPERATIONS:
        app.router.add_route(one.method, one.path.replace("{number}", _NUMBER), _handler(api, one))
    return app


def _handler(api: ApiContext, one: Operation) -> Handler:
    answer = _answer(api, one)

    async def handle(request: web.Request) -> web.StreamResponse:
        if not request[TOKEN].roles & one.roles:
            raise RequestRefused(403, "role", "the role of this token does not allow it")
        if one.query is None and request.query:
            raise RequestRefused(400, "parameter", "there are no parameters here")
        return await answer(request)

    return handle


def _answer(api: ApiContext, one: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def document(_request: web.Request) -> web.Response:
        return web.Response(body=schema.text().encode(), content_type="application/json")

    async def listed(request: web.Request) -> web.Response:
        return _json(await tickets.listed(api, request, _query(request.query)))

    async def ticket(request: web.Request) -> web.Response:
        found, tag = await tickets.one(api, request)
        answer = web.Response(status=304) if tickets.unchanged(request, tag) else _json(found)
        answer.headers[hdrs.ETAG] = tag
        answer.headers[hdrs.VARY] = hdrs.AUTHORIZATION
        return answer

    async def read(request: web.Request) -> web.Response:
        return _json(await _READS[one.name](api, request))

    async def act(request: web.Request) -> web.Response:
        assert one.action is not None
        done, again = await acting.act(api, request, one.action)
        answer = _json(done)
        if again:
            answer.headers["Idempotent-Replayed"] = "true"
        return answer

    if one.action is not None:
        return act
    return {"schema": document, "tickets": listed, "ticket": ticket}.get(one.name, read)


def _json(value: Any) -> web.Response:
    octets = json.dumps(shapes.written(value), ensure_ascii=False).encode()
    return web.Response(body=octets, content_type="application/json")


def _query(sent: MultiMapping[str]) -> tickets.Listing:
    """The parameters of the list. Raises RequestRefused."""
    wrong: shapes.FieldMistakes = [(name[:40], "is there twice") for name in sent if len(sent.getall(name)) > 1]
    given: dict[str, Any] = dict(sent.items())
    if (limit := given.get("limit", "")).isascii() and limit.isdigit() and len(limit) < 10:
        given["limit"] = int(limit)
    found = shapes.values_of(tickets.Listing, given, "", wrong)
    if wrong:
        raise RequestRefused(400, "parameter", "the parameters do not fit: see errors", wrong)
    return tickets.Listing(**found)
