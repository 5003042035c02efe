"""What an office says before the first start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailbot import config
from mailbot.cli import cli
from mailbot.cli.init_questions import MX, QUESTIONS
from mailbot.config import Settings
from mailbot.errors import ConfigError


def _init(folder: Path, *options: str, told: Sequence[str] = ()) -> Result:
    return CliRunner().invoke(cli, ["init", str(folder), *options], input="\n".join([*told, ""]))


def _settings(folder: Path) -> Settings:
    return config.load(folder / "mailbot.toml", {})


def test_without_a_question(tmp_path: Path) -> None:
    folder = tmp_path / "office"
    assert _init(folder, "--yes").exit_code == 0
    made = _settings(folder)
    assert made.lmtp.listen == "127.0.0.1:2400"
    assert made.database.url == f"sqlite:///{folder}/mailbot.db"
    assert (made.rules.directory, made.secret.key_file) == (f"{folder}/rules", f"{folder}/mailbot.key")
    assert (folder / "rules" / "procedures.yaml").is_file()


def test_a_mailbox_asked_for(tmp_path: Path) -> None:
    told = ["imap", "rspamd", "pomoc@urzad.example", "", "imap.urzad.example", "", "/run/pw", "", "mx.urzad.example"]
    result = _init(tmp_path / "o", told=[*told, "relay.urzad.example", "587", "https://pomoc.urzad.example"])
    assert result.exit_code == 0, result.output
    made = _settings(tmp_path / "o")
    assert (made.imap.host, made.imap.user, made.imap.password_file) == (
        "imap.urzad.example",
        "pomoc@urzad.example",
        "/run/pw",
    )
    assert made.helpdesk.sending_address == "pomoc@urzad.example"
    assert (made.authentication.authserv_id, made.authentication.placement) == ("mx.urzad.example", "below")
    assert (made.delivery.host, made.delivery.port) == ("relay.urzad.example", 587)
    assert "/run/pw" in result.output
    assert made.lmtp.listen == ""


def test_what_was_said_is_not_asked(tmp_path: Path) -> None:
    result = _init(tmp_path / "o", "--set", "smtp.listen=0.0.0.0:2525", "--set", "delivery.host=r", told=[""] * 9)
    assert result.exit_code == 0, result.output
    assert "Outgoing mail server" not in result.output
    assert "takes the mail from outside" not in result.output  # mailbot is the MX
    assert _settings(tmp_path / "o").smtp.listen == "0.0.0.0:2525"


@pytest.mark.parametrize("mx", sorted(MX))
def test_every_mail_server_gives_settings_without_contradiction(tmp_path: Path, mx: str) -> None:
    options = ["--yes", "--mx", mx, "--set", "authentication.authserv_id=mx.urzad.example"]
    assert _init(tmp_path / "o", *(options if mx != "exchange-online" else options[:3])).exit_code == 0
    made = _settings(tmp_path / "o")
    for key, value in MX[mx].items():
        now = getattr(made.authentication, key.partition(".")[2])
        assert str(now if not isinstance(now, tuple) else ", ".join(now)).lower() == value.lower()


def test_every_question_is_a_setting() -> None:
    for question in QUESTIONS:
        section, _, key = question.key.partition(".")
        assert hasattr(getattr(Settings(), section), key), question.key


@pytest.mark.parametrize("there", ["mailbot.toml", "rules"])
def test_what_is_there_stays(tmp_path: Path, there: str) -> None:
    (tmp_path / there).touch()
    with pytest.raises(ConfigError, match="is there already"):
        CliRunner().invoke(cli, ["init", str(tmp_path), "--yes"], catch_exceptions=False)
    assert [path.name for path in tmp_path.iterdir()] == [there]


@pytest.mark.parametrize("pair", ["helpdesk", "a=b", "a.b.c=d", "helpdsk.address=x"])
def test_a_setting_is_named_whole(tmp_path: Path, pair: str) -> None:
    with pytest.raises(ConfigError, match="mend"):
        CliRunner().invoke(cli, ["init", str(tmp_path / "o"), "--yes", "--set", pair], catch_exceptions=False)
    assert not (tmp_path / "o").exists()


def test_an_answer_that_cannot_be_meant_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^mailbot init: \[delivery\] port"):
        CliRunner().invoke(
            cli, ["init", str(tmp_path / "o"), "--yes", "--set", "delivery.port=x"], catch_exceptions=False
        )
    assert not (tmp_path / "o").exists()
