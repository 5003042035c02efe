"""Log in with a provider of OpenID Connect: code flow with PKCE (OpenID Connect Core §3.1, RFC 7636, RFC 9700).

What must come back to us (state, nonce, verifier) lies sealed in a cookie of the browser that began: nobody else can
end what it began, and nothing of it waits here.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from mailbot.config import OidcSettings
from mailbot.errors import ConfigError, PermanentError, SealBroken, TemporaryError
from mailbot.observe import Clock
from mailbot.operators import people
from mailbot.secret import Secret

_PURPOSE, _CONTEXT = "oidc", b"login"
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Of ID tokens; never "none", nor one whose key the client holds as well."""
PATIENCE = timedelta(minutes=10)
"""For a person at the provider's page."""
_LEEWAY = 60  # seconds that the provider's clock may differ
_LONGEST = 1_000_000  # octets of an answer
_SECONDS = 10.0  # for an answer
_KEYS_LAST, _KEYS_AGAIN = timedelta(hours=1), timedelta(minutes=1)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class ProviderUnavailable(TemporaryError):
    """The provider does not answer, or not as the standard says."""


class NotProven(PermanentError):
    """What came back proves nobody. ``reason`` is a code, for the log."""


@dataclass(frozen=True, slots=True)
class Proven:
    """Whom the provider vouches for. subject: as people.subject; name: what it calls them; where: to go on to."""

    subject: str
    name: str
    where: str


@dataclass(slots=True)
class _Keys:
    keys: KeySet
    fetched_at: datetime


