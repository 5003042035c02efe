"""The REST API over a bench, and other systems that ask it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import Engine

from mailbot.api.app import build
from mailbot.api.context import ApiContext
from mailbot.http.listener import SERVER_OPTIONS
from mailbot.model import Role
from mailbot.operators import tokens
from mailbot.storage.database import Database
from tests.bench_desk import Bench

NUMBER = "ZGL0000001"
HERE = f"/api/v1/tickets/{NUMBER}"


@dataclass
class Answer:
    """What came back: "json" is None where there is none."""

    status: int
    headers: Any
    octets: bytes
    json: Any = None

    @property
    def code(self) -> str:
        """Of a problem."""
        return str(self.json["code"])


@dataclass
class System:
    """Another system, with its token."""

    client: TestClient[web.Request, web.Application]
    token: str = ""
    keys: Any = field(default_factory=count)

    async def ask(self, method: str, path: str, **more: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= more.pop("headers", {})
        answer = await self.client.request(method, path, headers=headers, allow_redirects=False, **more)
        octets = await answer.read()
        is_json = octets and answer.content_type.endswith("json")
        return Answer(answer.status, answer.headers, octets, json.loads(octets) if is_json else None)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, headers=headers)

    async def act(
        self, action: str, body: Any = None, *, tag: str | None = "", key: str = "", number: str = NUMBER
    ) -> Answer:
        """Do it on the ticket as it is now, unless ``tag`` says otherwise; None: without."""
        if tag == "":
            seen = await self.get(f"/api/v1/tickets/{number}")
            tag = seen.json["etag"] if seen.status == 200 else '"0"'
        headers = {"Idempotency-Key": key or f"key-{next(self.keys):08}", "Content-Type": "application/json"}
        headers |= {} if tag is None else {"If-Match": tag}
        sent = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        return await self.ask("POST", f"/api/v1/tickets/{number}/actions/{action}", headers=headers, data=sent)


@dataclass
class Served:
    """A running API over a bench."""

    bench: Bench
    client: TestClient[web.Request, web.Application]
    context: ApiContext

    def token(self, name: str, *roles: Role, desks: tuple[str, ...] = (), days: int = 30) -> str:
        with self.bench.engine.begin() as connection:
            now = self.bench.clock()
            return tokens.add(connection, "shell:root", name, roles, desks, "en", days, now)

    def system(self, name: str = "csd", *roles: Role, desks: tuple[str, ...] = ()) -> System:
        return System(self.client, self.token(name, *(roles or (Role.CONSULTANT,)), desks=desks))


@asynccontextmanager
async def serving(engine: Engine) -> AsyncIterator[Served]:
    """``engine``: over empty tables."""
    bench, database = Bench(engine, fill=True), Database(engine)
    context = ApiContext(bench.flow.settings, database, bench.clock, bench.flow)
    server = TestServer(build(context))
    await server.start_server(**SERVER_OPTIONS)
    async with TestClient(server) as client:
        yield Served(bench, client, context)
    await database.close()
