"""A kept connection to the outgoing SMTP server (RFC 5321), over aiosmtplib.

A connection whose state is not known for certain (time-out, 421, cancel, foreign exception) is dropped, never reused.
Whatever the server says is made one printable line here, before anybody keeps it.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar, cast

import aiosmtplib
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPHeloError,
    SMTPResponse,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPStatus,
)

from mailbot import counts
from mailbot.config import DeliverySettings
from mailbot.delivery.answers import ReplyMeaning, SmtpStage, judge, readable, without_names
from mailbot.delivery.talk import Talk, content
from mailbot.errors import ConfigError, LeaseLost, RelayMisconfigured, RelayRefused, RelayUnavailable
from mailbot.oauth import Tokens, sasl

T = TypeVar("T")

LIMIT = 90.0
"""Seconds for one mail, whatever the server does; and for connecting before it."""
_RECYCLE = 100  # mails over one connection; some servers cut longer ones
_LINE = 512  # octets of a command (RFC 5321 §4.5.3.1.4, RFC 4954 §4)
_FAREWELL = 5.0  # seconds for QUIT
_ADDRESS = re.compile(r"[^\x00-\x20\x7f()<>\[\]:;\\,\"\s\ud800-\udfff]+")
_ENVELOPE = (SmtpStage.MAIL, SmtpStage.RCPT, SmtpStage.DATA)


class Relay:
    """One connection, opened at the first mail and kept. Not for two tasks at once."""

    def __init__(self, settings: DeliverySettings, hostname: str | None = None, tokens: Tokens | None = None) -> None:
        self._settings = settings
        self._tokens = tokens if settings.user and not settings.password_file else None
        self._hostname = hostname
        self._client: aiosmtplib.SMTP | None = None
        self._talk: Talk | None = None
        """With the server, behind the login."""
        self._sent = 0
        self._begun = False
        """The server has heard a MAIL that did not end in a mail."""
        self._stage = SmtpStage.CONNECT
        self._recipient = ""
        self.in_time: Callable[[], bool] = lambda: True
        """Whether a mail may still be begun, and be ended: a machine that slept in between must not do another's work.
        Behind the last asking only the write itself is left, and what the kernel has not taken of a large mail."""

    @property
    def is_open(self) -> bool:
        """Whether a server that let us in is there."""
        return self._talk is not None and self._talk.is_open

    async def ready(self) -> None:
        """Be connected, so that the next mail leaves at once. Raises as ``send``."""
        if not self._is_kept():
            self._recipient = ""
            await self._told(self._ready())

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
        if self._talk is not None:
            self._talk.within(_FAREWELL)
            await self._talk.ask(b"QUIT")
        self._drop()

    async def _told(self, talk: Awaitable[T]) -> T:
        """The result of ``talk``, or its failure as one of ours: an unknown one is temporary."""
        self._stage = SmtpStage.CONNECT
        try:
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
        talk = await self._ready()
        utf8 = self._utf8(return_path, recipient)
        self._stage = SmtpStage.MAIL
        self._ask()
        self._begun = True
        answers = await talk.ask(_mail(return_path, utf8), f"RCPT TO:<{recipient}>".encode(), b"DATA")
        self._look_at(answers, talk)
        self._ask()  # who hangs up without the dot has sent nothing (RFC 5321 §4.1.1.4)
        self._stage = SmtpStage.DOT
        answer = await talk.tell(content(raw))
        if answer.code // 100 != 2:
            raise SMTPDataError(answer.code, answer.message)
        self._sent += 1
        self._begun = False
        return self._said(f"{answer.code} {answer.message}")

    def _look_at(self, answers: Sequence[SMTPResponse], talk: Talk) -> None:
        """Whether MAIL, RCPT and DATA were answered with yes; raises for the first of them that was not."""
        going_on = len(answers) == len(_ENVELOPE) and answers[-1].code == SMTPStatus.start_input
        for self._stage, answer in zip(_ENVELOPE, answers, strict=False):
            is_data = self._stage is SmtpStage.DATA
            if not (answer.code == SMTPStatus.start_input if is_data else answer.code // 100 == 2):
                if going_on:  # it waits for the mail although it refused the sender or the recipient
                    self._drop()
                raise SMTPResponseException(answer.code, answer.message)
        if not going_on:
            self._stage = _ENVELOPE[len(answers)]
            raise talk.failure()

    def _ask(self) -> None:
        if not self.in_time():
            raise LeaseLost("not sent: its lease ran out before")

    async def _begin(self) -> None:
        talk = await self._ready()
        self._stage, self._begun = SmtpStage.MAIL, True
        for answer in await talk.ask(_mail("", utf8=False)):
            if answer.code // 100 != 2:
                raise SMTPResponseException(answer.code, answer.message)
            return
        raise talk.failure()

    def _utf8(self, return_path: str, recipient: str) -> bool:
        """Whether SMTPUTF8 is needed. Raises ConfigError or RelayRefused when the server does not know it."""
        if (return_path + recipient).isascii():
            return False
        if self._client is None or not self._client.supports_extension("smtputf8"):
            if recipient.isascii():
                raise ConfigError(
                    "the server does not know SMTPUTF8 (RFC 6531), which our own address needs; "
                    "mend: a server that does, or an address in ASCII in [helpdesk]"
                )
            raise RelayRefused("the server does not know SMTPUTF8 (RFC 6531), which this recipient needs", 553)
        return True

    def _drop(self) -> None:
        if self._talk is not None:
            self._talk.close()
        if self._client is not None:
            self._client.close()
        self._client, self._talk, self._sent, self._begun = None, None, 0, False

    def _answered(self, error: SMTPResponseException) -> RelayUnavailable | RelayRefused:
        """The failure for an SMTP answer; keeps the connection for the next mail when it may be used."""
        code, stage = error.code, self._stage
        text = self._said(f"{stage}: {code} {error.message}")
        known = 400 <= code < 600
        if not known or code == 421 or stage is SmtpStage.CONNECT:
            self._drop()
        meaning = judge(stage, code, readable(error.message))
        if meaning in (ReplyMeaning.REFUSED, ReplyMeaning.GONE):
            return RelayRefused(text, code, gone=meaning is ReplyMeaning.GONE)
        kind = RelayMisconfigured if meaning is ReplyMeaning.OURS else RelayUnavailable
        in_doubt = stage is SmtpStage.DOT and not known
        return kind(text, code if known else None, in_doubt=in_doubt, unreachable=stage is SmtpStage.CONNECT)

    def _broken(self, error: Exception) -> RelayUnavailable:
        stage = self._stage
        text = self._said(f"{stage}: {type(error).__name__}: {error}")
        kind = RelayMisconfigured if stage is SmtpStage.CONNECT and _is_setting(error) else RelayUnavailable
        # Broken behind the 354: the server may have taken it. It is sent again with the same Message-ID.
        return kind(text, in_doubt=stage is SmtpStage.DOT, unreachable=stage is SmtpStage.CONNECT)

    def _said(self, told: str) -> str:
        """Words of the server as they are kept."""
        return readable(without_names(told, self._recipient))

    def _is_kept(self) -> bool:
        """Whether the connection that is open may take a mail as it is."""
        return self.is_open and self._sent < _RECYCLE and not self._begun

    async def _ready(self) -> Talk:
        """The connection for a mail, which has ``LIMIT`` from now on."""
        talk = self._talk if self._is_kept() else None
        if talk is None:
            async with asyncio.timeout(LIMIT):
                talk = await self._kept() or await self._connected()
        talk.within(LIMIT)
        return talk

    async def _kept(self) -> Talk | None:
        """The connection that is open, as if it were new."""
        if self._talk is None or not self._talk.is_open or self._sent >= _RECYCLE:
            await self.close()
        elif self._begun:
            self._talk.within(LIMIT)
            if any(answer.code // 100 == 2 for answer in await self._talk.ask(b"RSET")):
                self._begun = False
            else:
                self._drop()
        return self._talk

    async def _connected(self) -> Talk:
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
        if client.transport is None:
            raise SMTPServerDisconnected("Connection lost")
        transport = cast(asyncio.Transport, client.transport)
        self._talk = Talk(transport, s.timeout_seconds, pipelining=client.supports_extension("pipelining"))
        return self._talk

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


def _mail(return_path: str, utf8: bool) -> bytes:
    if return_path and not _ADDRESS.fullmatch(return_path):
        raise ValueError("the return path cannot be written in SMTP")
    return f"MAIL FROM:<{return_path}>{' SMTPUTF8' * utf8}".encode()


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
