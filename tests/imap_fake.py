"""A scripted IMAP server on loopback: a small honest mailbox, and a list of things it does wrong, in order.

``Say(to, what, then)``: when a command that starts with ``to`` arrives and this is the first such step left, the server
sends ``what`` ("%t" is the tag) and then goes on, cuts the connection, hangs, or answers honestly after all.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

_DATE = b'"02-Mar-2026 08:30:00 +0100"'
_CAPABILITIES = "IMAP4rev1 SASL-IR IDLE MOVE UIDPLUS"


_open: ContextVar[str] = ContextVar("open", default='"INBOX"')
"""The folder that a connection, which is served by a task of its own, has opened."""


@dataclass(frozen=True, slots=True)
class Say:
    """One thing done wrong."""

    to: str
    what: bytes = b""
    then: Literal["go on", "cut", "hang", "answer"] = "go on"
    before: Callable[[], None] = lambda: None
    """Called first: the mailbox changes at exactly this point of the dialogue."""


async def _literals(command: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    """The literals of a command that ends with one, each asked for (RFC 3501 §4.3)."""
    while match := re.search(r"\{(\d+)\}$", command):
        writer.write(b"+ go on\r\n")
        yield await reader.readexactly(int(match[1]))
        command = (await reader.readline()).decode().rstrip("\r\n")


@dataclass
class FakeImap:
    """The mailbox, what was asked of it, and the steps that are left."""

    messages: dict[int, bytes] = field(default_factory=dict)
    script: list[Say] = field(default_factory=list)
    uidvalidity: int = 7
    uid_next: int = 0
    """As it says when a folder is opened; 0: it does not."""
    capabilities: str = _CAPABILITIES
    greeting: bytes = b"* OK ready\r\n"
    tls: ssl.SSLContext | None = None
    folders: set[str] = field(default_factory=lambda: {'"INBOX"'})
    sizes: dict[int, int] = field(default_factory=dict)
    """UID → the size it claims, where that is a lie."""
    dates: dict[int, bytes] = field(default_factory=dict)
    """UID → its INTERNALDATE, quoted, where that is not the usual one."""
    commands: list[str] = field(default_factory=list)
    """Every command without its tag."""
    moved: list[int] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    literals: list[bytes] = field(default_factory=list)
    """What LOGIN sent as literals, and AUTHENTICATE in all."""
    refusal: str | None = None
    """What follows the challenge by which a token is refused; None: it is taken."""
    others: dict[str, list[bytes]] = field(default_factory=dict)
    """Folder → messages put there by APPEND; their UIDs are 1, 2, …"""
    uid_sets: Callable[[list[int]], list[int]] = lambda uids: uids
    """What SEARCH makes of the UIDs it found."""
    _idlers: list[asyncio.StreamWriter] = field(default_factory=list)

    def asked(self, start: str) -> list[str]:
        """The commands that began with ``start``."""
        return [command for command in self.commands if command.startswith(start)]

    def deliver(self, uid: int, raw: bytes) -> None:
        """A message arrives; whoever idles is told."""
        self.messages[uid] = raw
        for writer in self._idlers:
            writer.write(b"* %d EXISTS\r\n" % len(self.messages))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[FakeImap]:
        """Serve on a free port."""
        tasks: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            self.connections += 1
            try:
                with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
                    await self._serve(reader, writer)
            finally:
                self._idlers = [idler for idler in self._idlers if idler is not writer]
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=2**22)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.greeting)
        while line := (await reader.readline()).decode("utf-8", "replace").rstrip("\r\n"):
            tag, _, command = line.partition(" ")
            self.commands.append(command)
            step = next((step for step in self.script if command.startswith(step.to)), None)
            if step is not None:
                self.script.remove(step)
                step.before()
                writer.write(step.what.replace(b"%t", tag.encode()))
                await writer.drain()
                if step.then == "cut":
                    return
                if step.then == "hang":
                    await reader.read()
                    return
                if step.then == "go on":
                    continue
            await self._answer(tag, command, reader, writer)

    async def _answer(self, tag: str, command: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        word, *rest = command.split(" ")
        if word == "IDLE":
            self._idlers.append(writer)
            writer.write(b"+ idling\r\n")
            while (await reader.readline()) not in (b"DONE\r\n", b""):
                pass
            self._idlers.remove(writer)
        elif word == "STARTTLS":
            assert self.tls is not None
            writer.write(f"{tag} OK begin\r\n".encode())
            await writer.drain()
            await writer.start_tls(self.tls)
            return
        elif word == "LOGIN":
            self.literals += [part async for part in _literals(command, reader, writer)]
        elif word == "AUTHENTICATE":
            writer.write(f"{tag} {await self._authenticate(rest, reader, writer)}\r\n".encode())
            return
        elif word == "APPEND":
            (message,) = [part async for part in _literals(command, reader, writer)]
            self.others.setdefault(rest[0], []).append(message)
        elif word == "STATUS" and rest[0] not in self.folders:
            writer.write(f"{tag} NO no such folder\r\n".encode())
            return
        elif word == "CREATE":
            self.folders.add(rest[0])
        elif word == "UID" and rest[0] == "MOVE" and rest[2] not in self.folders:
            writer.write(f"{tag} NO [TRYCREATE] no such folder\r\n".encode())
            return
        else:
            for response in self._responses(word, rest):
                writer.write(response)
        writer.write(f"{tag} OK done\r\n".encode())
        await writer.drain()

    async def _authenticate(self, rest: list[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        if len(rest) == 1:
            writer.write(b"+ \r\n")
        self.literals.append(rest[1].encode() if len(rest) > 1 else (await reader.readline()).rstrip(b"\r\n"))
        if self.refusal is None:
            return "OK done"
        writer.write(b"+ eyJzdGF0dXMiOiI0MDEifQ==\r\n")
        self.literals.append((await reader.readline()).rstrip(b"\r\n"))
        return f"NO {self.refusal}"

    def _responses(self, word: str, rest: list[str]) -> Iterable[bytes]:
        if word == "CAPABILITY":
            yield f"* CAPABILITY {self.capabilities}\r\n".encode()
        elif word == "SELECT":
            _open.set(rest[0])
            yield b"* FLAGS (\\Seen)\r\n* %d EXISTS\r\n" % len(self._messages)
            yield b"* OK [UIDVALIDITY %d] UIDs valid\r\n" % self.uidvalidity
            yield b"* OK [UIDNEXT %d] foretold\r\n" % self.uid_next if self.uid_next else b""
        elif word == "NAMESPACE":
            yield b'* NAMESPACE (("" "/")) NIL NIL\r\n'
        elif word == "STATUS":
            count = len(self.others.get(rest[0], ()))
            yield f"* STATUS {rest[0]} (MESSAGES {count} UIDNEXT {count + 1})\r\n".encode()
        elif word == "EXAMINE":
            _open.set(rest[0])
            yield b"* %d EXISTS\r\n" % len(self._messages)
            yield b"* OK [UIDVALIDITY %d] UIDs valid\r\n" % (1 if rest[0] in self.others else self.uidvalidity)
        elif word == "UID" and rest[0] == "SEARCH":
            uids = self.uid_sets(self._named(rest[2], star=True))
            yield b"* SEARCH" + b"".join(b" %d" % uid for uid in uids) + b"\r\n"
        elif word == "UID" and rest[0] == "MOVE":
            for uid in self._named(rest[1]):
                self.others.setdefault(rest[2], []).append(self.messages.pop(uid))
                self.moved.append(uid)
                yield b"* 1 EXPUNGE\r\n"
        elif word == "UID" and rest[0] == "FETCH":
            for number, uid in enumerate(self._named(rest[1]), start=1):
                yield self._fetched(number, uid, " ".join(rest[2:]))

    def _fetched(self, number: int, uid: int, items: str) -> bytes:
        raw = self._messages[uid]
        if "INTERNALDATE" in items or "SIZE" in items:
            size = self.sizes.get(uid, len(raw))
            date = self.dates.get(uid, _DATE)
            known = b"UID %d RFC822.SIZE %d INTERNALDATE %s" % (uid, size, date)
            if "MESSAGE-ID" in items:
                found = re.findall(rb"(?im)^Message-ID:.*\r\n", raw)
                field = b"".join(found) + b"\r\n"
                known += b" BODY[HEADER.FIELDS (MESSAGE-ID)] {%d}\r\n%s" % (len(field), field)
            return b"* %d FETCH (%s)\r\n" % (number, known)
        header = "HEADER" in items
        body = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if header else raw
        name = b"BODY[HEADER]" if header else b"BODY[]"
        return b"* %d FETCH (FLAGS (\\Recent) UID %d %s {%d}\r\n%s)\r\n" % (number, uid, name, len(body), body)

    @property
    def _messages(self) -> dict[int, bytes]:
        """Those of the folder that this connection has opened."""
        other = self.others.get(_open.get())
        return self.messages if other is None else dict(enumerate(other, start=1))

    def _named(self, uid_set: str, *, star: bool = False) -> list[int]:
        """As RFC 3501 says, "n:*" names the last message even when its UID is below n."""
        found: set[int] = set()
        for part in uid_set.split(","):
            match = re.fullmatch(r"(\d+)(?::(\d+|\*))?", part)
            assert match is not None, uid_set
            first = int(match[1])
            last = max(self._messages, default=0) if match[2] == "*" else int(match[2] or first)
            found.update(range(min(first, last), max(first, last) + 1) if not star or match[2] != "*" else ())
            if star and match[2] == "*" and self._messages:
                found.update(uid for uid in self._messages if uid >= first or uid == last)
        return sorted(found & self._messages.keys())
