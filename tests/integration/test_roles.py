"""Every subset of roles with every set of ways in: it starts, stays, and stops; what can do nothing says so."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from mailbot.cli import run as run_module
from mailbot.config import ImapSettings, ListenerSettings
from mailbot.errors import ConfigError, DatabaseUnavailable, MailbotError, TemporaryError
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.service.supervision import ROLES, MailbotService, TaskEnded
from mailbot.storage.database import Database
from mailbot.workers.rules import RulesKeeper
from tests.flow import settings

WAYS = ("lmtp", "smtp", "imap")


def subsets(things: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [some for n in range(1, len(things) + 1) for some in combinations(things, n)]


SETS = [
    pytest.param(some, id=",".join(some), marks=[pytest.mark.campaign] * (2 < len(some) < len(ROLES)))
    for some in subsets(ROLES)
]
"""One role, two that may need each other, and all of them are for every change."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> compose.Parts:
    """All parts, made once."""
    folder = tmp_path_factory.mktemp("office")
    chosen = settings(f"sqlite:///{folder}/mailbot.db", folder / "key", 1)
    (folder / "password").write_text("x")
    return compose.build(chosen, rng=random.Random(1), resolver=StaticResolver({}))


Office = Callable[..., compose.Parts]


@pytest.fixture
def office(built: compose.Parts, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A mailbot with these ways in; its IMAP server and its relay do not answer."""

    async def unchanged(_: RulesKeeper) -> int:
        return 0

    monkeypatch.setattr(RulesKeeper, "step", unchanged)  # a look takes a second, and a stop waits for it

    def make(*ways: str) -> compose.Parts:
        chosen, closed = built.settings, ListenerSettings()
        password = str(Path(chosen.secret.key_file).parent / "password")
        chosen = replace(
            chosen,
            lmtp=chosen.lmtp if "lmtp" in ways else closed,
            smtp=ListenerSettings("127.0.0.1:0") if "smtp" in ways else closed,
            imap=ImapSettings("127.0.0.1", 1, "plain", user="h@d.example", password_file=password)
            if "imap" in ways
            else ImapSettings(),
            web=replace(chosen.web, listen="127.0.0.1:0"),
            console=replace(chosen.console, listen="127.0.0.1:0"),
        )
        return replace(built, settings=chosen, database=Database(built.database.engine))

    return make


@pytest.mark.parametrize("roles", SETS)
async def test_every_set_of_roles_stays(office: Office, roles: tuple[str, ...]) -> None:
    for ways in subsets(WAYS) if "ingress" in roles else [("lmtp",)]:
        service = MailbotService(office(*ways), roles)
        await service.start()
        waiting = asyncio.create_task(service.wait())
        try:
            done, _ = await asyncio.wait({waiting}, timeout=0.05)
            assert not done, (ways, waiting.exception())
            assert await service.ailing() == []
            open_ports = {way for way in ways if way != "imap" and "ingress" in roles}
            assert set(service.addresses) == open_ports | ({"web", "console"} & set(roles))
        finally:
            waiting.cancel()
            await service.stop()


def test_two_machines_of_one_name_hold_rows_under_two(office: Office) -> None:
    """Copies of one image, each with its process 1: who slept must not give back what the other is sending."""
    one, two = (MailbotService(office("lmtp"), ("delivery",)) for _ in range(2))
    assert one._name == two._name
    assert one._holder != two._holder
    assert len(f"{secrets.token_hex(4)}/{'h' * 80}/{2**32}:{2**22}:decide-99") <= 128, "of the columns"


async def test_a_task_that_ends_ends_the_process(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    service = MailbotService(office("lmtp"), ("delivery",))
    await service.start()
    service._loops[0].stop()
    with pytest.raises(TaskEnded, match="loop deliver-0: ended"):
        await asyncio.wait_for(service.wait(), 60)
    assert await service.ailing() == ["loop deliver-0"]
    assert [r.levelname for r in caplog.records if "task-ended" in r.getMessage()] == ["CRITICAL"]
    await service.stop()


async def test_a_task_that_fails_is_told_without_its_text(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    service = MailbotService(office("lmtp"), ("delivery",))
    await service.start()

    async def broken() -> None:
        raise ValueError("jan.kowalski@wp.example")

    service._tasks.append(asyncio.create_task(broken(), name="imap"))
    with pytest.raises(TaskEnded, match="imap: failed"):
        await asyncio.wait_for(service.wait(), 60)
    assert "ValueError" in caplog.text
    assert "kowalski" not in caplog.text
    await service.stop()


async def test_a_port_that_is_taken_is_temporary_and_named(office: Office) -> None:
    first = office("lmtp")
    service = MailbotService(first, ("ingress",))
    await service.start()
    host, port = service.addresses["lmtp"]
    taken = replace(first.settings, lmtp=replace(first.settings.lmtp, listen=f"{host}:{port}"))
    second = MailbotService(replace(first, settings=taken), ("ingress",))
    with pytest.raises(TemporaryError, match=rf"\[lmtp\] listen: {host}:{port}: .*; mend: "):
        await second.start()
    await service.stop()


def mailbot(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``mailbot run`` to its end."""
    command = [sys.executable, "-m", "mailbot", "run", *arguments]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MAILBOT_")}
    return subprocess.run(
        command, cwd=folder, env=clean | environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("told", "roles", "says"),
    [
        (None, (), "no settings: mailbot.toml is not here; mend: write it, or name another with --config"),
        (None, ("web"), "no settings"),
        ("", (), "no way in for mail; mend: set [lmtp] listen"),
        ("", ("ingress"), "no way in for mail"),
        ("", ("delivery", "ingress"), "no way in for mail"),
        ('[web]\nlisten = ""\n', ("web"), "[web] listen: is empty"),
        ('[console]\nlisten = ""\n', ("console",), "[console] listen: is empty"),
        (
            '[lmtp]\nlisten = "127.0.0.1:0"\n[web]\nlisten = ""\n',
            ("web", "ingress"),
            "[web] listen",
        ),
    ],
)
def test_what_can_do_nothing_says_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    told: str | None,
    roles: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    if told is not None:
        (tmp_path / "mailbot.toml").write_text(told)
    with pytest.raises(ConfigError) as refused:
        run_module._settings(None, roles)
    assert says in refused.value.reason


def test_the_process_ends_with_78_and_one_line(tmp_path: Path) -> None:
    ended = mailbot(tmp_path)
    assert ended.returncode == 78
    assert ended.stderr.splitlines() == [
        "mailbot: no settings: mailbot.toml is not here; mend: write it, or name another with --config"
    ]
    assert list(tmp_path.iterdir()) == [], "nothing is made for a start that cannot be"


def test_settings_of_the_environment_are_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAILBOT_LMTP_LISTEN", "127.0.0.1:0")
    assert run_module._settings(None, ()).lmtp.listen == "127.0.0.1:0"


@pytest.mark.parametrize(
    ("url", "error", "says"),
    [
        ("sqlite:////no/such/folder/mailbot.db", DatabaseUnavailable, "cannot be opened"),
        ("postgresql+psycopg://jan:tajne@127.0.0.1:1/mailbot", DatabaseUnavailable, "cannot be opened"),
        ("nonsense", ConfigError, r"\[database\] url"),
        ("mysql://jan:tajne@localhost/x", ConfigError, r"\[database\] url"),
    ],
)
def test_a_database_that_cannot_be_opened_is_one_line(
    tmp_path: Path, url: str, error: type[MailbotError], says: str
) -> None:
    chosen = settings(url, tmp_path / "key", 1)
    with pytest.raises(error, match=says) as refused:
        compose.build(chosen)
    assert len(refused.value.reason.splitlines()) == 1
    assert "tajne" not in refused.value.reason


def test_a_database_of_a_newer_version_is_told(tmp_path: Path) -> None:
    chosen = settings(f"sqlite:///{tmp_path}/mailbot.db", tmp_path / "key", 1)
    with sqlite3.connect(tmp_path / "mailbot.db") as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
    database.close()
    with pytest.raises(ConfigError, match="mend: run the newer mailbot"):
        compose.build(chosen)


def test_what_nobody_foresaw_is_one_line_without_values(tmp_path: Path) -> None:
    (tmp_path / "mailbot.key").mkdir()
    ended = mailbot(tmp_path, MAILBOT_LMTP_LISTEN="127.0.0.1:0")
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
