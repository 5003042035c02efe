"""The SMTP (RFC 5321) and LMTP (RFC 2033) servers: 250 is said after the commit and not before.

aiosmtpd with five things of our own: DATA is read in bulk, no more of it lies in memory than there is room for, LMTP
gets one reply for each recipient whatever the outcome, no exception is told to the client or made a permanent failure,
and a disconnect does not stop the commit.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections import defaultdict
from collections.abc import Callable

from aiosmtpd import smtp as aiosmtpd
from aiosmtpd.lmtp import LMTP

from mailbot.config import ListenerSettings
from mailbot.errors import ConfigError
from mailbot.ingress.body import Body
from mailbot.ingress.certificate import Certificate
from mailbot.ingress.handler import InboxHandler, Transaction
from mailbot.ingress.standing import Standing
from mailbot.ingress.trimmed import EARLY, NEVER, Trimmed
from mailbot.model import Source
from mailbot.observe import Clock, utc_now
from mailbot.room import Place, Room
from mailbot.secret import Secret
from mailbot.storage.database import Database
from mailbot.text.address import login_key

_COMMAND_LIMIT = 2048  # RFC 5321 §4.5.3.1.4 asks for 512 and more for extensions; internationalised paths are long
_CHUNK = 65536  # octets that every connection may hold, whether there is room for more or not
_STRESS = 10.0  # seconds a silent client may stay while connections, or the room for messages, are rare
_HURRY = 60.0  # seconds for the octets of a message whose room others wait for
_BEFORE, _WITHIN = 110.0, 170.0
"""Seconds that a message waits for room: clients wait two minutes for the 354, three for the rest of what they began to
send (RFC 5321 §4.5.3.2.5, §4.5.3.2.6)."""
_DOT = len(b".\r\n")  # octets that end a message
_ATOMS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_PLAIN_PATH = re.compile(rf"<({_ATOMS}@{_ATOMS})>(| [^(]*)")
"""Path of dot-atoms only, and the parameters behind it (RFC 5321 §4.1.2)."""


class _BulkServer(Trimmed):
    """aiosmtpd's server with a DATA reader that does not go line by line; same bytes for the handler (tested)."""

    line_length_limit = _CHUNK  # of the stream reader: messages may have lines of any length

    def __init__(
        self, handler: InboxHandler, settings: ListenerSettings, tls: ssl.SSLContext | None, room: Room | None = None
    ) -> None:
        # aiosmtpd keeps these limits in one dict of the class, and each new connection resets them for all others
        self.command_size_limits = defaultdict(lambda: _COMMAND_LIMIT)
        self._room = room or Room()
        self._began = 0.0  # when the octets of a message were asked for, of the loop's clock
        super().__init__(
            handler,
            data_size_limit=settings.max_size,
            enable_SMTPUTF8=True,
            hostname=settings.hostname,
            ident="mailbot",
            tls_context=tls,
            timeout=settings.idle_seconds,
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
            loop=asyncio.get_running_loop(),
        )
        self._trim()
        self._handler = handler
        self._settings = settings
        handler.connections.add(self)

    def _create_envelope(self) -> Transaction:
        return Transaction(self._room)

    def connection_lost(self, error: Exception | None) -> None:
        """Make room for another connection."""
        self._handler.connections.discard(self)
        super().connection_lost(error)

    def _reset_timeout(self, duration: float | None = None) -> None:
        """RFC 5321 §4.5.3.2.7 asks for 5 minutes; under stress, as Postfix does, silence holds no place for long."""
        if duration is None and self._rare():
            duration = min(_STRESS, self._settings.idle_seconds)
        super()._reset_timeout(duration)

    def _rare(self) -> bool:
        if self.latest < NEVER and self._room.waiting:
            return True
        return len(self._handler.connections) > self._settings.max_connections / 2

    def hurry(self) -> None:
        """Others wait for the room that our message takes: from now on there is less time for its octets."""
        if self.latest < NEVER:
            self.latest = min(self.latest, self._began + _HURRY)
            self._give_up_at(min(self._until, self.latest, self.loop.time() + _STRESS))

    def _gave_up(self) -> None:
        if self.loop.time() + EARLY >= self.latest:
            self._handler.refused("too-slow")
            self._writer.write(b"421 4.4.2 too slow, try again later\r\n")

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802  # aiosmtpd finds commands by these names
        """DATA (RFC 5321 §4.1.1.4)."""
        if await self.check_helo_needed():
            return
        envelope, session = self.envelope, self.session
        if not isinstance(envelope, Transaction) or session is None or not envelope.rcpt_tos:
            await self.push("503 5.5.1 need RCPT command")
            return
        if arg:
            await self.push("501 5.5.4 DATA takes no argument")
            return
        try:
            await self._make_room(envelope.place, envelope.declared, _BEFORE)
        except TimeoutError:
            await self.push("452 4.3.1 too many large messages at once, try again later")
            return
        try:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            content = await self._read_data(envelope.place)
        except BaseException as error:
            envelope.place.leave()
            if not isinstance(error, TimeoutError):
                raise
            await self.push("421 4.3.1 too many large messages at once, try again later")
            if self.transport is not None:
                self.transport.close()
            return
        await self._answer(envelope, session, content)

    async def _answer(self, envelope: Transaction, session: aiosmtpd.Session, content: bytes | None) -> None:
        if content is None:
            self._handler.refused("too-big")
            status = "552 5.3.4 message too big"
        else:
            envelope.content = envelope.original_content = content
            try:
                status = await self._handler.handle_DATA(self, session, envelope)
            except Exception as error:
                envelope.place.leave()
                status = await self.handle_exception(error)
        self.envelope = self._create_envelope()
        await self.push("\r\n".join([status] * self._replies(envelope)))

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """Path and parameters of MAIL and RCPT; aiosmtpd's own way costs 100 times more and is kept for odd paths."""
        plain = _PLAIN_PATH.fullmatch(arg.strip())
        if plain is None:
            address, parameters = super()._getaddr(arg)
            return address, parameters
        return plain[1], plain[2].lstrip()

    def _replies(self, envelope: aiosmtpd.Envelope) -> int:
        return 1

    async def _make_room(self, place: Place, octets: int, patience: float) -> None:
        """Wait until there is room for a message of ``octets``. Raises TimeoutError."""
        octets = min(octets, self._settings.max_size)
        if octets <= _CHUNK or place.fits(octets):
            return
        for other in self._handler.connections:
            if isinstance(other, _BulkServer):
                other.hurry()
        slow_at, self.latest, since = self.latest, NEVER, self.loop.time()
        self._reset_timeout(patience + self._settings.idle_seconds)  # it is we who are silent
        try:
            await place.take(octets, patience)
        except TimeoutError:
            self._handler.refused("no-room")
            raise
        waited = self.loop.time() - since
        self._began += waited
        self.latest = slow_at + waited
        self._reset_timeout()

    async def _read_data(self, place: Place) -> bytes | None:
        """Octets up to the line that is only a dot, dots unstuffed (RFC 5321 §4.5.2); None when more than allowed.

        Only CRLF ends a line: a bare LF before a dot ends nothing (SMTP smuggling). Raises TimeoutError when there is
        no room for what was not declared.
        """
        self._began = self.loop.time()
        self.latest = self._began + self._settings.data_seconds
        self._reset_timeout()
        try:
            content = await self._read_body(place)
        finally:
            self.latest = NEVER
        self._reset_timeout(self._settings.idle_seconds)  # from here on it is we who are silent
        return content

    async def _read_body(self, place: Place) -> bytes | None:
        limit, timed, body = self.data_size_limit or 0, 0, Body()
        while not body.ended:
            chunk = await self._reader.read(_CHUNK)
            if not chunk:
                raise asyncio.IncompleteReadError(b"", None)
            behind = body.add(chunk)
            if behind:
                self._reader._buffer[0:0] = behind  # type: ignore[attr-defined]
            if body.octets >= timed + _CHUNK:  # few octets now and then are silence
                timed = body.octets
                self._reset_timeout()
            if body.octets > limit + _DOT:  # read on to the end, keep nothing
                body.forget()
                place.leave()
            elif not place.holds(body.octets):
                await self._make_room(place, 2 * body.octets, _WITHIN)
        return body.content() if body.octets <= limit + _DOT else None


