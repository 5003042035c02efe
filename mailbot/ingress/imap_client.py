"""A connection to an IMAP server: secured, logged in, and the few commands that reading a mailbox needs.

What aioimaplib lacks is here: STARTTLS, folder names in modified UTF-7, an answer to the challenge of a refused OAuth2
token, a SEARCH without a charset.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from base64 import b64encode
from collections.abc import Iterable
from contextlib import suppress

from aioimaplib import aioimaplib

from mailbot.config import ImapSettings
from mailbot.errors import MailboxUnavailable
from mailbot.ingress import imap_syntax as syntax
from mailbot.ingress.imap_protocol import CommandRefused, ImapProtocol
from mailbot.oauth import sasl

_UIDVALIDITY = re.compile(rb"\[UIDVALIDITY ([1-9]\d{0,9})\]", re.IGNORECASE)
_UIDNEXT = re.compile(rb"\[UIDNEXT ([1-9]\d{0,9})\]", re.IGNORECASE)
_SLACK = 16 * 2**20  # octets of a response above the largest message: the other messages of its batch, a long SEARCH


class ImapConnection(ImapProtocol):
    """A connection to a server, made by ``open``. Not for concurrent use."""

    _host = ""
    _port = 0
    uid_next = 0
    """The UID of the next message, as the server said when the folder was opened; 0: it did not."""

    @classmethod
    async def open(cls, settings: ImapSettings) -> ImapConnection:
        """Connect and secure the connection as ``settings.tls`` says, failing closed; the server has greeted us."""
        loop = asyncio.get_running_loop()
        tls = None
        try:
            if settings.tls != "plain":
                tls = ssl.create_default_context(cafile=settings.ca_file or None)
            async with asyncio.timeout(settings.timeout_seconds):
                _, connection = await loop.create_connection(
                    lambda: cls(settings.timeout_seconds, settings.max_size + _SLACK),
                    settings.host,
                    settings.port,
                    ssl=tls if settings.tls == "imaps" else None,
                )
        except (OSError, TimeoutError) as error:  # ssl.SSLError and socket.gaierror are OSErrors
            raise MailboxUnavailable(f"{settings.host}:{settings.port}: {type(error).__name__}: {error}") from error
        connection._host, connection._port = settings.host, settings.port
        try:
            await connection._greet(settings, tls)
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _greet(self, settings: ImapSettings, tls: ssl.SSLContext | None) -> None:
        if settings.tls == "plain" and self.transport is not None:
            peer = ipaddress.ip_address(self.transport.get_extra_info("peername")[0].partition("%")[0])
            if not peer.is_loopback:
                raise MailboxUnavailable(f"[imap] tls: plain is for loopback only and {settings.host} is {peer}")
        if not await self._until(lambda: self._greeting != b"", self._timeout):
            raise MailboxUnavailable("no greeting")
        if settings.tls == "starttls" and tls is not None:
            await self._starttls(tls, settings.host)
        await self._ask_capabilities()

    async def _starttls(self, tls: ssl.SSLContext, host: str) -> None:
        """RFC 3501 §6.2.1. Nothing said in clear is trusted; a server (or a man in the middle) that does not play
        along, or adds bytes before the handshake (command injection), ends the connection."""
        if self.state != aioimaplib.NONAUTH:
            raise MailboxUnavailable("STARTTLS is impossible: the server greeted with PREAUTH")
        await self._ask_capabilities()
        if not self.has("STARTTLS"):
            raise MailboxUnavailable("the server does not offer STARTTLS")
        await self._run("STARTTLS")
        if self._buffer:
            raise MailboxUnavailable("bytes in clear between STARTTLS and the handshake")
        try:
            async with asyncio.timeout(self._timeout):
                self.transport = await self.loop.start_tls(self.transport, self, tls, server_hostname=host)
        except (OSError, TimeoutError) as error:
            raise MailboxUnavailable(f"STARTTLS: {type(error).__name__}: {error}") from error
        if self.transport is None:
            raise MailboxUnavailable("the connection was lost in the TLS handshake")
        self.capabilities.clear()
        self._sealed = False

    # ------------------------------------------------------------------------------------------------ commands

    def has(self, capability: str) -> bool:
        """Whether the server announced ``capability`` (upper case)."""
        return capability in self.capabilities

    async def login_password(self, user: str, password: str) -> None:
        """LOGIN. Not tried where the server forbids it (LOGINDISABLED): the password would go in clear for nothing.

        A quoted string has seven bits (RFC 3501 §9), so anything else goes by AUTHENTICATE PLAIN, which is UTF-8 by
        definition (RFC 4616), or where that is not offered as literals.
        """
        if "\r" in user + password or "\n" in user + password or "\0" in user + password:
            raise MailboxUnavailable("user or password holds CR and LF, or NUL")
        ascii_only = user.isascii() and password.isascii()
        if self.has("AUTH=PLAIN") and (not ascii_only or self.has("LOGINDISABLED")):
            await self._authenticate("PLAIN", f"\0{user}\0{password}")
            return
        if self.has("LOGINDISABLED"):
            raise MailboxUnavailable("the server does not allow LOGIN (LOGINDISABLED)")
        if ascii_only:
            await self._run("LOGIN", syntax.quoted(user), syntax.quoted(password))
        else:
            self._answers = [f"{user} {{{len(password.encode())}}}", password]
            await self._run("LOGIN", f"{{{len(user.encode())}}}")
        await self._logged_in()

    async def login_token(self, user: str, token: str) -> None:
        """AUTHENTICATE OAUTHBEARER where the server offers it, else XOAUTH2."""
        offered = {word.removeprefix("AUTH=") for word in self.capabilities if word.startswith("AUTH=")}
        said = sasl.login(offered, user, token, self._host, self._port)
        await self._authenticate(said.mechanism, said.first.decode(), said.after)

    async def _authenticate(self, mechanism: str, text: str, after: bytes = b"") -> None:
        """With an initial response where the server can take it (RFC 4959). ``after``: answers what it asks then."""
        response = b64encode(text.encode()).decode("ascii")
        self._answers = [*([] if self.has("SASL-IR") else [response]), b64encode(after).decode("ascii")]
        await self._run("AUTHENTICATE", mechanism, *([response] if self.has("SASL-IR") else []))
        await self._logged_in()

    async def _logged_in(self) -> None:
        self.state = aioimaplib.AUTH
        await self._ask_capabilities()  # IDLE and MOVE are often announced only now

    async def _ask_capabilities(self) -> None:
        words: set[str] = set()
        for line in await self._run("CAPABILITY"):
            if line.upper().startswith(b"CAPABILITY "):
                words.update(line.decode("ascii", "replace").upper().split()[1:])
        self.capabilities = words

    async def open_folder(self, folder: str, *, read_only: bool = False) -> int:
        """SELECT (which changes no flag but \\Recent) or EXAMINE (none at all), and return UIDVALIDITY."""
        self.exists = 0
        lines = await self._run("EXAMINE" if read_only else "SELECT", syntax.mailbox(folder))
        self.uid_next = max((int(match[1]) for line in lines if (match := _UIDNEXT.search(line))), default=0)
        for line in lines:
            if match := _UIDVALIDITY.search(line):
                self.state = aioimaplib.SELECTED
                return int(match[1])
        raise MailboxUnavailable("the server gives no UIDVALIDITY: its UIDs cannot be relied on")

    async def personal_prefix(self) -> str:
        """What the names of the user's own folders begin with; asked of servers that have NAMESPACE."""
        return syntax.personal_prefix(await self._run("NAMESPACE"))

    async def status(self, folder: str) -> dict[str, int]:
        """UIDNEXT and MESSAGES of a folder that is not open; CommandRefused when there is none."""
        return syntax.status_numbers(await self._run("STATUS", syntax.mailbox(folder), "(UIDNEXT MESSAGES)"))

    async def append(self, folder: str, message: str) -> None:
        """Put a message (ASCII, lines ended by CRLF) into a folder, which is made when it is missing."""
        where = syntax.mailbox(folder)
        with suppress(CommandRefused):  # it is there; else APPEND tells why
            await self._run("CREATE", where)
        self._answers = [message]
        await self._run("APPEND", where, f"{{{len(message)}}}")

    async def list_all(self) -> list[int]:
        """Every UID of the folder, ascending. When SEARCH names fewer than there are, FETCH is asked as well."""
        found = await self.search("UID", "1:*")
        if len(found) < self.exists:
            lines = await self._run("FETCH", "1:*", "(UID RFC822.SIZE)", prefix="UID")
            found = sorted({*found, *syntax.fetch_result(lines)})
        return found

    async def search(self, *criteria: str) -> list[int]:
        """UID SEARCH without a charset (some servers refuse one); ascending."""
        return syntax.search_result(await self._run("SEARCH", *criteria, prefix="UID"))

    async def search_after(self, uid: int) -> list[int]:
        """UIDs above ``uid``, ascending. ("n:*" alone would name the last message even when it is below n.)"""
        self.arrived = False
        return [found for found in await self.search("UID", f"{uid + 1}:*") if found > uid]

    async def fetch_items(self, uids: Iterable[int], items: str) -> dict[int, dict[str, bytes]]:
        """UID FETCH: UID → data item → value. A message the server says nothing about is absent."""
        wanted = syntax.uid_set(uids)
        return syntax.fetch_result(await self._run("FETCH", wanted, items, prefix="UID")) if wanted else {}

    async def move_to(self, uids: Iterable[int], folder: str) -> None:
        """UID MOVE (RFC 6851); the folder is made when the server says it is missing."""
        where = syntax.mailbox(folder)
        try:
            await self._run("MOVE", syntax.uid_set(uids), where, prefix="UID")
        except CommandRefused:
            with suppress(CommandRefused):  # it is there: the second refusal tells why
                await self._run("CREATE", where)
            await self._run("MOVE", syntax.uid_set(uids), where, prefix="UID")

    async def wait(self, seconds: float) -> bool:
        """Wait until a message is announced (True) or ``seconds`` are over. With IDLE (RFC 2177) where there is one."""
        if self.has("IDLE"):
            try:
                await self._idle(seconds)
            except CommandRefused:
                self.capabilities.discard("IDLE")
        else:
            await self._until(lambda: self.arrived, seconds)
            await self._run("NOOP")
        return self.arrived

    async def _idle(self, seconds: float) -> None:
        try:
            self._idling = False
            command = self._send("IDLE")
            if not await self._until(lambda: self._idling or command.done, self._timeout):
                raise MailboxUnavailable("IDLE: no answer in time")
            await self._until(lambda: self.arrived or command.done, seconds)
            if not command.done:
                self.send("DONE")
            await self._finish(command)
        except CommandRefused:
            raise
        except BaseException:
            self.abort()
            raise
