"""A relay that keeps books: which mail it took, how often, and whether the client heard of it."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import defaultdict
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

from tests.certificates import Certificates
from tests.relay_fake import CUT, ENDLESS, SILENCE, FakeRelay

_TO = re.compile(rb"^To: <?([^>\r]+)>?\r$", re.MULTILINE)
_EHLO = b"250-relay.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
_CLOSED = b"554 5.5.1 no valid recipients\r\n"
_EHLO_CLEAR = b"250-relay.example\r\n250-STARTTLS\r\n250 8BITMIME\r\n"
_secure: ContextVar[bool] = ContextVar("secure", default=False)
_refused: ContextVar[bool] = ContextVar("refused", default=False)
"""Whether the sender or the recipient of what is under way was, on this connection, which a task of its own serves."""
_mails: ContextVar[int] = ContextVar("mails", default=0)
"""How many this connection has brought."""
_OURS = re.compile(rb"^Message-ID: (<(zgl[0-9]+)\.(t[0-9]+[ab]?)[^>]*>)\r$", re.MULTILINE)


def server_context(files: Certificates) -> ssl.SSLContext:
    """Of a server with that certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.key)
    return context


@dataclass(frozen=True, slots=True)
class Taken:
    """One acceptance."""

    message_id: str
    ticket: str
    kind: str
    raw: bytes


@dataclass
class Relay(FakeRelay):
    """``says`` as ever; ``pause`` seconds before each answer, ``greylists`` who was not seen before.

    ``pipelining``: commands may come together (RFC 2920). ``refuses``: a recipient that there is not. ``most``: mails
    over one connection, then it hears 421. ``dies``: at the next mail the server goes away, before its answer is heard
    or behind it. ``in_pieces``: an answer is written octet by octet.
    """

    taken: list[Taken] = field(default_factory=list)
    times: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Message-ID → how often it was taken."""
    untold: set[tuple[str, int]] = field(default_factory=set)
    """(Message-ID, its n-th acceptance) of which the client was not told."""
    pause: float = 0.0
    greylists: bool = False
    pipelining: bool = False
    refuses: str = ""
    most: int = 0
    dies: Literal["", "before", "behind"] = ""
    in_pieces: bool = False
    tls: ssl.SSLContext | None = None
    """With which it offers STARTTLS."""
    offers: bool = True
    handshake: Literal["", "cut", "garbage"] = ""
    """What comes in its place."""
    said: int = 0
    """Answers given since somebody last set it to 0."""
    _seen: set[str] = field(default_factory=set)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; after ``stop`` on the same port as before."""
        self._server = await asyncio.start_server(self.serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Go away; what was said is still heard."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.hang_up()

    def hang_up(self) -> None:
        """Between two mails, at best."""
        for writer in tuple(self._open):
            writer.close()

    def recipients(self) -> set[str]:
        """Whoever was sent a mail."""
        return {found[1].decode() for raw in self._raws() if (found := _TO.search(raw))}

    def connections_now(self) -> set[asyncio.StreamWriter]:
        """Those that are open."""
        return set(self._open)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await super().serve(reader, writer)
        except asyncio.CancelledError:  # the campaign ends, and nobody waits for it
            writer.transport.abort()
        finally:
            self._open.discard(writer)
            writer.close()

    def _answer(self, verb: str) -> bytes:
        said = self._own(verb) or super()._answer(verb)
        if verb in ("MAIL", "RCPT"):
            _refused.set(said[:1] != b"2" or (verb == "RCPT" and _refused.get()))
        return said

    def _own(self, verb: str) -> bytes:
        """What stands above what others say; nothing: they say it."""
        if verb == "STARTTLS" and self.tls and verb not in self.says:
            return b"220 2.0.0 go on\r\n"
        if verb == "EHLO" and self.tls and self.offers and not _secure.get() and "EHLO" not in self.says:
            return _EHLO_CLEAR
        if verb == "EHLO" and self.pipelining and "EHLO" not in self.says:
            return _EHLO
        if verb == "MAIL" and self.most and _mails.get() >= self.most:
            return b"421 4.7.0 too many mails over one connection\r\n"
        if verb == "RCPT" and self.refuses and self.refuses in self.heard[-1]:
            return b"550 5.1.1 no such user\r\n"
        if verb == "RCPT" and self.greylists and self.heard[-1] not in self._seen:
            self._seen.add(self.heard[-1])
            return b"451 4.7.1 greylisted, come back\r\n"
        return _CLOSED if verb == "DATA" and self.pipelining and _refused.get() else b""

    async def _say(self, verb: str, writer: asyncio.StreamWriter) -> bool:
        self.said += 1
        dies = self.dies if verb == "." else ""
        if verb == ".":
            _mails.set(_mails.get() + 1)
            self.book(CUT if dies == "before" else self._answer(verb))
        if dies == "before":
            self._die()
            return False
        if self.pause:
            await asyncio.sleep(self.pause)
        if verb == "STARTTLS" and self._answer(verb)[:1] == b"2":
            return await self._secured(writer)
        going = await self._in_pieces(verb, writer) if self.in_pieces else await super()._say(verb, writer)
        if dies:
            self._die()
        return going and not dies

    async def _secured(self, writer: asyncio.StreamWriter) -> bool:
        assert self.tls
        writer.write(self._answer("STARTTLS"))
        await writer.drain()
        if self.handshake == "garbage":
            writer.write(b"250 2.0.0 taken\r\n" * 10)
            await writer.drain()
        if self.handshake:
            return False
        try:
            await writer.start_tls(self.tls)
        except OSError:  # the client does not believe us
            return False
        _secure.set(True)
        return True

    def _die(self) -> None:
        self.dies = ""
        self.stop()

    async def _in_pieces(self, verb: str, writer: asyncio.StreamWriter) -> bool:
        answer = self._answer(verb)
        if answer in (CUT, ENDLESS, SILENCE):
            return await super()._say(verb, writer)
        for octet in answer:
            writer.write(bytes([octet]))
            await writer.drain()
            await asyncio.sleep(0.001)
        return True

    def _raws(self) -> list[bytes]:
        return [taken.raw for taken in list(self.taken)]

    def book(self, answer: bytes) -> None:
        """A mail is taken unless it is refused; what is not a refusal and not a 250 leaves the client in doubt."""
        if answer[:1] in b"45" and answer[1:3].isdigit():
            return
        raw = self.mails.pop()
        found = _OURS.search(raw)
        assert found, "every mail of ours has its Message-ID"
        message_id, ticket, kind = (group.decode() for group in found.groups())
        self.taken.append(Taken(message_id, ticket.upper(), kind.upper(), raw))
        self.times[message_id] += 1
        if not answer.startswith(b"250"):
            self.untold.add((message_id, self.times[message_id]))
