"""aiosmtpd's server with less work for a command; what is said is the same to the octet (tested)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps

from aiosmtpd import smtp as aiosmtpd

_GROUPED = ("MAIL", "RCPT", "RSET")
"""Their replies may wait for those of the commands that have come behind them (RFC 2920 §3.2)."""
_LONG = ("EHLO", "LHLO")
"""Whose reply has many lines."""
NEVER = float("inf")
EARLY = 0.001  # seconds by which a timer may be too early

_Command = Callable[[str], Awaitable[None]]


class Trimmed(aiosmtpd.SMTP):
    """Answers a group of commands with one write, and keeps one timer for a connection instead of one a command."""

    latest = NEVER
    """When the client must have done what it does, of the loop's clock, whether it is silent or not."""
    _until = NEVER
    _holding = False

    def _trim(self) -> None:
        """To be called when the commands are known."""
        self._said: list[bytes] = []
        for name in (*_GROUPED, *_LONG):
            if method := self._smtp_methods.get(name):
                self._smtp_methods[name] = self._together(method, more=name in _GROUPED)

    def _together(self, method: _Command, *, more: bool) -> _Command:
        """``method`` with its replies sent together; ``more``: and with those of commands that are here already."""

        @wraps(method)  # HELP reads its attributes
        async def command(arg: str) -> None:
            self._holding = True
            try:
                await method(arg)
            finally:
                self._holding = False
            if not more or b"\n" not in self._reader._buffer:  # type: ignore[attr-defined]
                await self._flush()

        return command

    async def push(self, status: str | bytes) -> None:
        """Say a reply, now or with the next ones."""
        self._said.append((status.encode() if isinstance(status, str) else status) + b"\r\n")
        if not self._holding:
            await self._flush()

    async def _flush(self) -> None:
        said, self._said = b"".join(self._said), []
        self._writer.write(said)
        await self._writer.drain()

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Give the client so many seconds, but none behind ``latest``."""
        self._give_up_at(min(self.loop.time() + (duration or self._timeout_duration), self.latest))

    def _give_up_at(self, moment: float) -> None:
        """A timer that would ring earlier looks again then; only a later one is set anew."""
        self._until = moment
        timer = self._timeout_handle
        if timer is None or timer.when() > moment or timer.cancelled():
            if timer is not None:
                timer.cancel()
            self._timeout_handle = self.loop.call_at(moment, self._timeout_cb)

    def _timeout_cb(self) -> None:
        if self._until - self.loop.time() > EARLY:
            self._timeout_handle = None
            self._give_up_at(self._until)
        else:
            self._gave_up()
            super()._timeout_cb()  # type: ignore[no-untyped-call]

    def _gave_up(self) -> None:
        """The client is about to be disconnected."""
