"""aioimaplib's protocol, hardened: bytes in, answered commands out.

Our own are: an iterative framer (aioimaplib recurses once a line and scans all lines for each line), a lost connection
that wakes whoever waits, a time-out on every command, and a dropped connection after any time-out or cancellation, for
then the stream is out of step. Commands go one at a time.

Every failure is MailboxUnavailable; CommandRefused when the server said NO or BAD and the connection is still good.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

from aioimaplib import aioimaplib

from mailbot.errors import MailboxUnavailable

_LITERAL = re.compile(rb"\{(\d{1,19})\+?\}$")
_STATUS = re.compile(rb"\* (?:OK|NO|BAD|BYE|PREAUTH)\b", re.IGNORECASE)
_COUNT = re.compile(rb"(\d{1,18}) (EXISTS|EXPUNGE)\b", re.IGNORECASE)

_PATIENCE = 10  # a command that trickles on is given up after so many time-outs


class CommandRefused(MailboxUnavailable):
    """The server answered NO or BAD; the connection can be used on."""


class _Command(aioimaplib.Command):  # type: ignore[misc]  # aioimaplib has no types
    """A command whose answer and timer are ours (aioimaplib sets its timer anew for every line)."""

    def __init__(self, name: str, tag: str, *arguments: str, prefix: str | None) -> None:
        super().__init__(name, tag, *arguments, prefix=prefix)
        self.result = ""
        self.lines: list[Any] = []
        """Octets; a literal is a bytearray."""
        self.done = False
        """The tagged answer is here, or never will be."""


class ImapProtocol(aioimaplib.IMAP4ClientProtocol):  # type: ignore[misc]
    """A connection that commands are run on, one at a time."""

    def __init__(self, timeout: float, max_response: int) -> None:
        super().__init__(asyncio.get_running_loop())
        self.transport: asyncio.Transport | None = None
        self.pending_sync_command: _Command | None = None
        self.capabilities: set[str] = set()
        self.arrived = False
        """The server announced messages since this was last set to False."""
        self.exists = 0
        """Messages in the folder, as the server says."""
        self._timeout = timeout
        self._max_response = max_response
        self._buffer = bytearray()
        self._parts: list[bytes | bytearray] = []
        self._literal = 0
        self._received = 0
        self._greeting = b""
        self._answers: list[str] = []
        self._idling = False
        self._sealed = False  # STARTTLS was answered: what follows in clear is not looked at
        self._lost: Exception | None = None
        self._stir = asyncio.Event()

    async def _run(self, name: str, *arguments: str, prefix: str | None = None) -> list[bytes]:
        """Send a command and return the responses to it; literals as bytearray, the tagged text last."""
        try:
            return await self._finish(self._send(name, *arguments, prefix=prefix))
        except CommandRefused:
            raise
        except BaseException:  # also a cancellation: the answer would be taken for that of the next command
            self.abort()
            raise

    def _send(self, name: str, *arguments: str, prefix: str | None = None) -> _Command:
        if self._lost or self.transport is None or self.transport.is_closing():
            raise MailboxUnavailable(f"not connected: {self._lost}")
        try:
            command = _Command(name, self.new_tag(), *arguments, prefix=prefix)
        except ValueError as error:  # CR, LF or NUL in a setting
            raise MailboxUnavailable(str(error)) from None
        self.pending_sync_command = command
        self._received = 0
        self.send(str(command))
        return command

    async def _finish(self, command: _Command) -> list[bytes]:
        try:
            async with asyncio.timeout(self._timeout * _PATIENCE):
                while not command.done:
                    if not await self._stirred(self._timeout):
                        raise MailboxUnavailable(f"{command.name}: no answer in time")
        except TimeoutError:
            raise MailboxUnavailable(f"{command.name}: the answer does not end") from None
        if self._lost:
            raise MailboxUnavailable(f"{command.name}: {self._lost}")
        if command.result.upper() != "OK":
            raise CommandRefused(
                f"{command.name}: {command.result} {bytes(command.lines[-1]).decode('ascii', 'replace')}"
            )
        return command.lines

    async def _until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until ``holds``; False when it did not in time. Raises when the connection is lost."""
        try:
            async with asyncio.timeout(seconds):
                while not holds() and not self._lost:
                    self._stir.clear()
                    await self._stir.wait()
        except TimeoutError:
            return False
        if self._lost:
            raise MailboxUnavailable(str(self._lost))
        return True

    async def _stirred(self, seconds: float) -> bool:
        """Wait for any bytes or the end of the connection."""
        self._stir.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._stir.wait()
        except TimeoutError:
            return False
        return True

    def send(self, line: str, scrub: str | None = None) -> None:
        """Write a line; never logged, for it may hold a password."""
        if self.transport is not None:
            self.transport.write(f"{line}\r\n".encode())

    # ------------------------------------------------------------------------------------------- what comes in

    def data_received(self, data: bytes) -> None:
        """Cut the stream into responses; a response ends with the first line that announces no literal."""
        self._buffer += data
        self._received += len(data)
        self._stir.set()
        try:
            if self._received > self._max_response:
                raise aioimaplib.Abort(f"more than {self._max_response} octets in one response")
            self._frame()
        except Exception as error:
            self._fail(error)
            self.abort()

    def _frame(self) -> None:
        buffer, position = self._buffer, 0
        try:
            while self._lost is None and not self._sealed:
                if self._literal:
                    if len(buffer) - position < self._literal:
                        return
                    self._parts.append(buffer[position : position + self._literal])
                    position += self._literal
                    self._literal = 0
                end = buffer.find(b"\r\n", position)
                if end < 0:
                    return
                line = bytes(memoryview(buffer)[position:end])
                position = end + 2
                self._parts.append(line)
                if (literal := self._announced(line)) is not None:
                    self._take_literal(literal)
                    continue
                parts, self._parts = self._parts, []
                self._respond(parts)
        finally:
            del buffer[:position]

    def _announced(self, line: bytes) -> int | None:
        """Octets of the literal after ``line``. Only data has literals: the text of OK, NO, BAD ends as it likes."""
        first = self._parts[0]
        if not line.endswith(b"}") or not first.startswith(b"* ") or _STATUS.match(first):
            return None
        match = _LITERAL.search(line)
        return int(match[1]) if match else None

    def _take_literal(self, octets: int) -> None:
        if octets > self._max_response:
            raise aioimaplib.Abort(f"a literal of {octets} octets is too large")
        self._literal = octets
        if not octets:
            self._parts.append(bytearray())

    def _respond(self, parts: list[bytes | bytearray]) -> None:
        line = bytes(parts[0])
        command = self.pending_sync_command
        if not self._greeting:
            self._welcome(line)
        elif line.startswith(b"+"):
            self._challenged()
        elif not line.startswith(b"* "):
            if line:
                self._sealed = command is not None and command.name == "STARTTLS"
                self._close(command, line)
        elif _STATUS.match(line) and line[2:5].upper() == b"BYE":
            raise aioimaplib.Abort(f"the server said {line[2:200].decode('ascii', 'replace')}")
        else:
            self._count(line[2:])
            if command is not None:
                command.lines += (line[2:], *parts[1:])

    def _close(self, command: _Command | None, line: bytes) -> None:
        """Take the tagged answer. Raises Abort when it answers nothing we asked."""
        tag, _, answer = line.partition(b" ")
        if command is None or tag != command.tag.encode():
            raise aioimaplib.Abort(f"unexpected tagged response: {line[:80]!r}")
        result, _, text = answer.partition(b" ")
        self.pending_sync_command = None
        command.result = result.decode("ascii", "replace")
        command.lines.append(text)
        command.done = True

    def _count(self, line: bytes) -> None:
        match = _COUNT.match(line)
        if match and match[2].upper() == b"EXISTS":
            self.exists = int(match[1])
            self.arrived = True
        elif match:
            self.exists = max(0, self.exists - 1)

    def _welcome(self, line: bytes) -> None:
        word = line[2:].split(b" ")[0].upper() if line.startswith(b"* ") else b""
        if word not in (b"OK", b"PREAUTH"):
            raise aioimaplib.Abort(f"not an IMAP greeting: {line[:80]!r}")
        self._greeting = line
        self.state = aioimaplib.NONAUTH if word == b"OK" else aioimaplib.AUTH

    def _challenged(self) -> None:
        """A "+": IDLE has begun, or a literal or SASL wants what comes next (an empty answer, when a token was refused,
        brings the NO)."""
        command = self.pending_sync_command
        if command is not None and command.name == "IDLE":
            self._idling = True
        elif command is not None and command.name in ("AUTHENTICATE", "LOGIN", "APPEND"):
            self.send(self._answers.pop(0) if self._answers else "")

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake whoever waits."""
        self._fail(exc or ConnectionError("the connection was closed"))

    def _fail(self, error: Exception) -> None:
        self._lost = self._lost or error
        self.state = aioimaplib.LOGOUT
        if self.pending_sync_command is not None:
            self.pending_sync_command.done = True
        self._stir.set()

    def abort(self) -> None:
        """Drop the connection at once; safe to call again."""
        if self.transport is not None:
            self.transport.abort()
