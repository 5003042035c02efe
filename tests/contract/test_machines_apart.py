"""Two machines on one PostgreSQL, the clock of one of which is wrong."""

from __future__ import annotations

import asyncio
import importlib
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from mailbot import processes
from mailbot.cli import cli
from mailbot.config import RulesSettings
from mailbot.errors import ConfigError
from mailbot.observe import utc_now
from mailbot.service import compose
from mailbot.service.supervision import MailbotService
from tests.flow import settings
from tests.support import ROOT


async def test_a_machine_with_a_clock_of_its_own_sees_the_others(
    empty_postgres: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour ahead it would think that it is alone: bring rules of last year into force, or turn the key over."""
    url = empty_postgres.url.render_as_string(hide_password=False)
    chosen = settings(url, tmp_path / "key", 1)
    monkeypatch.setattr("mailbot.service.supervision.own_name", lambda: "mail1:7")
    here = MailbotService(compose.build(chosen), ("delivery",))
    await here.start()
    try:
        ahead = timedelta(hours=1)
        shutil.copytree(ROOT / "rules", tmp_path / "rules")
        with (tmp_path / "rules" / "calendar.yaml").open("a") as file:
            file.write("# of last year\n")
        others = replace(chosen, rules=RulesSettings(str(tmp_path / "rules")))
        with pytest.raises(ConfigError, match="is in force on"):
            compose.build(others, clock=lambda: utc_now() + ahead)
        (tmp_path / "mailbot.toml").write_text(f'[database]\nurl = "{url}"\n[secret]\nkey_file = "{tmp_path}/key"\n')
        for module in (importlib.import_module("mailbot.cli.retention"), processes):
            monkeypatch.setattr(module, "utc_now", lambda: utc_now() + ahead)
        monkeypatch.setattr("mailbot.cli.key.utc_now", lambda: utc_now() + ahead, raising=False)
        for command in (["key", "rotate"], ["retention", "sweep"]):
            arguments = [*command, "--config", str(tmp_path / "mailbot.toml")]
            told = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
            assert "works with it" in str(told.exception), command
    finally:
        await here.stop()
