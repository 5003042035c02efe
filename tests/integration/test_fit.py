"""A machine whose key or rule set is not that of the database: every role and every command that writes is refused."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, update

from mailbot import processes
from mailbot.cli import cli, options
from mailbot.cli import run as run_module
from mailbot.config import HealthSettings
from mailbot.errors import ConfigError
from mailbot.observe import utc_now
from mailbot.processes import Process
from mailbot.service import compose
from mailbot.service.doctor import examine
from mailbot.service.supervision import ROLES, MailbotService
from mailbot.storage.engine import connect
from mailbot.storage.schema import installation
from mailbot.workers.loop import Loop
from tests.flow import settings
from tests.support import ROOT

OTHER = "b" * 64
WRITERS = [
    ("accounts", "import", "accounts.csv"),
    ("inject", "accounts.csv"),
    ("queue", "retry", "1"),
    ("queue", "unspam", "1"),
    ("queue", "show", "--raw", "1"),
    ("queue", "show", "--pictures", ".", "1"),
    ("outbox", "retry", "1"),
    ("operators", "add", "anna", "--role", "consultant"),
    ("operators", "reset", "anna"),
    ("operators", "disable", "anna"),
    ("operators", "set", "anna", "--language", "en"),
    ("audit", "head", "--take-over"),
    ("rules", "adopt"),
    ("reconcile",),
    ("tickets", "freeze", "1"),
    ("tickets", "release", "1", "--reason", "x"),
    ("tickets", "close", "1", "--reason", "x"),
    ("tickets", "restored"),
    ("tickets", "dossier", "1", "--out", "d.zip"),
]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The database of a mailbot that has run, and the settings that every command finds here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(options, "logs", lambda *_: None)  # it would stay for the tests that follow
    (tmp_path / "accounts.csv").write_text("login,given,surname,birth_year\njan@wp.example,Jan,Nowy,1980\n")
    (tmp_path / "password").write_text("x")
    (tmp_path / "mailbot.toml").write_text(
        '[lmtp]\nlisten = "127.0.0.1:0"\n[web]\nlisten = "127.0.0.1:0"\n[console]\nlisten = "127.0.0.1:0"\n'
        '[imap]\nhost = "127.0.0.1"\nport = 1\ntls = "plain"\nuser = "u"\npassword_file = "password"\n'
    )
    made = connect("sqlite:///mailbot.db")
    compose.opened(compose.settings(None), made)
    yield made
    made.dispose()


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def refusal(role: str) -> str:
    """Why ``mailbot run --role`` ends with 78."""
    with pytest.raises(ConfigError) as refused:
        asyncio.run(run_module._run(run_module._settings(None, (role,)), (role,)))
    return refused.value.reason


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("role", ROLES)
def test_with_another_key_no_role_starts(role: str, tmp_path: Path) -> None:
    (tmp_path / "mailbot.key").write_bytes(b"f" * 32)
    assert "is not the key of this database; mend: " in refusal(role)


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("arguments", WRITERS, ids=" ".join)
def test_with_another_key_nothing_is_written(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "mailbot.key").write_bytes(b"f" * 32)
    refused = invoke(*arguments)
    assert isinstance(refused.exception, ConfigError), refused.output
    assert "is not the key of this database; mend: " in refused.exception.reason


@pytest.fixture
def elsewhere(engine: Engine) -> None:
    """Another machine works, with another rule set."""
    with engine.begin() as connection:
        processes.enter(connection, Process("other.example:7", "worker", "0.2.0", OTHER, utc_now()))


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("role", ROLES)
def test_with_another_rule_set_no_role_starts(role: str) -> None:
    assert "but bbbbbbbbbbbb is in force on other.example:7; mend: copy the folder from there" in refusal(role)


@pytest.mark.usefixtures("elsewhere")
async def test_doctor_tells_it_until_the_set_is_adopted(engine: Engine) -> None:
    async def said() -> tuple[bool, str]:
        found = next(f for f in await examine(compose.settings(None)) if f.what == "machines")
        return found.works, found.detail

    works, detail = await said()
    assert not works
    assert "this folder has" in detail
    told = await asyncio.to_thread(invoke, "rules", "adopt")
    assert "other.example:7 (worker) has bbbbbbbbbbbb: copy the folder there" in told.output
    works, detail = await said()
    assert not works
    assert "other.example:7 (worker) has bbbbbbbbbbbb" in detail
    assert "this folder" not in detail
    with engine.begin() as connection:
        processes.leave(connection, "other.example:7")
    assert await said() == (True, "no process runs")
    assert invoke("audit", "verify").exit_code == 0


async def test_a_process_whose_set_is_no_longer_in_force_decides_nothing_and_says_so(tmp_path: Path) -> None:
    chosen = settings(f"sqlite:///{tmp_path}/mailbot.db", tmp_path / "key", 1)
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    rules = replace(chosen.rules, directory=str(tmp_path / "rules"))
    service = MailbotService(
        compose.build(replace(chosen, rules=rules, health=HealthSettings("127.0.0.1:0"))), ("worker",)
    )
    await service.start()
    try:
        stepped: list[int] = []

        async def step() -> int:
            stepped.append(1)
            return 0

        async def ready() -> tuple[int, str]:
            host, port = service.addresses["health"]
            async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}/readyz") as answer:
                return answer.status, await answer.text()

        database = service.parts.database
        assert await ready() == (200, "ok\n")
        mine = await database.read(processes.in_force)
        assert mine == service.parts.pipeline.ruleset.hash
        await database.write(lambda c: c.execute(update(installation).values(ruleset=OTHER)))
        await service._beat()
        await service._with_rules_in_force(step)
        assert await service.ailing() == ["rules"]
        assert not stepped
        with (tmp_path / "rules" / "contacts.yaml").open("a") as file:
            file.write("# anew\n")
        loop = service._rules
        assert isinstance(loop, Loop)
        while await loop._work():
            pass
        now = await database.read(processes.in_force)
        assert now not in (mine, OTHER), "what it takes out of its folder comes into force"
        assert await service.ailing() == []
        await service._with_rules_in_force(step)
        assert stepped
    finally:
        await service.stop()


@pytest.mark.parametrize("role", ROLES)
async def test_every_role_has_the_health_port(tmp_path: Path, role: str) -> None:
    chosen = settings(f"sqlite:///{tmp_path}/mailbot.db", tmp_path / "key", 1)
    service = MailbotService(compose.build(replace(chosen, health=HealthSettings("127.0.0.1:0"))), (role,))
    await service.start()
    try:
        host, port = service.addresses["health"]
        async with aiohttp.ClientSession() as session:
            for path, status in {"/livez": 200, "/healthz": 200, "/readyz": 200, "/metrics": 200, "/": 404}.items():
                async with session.get(f"http://{host}:{port}{path}") as answer:
                    assert answer.status == status, path
            async with session.get(f"http://{host}:{port}/metrics", headers={"X-Forwarded-For": "::1"}) as answer:
                assert answer.status == 404
    finally:
        await service.stop()
    assert [row.name for row in _there(tmp_path)] == [], "who was stopped in order is gone"


def _there(folder: Path) -> list[Process]:
    engine = connect(f"sqlite:///{folder}/mailbot.db")
    with engine.connect() as connection:
        return processes.living(connection, utc_now())
