"""A kept connection to the outgoing SMTP server (RFC 5321), over aiosmtplib.

A connection whose state is not known for certain (time-out, 421, cancel, foreign exception) is dropped, never reused.
Whatever the server says is made one printable line here, before anybody keeps it.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import aiosmtplib
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPHeloError,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPStatus,
)
from aiosmtplib.protocol import normalize_message_line_endings

from mailbot import counts
from mailbot.config import DeliverySettings
from mailbot.delivery.answers import Meaning, Stage, judge, readable, without_names
from mailbot.errors import ConfigError, LeaseLost, RelayMisconfigured, RelayRefused, RelayUnavailable
from mailbot.oauth import Tokens, sasl

T = TypeVar("T")

LIMIT = 90.0
"""Seconds for one mail, whatever the server does."""
_RECYCLE = 100  # mails over one connection; some servers cut longer ones
_LINE = 512  # octets of a command (RFC 5321 §4.5.3.1.4, RFC 4954 §4)
_FAREWELL = 5.0  # seconds for QUIT
_ADDRESS = re.compile(r"[^\x00-\x20\x7f()<>\[\]:;\\,\"\s\ud800-\udfff]+")
_DOT = re.compile(rb"(?m)^\.")


class Relay:
    """One connection, opened at the first mail and kept. Not for two tasks at once."""

    def __init__(self, settings: DeliverySettings, hostname: str | None = None, tokens: Tokens | None = None) -> None:
        self._settings = settings
        self._tokens = tokens if settings.user and not settings.password_file else None
        self._hostname = hostname
        self._client: aiosmtplib.SMTP | None = None
        self._sent = 0
        self._begun = False
        """The server has heard a MAIL that did not end in a mail."""
        self._stage = Stage.CONNECT
        self._recipient = ""
        self.in_time: Callable[[], bool] = lambda: True
        """Whether a mail may still be begun, and be ended: a machine that slept in between must not do another's work.
        Behind the last asking only the write itself is left, and what the kernel has not taken of a large mail."""

    async def send(self, return_path: str, recipient: str, raw: bytes) -> str:
        """Hand one mail over and return the server's answer.

        ``return_path`` "" is the null reverse-path. Raises RelayRefused (never to be taken), RelayMisconfigured (we are
        refused, not the mail) or RelayUnavailable (everything else; ``in_doubt`` when the server may have taken it).
        """
        self._recipient = recipient
        return await self._told(self._exchange(return_path, recipient, raw))

    async def probe(self) -> None:
        """Connect, log in and begin a mail that is never sent. Raises as ``send``."""
        self._recipient = ""
        await self._told(self._begin())

    async def close(self) -> None:
        """Say QUIT where that still works."""
        client, self._client, self._sent, self._begun = self._client, None, 0, False
        if client is not None and client.is_connected:
            try:
                await client.quit(timeout=_FAREWELL)
            except (SMTPException, OSError):
                client.close()

    async def _told(self, talk: Awaitable[T]) -> T:
        """The result of ``talk``, or its failure as one of ours: an unknown one is temporary."""
        self._stage = Stage.CONNECT
        try:
            async with asyncio.timeout(LIMIT):
                return await talk
        except RelayRefused:
            raise
        except ConfigError as error:
            raise RelayMisconfigured(error.reason, unreachable=self._client is None) from error
        except SMTPResponseException as error:
            raise self._answered(error) from error
        except asyncio.CancelledError:
            self._drop()
            raise
        except Exception as error:
            self._drop()
            raise self._broken(error) from error

    async def _exchange(self, return_path: str, recipient: str, raw: bytes) -> str:
        if not _ADDRESS.fullmatch(recipient):
            raise RelayRefused("the address of the recipient cannot be written in SMTP", 553)
        client = await self._ready()
        options = self._options(client, return_path, recipient)
        self._stage = Stage.MAIL
        self._ask()
        self._begun = True
        await client.mail(return_path, encoding="utf-8", options=options)
        self._stage = Stage.RCPT
        await client.rcpt(recipient, encoding="utf-8")
        self._stage = Stage.DATA
        answer = await self._data(client, raw)
        self._sent += 1
        self._begun = False
        return self._said(f"{answer.code} {answer.message}")

    async def _data(self, client: aiosmtplib.SMTP, raw: bytes) -> aiosmtplib.SMTPResponse:
        """As the library's ``data``, which does not tell a failure before the mail from one behind it."""
        ready = await client.execute_command(b"DATA")
        if ready.code != aiosmtplib.SMTPStatus.start_input:
            raise SMTPDataError(ready.code, ready.message)
        if client.protocol is None:
            raise SMTPServerDisconnected("Connection lost")
        self._ask()  # who hangs up without the dot has sent nothing (RFC 5321 §4.1.1.4)
        self._stage = Stage.DOT
        client.protocol.write(_DOT.sub(b"..", normalize_message_line_endings(raw)) + b".\r\n")
        answer = await client.protocol.read_response(timeout=self._settings.timeout_seconds)
        if not 200 <= answer.code < 300:
            raise SMTPDataError(answer.code, answer.message)
        return answer

    def _ask(self) -> None:
        if not self.in_time():
            raise LeaseLost("not sent: its lease ran out before")

    async def _begin(self) -> None:
        client = await self._ready()
        self._stage, self._begun = Stage.MAIL, True
        await client.mail("")

    @staticmethod
    def _options(client: aiosmtplib.SMTP, return_path: str, recipient: str) -> list[str] | None:
        if (return_path + recipient).isascii():
            return None
        if not client.supports_extension("smtputf8"):
            if recipient.isascii():
                raise ConfigError(
                    "the server does not know SMTPUTF8 (RFC 6531), which our own address needs; "
                    "mend: a server that does, or an address in ASCII in [helpdesk]"
                )
            raise RelayRefused("the server does not know SMTPUTF8 (RFC 6531), which this recipient needs", 553)
        return ["SMTPUTF8"]

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client, self._sent, self._begun = None, 0, False

    def _answered(self, error: SMTPResponseException) -> RelayUnavailable | RelayRefused:
        """The failure for an SMTP answer; keeps the connection for the next mail when it may be used."""
        code, stage = error.code, self._stage
        text = self._said(f"{stage}: {code} {error.message}")
        known = 400 <= code < 600
        if not known or code == 421 or stage is Stage.CONNECT:
            self._drop()
        meaning = judge(stage, code, readable(error.message))
        if meaning in (Meaning.REFUSED, Meaning.GONE):
            return RelayRefused(text, code, gone=meaning is Meaning.GONE)
        kind = RelayMisconfigured if meaning is Meaning.OURS else RelayUnavailable
        in_doubt = stage is Stage.DOT and not known
        return kind(text, code if known else None, in_doubt=in_doubt, unreachable=stage is Stage.CONNECT)

    def _broken(self, error: Exception) -> RelayUnavailable:
        stage = self._stage
        text = self._said(f"{stage}: {type(error).__name__}: {error}")
        kind = RelayMisconfigured if stage is Stage.CONNECT and _is_setting(error) else RelayUnavailable
        # Broken behind the 354: the server may have taken it. It is sent again with the same Message-ID.
        return kind(text, in_doubt=stage is Stage.DOT, unreachable=stage is Stage.CONNECT)

    def _said(self, told: str) -> str:
        """Words of the server as they are kept."""
        return readable(without_names(told, self._recipient))

    async def _ready(self) -> aiosmtplib.SMTP:
        return await self._kept() or await self._connected()

    async def _kept(self) -> aiosmtplib.SMTP | None:
        """The connection that is open, as if it were new."""
        if self._client is None or not self._client.is_connected or self._sent >= _RECYCLE:
            await self.close()
        elif self._begun:
            try:
                await self._client.rset()
                self._begun = False
            except (SMTPException, OSError):
                self._drop()
        return self._client

    async def _connected(self) -> aiosmtplib.SMTP:
        s = self._settings
        secret = ""
        if self._tokens is not None:
            secret = await self._tokens.access()
        elif s.user:
            secret = password(s.password_file)
        self._client = client = aiosmtplib.SMTP(
            hostname=s.host,
            port=s.port,
            timeout=s.timeout_seconds,
            use_tls=s.tls == "tls",
            start_tls=s.tls == "starttls",  # required, not opportunistic: fails closed
            local_hostname=self._hostname,
        )
        counts.RELAY_CONNECTIONS()
        await client.connect()
        if s.user and self._tokens is None:
            await client.login(s.user, secret)
        if client.is_ehlo_or_helo_needed:
            try:
                await client.ehlo()
            except SMTPHeloError:
                await client.helo()
        if self._tokens is not None:
            try:
                await self._log_in_by(client, secret)
            except BaseException:  # some servers say why, others end the connection
                self._tokens.reject(secret)
                raise
        return client

    async def _log_in_by(self, client: aiosmtplib.SMTP, token: str) -> None:
        """AUTH (RFC 4954). Where the command would be longer than an SMTP line may be, the token follows on its own."""
        s = self._settings
        offered = {method.upper() for method in client.server_auth_methods}
        if not offered & {"OAUTHBEARER", "XOAUTH2"}:
            raise SMTPException("the server takes no OAuth 2.0 token: neither OAUTHBEARER nor XOAUTH2")
        said = sasl.login(offered, s.user, token, s.host, s.port)
        head, first = f"AUTH {said.mechanism}".encode(), base64.b64encode(said.first)
        if len(head) + len(first) + 3 <= _LINE:
            answer = await client.execute_command(head, first)
        else:
            answer = await client.execute_command(head)
            if answer.code == SMTPStatus.auth_continue:
                answer = await client.execute_command(first)
        if answer.code == SMTPStatus.auth_continue:  # it says why not, and refuses only then
            answer = await client.execute_command(base64.b64encode(said.after))
        if answer.code != SMTPStatus.auth_successful:
            raise SMTPAuthenticationError(answer.code, sasl.without_echo(answer.message))


def _is_setting(error: BaseException | None) -> bool:
    """Whether a connection fails for what TLS or the server's abilities are: trying again does not help."""
    if type(error) is SMTPException:  # no STARTTLS, no AUTH, no way of AUTH that both know
        return True
    while error is not None:
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return True
        error = error.__cause__ or error.__context__
    return False


def password(file: str) -> str:
    """The password alone in a file. Raises ConfigError naming the mend."""
    try:
        return Path(file).read_text(encoding="utf-8").strip("\r\n")
    except OSError as error:
        raise ConfigError(
            f"[delivery] password_file: {file!r}: {error.strerror}; mend: name a readable file"
        ) from error
    except ValueError as error:
        raise ConfigError(
            f"[delivery] password_file: {file!r}: is not UTF-8; mend: write the password alone into it, in UTF-8"
        ) from error
