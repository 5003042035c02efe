"""The limit of requests per client: what it remembers does not grow without end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from aiohttp.test_utils import make_mocked_request

from mailbot.config import WebSettings
from mailbot.http.guards import Limiter
from mailbot.http.headers import Proxies, network

NOW = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)


def test_a_million_clients_do_not_fill_the_memory() -> None:
    limiter = Limiter(WebSettings(trusted_proxy=("*",), attempts_per_minute=1), lambda: NOW)
    request = make_mocked_request("GET", "/")
    for n in range(12_000):
        headers = {"X-Forwarded-For": f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"}
        assert limiter.admits(request.clone(headers=headers))
    assert len(limiter._buckets) == 10_000
    again = make_mocked_request("GET", "/", headers={"X-Forwarded-For": f"10.0.{11_999 >> 8}.{11_999 & 255}"})
    assert not limiter.admits(again)


def test_a_household_is_one_client() -> None:
    assert network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff::9") != network("2001:db8:1:3::1")
    assert network("::ffff:192.0.2.1") == network("192.0.2.1") == "192.0.2.1"
    assert network("") == network("nonsense") == "unknown"


@pytest.mark.parametrize(
    ("trusted", "peer", "chain", "client"),
    [
        ((), "192.0.2.1", ["203.0.113.7"], "192.0.2.1"),
        (("192.0.2.1",), "192.0.2.1", ["203.0.113.7"], "203.0.113.7"),
        (("192.0.2.1",), "192.0.2.1", [], "192.0.2.1"),
        (("192.0.2.1",), "192.0.2.2", ["203.0.113.7"], "192.0.2.2"),
        (("192.0.2.0/24",), "::ffff:192.0.2.9", ["203.0.113.7"], "203.0.113.7"),
        (("2001:db8::/64",), "2001:db8::5%eth0", ["203.0.113.7"], "203.0.113.7"),
        # what a client wrote himself stands before what the first proxy saw
        (("192.0.2.0/24",), "192.0.2.1", ["1.1.1.1, 203.0.113.7, 192.0.2.2"], "203.0.113.7"),
        (("192.0.2.0/24",), "192.0.2.1", ["1.1.1.1", "203.0.113.7", "192.0.2.2"], "203.0.113.7"),
        (("192.0.2.0/24",), "192.0.2.1", ["1.1.1.1, nonsense, 192.0.2.2"], "unknown"),
        (("192.0.2.0/24",), "192.0.2.1", ["192.0.2.7, 192.0.2.2"], "192.0.2.7"),
        (("*",), "198.51.100.1", ["1.1.1.1, 203.0.113.7"], "203.0.113.7"),
        (("*",), "198.51.100.1", [""], "unknown"),
    ],
)
def test_the_last_hop_that_is_no_proxy_is_the_client(
    trusted: tuple[str, ...], peer: str, chain: list[str], client: str
) -> None:
    assert Proxies(trusted).client(peer, chain) == client
