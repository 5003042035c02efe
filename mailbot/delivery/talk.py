"""The conversation with the outgoing server from the login on: commands and their answers, in order (RFC 5321).

The library opens the connection; from there on several commands may leave together (RFC 2920), which it cannot. What
the server says is bounded, and what it says unasked ends the conversation: nobody would know what it answers.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque

from aiosmtplib import (
    SMTPException,
    SMTPReadTimeoutError,
    SMTPResponse,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPStatus,
)

_LINE = 8192  # octets of a line of an answer
_ANSWER = 4 * _LINE  # octets of an answer


class Talk(asyncio.Protocol):
    """Takes over the transport of a connection. Not for two tasks at once."""

    def __init__(self, transport: asyncio.Transport, timeout: float, *, pipelining: bool) -> None:
        """``timeout``: seconds for the answers to what was sent together."""
        self._transport = transport
        self._timeout = timeout
        self._pipelining = pipelining
        self._rest = b""
        """What was heard of a line that has not ended."""
        self._lines: list[str] = []
        self._heard = 0
        """Octets of these lines."""
        self._answers: deque[SMTPResponse] = deque()
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._end_by, self._until = math.inf, math.inf
        """When all must have been said, and the answers to what is asked be there, by the loop's clock."""
        self._timer: asyncio.TimerHandle | None = None
        self._broken: SMTPException | None = None
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Whether the server may be asked something."""
        return self._broken is None and not self._transport.is_closing()

    def failure(self) -> SMTPException:
        """Why an answer is missing."""
        return self._broken or SMTPServerDisconnected("Connection lost")

    def within(self, seconds: float) -> None:
        """All that is asked from now on must be answered within them."""
        self._end_by = asyncio.get_running_loop().time() + seconds

    async def ask(self, *commands: bytes) -> list[SMTPResponse]:
        """The answers to ``commands``, each without its CRLF, as far as they came.

        A server that does not know PIPELINING hears one only when it has said yes to the one before.
        """
        if self._pipelining or len(commands) == 1:
            return await self._hear(b"\r\n".join((*commands, b"")), len(commands))
        answers: list[SMTPResponse] = []
        for command in commands:
            answers += await self._hear(command + b"\r\n", 1)
            if not answers or answers[-1].code // 100 != 2:
                break
        return answers

    async def tell(self, octets: bytes) -> SMTPResponse:
        """The answer to the octets of a mail, dots doubled and the last one included. Raises SMTPException."""
        answers = await self._hear(octets, 1)
        if not answers:
            raise self.failure()
        return answers[0]

    def close(self) -> None:
        """End the connection."""
        self._end(SMTPServerDisconnected("Connection lost"))

    async def _hear(self, octets: bytes, count: int) -> list[SMTPResponse]:
        """Who gives up waiting takes back what has not left: a mail must not end later, behind everybody's back."""
        if not self.is_open:
            return []
        self._answers.clear()
        self._wanted = count
        self._waiter = asyncio.get_running_loop().create_future()
        self._write(octets)
        self._watch()
        try:
            await self._waiter
        except BaseException:
            self._transport.abort()
            raise
        finally:
            self._wanted, self._waiter = 0, None
        return list(self._answers)

    def _write(self, octets: bytes) -> None:
        self._transport.write(octets)

    def _watch(self) -> None:
        """One timer serves all that is asked on a connection: each answer would need one of its own."""
        loop = asyncio.get_running_loop()
        self._until = min(loop.time() + self._timeout, self._end_by)
        if self._timer is not None and self._timer.when() > self._until:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = loop.call_at(self._until, self._look)

    def _look(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        if self._waiter is None:
            return
        if loop.time() < self._until:
            self._timer = loop.call_at(self._until, self._look)
            return
        self._transport.abort()
        self._end(SMTPReadTimeoutError("Timed out waiting for server response"))

    def data_received(self, data: bytes) -> None:
        """Answers, or parts of them."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if self._broken is None:
                self._line(line)
        if len(self._rest) > _LINE:
            self._end(_nonsense("Response too long"))
        elif self._rest and not self._wanted:
            self._end(_unasked())

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended, by whomever."""
        error = SMTPServerDisconnected("Connection lost")
        error.__cause__ = exc
        self._end(error)

    def eof_received(self) -> bool:
        """The server will say nothing more, and nor do we."""
        return False

    def _line(self, line: bytes) -> None:
        self._heard += len(line)
        if not self._wanted:
            self._end(_unasked())
        elif len(line) > _LINE or self._heard > _ANSWER:
            self._end(_nonsense("Response too long"))
        elif not line[:3].isdigit():
            self._end(_nonsense("Malformed SMTP response line"))
        else:
            self._lines.append(line[4:].strip(b" \t\r\n").decode("utf-8", "surrogateescape"))
            if line[3:4] != b"-":
                self._answer(int(line[:3]))

    def _answer(self, code: int) -> None:
        """The lines of an answer are all there."""
        self._answers.append(SMTPResponse(code, "\n".join(self._lines)))
        self._lines.clear()
        self._heard = 0
        self._wanted -= 1
        if not self._wanted:
            self._wake()

    def _end(self, error: SMTPException) -> None:
        if self._broken is None:
            self._broken = error
            self._transport.close()
            if self._timer is not None:
                self._timer.cancel()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _unasked() -> SMTPException:
    return SMTPServerDisconnected("the server said something unasked")


def _nonsense(text: str) -> SMTPException:
    return SMTPResponseException(SMTPStatus.invalid_response.value, text)


def content(raw: bytes) -> bytes:
    """A mail as it is sent behind DATA (RFC 5321 §4.5.2): whatever its lines ended with, each ends with CRLF; a dot at
    the beginning of one is doubled."""
    lines = b"\r\n".join((b"", *(raw.splitlines() or (b"",)), b""))
    if b"\n." in lines:
        lines = lines.replace(b"\n.", b"\n..")
    return lines[2:] + b".\r\n"
