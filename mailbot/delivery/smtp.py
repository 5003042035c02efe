"""A kept connection to the outgoing SMTP server (RFC 5321), over aiosmtplib.

A connection whose state is not known for certain (time-out, 421, cancel, foreign exception) is dropped, never reused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponseException, SMTPTimeoutError

from mailbot.config import DeliverySettings
from mailbot.errors import ConfigError, RelayRefused, RelayUnavailable

_RECYCLE = 100  # mails over one connection; some servers cut longer ones


class Relay:
    """One connection, opened at the first mail and kept. Not for two tasks at once."""

    def __init__(self, settings: DeliverySettings, hostname: str | None = None) -> None:
        self._settings = settings
        self._hostname = hostname
        self._client: aiosmtplib.SMTP | None = None
        self._sent = 0

    async def send(self, return_path: str, recipient: str, raw: bytes) -> str:
        """Hand one mail over and return the server's answer.

        ``return_path`` "" is the null reverse-path. Raises RelayUnavailable (4xx, no connection; ``in_doubt`` when the
        connection broke while the server may have taken the mail) or RelayRefused (5xx).
        """
        client = await self._ready()
        stage = "MAIL"
        try:
            await client.mail(return_path, encoding="utf-8", options=self._options(return_path, recipient))
            stage = "RCPT"
            await client.rcpt(recipient, encoding="utf-8")
            stage = "DATA"
            response = await client.data(raw)
        except SMTPResponseException as error:
            raise await self._answered(error, stage) from error
        except asyncio.CancelledError:
            self._drop()
            raise
        except (SMTPException, OSError, ValueError) as error:
            self._drop()
            # Broken inside DATA: the server may have taken it. It is sent again with the same Message-ID.
            in_doubt = stage == "DATA" and not isinstance(error, aiosmtplib.SMTPDataError)
            raise RelayUnavailable(f"{stage}: {type(error).__name__}: {error}", in_doubt=in_doubt) from error
        self._sent += 1
        if self._sent >= _RECYCLE:
            await self.close()
        return f"{response.code} {response.message}"

    async def probe(self) -> None:
        """Connect, log in and say NOOP. Raises RelayUnavailable, RelayRefused or ConfigError."""
        await (await self._ready()).noop()

    async def close(self) -> None:
        """Say QUIT where that still works."""
        client, self._client, self._sent = self._client, None, 0
        if client is not None and client.is_connected:
            try:
                await client.quit()
            except (SMTPException, OSError):
                client.close()

    def _options(self, return_path: str, recipient: str) -> list[str] | None:
        return None if (return_path + recipient).isascii() else ["SMTPUTF8"]

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client, self._sent = None, 0

    async def _answered(self, error: SMTPResponseException, stage: str) -> RelayUnavailable | RelayRefused:
        """The failure for an SMTP answer; leaves the connection ready for the next mail, or drops it."""
        text = f"{stage}: {error.code} {error.message}"
        if error.code == 421 or self._client is None:
            self._drop()
        else:
            try:
                await self._client.rset()
            except (SMTPException, OSError):
                self._drop()
        if 500 <= error.code < 600:
            return RelayRefused(text, error.code)
        return RelayUnavailable(text, error.code)

    async def _ready(self) -> aiosmtplib.SMTP:
        if self._client is not None and self._client.is_connected:
            return self._client
        s = self._settings
        client = aiosmtplib.SMTP(
            hostname=s.host,
            port=s.port,
            timeout=s.timeout_seconds,
            use_tls=s.tls == "tls",
            start_tls=s.tls == "starttls",  # required, not opportunistic: fails closed
            local_hostname=self._hostname,
        )
        try:
            await client.connect()
            if s.user:
                await client.login(s.user, password(s.password_file))
        except SMTPResponseException as error:
            client.close()
            # A refused login is our own setting, not the mail's fault: the mail must wait, not be buried.
            raise RelayUnavailable(f"connect: {error.code} {error.message}", error.code) from error
        except (SMTPException, OSError, SMTPTimeoutError) as error:
            client.close()
            raise RelayUnavailable(f"connect: {type(error).__name__}: {error}") from error
        self._client, self._sent = client, 0
        return client


RelayFactory = Callable[[], Relay]


def password(file: str) -> str:
    """The password alone in a file. Raises ConfigError naming the mend."""
    try:
        return Path(file).read_text(encoding="utf-8").strip("\r\n")
    except OSError as error:
        raise ConfigError(
            f"[delivery] password_file: {file!r}: {error.strerror}; mend: name a readable file"
        ) from error
