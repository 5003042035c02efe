"""``mailbot backup``: whole while others write, with the right key only, and nothing is replaced."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailbot.cli import cli
from mailbot.config import DatabaseSettings, SecretSettings, Settings
from mailbot.errors import ConfigError
from mailbot.service import compose
from mailbot.service.supervision import MailbotService
from mailbot.storage import backup
from mailbot.storage.engine import connect


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    engine = connect("sqlite:///mailbot.db")
    compose.opened(Settings(database=DatabaseSettings("sqlite:///mailbot.db"), secret=SecretSettings()), engine)
    engine.dispose()
    (tmp_path / "to").mkdir()
    (tmp_path / "key").mkdir()
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["backup", *words])


def test_while_another_writes_the_copy_is_of_one_moment(office: Path) -> None:
    url, stop = f"sqlite:///{office}/mailbot.db", threading.Event()
    with closing(sqlite3.connect(office / "mailbot.db")) as connection:
        connection.executescript("CREATE TABLE pair (a, b); INSERT INTO pair VALUES (0, zeroblob(4000000))")

    def write() -> None:
        with closing(sqlite3.connect(office / "mailbot.db", timeout=30)) as connection:
            while not stop.is_set():
                with connection:
                    connection.execute("INSERT INTO pair VALUES (1, zeroblob(3000))")
                    connection.execute("INSERT INTO pair VALUES (1, zeroblob(3000))")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for n in range(3):
            backup.copy(url, office / "to" / f"{n}.db")
    finally:
        stop.set()
        writer.join()
    for n in range(3):
        with closing(sqlite3.connect(office / "to" / f"{n}.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert connection.execute("SELECT count(*) % 2 FROM pair").fetchone() == (1,)


def test_what_is_there_stays(office: Path) -> None:
    (office / "to" / "a.db").write_bytes(b"older")
    with pytest.raises(ConfigError, match="is there already"):
        backup.copy("sqlite:///mailbot.db", office / "to" / "a.db")
    assert (office / "to" / "a.db").read_bytes() == b"older"
    assert [file.name for file in (office / "to").iterdir()] == ["a.db"]


def test_what_a_killed_backup_left_is_taken_away_and_what_another_writes_is_not(office: Path) -> None:
    """Of the keys too: what was erased since would be readable by a part that nobody counts."""
    (office / "keys").mkdir()
    dead = [office / "to" / "mailbot-20260101T010000Z.db.part", office / "keys" / "keys-20260101T010000Z.db.part"]
    dead += [file.with_name(f"{file.name}-journal") for file in dead]
    living, foreign = office / "to" / "mailbot-20260102T010000Z.db.part", office / "to" / "other.db.part"
    for file in (*dead, living, foreign):
        file.write_bytes(b"half")
    for file in (*dead, foreign):
        os.utime(file, (1_700_000_000, 1_700_000_000))
    done = run("to", "--keys", "keys")
    assert done.exit_code == 0
    assert [file for file in dead if str(file.relative_to(office)) in done.stdout] == dead
    assert [file.exists() for file in (*dead, living, foreign)] == [False] * 4 + [True] * 2


def test_another_key_makes_no_backup(office: Path) -> None:
    (office / "mailbot.key").write_bytes(bytes(32))
    found = run("to")
    assert "is not the key of this database" in str(found.exception)
    assert list((office / "to").iterdir()) == []


def test_the_key_goes_nowhere_beside_the_database(office: Path) -> None:
    assert "name another place for the key" in str(run("to", "--key", "to").exception)
    assert run("to", "--key", "key").exit_code == 0
    assert [file.suffix for file in (office / "to").iterdir()] == [".db"]
    (office / "key" / "mailbot.key").write_bytes(bytes(32))
    assert "is another key" in str(run("to", "--key", "key").exception)


def test_postgresql_is_told_how(office: Path) -> None:
    (office / "mailbot.toml").write_text('[database]\nurl = "postgresql+psycopg://mailbot@127.0.0.1:1/x"\n')
    assert "pg_basebackup" in str(run("to").exception)


def test_a_damaged_database_is_no_backup(office: Path) -> None:
    with closing(sqlite3.connect(office / "mailbot.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file = office / "mailbot.db"
    octets = bytearray(file.read_bytes())
    octets[8 * 4096 : 40 * 4096] = b"\xff" * (32 * 4096)
    file.write_bytes(octets)
    assert run("to").exit_code != 0
    assert list((office / "to").iterdir()) == []


def test_the_store_of_keys_goes_into_a_folder_of_its_own(office: Path) -> None:
    (office / "keys").mkdir()
    with pytest.raises(ConfigError, match="another place for the keys"):
        CliRunner().invoke(cli, ["backup", "to", "--keys", "to"], catch_exceptions=False)
    assert "--keys" in run("to").stderr
    next((office / "to").glob("*.db")).unlink()  # two of one second bear one name
    done = run("to", "--keys", "keys")
    assert (done.exit_code, done.stderr) == (0, "")
    (copy,) = (office / "keys").glob("keys-*.db")
    with closing(sqlite3.connect(copy)) as connection, closing(sqlite3.connect(office / "mailbot-keys.db")) as store:
        assert (
            connection.execute("SELECT name FROM key_store").fetchall()
            == store.execute("SELECT name FROM key_store").fetchall()
        )


def doctor() -> str:
    return CliRunner().invoke(cli, ["doctor"]).output


async def started(folder: Path) -> None:
    """A start and an end in order, of one role. Raises ConfigError where it is refused."""
    parts = compose.build(Settings(database=DatabaseSettings(f"sqlite:///{folder}/mailbot.db")))
    service = MailbotService(parts, ("delivery",))
    try:
        await service.start()
    finally:
        await service.stop()


async def test_a_backup_that_was_put_back_decides_and_sends_nothing_until_somebody_has_said_so(office: Path) -> None:
    await started(office)
    assert run("to", "--keys", "key").exit_code == 0
    await started(office)  # what was copied knows nothing of it
    (copy,) = (office / "to").iterdir()
    (office / "mailbot.db").unlink()
    copy.rename(office / "mailbot.db")
    with pytest.raises(ConfigError, match=r"is a copy as of 20.*a STOP among it.*mailbot tickets restored"):
        await started(office)
    assert "✗ database" in await asyncio.to_thread(doctor)
    told = CliRunner().invoke(cli, ["tickets", "restored"])
    assert "the next ticket is" in told.output, told.output
    await started(office)
    assert "✓ database" in await asyncio.to_thread(doctor)
