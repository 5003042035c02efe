"""The OpenAPI 3.1 document, made from the table of the operations and the types that they read and write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from mailbot import __version__
from mailbot.api import acting, shapes, tickets
from mailbot.api.problems import CONTENT_TYPE, Problem
from mailbot.api.table import ALWAYS, OPERATIONS, Operation
from mailbot.desk.requests import ActionRequest

_SCHEMAS = "#/components/schemas/"
_SAID = {"type": "string"}
_TAG = {"ETag": {"description": "Of the version of the ticket", "required": True, "schema": _SAID}}
_ABOUT = (
    "Reads the tickets that a token sees and asks the desk for what its role may do. What a person alone decides "
    "(an acceptance, who a caller is, what was stopped) is not here. docs/api.md leads through it."
)


@cache
def text() -> str:
    """The document, JSON."""
    return json.dumps(document(), ensure_ascii=False, indent=1) + "\n"


def document() -> dict[str, Any]:
    """The document."""
    kinds: dict[str, type] = {}
    named = _naming(kinds)
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, named)
    problem = {CONTENT_TYPE: {"schema": dict(named(Problem))}}
    statuses = sorted({*ALWAYS, *(status for one in OPERATIONS for status in one.statuses)})
    responses = {str(status): _problem(status, problem) for status in statuses}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mailbot",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "GPL-3.0-or-later", "identifier": "GPL-3.0-or-later"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(kinds, named),
            "responses": responses,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _naming(kinds: dict[str, type]) -> Any:
    def named(kind: type) -> Mapping[str, Any]:
        assert kinds.setdefault(kind.__name__, kind) is kind, f"two shapes are called {kind.__name__}"
        return {"$ref": _SCHEMAS + kind.__name__}

    return named


def _schemas(kinds: dict[str, type], named: Any) -> dict[str, Any]:
    """Those of ``kinds``, and of what they name in turn."""
    found: dict[str, Any] = {}
    while missing := [name for name in kinds if name not in found]:
        for name in missing:
            without = acting.WITHOUT if issubclass(kinds[name], ActionRequest) else frozenset()
            found[name] = shapes.object_of(kinds[name], named, without)
    return dict(sorted(found.items()))


def _operation(one: Operation, named: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "description": "Roles: " + ", ".join(sorted(one.roles)),
        "parameters": _parameters(one, named),
        "responses": {
            "200": _success(one, named),
            **({"304": {"description": "Not Modified", "headers": _TAG}} if one.tagged else {}),
            **{str(s): {"$ref": f"#/components/responses/{s}"} for s in sorted({*ALWAYS, *one.statuses})},
        },
    }
    if one.body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": dict(named(one.body))}}}
    return found


def _success(one: Operation, named: Any) -> dict[str, Any]:
    shape = dict(named(one.answer)) if one.answer is not None else {"type": "object"}
    found: dict[str, Any] = {"description": "OK", "content": {"application/json": {"schema": shape}}}
    if one.tagged:
        found["headers"] = _TAG
    if one.action is not None:
        again = {"description": "true: it was done before, under the same key", "schema": {"const": "true"}}
        found["headers"] = {"Idempotent-Replayed": again}
    return found


def _parameters(one: Operation, named: Any) -> list[dict[str, Any]]:
    found = []
    if "{number}" in one.path:
        number = {**_SAID, "pattern": "^[A-Za-z]{3}[0-9]{7,12}$"}
        found.append({"name": "number", "in": "path", "required": True, "schema": number})
    if one.query is not None:
        for f, hint in shapes.members(one.query):
            asked = shapes.schema(hint, named)
            asked = asked["anyOf"][0] if "anyOf" in asked else asked
            if f.name == "limit":
                asked |= {"minimum": 1, "maximum": tickets.MOST, "default": f.default}
            found.append({"name": f.name, "in": "query", "schema": asked})
    if one.tagged:
        found.append({"name": "If-None-Match", "in": "header", "schema": _SAID})
    if one.action is not None:
        key = {**_SAID, "pattern": "^[!#-\\[\\]-~]{8,200}$"}
        found.append({"name": "Idempotency-Key", "in": "header", "required": True, "schema": key})
        asked = {"name": "If-Match", "in": "header", "schema": _SAID}
        found.append({**asked, "required": 428 in one.statuses})
    return found


def _problem(status: int, content: Mapping[str, Any]) -> dict[str, Any]:
    headers = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}
    found: dict[str, Any] = {"description": HTTPStatus(status).phrase, "content": content}
    if status in headers:
        found["headers"] = {headers[status]: {"required": True, "schema": _SAID}}
    return found
