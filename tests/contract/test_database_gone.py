# ruff: noqa: ASYNC240  # the files are small and ours
"""The file of a SQLite database vanishes while mailbot runs: nothing is answered for that nobody will find again."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, insert, select

from mailbot.errors import ConfigError, DatabaseGone, DatabaseUnavailable
from mailbot.storage import place
from mailbot.storage.database import Database
from mailbot.storage.engine import connect, migrate
from mailbot.storage.schema import counter, metadata


def add(name: str) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        connection.execute(insert(counter), {"name": name, "value": 0})
        return name

    return work


def read(connection: Connection) -> list[str]:
    return list(connection.execute(select(counter.c.name).order_by(counter.c.name)).scalars())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder / "mailbot.db"


@pytest.fixture
async def database(file: Path) -> AsyncIterator[Database]:
    engine = connect(f"sqlite:///{file}")
    metadata.create_all(engine)
    made = Database(engine)
    await made.write(add("first"))
    yield made
    await made.close()


def backup(file: Path) -> Path:
    """What "sqlite3 .backup" makes."""
    copy = file.with_name("backup.db")
    source, target = sqlite3.connect(file), sqlite3.connect(copy)
    source.backup(target)
    source.close()
    target.close()
    return copy


def delete(file: Path) -> None:
    file.unlink()


def delete_all(file: Path) -> None:
    for one in file.parent.iterdir():
        one.unlink()


def delete_log(file: Path) -> None:
    file.with_name(f"{file.name}-wal").unlink()


def delete_index(file: Path) -> None:
    file.with_name(f"{file.name}-shm").unlink()


def restore_over(file: Path) -> None:
    backup(file).rename(file)


def move_folder(file: Path) -> None:
    file.parent.rename(file.parent.with_name("elsewhere"))


def move_and_copy_back(file: Path) -> None:
    shutil.copytree(file.parent, copy := file.parent.with_name("copy"))
    shutil.rmtree(file.parent)
    copy.rename(file.parent)


def file_in_the_way(file: Path) -> None:
    shutil.rmtree(file.parent)
    file.parent.write_bytes(b"")


WAYS = [delete, delete_all, delete_log, delete_index, restore_over, move_folder, move_and_copy_back, file_in_the_way]


@pytest.mark.parametrize("way", WAYS)
async def test_nothing_more_is_written_read_or_made(
    database: Database, file: Path, way: Callable[[Path], None]
) -> None:
    way(file)
    for _ in range(2):
        with pytest.raises(DatabaseGone, match="was deleted, moved or replaced"):
            await database.write(add("lost"))
        with pytest.raises(DatabaseGone):
            await database.read(read)
    with pytest.raises(DatabaseGone):
        await database.watch()
    left = file.exists()
    await asyncio.gather(*(database.write(add(f"{n}")) for n in range(200)), return_exceptions=True)
    assert file.exists() == left, "no empty database in its place"


@pytest.mark.parametrize("way", [delete, restore_over, move_folder])
async def test_what_was_committed_into_the_lost_file_is_not_answered_for(
    database: Database, file: Path, way: Callable[[Path], None]
) -> None:
    event.listen(database.engine, "commit", lambda _connection: way(file), once=True)
    with pytest.raises(DatabaseGone):
        await database.write(add("lost"))


@pytest.mark.parametrize("deleted", [["-wal"], ["-wal", "-shm"]], ids=" ".join)
async def test_what_was_answered_for_outlives_its_log(database: Database, file: Path, deleted: list[str]) -> None:
    """A tidy person deletes what lies beside the file, while a backup or a shell has it open as well: no connection of
    ours is the last, so SQLite itself copies nothing when they close."""
    other = sqlite3.connect(file)
    other.execute("SELECT count(*) FROM counter").fetchone()
    for name in ("second", "third"):
        await database.write(add(name))
    for ending in deleted:
        file.with_name(file.name + ending).unlink()
    with pytest.raises(DatabaseGone):
        await database.write(add("lost"))
    await database.close()
    with closing(sqlite3.connect(shutil.copy(file, file.with_name("kept")))) as alone:
        assert [name for (name,) in alone.execute("SELECT name FROM counter ORDER BY 1")] == [
            "first",
            "second",
            "third",
        ]
        assert alone.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    other.close()


async def test_a_log_that_somebody_else_has_begun_stays_his(database: Database, file: Path) -> None:
    await database.write(add("second"))
    before = file.read_bytes()
    file.with_name(f"{file.name}-wal").unlink()
    file.with_name(f"{file.name}-wal").write_bytes(b"")
    with pytest.raises(DatabaseGone):
        await database.write(add("lost"))
    assert file.read_bytes() == before


async def test_everybody_in_the_group_is_told(database: Database, file: Path) -> None:
    event.listen(database.engine, "commit", lambda _connection: delete(file), once=True)
    found = await asyncio.gather(*(database.write(add(f"{n}")) for n in range(20)), return_exceptions=True)
    assert {type(answer) for answer in found[1:]} == {DatabaseGone}


async def test_a_file_that_is_put_back_does_not_bring_it_back(database: Database, file: Path) -> None:
    """Between the two looks something was refused: only a new start knows where it is."""
    elsewhere = file.with_name("elsewhere")
    file.rename(elsewhere)
    with pytest.raises(DatabaseGone):
        await database.write(add("refused"))
    elsewhere.rename(file)
    with pytest.raises(DatabaseGone):
        await database.write(add("refused"))


async def test_no_empty_database_is_begun_until_somebody_says_so(database: Database, file: Path) -> None:
    copy = backup(file)
    file.unlink()
    with pytest.raises(DatabaseGone):
        await database.write(add("lost"))
    again = connect(f"sqlite:///{file}")
    with pytest.raises(ConfigError, match=r"lost while mailbot ran; mend: put it back .* delete .*/mailbot\.db-gone"):
        migrate(again)
    assert not file.exists()
    copy.rename(file)
    place.refuse_empty(again)
    assert not file.with_name("mailbot.db-gone").exists(), "it is back"
    again.dispose()


async def test_ordinary_care_is_no_alarm(database: Database, file: Path) -> None:
    backup(file).unlink()
    for line in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"):
        other = sqlite3.connect(file, isolation_level=None)
        other.execute(line)
        other.close()
    file.chmod(0o600)
    shutil.copy(file, file.with_name("copy"))
    await asyncio.gather(*(database.read(read) for _ in range(40)))
    assert await database.write(add("second")) == "second"
    assert await database.read(read) == ["first", "second"]


async def test_a_link_is_followed(file: Path) -> None:
    real, other = file.with_name("real.db"), file.with_name("other.db")
    file.symlink_to(real)
    engine = connect(f"sqlite:///{file}")
    metadata.create_all(engine)
    database = Database(engine)
    assert await database.write(add("a")) == "a"
    file.unlink()
    file.symlink_to(other)
    with pytest.raises(DatabaseGone):
        await database.write(add("b"))
    await database.close()
    assert not other.exists()


async def test_a_disk_that_does_not_answer_is_temporary(
    database: Database, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(place.os, "stat", _broken)
        with pytest.raises(DatabaseUnavailable, match="Stale") as found:
            await database.write(add("refused"))
        assert not isinstance(found.value, DatabaseGone)
    assert await database.write(add("again")) == "again"


def _broken(_path: str) -> None:
    raise OSError(116, "Stale file handle")


def test_what_is_no_file_has_no_place() -> None:
    engine = connect("sqlite://")
    assert place.place_of(engine) is None
    engine.dispose()