class Provider:
    """One provider. Its description and its keys are kept in memory."""

    def __init__(self, settings: OidcSettings, redirect_uri: str, secret: Secret, clock: Clock) -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._secret = secret
        self._clock = clock
        self._described: Mapping[str, Any] | None = None
        self._keys: _Keys | None = None

    async def begin(self, where: str) -> tuple[str, str]:
        """The address of the provider to send the browser to, and the cookie it must bring back. Raises
        ProviderUnavailable."""
        described = await self._description()
        kept = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        address: str = prepare_grant_uri(
            described["authorization_endpoint"],
            self._settings.client_id,
            "code",
            self._redirect_uri,
            "openid profile",
            kept["state"],
            nonce=kept["nonce"],
            code_challenge=create_s256_code_challenge(kept["verifier"]),
            code_challenge_method="S256",
        )
        plain = json.dumps({**kept, "where": where, "until": (self._clock() + PATIENCE).isoformat()})
        return address, base64.urlsafe_b64encode(self._secret.seal(_PURPOSE, plain.encode(), _CONTEXT)).decode()

    async def finish(self, query: Mapping[str, str], cookie: str) -> Proven:
        """Who came back from the provider. Raises NotProven, ProviderUnavailable, ConfigError."""
        kept = self._opened(cookie)
        if not hmac.compare_digest(query.get("state", "").encode(), kept["state"].encode()):
            raise NotProven("state")
        if query.get("iss", self._settings.issuer) != self._settings.issuer:  # RFC 9207
            raise NotProven("iss")
        if "code" not in query:
            raise NotProven("error")
        tokens = await self._exchanged(query["code"], kept["verifier"])
        claims = await self._judged(tokens, kept["nonce"])
        name = claims.get("preferred_username") or claims["sub"]
        return Proven(people.subject(self._settings.issuer, claims["sub"]), str(name), kept["where"])

    def _opened(self, cookie: str) -> dict[str, str]:
        try:
            sealed = base64.urlsafe_b64decode(cookie)
            kept: dict[str, str] = json.loads(self._secret.unseal(_PURPOSE, sealed, _CONTEXT)) if sealed else {}
            until = datetime.fromisoformat(kept["until"])
        except (SealBroken, ValueError, KeyError, TypeError):
            raise NotProven("cookie") from None
        if not sealed.startswith(b"\0") or until <= self._clock():  # what never was sealed opens as it is
            raise NotProven("too-late")
        return kept

    async def _exchanged(self, code: str, verifier: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
            "client_id": self._settings.client_id,
        }
        return await self._asked((await self._description())["token_endpoint"], form)

    async def _judged(self, tokens: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        """The claims of the ID token, whose signature, issuer, audience, times and nonce are right (Core §3.1.3.7)."""
        keys = await self._key_set(_kid(str(tokens.get("id_token", ""))))
        ours = {"nonce": nonce, "client_id": self._settings.client_id, "access_token": tokens.get("access_token")}
        wanted = {
            "iss": {"essential": True, "value": self._settings.issuer},
            "aud": {"essential": True, "value": self._settings.client_id},
            "exp": {"essential": True},
            "sub": {"essential": True},
        }
        try:
            token = jwt.decode(str(tokens.get("id_token", "")), keys, algorithms=list(_ALGORITHMS))
            claims = CodeIDToken(token.claims, token.header, wanted, ours)
            claims.validate(int(self._clock().timestamp()), _LEEWAY)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise NotProven(f"id_token: {type(error).__name__}") from None
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise NotProven("sub")
        found: Mapping[str, Any] = claims
        return found

    async def _description(self) -> Mapping[str, Any]:
        """What the provider says of itself (OpenID Connect Discovery §4), of exactly this issuer (§4.3)."""
        if self._described is None:
            issuer = self._settings.issuer
            found = await self._asked(issuer.rstrip("/") + "/.well-known/openid-configuration")
            needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if found.get("issuer") != issuer or not all(is_safe(str(found.get(name, ""))) for name in needed):
                raise ProviderUnavailable("[oidc] issuer: describes another one, or an address without TLS")
            self._described = found
        return self._described

    async def _key_set(self, kid: str | None) -> KeySet:
        """The provider's keys; fetched anew when one is asked for that is not there, but not at everybody's wish."""
        age = self._clock() - self._keys.fetched_at if self._keys else _KEYS_LAST
        known = self._keys is not None and (kid is None or any(key.kid == kid for key in self._keys.keys))
        if self._keys is None or age >= _KEYS_LAST or (not known and age >= _KEYS_AGAIN):
            found = await self._asked((await self._description())["jwks_uri"])
            try:
                self._keys = _Keys(KeySet.import_key_set({"keys": found["keys"]}), self._clock())
            except (JoseError, ValueError, TypeError, KeyError) as error:
                raise ProviderUnavailable("[oidc] issuer: its keys cannot be read") from error
        return self._keys.keys

    async def _asked(self, address: str, form: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """The JSON object that the provider answers; a code it does not take is NotProven."""
        headers = {} if form is None else self._client_secret()
        settings = self._settings
        context = ssl.create_default_context(cafile=settings.ca_file or None)
        try:
            async with (
                ClientSession(timeout=ClientTimeout(_SECONDS), connector=TCPConnector(ssl=context)) as session,
                session.request(
                    "GET" if form is None else "POST", address, data=form, headers=headers, allow_redirects=False
                ) as answer,
            ):
                octets = await answer.content.read(_LONGEST)
                if form is not None and answer.status in (400, 401):
                    raise NotProven(f"token endpoint: {answer.status}")
                found = json.loads(octets) if answer.status == 200 else None
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            raise ProviderUnavailable(f"the OpenID Connect provider does not answer: {type(error).__name__}") from error
        if not isinstance(found, dict):
            raise ProviderUnavailable("the OpenID Connect provider does not answer as the standard says")
        return found

    def _client_secret(self) -> dict[str, str]:
        """client_secret_basic (RFC 6749 §2.3.1), where we have a secret."""
        file = self._settings.client_secret_file
        if not file:
            return {}
        try:
            secret = Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigError(f"[oidc] client_secret_file: {file}: {error.strerror}; mend: name the file") from error
        pair = f"{quote(self._settings.client_id, safe='')}:{quote(secret, safe='')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def is_safe(address: str) -> bool:
    """Whether an address of a provider is of TLS, or of this machine."""
    parts = urlsplit(address)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


def _kid(token: str) -> str | None:
    """Which key a JWT says it is signed with (RFC 7515 §4.1.4); nothing is believed of it yet."""
    head = token.partition(".")[0]
    try:
        found = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except ValueError:
        return None
    kid = found.get("kid") if isinstance(found, dict) else None
    return kid if isinstance(kid, str) else None