class _LmtpServer(LMTP, _BulkServer):
    """LMTP: after DATA one reply for each accepted recipient (RFC 2033 §4.2)."""

    def _replies(self, envelope: aiosmtpd.Envelope) -> int:
        return len(envelope.rcpt_tos)


class _Busy(asyncio.Protocol):
    """Turns away the connection that is one too many (RFC 5321 §3.8)."""

    def __init__(self, handler: InboxHandler) -> None:
        self._handler = handler

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._handler.refused("too-many-connections")
        transport.write(b"421 4.3.2 too many connections, try again later\r\n")
        transport.close()


def listen_address(listen: str) -> tuple[str, int]:
    """ "host:port" or "[IPv6]:port" as (host, port). Port 0: any free one. Raises ConfigError."""
    host, _, port = listen.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    valid_port = port.isascii() and port.isdigit() and len(port) < 6 and int(port) < 65536
    if not bare or not valid_port or (":" in bare and bare == host):
        raise ConfigError(f'listen: {listen!r} is not host:port; mend: "127.0.0.1:25" or "[::1]:25"')
    return bare, int(port)


async def serve(
    settings: ListenerSettings,
    source: Source,
    database: Database,
    secret: Secret,
    clock: Clock = utc_now,
    on_stored: Callable[[], None] = lambda: None,
    recipients: frozenset[str] | None = None,
    room: Room | None = None,
    standing: Standing | None = None,
) -> asyncio.Server:
    """Listen as ``source`` says (LMTP or SMTP). ``recipients``: addresses that mail is taken for; None: any. ``room``:
    for the octets of messages; None: one of its own. ``standing``: is told what could be stored.

    Raises ConfigError when the address or the certificate is wrong, OSError when the port is taken.
    """
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd logs every address at INFO
    host, port = listen_address(settings.listen)
    certificate = Certificate(settings.tls_certificate, settings.tls_key) if settings.tls_certificate else None
    keys = None if recipients is None else frozenset(filter(None, map(login_key, recipients)))
    handler = InboxHandler(database, secret, clock, source, on_stored, keys, standing)
    server = _LmtpServer if source is Source.LMTP else _BulkServer
    room = room or Room()

    def protocol() -> asyncio.Protocol:
        if len(handler.connections) >= settings.max_connections:
            return _Busy(handler)
        return server(handler, settings, certificate.context() if certificate else None, room)

    return await asyncio.get_running_loop().create_server(protocol, host, port)
