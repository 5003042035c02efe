"""An SMTP server that says exactly the octets it is told to, for tests of what real ones never should."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from mailbot.config import DeliverySettings

CUT = b"cut"
"""In place of an answer: the connection ends."""
SILENCE = b"silence"
"""In place of an answer: none, for ever."""
ENDLESS = b"endless"
"""In place of an answer: one that never ends."""
_ENDLESS = 20_000
"""Lines of a kilobyte, after which it ends all the same."""

_OBEDIENT = {
    "banner": b"220 relay.example ESMTP\r\n",
    "EHLO": b"250-relay.example\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
    "MAIL": b"250 2.1.0 ok\r\n",
    "RCPT": b"250 2.1.5 ok\r\n",
    "DATA": b"354 go on\r\n",
    ".": b"250 2.0.0 taken\r\n",
    "RSET": b"250 2.0.0 ok\r\n",
    "QUIT": b"221 2.0.0 bye\r\n",
}


@dataclass
class FakeRelay:
    """``says`` stands above what an obedient server says at a command; "banner" at the start, "." behind a mail."""

    says: dict[str, bytes] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def settings(self, **more: object) -> DeliverySettings:
        """Of a client whose time-outs are short."""
        return DeliverySettings(port=self.port, **{"timeout_seconds": 0.3, **more})  # type: ignore[arg-type]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            going = await self._say("banner", writer)
            while going and (line := await reader.readline()):
                self.heard.append(line.decode("utf-8", "replace").rstrip())
                verb = line.split()[0].decode().upper()
                going = await self._say(verb, writer)
                if going and verb == "DATA" and self._answer(verb).startswith(b"354"):
                    self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
                    going = await self._say(".", writer)
                going = going and verb != "QUIT"
        writer.close()

    def _answer(self, verb: str) -> bytes:
        verb = "EHLO" if verb == "HELO" else verb
        return self.says.get(verb, _OBEDIENT.get(verb, b"502 5.5.1 what?\r\n"))

    async def _say(self, verb: str, writer: asyncio.StreamWriter) -> bool:
        answer = self._answer(verb)
        if answer == CUT:
            return False
        if answer == ENDLESS:
            for _ in range(_ENDLESS):  # a writer over TLS does not see that nobody reads (StreamWriter.start_tls, 3.11)
                if writer.is_closing():
                    break
                writer.write(b"250-" + b"a" * 1000 + b"\r\n")
                await writer.drain()
            return False
        if answer != SILENCE:
            writer.write(answer)
            await writer.drain()
        return True


@asynccontextmanager
async def fake_relay(**says: bytes) -> AsyncIterator[FakeRelay]:
    """Listens while the test runs."""
    relay = FakeRelay(dict(says))
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
