"""Problem details (RFC 9457): every answer that is no success, in words that may be told to another system."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from mailbot.api.context import TOKEN
from mailbot.api.shapes import FieldMistakes, written
from mailbot.desk.plan import Refusal
from mailbot.desk.refusals import sentence
from mailbot.desk.sight import masked, shown
from mailbot.model import Operator

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One place of a request. pointer: into the body (RFC 6901), or the name of a parameter or field."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Since:
    """What others did meanwhile."""

    event: int
    at: str
    kind: str
    by: str | None


@dataclass(frozen=True, slots=True)
class Problem:
    """type is always about:blank: status and code say what is wrong (RFC 9457 §4.2.1). code: of a refusal of the
    desk, or of the API; detail: in the language of the token."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: tuple[Mistake, ...]
    since: tuple[Since, ...]


class RequestRefused(Exception):
    """Ends a request with a problem."""

    def __init__(
        self, status: int, code: str, detail: str, wrong: FieldMistakes | None = None, since: Sequence[Since] = ()
    ):
        super().__init__(code)
        self.status, self.code, self.detail, self.wrong, self.since = status, code, detail, wrong or [], since

    def response(self) -> web.Response:
        """The answer."""
        return problem(self.status, self.code, self.detail, self.wrong, self.since)


_DETAILS = {
    400: ("bad-request", "this cannot be read as a request"),
    401: ("no-token", "send a token: Authorization: Bearer …"),
    403: ("role", "the role of this token does not allow it"),
    404: ("not-found", "there is nothing here for this token"),
    405: ("method", "not by this method; Allow names those there are"),
    413: ("too-large", "the body is too large"),
    415: ("media-type", "send application/json, packed in nothing"),
    429: ("too-many", "too many refused tokens; wait"),
    503: ("unavailable", "cannot be answered just now; ask again later, with the same Idempotency-Key"),
}

_FOR_PERSONS = frozenset({"role", "desk", "supervisor", "no-person"})
_IN_THE_BODY = frozenset(
    {
        *("reason", "too-long", "colleague", "no-desk", "empty", "no-template", "template", "template-alone"),
        *("no-defect", "which-data", "no-ticket", "no-letter", "no-mail", "file-type", "files-limit"),
        *("text-invisible", "text-secret", "text-contact", "text-ticket"),
    }
)
"""Refusals that another body would not meet; the others are about the ticket as it is."""


def problem(
    status: int, code: str, detail: str, wrong: FieldMistakes | None = None, since: Sequence[Since] = ()
) -> web.Response:
    """The answer. ``detail``: for anybody who may ask."""
    mistakes = tuple(Mistake(*one) for one in (wrong or [])[:20])
    found = Problem("about:blank", HTTPStatus(status).phrase, status, code, detail, mistakes, tuple(since))
    return web.Response(status=status, body=json.dumps(written(found)).encode(), content_type=CONTENT_TYPE)


def notice(status: int, _request: web.Request) -> web.Response:
    """What goes wrong without more to say about it."""
    code, detail = _DETAILS.get(status, _DETAILS[400] if status < 500 else ("failure", "this failed; it was logged"))
    return problem(status, code, detail)


def refusal(why: Refusal, operator: Operator) -> RequestRefused:
    """What the desk does not do, in its own words: 412 when the ticket is another by now, 403 when it is for others,
    422 when the body is at fault, 409 when the ticket is."""
    if why.code == "changed":
        status = 412
    elif why.code in _FOR_PERSONS:
        status = 403
    else:
        status = 422 if why.code in _IN_THE_BODY else 409
    told = shown(masked(operator), sentence(why, operator.language))
    since = [Since(one.id, written(one.at), one.kind, one.by or None) for one in why.since]
    return RequestRefused(status, why.code, told, since=since)


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns RequestRefused into its answer."""
    try:
        return await handler(request)
    except RequestRefused as refused:
        answer = refused.response()
        if refused.status == 403 and TOKEN in request:
            answer.headers[hdrs.WWW_AUTHENTICATE] = 'Bearer realm="mailbot", error="insufficient_scope"'
        return answer
