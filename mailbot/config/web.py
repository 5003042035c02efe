"""The sections about what is served over HTTP: the citizen's page, the console, the API, the probes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mailbot.config.described import doc

OidcRole = Literal["", "consultant", "auditor"]


ANY = "*"
"""In the place of a proxy: whoever asks is one, and the last element of X-Forwarded-For counts. What ``true`` meant."""
_PROXY = (
    "addresses or networks of the proxies in front: from them alone X-Forwarded-For is believed, and of it the last "
    "address that is none of theirs"
)


@dataclass(frozen=True, slots=True)
class WebSettings:
    listen: str = doc("host:port of the citizen's page; empty: not started", "127.0.0.1:8080")
    public_url: str = doc(
        "address of the page as the citizen's browser sees it, without a slash at the end", "https://puesc.gov.pl"
    )
    behind_tls: bool = doc("the page is served over HTTPS (by a proxy): sends HSTS and Secure cookies", True)
    trusted_proxy: tuple[str, ...] = doc(_PROXY, ())
    attempts_per_minute: int = doc("requests of one client to activation pages per minute", 20)
    connections: int = doc(
        "connections at once; for one more the oldest goes whose request is not complete, or it is answered 503", 256
    )
    connections_per_client: int = doc("of one address (IPv6: /64) that is no trusted_proxy", 64)
    request_seconds: float = doc("a connection whose request is not complete after this is cut", 10.0)
    metrics: tuple[str, ...] = doc(
        "networks whose programs may read /metrics directly, never through a proxy; empty: nobody",
        ("127.0.0.0/8", "::1/128"),
    )


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    listen: str = doc("host:port of the operators' console; empty: not started", "127.0.0.1:8081")
    public_url: str = doc(
        "address of the console as the operator's browser sees it, without a slash at the end; no path",
        "http://127.0.0.1:8081",
    )
    behind_tls: bool = doc("the console is served over HTTPS (by a proxy): sends HSTS and Secure cookies", False)
    trusted_proxy: tuple[str, ...] = doc(_PROXY, ())
    idle_minutes: int = doc("who asks for nothing for so long logs in again", 30)
    absolute_hours: int = doc("who is logged in for so long logs in again, whatever they do", 10)
    lock_after: int = doc(
        "wrong passwords or codes in a row until the name waits: 30 seconds, then twice as long, up to 15 minutes",
        5,
    )
    invite_hours: int = doc("life of a temporary password", 72)
    attempts_per_minute: int = doc("forms of one client to the login pages per minute", 20)
    connections: int = doc("connections at once, as of the citizen's page", 128)
    connections_per_client: int = doc("of one address (IPv6: /64) that is no trusted_proxy", 64)
    request_seconds: float = doc("a connection whose request is not complete after this is cut", 30.0)
    refresh_seconds: int = doc("the list of what is to be done looks again after this", 20)
    upload_mb: int = doc("largest form with its files, in megabytes", 12)


@dataclass(frozen=True, slots=True)
class OidcSettings:
    issuer: str = doc("OpenID Connect provider that lets operators into the console; empty: none", "")
    client_id: str = doc("what the provider calls us; redirect URI there: console.public_url + /login/oidc/back", "")
    client_secret_file: str = doc("file that holds the client secret alone; empty: a public client", "")
    ca_file: str = doc("PEM file of the provider's CA; empty: the system's", "")
    label: str = doc("what the button on the login page calls the provider", "OpenID Connect")
    create_role: OidcRole = doc(
        "whom the provider proves and nobody has added becomes an operator with this role; empty: is refused", ""
    )


@dataclass(frozen=True, slots=True)
class ApiSettings:
    listen: str = doc("host:port of the REST API for other systems (docs/api.md); empty: not started", "")
    behind_tls: bool = doc("it is served over HTTPS (by a proxy); without, on loopback alone", False)
    trusted_proxy: tuple[str, ...] = doc(_PROXY, ())
    attempts_per_minute: int = doc("refused tokens of one client per minute, before it hears 429 in place of 401", 20)
    connections: int = doc("connections at once, as of the citizen's page", 64)
    connections_per_client: int = doc("of one address (IPv6: /64) that is no trusted_proxy", 64)
    request_seconds: float = doc("a connection whose request is not complete after this is cut", 30.0)


@dataclass(frozen=True, slots=True)
class HealthSettings:
    listen: str = doc(
        "host:port of /livez, /readyz and /metrics for a process of any role (web has them, too); empty: none", ""
    )


@dataclass(frozen=True, slots=True)
class ActivationSettings:
    lifetime_hours: int = doc("life of an activation link", 24)
