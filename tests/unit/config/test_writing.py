"""What is written is what is read."""

from __future__ import annotations

import tomllib
from pathlib import Path

from mailbot.config import AuthenticationSettings, HelpdeskSettings, ListenerSettings, Settings, load
from mailbot.config.writing import toml, written

OFFICE = Settings(
    helpdesk=HelpdeskSettings("pomoc@urzad.example", 'a"b\\c@urzad.example', own_addresses=(), name="Zażółć\tgęślą"),
    authentication=AuthenticationSettings(("a", "b"), max_age_days=3),
    lmtp=ListenerSettings("127.0.0.1:2400", authentication="headers", idle_seconds=1.5),
)


def _read(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "mailbot.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, {})


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert _read(tmp_path, written(OFFICE, "An office.\nSecond line.")) == OFFICE


def test_a_default_is_a_comment_unless_it_was_said(tmp_path: Path) -> None:
    text = written(Settings(), "Nothing.", {"helpdesk.address"})
    assert tomllib.loads(text)["helpdesk"] == {"address": Settings().helpdesk.address}
    assert sum(map(len, tomllib.loads(text).values())) == 1


def test_every_comment_is_the_line_that_would_count(tmp_path: Path) -> None:
    lines = written(Settings(), "All.").splitlines()
    assert (
        _read(tmp_path, "\n".join(line.removeprefix("#") for line in lines if not line.startswith("# "))) == Settings()
    )


def test_values() -> None:
    assert [toml(value) for value in (True, 3, 1.5, 'a\n"', ("x", "y"))] == [
        "true",
        "3",
        "1.5",
        '"a\\n\\""',
        '["x", "y"]',
    ]
