"""What every request must pass: CSRF, a limit per client, kept here and by all processes together."""

from __future__ import annotations

import hmac
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from mailbot import throttle
from mailbot.config import ApiSettings, ConsoleSettings, WebSettings
from mailbot.errors import DatabaseUnavailable
from mailbot.http.headers import Proxies
from mailbot.observe import Clock
from mailbot.secret import Secret
from mailbot.storage.database import Database

_CLIENTS = 10_000  # clients remembered by the limiter; the longest silent is forgotten first
_NONCE = re.compile(r"[A-Za-z0-9_-]{32}")


def cookie(name: str, *, secure: bool) -> str:
    """The name of a cookie: by its prefix the browser refuses one that a neighbouring host planted (RFC 6265bis
    §4.1.3.2)."""
    return f"__Host-{name}" if secure else name


class Csrf:
    """Signed double submit: the form holds an HMAC of the cookie and of the link it belongs to."""

    def __init__(self, secret: Secret, *, secure: bool, name: str = "mailbot") -> None:
        self._secret = secret
        self._secure = secure
        self._cookie = cookie(name, secure=secure)

    def nonce(self, request: web.Request) -> str:
        """The client's nonce: the one of its cookie, or a new one."""
        return self._sent(request) or secrets.token_urlsafe(24)

    def field(self, nonce: str, link: str) -> str:
        """Value of the hidden field in the form of ``link``."""
        return self._secret.mac("csrf", f"{nonce}\0{link}").hex()

    def give(self, response: web.Response, nonce: str) -> None:
        """Set the cookie."""
        response.set_cookie(self._cookie, nonce, path="/", secure=self._secure, httponly=True, samesite="Strict")

    def holds(self, request: web.Request, link: str, field: str) -> bool:
        """Whether the form was given by us, to this client, for this link."""
        nonce = self._sent(request)
        return nonce is not None and hmac.compare_digest(self.field(nonce, link).encode(), field.encode())

    def _sent(self, request: web.Request) -> str | None:
        nonce = request.cookies.get(self._cookie, "")
        return nonce if _NONCE.fullmatch(nonce) else None


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: datetime


class Limiter:
    """A token bucket for each client: ``per_minute`` requests at once, then one each 60/``per_minute`` seconds."""

    def __init__(self, settings: WebSettings | ConsoleSettings | ApiSettings, clock: Clock) -> None:
        self._settings = settings
        self._proxies = Proxies(settings.trusted_proxy)
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def admits(self, request: web.Request) -> bool:
        """Count the request; False when its client has asked too often."""
        full = float(self._settings.attempts_per_minute)
        now = self._clock()
        client = self.client(request)
        bucket = self._buckets.setdefault(client, _Bucket(full, now))
        self._buckets.move_to_end(client)
        if len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
        elapsed = max(0.0, (now - bucket.filled_at).total_seconds())
        bucket.tokens = min(full, bucket.tokens + elapsed * full / 60)
        bucket.filled_at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def client(self, request: web.Request) -> str:
        """Network of the client, which a proxy may name (Proxies)."""
        return self._proxies.client(request.remote or "", request.headers.getall("X-Forwarded-For", []))


class SharedLimiter:
    """A limiter whose count all processes of the installation keep together. Its own count comes first, so that one
    client's flood costs the database no more than what is let in; and stands alone while the database does not answer:
    the pages say so themselves."""

    def __init__(
        self,
        settings: WebSettings | ConsoleSettings | ApiSettings,
        clock: Clock,
        database: Database,
        secret: Secret,
        what: str,
    ) -> None:
        """``what``: the requests that are counted together."""
        self._here = Limiter(settings, clock)
        self._per_minute = settings.attempts_per_minute
        self._clock, self._database, self._secret, self._what = clock, database, secret, what

    async def admits(self, request: web.Request) -> bool:
        """As ``Limiter.admits``."""
        if not self._here.admits(request):
            return False
        name = self._secret.mac("throttle", f"{self._what}\0{self._here.client(request)}").hex()
        try:
            return await self._database.write(lambda c: throttle.admits(c, name, self._clock(), self._per_minute))
        except DatabaseUnavailable:
            return True
