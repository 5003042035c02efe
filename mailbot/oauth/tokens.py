"""The access token of a process: asked for when the last one is about to end, by one task at a time."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from mailbot.config import OAuthSettings, Settings
from mailbot.errors import ConfigError, TokenRefused, TokenUnavailable
from mailbot.oauth import refresh
from mailbot.oauth.answer import Issued, judge
from mailbot.observe import Clock, utc_now

_SECONDS = 20.0  # for an answer
_LARGEST = 64 * 2**10  # octets of an answer
_NEW = timedelta(minutes=1)
_EARLY = timedelta(minutes=5)
_LONGEST_PAUSE = timedelta(minutes=5)
_REFUSED_PAUSE = timedelta(hours=1)  # a person may act at the provider, where nobody tells us
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class TokenStatus:
    """How it goes. refused: a person must act. refresh_until: when the refresh token ends, as the server told."""

    failing_since: datetime | None = None
    refused: bool = False
    refresh_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    access: str
    issued_at: datetime
    until: datetime


class Tokens:
    """Tokens of one client. Not for two event loops at once."""

    def __init__(self, settings: OAuthSettings, clock: Clock = utc_now) -> None:
        self.standing = TokenStatus()
        self._settings = settings
        self._clock = clock
        self._kept: _Kept | None = None
        self._asking: asyncio.Task[str] | None = None
        self._failure: ConfigError | TokenUnavailable | None = None
        self._failures = 0
        self._not_before: datetime | None = None
        self._failed_with = b""

    async def access(self) -> str:
        """A token that is good for a while. Raises TokenRefused or another ConfigError (a person must act), or
        TokenUnavailable.

        Who waits may be cancelled; the question goes on, for its answer may hold the only refresh token there is.
        """
        kept, now = self._kept, self._clock()
        if kept is not None and kept.issued_at <= now < kept.until:
            return kept.access
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._renewed(), name="oauth")
            self._asking.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._asking)

    def reject(self, access: str) -> None:
        """A login by it failed: it may have been withdrawn before its time. One that is new is refused for another
        reason, which a newer one does not mend."""
        if self._kept is not None and self._kept.access == access and self._clock() >= self._kept.issued_at + _NEW:
            self._kept = None

    def expires_at(self) -> datetime | None:
        """The first known day on which nothing goes on without a person: of the client secret, the refresh token."""
        days = [self.standing.refresh_until] if self.standing.refresh_until else []
        if self._settings.secret_expires:
            days.append(datetime.combine(date.fromisoformat(self._settings.secret_expires), time(), UTC))
        return min(days, default=None)

    async def _renewed(self) -> str:
        now = self._clock()
        waits = self._not_before is not None and now < self._not_before <= now + _REFUSED_PAUSE
        if self._failure is not None and waits and self._failed_with == self._secrets():
            raise self._failure
        try:
            issued = await self._ask()
        except (ConfigError, TokenUnavailable) as error:
            self._failed(error)
            raise
        early = min(_EARLY, issued.life / 5)
        self._kept = _Kept(issued.access, now, now + issued.life - early)
        self._failure, self._failures = None, 0
        until = now + issued.refresh_life if issued.refresh_life else None
        self.standing = TokenStatus(refresh_until=until)
        return issued.access

    def _failed(self, error: ConfigError | TokenUnavailable) -> None:
        now = self._clock()
        refused = isinstance(error, ConfigError)
        pause = timedelta(seconds=min(2.0**self._failures, 3600.0))
        pause = _REFUSED_PAUSE if isinstance(error, TokenRefused) else min(pause, _LONGEST_PAUSE)
        self._failures = min(self._failures + 1, 20)
        self._failure, self._not_before, self._failed_with = error, now + pause, self._secrets()
        since = self.standing.failing_since or now
        self.standing = TokenStatus(since, refused, self.standing.refresh_until)

    def _secrets(self) -> bytes:
        """Changes when a person writes another secret: then it is asked again at once."""
        digest = hashlib.sha256()
        for file in (self._settings.client_secret_file, self._settings.refresh_token_file):
            with suppress(OSError):
                digest.update(Path(file).read_bytes() if file else b"")
            digest.update(b"\0")
        return digest.digest()

    async def _ask(self) -> Issued:
        if self._settings.grant == "client_credentials":
            return await self._asked({}, None)
        async with refresh.turn(self._settings.refresh_token_file) as turn:
            return await self._asked({"refresh_token": turn.token}, turn)

    async def _asked(self, more: Mapping[str, str], turn: refresh.Turn | None) -> Issued:
        """What the server issued; a new refresh token is kept before anything is awaited again."""
        from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector  # most installations ask nobody

        s = self._settings
        form = {"grant_type": s.grant, "client_id": s.client_id, **more} | ({"scope": s.scope} if s.scope else {})
        headers = _HEADERS | self._proof()
        try:
            context = ssl.create_default_context(cafile=s.ca_file or None)
        except OSError as error:
            raise ConfigError(f"[oauth] ca_file: {s.ca_file!r} cannot be read; mend: name a PEM file") from error
        connector = TCPConnector(ssl=context)
        try:
            async with (
                ClientSession(timeout=ClientTimeout(_SECONDS), connector=connector, auto_decompress=False) as session,
                session.post(s.token_url, data=form, headers=headers, allow_redirects=False) as answer,
            ):
                octets = b""
                async for chunk in answer.content.iter_chunked(_LARGEST):
                    octets += chunk
                    if len(octets) > _LARGEST:
                        raise TokenUnavailable("the token server answers too much")
                issued = judge(answer.status, octets)
                if turn is not None and issued.refresh is not None:
                    _keep(turn, issued.refresh)
                return issued
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            raise TokenUnavailable(f"the token server does not answer: {type(error).__name__}") from None

    def _proof(self) -> dict[str, str]:
        """client_secret_basic (RFC 6749 §2.3.1), where we have a secret."""
        if not self._settings.client_secret_file:
            return {}
        secret = refresh.read("client_secret_file", self._settings.client_secret_file)
        pair = f"{quote(self._settings.client_id, safe='')}:{quote(secret, safe='')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _keep(turn: refresh.Turn, token: str) -> None:
    try:
        turn.keep(token)
    except OSError as error:
        raise ConfigError(
            f"[oauth] refresh_token_file: {error.strerror}: a new token could not be kept; mend: make room, then have "
            "the mailbox's owner consent anew if the server says invalid_grant"
        ) from error


@lru_cache(maxsize=8)
def _of(settings: OAuthSettings) -> Tokens:
    return Tokens(settings)


def tokens_of(settings: Settings) -> Tokens | None:
    """The one of this process; None: no server takes tokens."""
    return _of(settings.oauth) if settings.oauth.token_url else None
