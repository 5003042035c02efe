"""The actions: one effect for one Idempotency-Key, on the version that was seen, by the desk's own rules."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from sqlalchemy import Connection, delete, insert, select

from mailbot.api import answers, problems, shapes, strict
from mailbot.api.context import TOKEN, ApiContext
from mailbot.api.problems import RequestRefused
from mailbot.audit import chain
from mailbot.desk.perform import Done
from mailbot.desk.plan import Refusal
from mailbot.desk.requests import REQUESTS, Action
from mailbot.model import Operator
from mailbot.storage import personal
from mailbot.storage.tokens import api_answer
from mailbot.tickets import number

REMEMBERED = timedelta(days=1)
"""For so long a request that comes again under its key is answered as it was."""
WITHOUT = frozenset({"version"})
"""Of a request of the desk: it comes as If-Match."""

_KEY = re.compile(r'"?([\x21\x23-\x5b\x5d-\x7e]{8,200})"?')
_NEVER = -1
"""The version that a weak tag names, or that of a masked ticket: such never match (RFC 9110 §13.1.1)."""
_TAGS = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')  # RFC 9110 §8.8.3
_TAG = re.compile(r'"([0-9]{1,18})-[0-9a-f]{8}"')


async def act(api: ApiContext, request: web.Request, action: Action) -> tuple[Mapping[str, Any], bool]:
    """Do it. Returns what was done (answers.Acted as JSON), and whether that was before now."""
    operator, zgl = request[TOKEN], request.match_info["number"].upper()
    key, tag = _key(request), _tag(request, action)
    body = await _body(request)
    asked = _request(action, tag, body)
    digest = chain.digest_of([zgl, action.value, tag, body])
    now = api.clock()

    def write(connection: Connection) -> tuple[Mapping[str, Any], bool] | RequestRefused:
        number.lock(connection, api.settings.tickets.start)  # the same key at once: one after the other
        before = _answered(connection, operator, key, personal.forms(api.secret, digest), now)
        if before is not None:
            return before if isinstance(before, RequestRefused) else (before, True)
        found = api.seen(connection, zgl, operator)
        stale = tag is not None and tag != api.tag(connection, found.version)
        if stale and (action is Action.STOP or asked.version in (_NEVER, found.version)):  # the desk would do it
            return RequestRefused(412, "changed", "If-Match: is not the etag of the ticket; read it again")
        done = api.desk.perform(connection, zgl, operator, asked, now)
        if isinstance(done, Refusal):
            return problems.refusal(done, operator)
        answer: Mapping[str, Any] = shapes.written(_acted(done, api.tag(connection, done.version)))
        row = {"actor": operator.name, "key": key, "answer": answer, "at": now}
        row["request"] = personal.kept(api.secret, digest)
        connection.execute(insert(api_answer).values(row))
        return answer, False

    found = await api.database.write(write)
    if isinstance(found, RequestRefused):
        raise found
    return found


def _answered(
    connection: Connection, operator: Operator, key: str, told: Collection[str], now: datetime
) -> Mapping[str, Any] | RequestRefused | None:
    """What was answered under the key; None: nothing was done under it."""
    a = api_answer.c
    connection.execute(delete(api_answer).where(a.at < now - REMEMBERED))
    row = connection.execute(select(a.request, a.answer).where(a.actor == operator.name, a.key == key)).first()
    if row is None:
        return None
    if row.request not in told:
        return RequestRefused(422, "key-used", "Idempotency-Key: another request was made with it; make a new one")
    answer: Mapping[str, Any] = row.answer
    return answer


def _acted(done: Done, tag: str) -> answers.Acted:
    plan = done.plan
    return answers.Acted(
        number=done.number,
        action=plan.action,
        version=done.version,
        etag=tag,
        event=plan.event,
        state=plan.state,
        desk=plan.desk,
        owner=plan.owner,
        mails=done.mails,
        told=dict(done.told),
    )


def _key(request: web.Request) -> str:
    sent = request.headers.getall("Idempotency-Key", [])
    found = _KEY.fullmatch(sent[0]) if len(sent) == 1 else None
    if found is None:
        told = "Idempotency-Key: send one, of 8 to 200 visible characters, and the same again when you ask again"
        raise RequestRefused(400, "key", told, [("Idempotency-Key", "8 to 200 visible characters")])
    return hashlib.sha256(found[1].encode()).hexdigest()


def _tag(request: web.Request, action: Action) -> str | None:
    """The tag of the ticket as it was seen; None: who stops a ticket overwrites nothing, and need not have looked."""
    sent = request.headers.getall("If-Match", [])
    if not sent and action is Action.STOP:
        return None
    if not sent or sent == ["*"]:
        told = "If-Match: send the etag of the ticket as you saw it"
        raise RequestRefused(428, "if-match", told, [("If-Match", "is missing")])
    if len(sent) > 1 or not _TAGS.fullmatch(sent[0].strip()):
        raise RequestRefused(
            400, "if-match", "If-Match: send one etag, in its quotes", [("If-Match", "is no entity tag")]
        )
    return sent[0].strip()


async def _body(request: web.Request) -> Any:
    if request.content_type != "application/json" or request.headers.get("Content-Encoding", "identity") != "identity":
        raise web.HTTPUnsupportedMediaType
    try:
        return strict.parse(await request.read())
    except strict.NoJson as error:
        raise RequestRefused(400, "json", f"the body: {error}", [("", str(error))]) from error


def _request(action: Action, tag: str | None, body: Any) -> Any:
    wrong: shapes.FieldMistakes = []
    kind = REQUESTS[action]
    values = shapes.values_of(kind, body, "", wrong, WITHOUT)
    if wrong:
        raise RequestRefused(422, "body", "the body does not fit: see errors", wrong)
    found = _TAG.fullmatch(tag or "")
    return kind(version=int(found[1]) if found else _NEVER, **values)
