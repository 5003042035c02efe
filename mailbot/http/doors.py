"""Who may be connected to a web port, and for how long: half-open requests must not keep others out.

aiohttp has no time-out for a request that never ends and no limit of connections. Here each connection is for one
request and has one deadline. When there are too many, the oldest one whose request is not complete goes: whoever asks
at once is answered however many others only pretend to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler

from mailbot.config import ApiSettings, ConsoleSettings, WebSettings
from mailbot.http.headers import Proxies, network

_ANSWER = 60.0  # seconds, longer than any time-out behind it: for the answer to a complete request
_TOO_MANY = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 10\r\nContent-Length: 0\r\n\r\n"


class Doors:
    """The open connections of a web port, oldest first."""

    def __init__(self, settings: WebSettings | ConsoleSettings | ApiSettings) -> None:
        self.limit = settings.connections
        """May be lowered when there are not descriptors enough."""
        self._seconds = settings.request_seconds
        self._per_client = settings.connections_per_client
        self.proxies = Proxies(settings.trusted_proxy)
        """They bring everybody's connections, and have time-outs and limits of their own."""
        self._open: dict[asyncio.BaseTransport, Connection] = {}

    def __len__(self) -> int:
        return len(self._open)

    def guard(self, protocol: Callable[[], asyncio.Protocol]) -> Callable[[], asyncio.Protocol]:
        """``protocol`` for create_server, behind these doors."""
        return lambda: Connection(protocol(), self)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Notes that the request is there, and ends the connection after the answer. The outermost one."""
        if request.transport in self._open:
            self._open[request.transport].request = request
        response = await handler(request)
        response.force_close()
        return response

    def enter(self, connection: Connection, transport: asyncio.Transport) -> bool:
        """Let the connection in, if need be in the place of one that waits. False: all are at work."""
        ours = [each for each in self._open.values() if each.client == connection.client]
        most = self.limit if connection.proxied else self._per_client
        if not _room(ours, most) or not _room(list(self._open.values()), self.limit):
            return False
        self._open[transport] = connection
        connection.allow(self._seconds)
        return True

    def close(self) -> None:
        """End the connections whose request is not complete."""
        for each in list(self._open.values()):
            if each.waits:
                each.cut()

    def leave(self, transport: asyncio.BaseTransport | None) -> None:
        """The connection is over."""
        if transport is not None:
            self._open.pop(transport, None)


def _room(crowd: Sequence[Connection], most: int) -> bool:
    """Whether there is room for one more, made by cutting the oldest that waits if need be."""
    if len(crowd) < most:
        return True
    waiting = next((each for each in crowd if each.waits), None)
    if waiting is not None:
        waiting.cut()
    return waiting is not None


class Connection(asyncio.Protocol):
    """aiohttp's protocol of one connection, behind the doors. ``client`` is where it comes from."""

    def __init__(self, inner: asyncio.Protocol, doors: Doors) -> None:
        self.client = ""
        self.proxied = False
        self.request: web.Request | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._late = False
        self._inner: asyncio.Protocol | None = inner
        self._doors = doors
        self._transport: asyncio.Transport | None = None

    @property
    def waits(self) -> bool:
        """Whether its request is not complete yet."""
        return self.request is None or not self.request.content.is_eof()

    def allow(self, seconds: float) -> None:
        """Give it ``seconds`` for what comes next: first to ask, then to be answered."""
        self._deadline = asyncio.get_running_loop().call_later(seconds, self._overdue)

    def _overdue(self) -> None:
        if self.waits or self._late:
            self.cut()
        else:
            self._late = True
            self.allow(_ANSWER)

    def cut(self) -> None:
        """End it at once."""
        if self._transport is not None:
            self._doors.leave(self._transport)
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let in, or turned away with 503."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        address = peer[0] if isinstance(peer, tuple) else ""
        self.client, self.proxied = network(address), self._doors.proxies.has(address)
        if self._inner is not None and self._doors.enter(self, transport):
            self._inner.connection_made(transport)
        else:
            self._inner = None
            transport.write(_TOO_MANY)
            transport.close()

    def data_received(self, data: bytes) -> None:
        """Passed on."""
        if self._inner is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Passed on: a client may close its side and wait for the answer."""
        return self._inner.eof_received() if self._inner is not None else None

    def pause_writing(self) -> None:
        """Passed on."""
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Passed on."""
        if self._inner is not None:
            self._inner.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        """Make room."""
        self._doors.leave(self._transport)
        if self._deadline is not None:
            self._deadline.cancel()
        if self._inner is not None:
            self._inner.connection_lost(error)
