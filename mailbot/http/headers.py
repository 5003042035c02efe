"""What every answer carries, and where a request comes from."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence

from aiohttp import hdrs, web

from mailbot.config.web import ANY

_HEADERS = {
    "Referrer-Policy": "no-referrer",  # the address of a page may be a secret, or name a ticket
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_CONTENT_POLICY = "Content-Security-Policy"
_HSTS = "max-age=31536000"


def add_headers(app: web.Application, content_policy: str, *, behind_tls: bool) -> None:
    """Put the security headers on every answer of ``app``, also on those of the framework.

    ``content_policy``: of every answer that does not bring a stricter one."""

    async def prepare(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers.pop(hdrs.SERVER, None)
        response.headers.update(_HEADERS)
        response.headers.setdefault(_CONTENT_POLICY, content_policy)
        response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
        if behind_tls:
            response.headers[hdrs.STRICT_TRANSPORT_SECURITY] = _HSTS

    app.on_response_prepare.append(prepare)


class Proxies:
    """The proxies of ``trusted_proxy``."""

    def __init__(self, trusted: Collection[str]) -> None:
        self._any = ANY in trusted
        self._networks = [ipaddress.ip_network(one) for one in trusted if one != ANY]

    def has(self, peer: str) -> bool:
        """Whether ``peer``, an address, is one of them."""
        return self._any or self._is_known(peer)

    def client(self, peer: str, chain: Sequence[str]) -> str:
        """The network of who asked, of ``peer`` and the values of X-Forwarded-For.

        Each proxy writes behind what came to it the address it sees, so the last one that is no proxy is a stranger's;
        what stands before it he wrote himself.
        """
        hops = [hop.strip() for value in chain for hop in value.split(",")]
        if not hops or not self.has(peer):
            return network(peer)
        return network(next((hop for hop in reversed(hops) if not self._is_known(hop)), hops[0]))

    def _is_known(self, peer: str) -> bool:
        try:
            ip = ipaddress.ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        ip = getattr(ip, "ipv4_mapped", None) or ip
        return any(ip in one for one in self._networks)


def network(peer: str) -> str:
    """IPv4 address or IPv6 /64 network (one household) of an address; "unknown" when it is none."""
    try:
        ip = ipaddress.ip_address(peer)
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
