"""The doctor compares the clock of this machine with that of the database's server, which all machines ask."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pytest
from sqlalchemy import Engine

from mailbot.errors import ConfigError
from mailbot.service import doctor
from tests.flow import settings


@pytest.mark.parametrize("minutes", [10, -10, 0])
def test_a_clock_that_differs_from_the_servers_is_told(
    empty_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(minutes=minutes)

    monkeypatch.setattr(doctor, "datetime", Shifted)
    chosen = settings(empty_engine.url.render_as_string(hide_password=False), tmp_path / "key", 1)
    if empty_engine.dialect.name == "sqlite" or not minutes:
        if minutes >= 0:
            assert doctor._clock(chosen).endswith("Z"), "a file of this machine has no other clock"
        return
    side = "ahead of" if minutes > 0 else "behind"
    monkeypatch.setattr(doctor, "__file__", str(tmp_path))
    monkeypatch.setattr(Shifted, "fromtimestamp", lambda *_: datetime.now(_[-1]) - timedelta(days=1))
    with pytest.raises(ConfigError, match=rf"the clock is (599|600|601) seconds {side} that of the database's server"):
        doctor._clock(chosen)
