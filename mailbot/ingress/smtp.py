"""The SMTP (RFC 5321) and LMTP (RFC 2033) servers: 250 is said after the commit and not before.

aiosmtpd with four things of our own: DATA is read in bulk, LMTP gets one reply for each recipient whatever the
outcome, no exception is told to the client or made a permanent failure, and a disconnect does not stop the commit.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections import defaultdict
from collections.abc import Callable, Sequence

from aiosmtpd import smtp as aiosmtpd
from aiosmtpd.lmtp import LMTP
from sqlalchemy import Connection

from mailbot import counts
from mailbot.config import ListenerSettings
from mailbot.errors import ConfigError, DatabaseUnavailable
from mailbot.inbox import StoredMessage, store
from mailbot.model import Envelope, RawMessage, Source
from mailbot.observe import Clock, failure, log_event, utc_now
from mailbot.secret import Secret
from mailbot.storage.engine import Database
from mailbot.text.address import login_key

_COMMAND_LIMIT = 2048  # RFC 5321 §4.5.3.1.4 asks for 512 and more for extensions; internationalised paths are long
_CHUNK = 65536
_STRESS = 10.0  # seconds a silent client may stay while more than half of the connections are taken
_MOST_RECIPIENTS = 1000  # RFC 5321 §4.5.3.1.8 asks for 100 at least
_END_OF_DATA = b"\r\n.\r\n"
_ATOMS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_PLAIN_PATH = re.compile(rf"<({_ATOMS}@{_ATOMS})>(| [^(]*)")
"""Path of dot-atoms only, and the parameters behind it (RFC 5321 §4.1.2)."""


class _BulkServer(aiosmtpd.SMTP):
    """aiosmtpd's server with a DATA reader that does not go line by line; same bytes for the handler (tested)."""

    line_length_limit = _CHUNK  # of the stream reader: messages may have lines of any length

    def __init__(self, handler: InboxHandler, settings: ListenerSettings, tls: ssl.SSLContext | None) -> None:
        # aiosmtpd keeps these limits in one dict of the class, and each new connection resets them for all others
        self.command_size_limits = defaultdict(lambda: _COMMAND_LIMIT)
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
        self._handler = handler
        self._settings = settings
        handler.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Make room for another connection."""
        self._handler.connections.discard(self)
        super().connection_lost(error)

    def _reset_timeout(self, duration: float | None = None) -> None:
        """RFC 5321 §4.5.3.2.7 asks for 5 minutes; under stress, as Postfix does, silence holds no place for long."""
        if duration is None and len(self._handler.connections) > self._settings.max_connections / 2:
            duration = min(_STRESS, self._settings.idle_seconds)
        super()._reset_timeout(duration)

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802  # aiosmtpd finds commands by these names
        """DATA (RFC 5321 §4.1.1.4)."""
        if await self.check_helo_needed():
            return
        envelope, session = self.envelope, self.session
        if envelope is None or session is None or not envelope.rcpt_tos:
            await self.push("503 5.5.1 need RCPT command")
            return
        if arg:
            await self.push("501 5.5.4 DATA takes no argument")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        try:
            async with asyncio.timeout(self._settings.data_seconds):
                content = await self._read_data()
        except TimeoutError:
            self._handler.refused("too-slow")
            await self.push("421 4.4.2 too slow, try again later")
            if self.transport is not None:
                self.transport.close()
            return
        self._reset_timeout(self._settings.idle_seconds)  # from here on it is we who are silent
        if content is None:
            self._handler.refused("too-big")
            status = "552 5.3.4 message too big"
        else:
            envelope.content = envelope.original_content = content
            try:
                status = await self._handler.handle_DATA(self, session, envelope)
            except Exception as error:
                status = await self.handle_exception(error)
        self.envelope = aiosmtpd.Envelope()
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

    async def _read_data(self) -> bytes | None:
        """Octets up to the line that is only a dot, dots unstuffed (RFC 5321 §4.5.2); None when more than allowed.

        Only CRLF ends a line: a bare LF before a dot ends nothing (SMTP smuggling).
        """
        limit = self.data_size_limit or 0
        chunks: list[bytes] = []
        octets = -2
        self._reader._buffer[0:0] = b"\r\n"  # type: ignore[attr-defined]  # so that the first line may be the dot, too
        while True:
            try:
                chunk = await self._reader.readuntil(_END_OF_DATA)
            except asyncio.LimitOverrunError as error:
                chunk = await self._reader.readexactly(error.consumed)
            self._reset_timeout()
            octets += len(chunk)
            if octets <= limit + 3:
                chunks.append(chunk)
            else:
                chunks.clear()  # read on to the end, keep nothing
            if chunk.endswith(_END_OF_DATA):
                break
        if octets - 3 > limit:
            return None
        return b"".join(chunks)[:-3].replace(b"\r\n.", b"\r\n")[2:]


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


class InboxHandler:
    """What becomes of a transaction: the message goes to the inbox, and the number is told after the commit.

    ``recipients``: keys (``address.login_key``) that mail is taken for, with or without "+anything"; None: for anybody.
    """

    def __init__(
        self,
        database: Database,
        secret: Secret,
        clock: Clock,
        source: Source,
        on_stored: Callable[[], None],
        recipients: frozenset[str] | None = None,
    ) -> None:
        self.connections: set[asyncio.Protocol] = set()
        self._database = database
        self._secret = secret
        self._clock = clock
        self._source = source
        self._on_stored = on_stored
        self._recipients = recipients
        self._running: set[asyncio.Task[int]] = set()

    async def handle_EHLO(  # noqa: N802
        self,
        server: aiosmtpd.SMTP,
        session: aiosmtpd.Session,
        envelope: aiosmtpd.Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Offer what we do: PIPELINING (RFC 2920), and no AUTH."""
        session.host_name = hostname
        offered = [line for line in responses[:-1] if not line.startswith("250-AUTH")]
        return [*offered, "250 PIPELINING"]

    async def handle_RCPT(  # noqa: N802
        self,
        server: aiosmtpd.SMTP,
        session: aiosmtpd.Session,
        envelope: aiosmtpd.Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Take mail only for those we know (RFC 5321 §3.3)."""
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            self.refused("too-many-recipients")
            return "452 4.5.3 too many recipients"
        if self._recipients is not None and _without_tag(address) not in self._recipients:
            self.refused("no-such-mailbox")
            return "550 5.1.1 no such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self, server: aiosmtpd.SMTP, session: aiosmtpd.Session, envelope: aiosmtpd.Envelope
    ) -> str:
        """Store and commit; the client may go meanwhile, the message stays."""
        content = envelope.original_content
        assert isinstance(content, bytes)
        described = Envelope(
            source=self._source,
            mail_from=_text("" if envelope.mail_from == "<>" else envelope.mail_from),
            rcpt_to=tuple(_text(address) for address in envelope.rcpt_tos),
            peer=session.peer[0] if isinstance(session.peer, tuple) else None,
            helo=_text(session.host_name),
        )
        task = asyncio.create_task(self._store(RawMessage(content, described, self._clock())))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return f"250 2.0.0 stored as {await asyncio.shield(task)}"

    async def _store(self, message: RawMessage) -> int:
        with counts.step("store") as ids:
            stored = await self._database.write_together(self._store_all, message)
            ids.append(stored.inbox_id)
        (counts.ACCEPTED if stored.new else counts.REPEATED)(self._source.value)
        log_event(f"{self._source.value}-stored", inbox=stored.inbox_id, new=stored.new, size=len(message.raw))
        if stored.new:
            self._on_stored()
        return stored.inbox_id

    def _store_all(self, connection: Connection, messages: Sequence[RawMessage]) -> Sequence[StoredMessage]:
        return store(connection, messages, self._clock(), self._secret)

    def refused(self, reason: str) -> None:
        """Count what was not taken."""
        counts.REFUSED(self._source.value, reason)

    async def handle_exception(self, error: Exception) -> str:
        """Never permanent, never with a text of ours: the client's MTA keeps the mail and tries again."""
        reason = error.reason if isinstance(error, DatabaseUnavailable) else None
        self.refused("unavailable" if reason else "failed")
        failure(f"{self._source.value}-failed", error, reason=reason)
        return "451 4.3.0 temporary failure, try again later"


def _text(value: str | None) -> str:
    """``value`` without what a database cannot keep: octets that are not UTF-8, and NUL."""
    octets = (value or "").encode("utf-8", "surrogateescape")
    return octets.decode("utf-8", "replace").replace("\0", "\ufffd")


def _without_tag(address: str) -> str | None:
    local, _, domain = address.rpartition("@")
    return login_key(f"{local.partition('+')[0]}@{domain}")


def listen_address(listen: str) -> tuple[str, int]:
    """ "host:port" or "[IPv6]:port" as (host, port). Port 0: any free one. Raises ConfigError."""
    host, _, port = listen.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    valid_port = port.isascii() and port.isdigit() and len(port) < 6 and int(port) < 65536
    if not bare or not valid_port or (":" in bare and bare == host):
        raise ConfigError(f'listen: {listen!r} is not host:port; mend: "127.0.0.1:25" or "[::1]:25"')
    return bare, int(port)


def _tls_context(settings: ListenerSettings) -> ssl.SSLContext | None:
    if not settings.tls_certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    except OSError as error:  # also ssl.SSLError
        files = f"{settings.tls_certificate}, {settings.tls_key}"
        raise ConfigError(f"tls_certificate: {files}: {error}; mend: name a PEM certificate and its key") from error
    return context


async def serve(
    settings: ListenerSettings,
    source: Source,
    database: Database,
    secret: Secret,
    clock: Clock = utc_now,
    on_stored: Callable[[], None] = lambda: None,
    recipients: frozenset[str] | None = None,
) -> asyncio.Server:
    """Listen as ``source`` says (LMTP or SMTP). ``recipients``: addresses that mail is taken for; None: any.

    Raises ConfigError when the address or the certificate is wrong, OSError when the port is taken.
    """
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd logs every address at INFO
    host, port = listen_address(settings.listen)
    tls = _tls_context(settings)
    keys = None if recipients is None else frozenset(filter(None, map(login_key, recipients)))
    handler = InboxHandler(database, secret, clock, source, on_stored, keys)
    server = _LmtpServer if source is Source.LMTP else _BulkServer

    def protocol() -> asyncio.Protocol:
        if len(handler.connections) >= settings.max_connections:
            return _Busy(handler)
        return server(handler, settings, tls)

    return await asyncio.get_running_loop().create_server(protocol, host, port)
