"""A receiver of webhooks that says what it is told to say, and checks each signature by the reference library."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "QUJD" * 10

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


class CsdFake:
    """``says``: the answers to come, by turns; then 204. ``taken``: what was accepted, webhook-id and payload."""

    def __init__(self, secret: str = SECRET) -> None:
        self.says: list[web.Response | Answering | None] = []
        self.asked: list[tuple[str, Any]] = []
        self.taken: list[tuple[str, Any]] = []
        self.secret = secret
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One POST."""
        told = Webhook(self.secret).verify(await request.read(), dict(request.headers))
        assert request.headers["content-type"] == "application/json"
        event = (request.headers["webhook-id"], told)
        self.asked.append(event)
        said = self.says.pop(0) if self.says else None
        if callable(said):
            return await said(request)
        if said is None or said.status < 300:
            self.taken.append(event)
        return said or web.Response(status=204)


@asynccontextmanager
async def csd_fake(secret: str = SECRET) -> AsyncIterator[CsdFake]:
    """It listens on loopback."""
    fake = CsdFake(secret)
    app = web.Application()
    app.router.add_post("/hook", fake.answer)
    async with TestServer(app) as server:
        fake.url = str(server.make_url("/hook"))
        yield fake
