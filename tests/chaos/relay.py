"""A relay that keeps books: which mail it took, how often, and whether the client heard of it."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field

from tests.relay_fake import FakeRelay

_OURS = re.compile(rb"^Message-ID: (<(zgl[0-9]+)\.(t[0-9]+[ab]?)[^>]*>)\r$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Taken:
    """One acceptance."""

    message_id: str
    ticket: str
    kind: str
    raw: bytes


@dataclass
class Relay(FakeRelay):
    """``says`` as ever; ``pause`` seconds before each answer, ``greylists`` who was not seen before."""

    taken: list[Taken] = field(default_factory=list)
    times: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Message-ID → how often it was taken."""
    untold: set[tuple[str, int]] = field(default_factory=set)
    """(Message-ID, its n-th acceptance) of which the client was not told."""
    pause: float = 0.0
    greylists: bool = False
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
        for writer in tuple(self._open):
            writer.close()

    def connections_now(self) -> set[asyncio.StreamWriter]:
        """Those that are open."""
        return set(self._open)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(asyncio.CancelledError):  # the campaign ends, and nobody waits for it
                await super().serve(reader, writer)
        finally:
            self._open.discard(writer)
            writer.close()

    def _answer(self, verb: str) -> bytes:
        if verb == "RCPT" and self.greylists and self.heard[-1] not in self._seen:
            self._seen.add(self.heard[-1])
            return b"451 4.7.1 greylisted, come back\r\n"
        return super()._answer(verb)

    async def _say(self, verb: str, writer: asyncio.StreamWriter) -> bool:
        self.said += 1
        if verb == ".":
            self.book(self._answer(verb))
        if self.pause:
            await asyncio.sleep(self.pause)
        return await super()._say(verb, writer)

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
