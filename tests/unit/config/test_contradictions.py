"""Limits and time-outs that would let nobody in are refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailbot import config
from mailbot.errors import ConfigError


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("web", "connections"),
        ("web", "connections_per_client"),
        ("web", "request_seconds"),
        ("lmtp", "max_connections"),
        ("smtp", "idle_seconds"),
        ("lmtp", "data_seconds"),
        ("delivery", "connections"),
        ("console", "connections"),
        ("console", "refresh_seconds"),
        ("console", "upload_mb"),
        ("console", "idle_minutes"),
        ("console", "absolute_hours"),
        ("console", "lock_after"),
        ("console", "invite_hours"),
        ("console", "attempts_per_minute"),
    ],
)
@pytest.mark.parametrize("value", ["0", "-1"])
def test_a_limit_of_nothing_is_refused(tmp_path: Path, section: str, key: str, value: str) -> None:
    file = tmp_path / "mailbot.toml"
    file.write_text(f"[{section}]\n{key} = {value}\n")
    with pytest.raises(ConfigError, match=rf"\[{section}\] {key}: must be more than 0; mend: "):
        config.load(file, {})


@pytest.mark.parametrize(
    ("lines", "mistake"),
    [
        ('[console]\npublic_url = "http://biurko.urzad.example"', r"\[console\] public_url: passwords would go"),
        ('[console]\npublic_url = "https://biurko.urzad.example"', r"\[console\] behind_tls: public_url is https"),
        ('[oidc]\nissuer = "http://sso.example"\nclient_id = "c"', r"\[oidc\] issuer: is no address with TLS"),
        ('[oidc]\nissuer = "http://localhost.evil.example"\nclient_id = "c"', r"\[oidc\] issuer: is no address"),
        ('[oidc]\nissuer = "https://sso.example"', r"\[oidc\] client_id: is missing"),
        ("[audit]\nhead_minutes = -1", r"\[audit\] head_minutes: is negative"),
        ('[csd]\nurl = "http://csd.example/h"\nsecrets_file = "s"', r"\[csd\] url: events would go over the wire"),
        ('[csd]\nurl = "http://127.0.0.1.evil.example"\nsecrets_file = "s"', r"\[csd\] url: events would go over"),
        ('[csd]\nurl = "https://csd.example/h"', r"\[csd\] secrets_file: is missing"),
        ("[csd]\ntimeout_seconds = 0", r"\[csd\] timeout_seconds: not within a minute"),
        ('[scanner]\naddress = "clamd"', r"\[scanner\] address: 'clamd' is none"),
        ('[scanner]\naddress = "clamd:99999"', r"\[scanner\] address: 'clamd:99999' is none"),
        ('[scanner]\naddress = "unix:clamd.ctl"', r"\[scanner\] address: 'unix:clamd.ctl' is none"),
        ('[web]\ntrusted_proxy = ["proxy.example"]', r"\[web\] trusted_proxy: 'proxy.example' is no network"),
        ('[console]\ntrusted_proxy = ["10.0.0.1/8"]', r"\[console\] trusted_proxy: '10.0.0.1/8' is no network"),
        ("[api]\ntrusted_proxy = 1", r"\[api\] trusted_proxy: 1 is not a list of texts"),
        ('[web]\nmetrics = ["*"]', r"\[web\] metrics: '\*' is no network"),
        ("[scanner]\ntimeout_seconds = 16.0", r"\[scanner\] timeout_seconds: not within an eighth"),
    ],
)
def test_a_login_that_would_be_open_is_refused(tmp_path: Path, lines: str, mistake: str) -> None:
    file = tmp_path / "mailbot.toml"
    file.write_text(lines + "\n")
    with pytest.raises(ConfigError, match=mistake + ".*; mend: "):
        config.load(file, {})


@pytest.mark.parametrize(
    "lines",
    [
        '[console]\npublic_url = "https://biurko.urzad.example"\nbehind_tls = true',
        *(f'[console]\npublic_url = "http://{host}:8081"' for host in ("127.0.0.1", "localhost", "[::1]")),
        '[oidc]\nissuer = "http://localhost:9400"\nclient_id = "c"',
    ],
)
def test_a_login_behind_tls_or_on_this_machine_is_taken(tmp_path: Path, lines: str) -> None:
    file = tmp_path / "mailbot.toml"
    file.write_text(lines + "\n")
    config.load(file, {})


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("true", ("*",)),
        ('"True"', ("*",)),
        ("false", ()),
        ('"false"', ()),
        ('["192.0.2.1", "2001:db8::/32"]', ("192.0.2.1", "2001:db8::/32")),
        ('"192.0.2.1, 192.0.2.2"', ("192.0.2.1", "192.0.2.2")),
    ],
)
def test_a_proxy_that_was_a_yes_or_no_is_read_and_told(tmp_path: Path, said: str, read: tuple[str, ...]) -> None:
    file = tmp_path / "mailbot.toml"
    file.write_text("".join(f"[{name}]\ntrusted_proxy = {said}\n" for name in ("web", "console", "api")))
    found = config.load(file, {})
    assert (found.web.trusted_proxy, found.console.trusted_proxy, found.api.trusted_proxy) == (read,) * 3
    told = config.outdated(found)
    assert len(told) == (3 if read == ("*",) else 0)
    assert all("; mend: write the addresses of the proxies" in one for one in told)


def test_a_proxy_of_the_environment() -> None:
    assert config.load(None, {"MAILBOT_WEB_TRUSTED_PROXY": "true"}).web.trusted_proxy == ("*",)
    assert config.load(None, {"MAILBOT_API_TRUSTED_PROXY": "192.0.2.1"}).api.trusted_proxy == ("192.0.2.1",)


def test_settings_of_the_environment_are_known() -> None:
    assert not config.in_environment({"MAILBOT_CI": "1", "PATH": "/bin"})
    assert config.in_environment({"MAILBOT_LMTP_LISTEN": "127.0.0.1:2400"})
