"""PostgreSQL that is put back or taken over: nothing goes on with what lacks an answered commit, a STOP maybe."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, insert

from mailbot.cli import cli
from mailbot.config import Settings
from mailbot.errors import ConfigError, DatabaseGone, DatabaseUnavailable
from mailbot.service import compose
from mailbot.service.supervision import MailbotService
from mailbot.storage.schema import counter
from tests.flow import settings
from tests.postgres import Server, server, standby
from tests.support import program

PATIENCE = 60.0


@pytest.fixture
def primary() -> Iterator[Server]:
    with server() as found:
        yield found


def chosen(url: str, folder: Path) -> Settings:
    (folder / "mailbot.toml").write_text(f'[database]\nurl = "{url}"\n[secret]\nkey_file = "{folder}/key"\n')
    return settings(url, folder / "key", 1)


def both(first: Server, second: Server) -> str:
    return (
        f"postgresql+psycopg://mailbot@/postgres?host={first.folder}&host={second.folder}"
        "&target_session_attrs=read-write"
    )


@asynccontextmanager
async def working(here: Settings) -> AsyncIterator[MailbotService]:
    """A process of one role."""
    service = MailbotService(compose.build(here), ("delivery",))
    try:
        await service.start()
        yield service
    finally:
        await service.stop()


async def starts(here: Settings) -> None:
    async with working(here):
        pass


def add(name: str) -> Callable[[Connection], str]:
    """An answered commit: a STOP, say."""

    def work(connection: Connection) -> str:
        connection.execute(insert(counter), {"name": name, "value": 0})
        return name

    return work


async def taken(service: MailbotService, name: str) -> None:
    """As a mail that an MTA hands over again and again."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(DatabaseUnavailable):
                await service.parts.database.write(add(name))
                return
            await asyncio.sleep(0.05)


async def eventually(holds: Callable[[], Any]) -> Any:
    """What it gives once it gives something."""
    end = time.monotonic() + PATIENCE
    while True:
        with suppress(psycopg.Error, DatabaseUnavailable):
            if found := await asyncio.to_thread(holds):
                return found
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


def asked(of: Server, question: LiteralString) -> Any:
    with psycopg.connect(host=str(of.folder), user="mailbot", dbname="postgres", autocommit=True) as connection:
        answer = connection.execute(question)
        return next(iter(answer), [None])[0] if answer.description else None


async def command(of: Server, name: str, *arguments: str) -> None:
    done = [program(name), "-h", str(of.folder), "-U", "mailbot", *arguments]
    await asyncio.to_thread(subprocess.run, done, check=True, timeout=PATIENCE)


def told(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["tickets", "restored", *arguments, "--config", f"{folder}/mailbot.toml"])


async def test_a_dump_that_was_put_back_is_known_for_one(primary: Server, tmp_path: Path) -> None:
    await starts(here := chosen(primary.url, tmp_path))
    await starts(here)
    dump = str(tmp_path / "dump")
    await command(primary, "pg_dump", "-Fc", "-f", dump, "postgres")
    asked(primary, "CREATE DATABASE other")
    for database in ("other", "postgres"):  # made anew elsewhere, and over what is there
        await command(primary, "pg_restore", "--clean", "--if-exists", "-d", database, dump)
        there = chosen(primary.url.replace("/postgres?", f"/{database}?"), tmp_path)
        with pytest.raises(ConfigError, match=r"made anew from a dump.*tickets restored"):
            await starts(there)
        done = told(tmp_path)
        assert "the next ticket is" in done.output, done.output
        await starts(there)


async def test_tables_that_are_made_anew_under_a_process_end_it(primary: Server, tmp_path: Path) -> None:
    async with working(here := chosen(primary.url, tmp_path)) as service:
        dump = str(tmp_path / "dump")
        await command(primary, "pg_dump", "-Fc", "-f", dump, "postgres")
        await service.parts.database.write(add("stop"))
        await command(primary, "pg_restore", "--clean", "--if-exists", "-d", "postgres", dump)
        with pytest.raises(DatabaseGone):
            await service.parts.database.write(add("later"))
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(DatabaseGone, match="a STOP among it"):
                await service.wait()
    with pytest.raises(ConfigError, match="is a copy as of"):
        await starts(here)


async def test_a_standby_that_has_everything_takes_over_and_nobody_need_be_told(
    primary: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with standby(primary) as second:
        async with working(here := chosen(both(primary, second), tmp_path)) as service:
            await service.parts.database.write(add("stop"))
            await eventually(lambda: asked(second, "SELECT 1 FROM counter WHERE name = 'stop'"))
            primary.stop(shipped=True)
            second.promote()
            with pytest.raises(DatabaseUnavailable, match="took over"):  # nobody has looked yet
                await starts(here)
            await eventually(lambda: "database-took-over" in caplog.text)
            await starts(here)
        await starts(here)


async def test_a_standby_that_lacks_an_answered_commit_ends_all_and_keeps_them_out(
    primary: Server, tmp_path: Path
) -> None:
    with standby(primary) as second:
        async with (
            working(here := chosen(both(primary, second), tmp_path)) as service,
            working(here) as other,
        ):
            await eventually(lambda: asked(second, "SELECT count(*) >= 2 FROM last_commit"))
            second.stop()  # it lags
            await service.parts.database.write(add("stop"))
            primary.stop()
            second.start()
            second.promote()
            async with asyncio.timeout(PATIENCE):
                with pytest.raises(DatabaseGone, match="not all that was committed since, a STOP among it"):
                    await service.wait()
                with pytest.raises((ConfigError, DatabaseGone)):  # its own commits may all be there
                    await other.wait()
            assert asked(second, "SELECT count(*) FROM counter WHERE name = 'stop'") == 0
        with pytest.raises(ConfigError, match="a STOP among it"):
            await starts(here)
        assert "missed what it was answered for" in told(tmp_path, "--nothing-lost", "--reason", "sure").output
        assert "the next ticket is" in told(tmp_path).output
        await starts(here)


async def test_when_nobody_is_left_who_knows_a_person_must_say_so(primary: Server, tmp_path: Path) -> None:
    with standby(primary) as second:
        await starts(here := chosen(both(primary, second), tmp_path))
        primary.stop()
        second.promote()
        with pytest.raises(ConfigError, match="no process is left that knows"):
            await starts(here)
        assert "say why" in told(tmp_path, "--nothing-lost").output
        assert "nothing was stopped" in told(tmp_path, "--nothing-lost", "--reason", "db2 was synchronous").output
        await starts(here)
        second.stop()  # a crash is no new time line
        second.start()
        await starts(here)


async def test_a_dead_server_that_comes_back_beside_the_one_that_took_over_begins_nothing(
    primary: Server, tmp_path: Path
) -> None:
    with standby(primary) as second:
        async with working(here := chosen(both(primary, second), tmp_path)) as service:
            await starts(here)
            await eventually(lambda: asked(second, "SELECT count(*) >= 2 FROM last_commit"))
            primary.stop(shipped=True)
            second.promote()
            await taken(service, "stop")
            primary.start()
            with pytest.raises(ConfigError, match="take commits, which are two truths"):
                await starts(here)
            primary.stop()
            await eventually(lambda: not asked(second, "SELECT origin LIKE '%/1' FROM installation"))
            await starts(here)
