"""[breaker]: bounds may be moved, and none can be switched off."""

from __future__ import annotations

import pytest

from mailbot.config import BreakerSettings, Settings
from mailbot.config.contradictions import contradictions


@pytest.mark.parametrize(("key", "value"), [("strangers_per_hour", 0), ("logins_per_day", 1_000_001)])
def test_no_breaker_is_switched_off(key: str, value: int) -> None:
    (found,) = contradictions(Settings(breaker=BreakerSettings(**{key: value})), "mailbot.toml")
    assert found.startswith(f"mailbot.toml: [breaker] {key}: {value} is not from 1 to")


def test_the_shipped_ones_are_fine() -> None:
    assert contradictions(Settings(), "mailbot.toml") == []
