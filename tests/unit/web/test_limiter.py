"""The limit of requests per client: what it remembers does not grow without end."""

from __future__ import annotations

from datetime import UTC, datetime

from aiohttp.test_utils import make_mocked_request

from mailbot.config import WebSettings
from mailbot.http.guards import Limiter
from mailbot.http.headers import network

NOW = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)


def test_a_million_clients_do_not_fill_the_memory() -> None:
    limiter = Limiter(WebSettings(trusted_proxy=True, attempts_per_minute=1), lambda: NOW)
    for n in range(12_000):
        headers = {"X-Forwarded-For": f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"}
        assert limiter.admits(make_mocked_request("GET", "/", headers=headers))
    assert len(limiter._buckets) == 10_000
    again = make_mocked_request("GET", "/", headers={"X-Forwarded-For": f"10.0.{11_999 >> 8}.{11_999 & 255}"})
    assert not limiter.admits(again)


def test_a_household_is_one_client() -> None:
    assert network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff::9") != network("2001:db8:1:3::1")
    assert network("::ffff:192.0.2.1") == network("192.0.2.1") == "192.0.2.1"
    assert network("") == network("nonsense") == "unknown"
