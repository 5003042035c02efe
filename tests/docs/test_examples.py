"""What the docs tell people to type works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailbot import config
from mailbot.cli import cli
from tests.support import ROOT

OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
TOML = re.findall(r"```toml\n(.*?)```", OPERATING, re.DOTALL)
PAGES = [*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "docker-compose.yml"]


@pytest.mark.parametrize("example", TOML)
def test_settings_load(example: str, tmp_path: Path) -> None:
    file = tmp_path / "mailbot.toml"
    file.write_text(example, encoding="utf-8")
    assert config.load(file, {}) != config.Settings()


def test_there_are_settings_for_lmtp_and_for_imap() -> None:
    assert ["[lmtp]" in TOML[0], "[imap]" in TOML[1]] == [True, True]


def _commands() -> list[str]:
    """Every command line of the docs up to its first argument: "rules check" of "`mailbot rules check`"."""
    told = re.compile(r"(?:`|bin/|exec mailbot )mailbot ((?:[a-z]+(?:-[a-z]+)* ?)+)")
    return sorted({words.strip() for page in PAGES for words in told.findall(page.read_text(encoding="utf-8"))})


@pytest.mark.parametrize("command", _commands())
def test_commands_exist(command: str) -> None:
    assert CliRunner().invoke(cli, [*command.split(), "--help"]).exit_code == 0


def test_commands_are_found_in_the_docs() -> None:
    known = {"rules check", "queue retry", "tickets show", "accounts import", "doctor", "tickets put-back"}
    assert known <= set(_commands())
