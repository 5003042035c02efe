"""The receiver of the webhooks: one POST, and what its answer means."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from mailbot import __version__
from mailbot.config import CsdSettings
from mailbot.csd.events import headers, secrets_of
from mailbot.errors import ConfigError
from mailbot.observe import Clock

if TYPE_CHECKING:
    from aiohttp import ClientSession

_LONGEST_WAIT = 3600.0
"""Of a Retry-After: who asks for more is asked again anyway."""
_AWAY = frozenset((401, 403, 404, 405, 407, 408, 421, 425, 429, 502, 503, 504))
"""It is not the event that is refused: any other would be as well."""


class WebhookVerdict(StrEnum):
    """What an answer means. accepted: 2xx; refused: this event is not taken (4xx); failed: the receiver broke over it
    (5xx); away: nothing is taken just now; gone: it wants no more (410)."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    FAILED = "failed"
    AWAY = "away"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """code: of HTTP; None: there was no answer. reason: in words without values. wait: the seconds that it asks for."""

    verdict: WebhookVerdict
    reason: str = ""
    code: int | None = None
    wait: float | None = None


class Receiver:
    """The URL of ``[csd]``. Redirects are not followed, the certificate is verified, and of the answer only its head is
    read."""

    def __init__(self, settings: CsdSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._session: ClientSession | None = None

    async def post(self, message_id: str, body: str) -> WebhookAnswer:
        """Send one event, signed at this moment. Never raises for what the other side does."""
        from aiohttp import ClientError  # 6 MB, and most installations tell nobody

        content = body.encode("ascii")
        now = self._clock()
        try:
            signed = headers(secrets(self._settings), message_id, now, content)
            session = self._session = self._session or self._opened()
        except ConfigError as error:
            return WebhookAnswer(WebhookVerdict.AWAY, error.reason)
        try:
            async with session.post(self._settings.url, data=content, headers=signed, allow_redirects=False) as answer:
                return meaning(answer.status, answer.headers.get("Retry-After", ""), now)
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            return WebhookAnswer(WebhookVerdict.AWAY, f"no answer: {type(error).__name__}")

    async def close(self) -> None:
        """End the connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> ClientSession:
        from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

        return ClientSession(
            timeout=ClientTimeout(total=self._settings.timeout_seconds),
            connector=TCPConnector(ssl=trust(self._settings), limit=1),
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            headers={"Content-Type": "application/json", "User-Agent": f"mailbot/{__version__}"},
        )


def meaning(code: int, retry_after: str, now: datetime) -> WebhookAnswer:
    """What an answer means that came at ``now``."""
    if 200 <= code < 300:
        return WebhookAnswer(WebhookVerdict.ACCEPTED, code=code)
    if code == 410:
        return WebhookAnswer(WebhookVerdict.GONE, "it answered 410: it wants no more", code)
    if code in _AWAY or code < 400:
        said = " and is not followed" if 300 <= code < 400 else ""
        return WebhookAnswer(WebhookVerdict.AWAY, f"it answered {code}{said}", code, _seconds(retry_after, now))
    return WebhookAnswer(WebhookVerdict.FAILED if code >= 500 else WebhookVerdict.REFUSED, f"it answered {code}", code)


def secrets(settings: CsdSettings) -> tuple[bytes, ...]:
    """Those of the file, read anew at each try: another one is there as soon as it is written. Raises ConfigError."""
    file = settings.secrets_file
    mend = "mend: one whsec_… (base64 of 24 to 64 octets) a line"
    try:
        return secrets_of(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"[csd] secrets_file: {file}: {error.strerror}; {mend}") from error
    except ValueError as error:
        told = "is no text" if isinstance(error, UnicodeDecodeError) else error
        raise ConfigError(f"[csd] secrets_file: {file}: {told}; {mend}") from None


def trust(settings: CsdSettings) -> ssl.SSLContext:
    """Whose certificates are believed. Raises ConfigError."""
    try:
        return ssl.create_default_context(cafile=settings.ca_file or None)
    except OSError as error:  # SSLError is one
        raise ConfigError(f"[csd] ca_file: {settings.ca_file} cannot be read; mend: a PEM file of the CA") from error


def _seconds(retry_after: str, now: datetime) -> float | None:
    """Of a Retry-After (RFC 9110 §10.2.3): seconds or a moment; None: there is none that can be read."""
    word = retry_after.strip()
    if word.isascii() and word.isdigit():
        wait = float(word[:9])
    else:
        try:
            wait = (parsedate_to_datetime(word) - now).total_seconds()
        except (ValueError, TypeError):  # TypeError: without a zone
            return None
    return min(max(wait, 1.0), _LONGEST_WAIT)
