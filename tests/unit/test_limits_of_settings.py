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
    ],
)
@pytest.mark.parametrize("value", ["0", "-1"])
def test_a_limit_of_nothing_is_refused(tmp_path: Path, section: str, key: str, value: str) -> None:
    file = tmp_path / "mailbot.toml"
    file.write_text(f"[{section}]\n{key} = {value}\n")
    with pytest.raises(ConfigError, match=rf"\[{section}\] {key}: must be more than 0; mend: "):
        config.load(file, {})


def test_settings_of_the_environment_are_known() -> None:
    assert not config.in_environment({"MAILBOT_CI": "1", "PATH": "/bin"})
    assert config.in_environment({"MAILBOT_LMTP_LISTEN": "127.0.0.1:2400"})
