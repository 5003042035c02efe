"""A token endpoint on loopback (RFC 6749 §5), as honest or as wrong as a test wants it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from mailbot.config import OAuthSettings


@dataclass
class TokenServer:
    """Rotating: each refresh token is good once. ``says`` stands in place of honest answers, one each."""

    refresh: str = "refresh-0"
    rotating: bool = True
    life: Any = 3600
    more: Mapping[str, Any] = field(default_factory=dict)
    says: list[tuple[int, bytes]] = field(default_factory=list)
    pause: float = 0.0
    before: Callable[[], None] = lambda: None
    """Called when the token is made and before it is told."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """Forms, with the Authorization field."""
    live: set[str] = field(default_factory=set)
    """Access tokens that a mail server takes."""
    url: str = ""

    async def token(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.asked.append({**form, "Authorization": request.headers.get("Authorization", "")})
        await asyncio.sleep(self.pause)
        if self.says:
            status, octets = self.says.pop(0)
            return web.Response(status=status, body=octets, headers={"Location": "/elsewhere"})
        if form["grant_type"] == "refresh_token" and form["refresh_token"] != self.refresh:
            return web.json_response(
                {"error": "invalid_grant", "error_description": "AADSTS70008: ~secret~"}, status=400
            )
        access = f"access-{len(self.asked)}"
        self.live.add(access)
        found = {"access_token": access, "token_type": "Bearer", "expires_in": self.life, **self.more}
        if form["grant_type"] == "refresh_token" and self.rotating:
            found["refresh_token"] = self.refresh = f"refresh-{len(self.asked)}"
        self.before()
        return web.json_response(found)

    async def introspect(self, request: web.Request) -> web.Response:
        """RFC 7662; the token stands in the path."""
        active = request.match_info["token"] in self.live
        told = {"active": True, "email": "helpdesk", "username": "helpdesk", "client_id": "mailbot"} if active else {}
        return web.Response(status=200 if active else 401, body=json.dumps(told), content_type="application/json")

    def settings(self, **more: Any) -> OAuthSettings:
        return OAuthSettings(token_url=self.url, client_id="mailbot", **more)


@asynccontextmanager
async def token_server() -> AsyncIterator[TokenServer]:
    """Listens while the test runs."""
    made, app = TokenServer(), web.Application()
    app.add_routes([web.post("/token", made.token), web.get("/introspect/{token}", made.introspect)])
    server = TestServer(app)
    await server.start_server()
    made.url = str(server.make_url("/token"))
    try:
        yield made
    finally:
        await server.close()
