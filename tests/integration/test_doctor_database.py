"""``mailbot doctor`` on a database or a store of keys that is damaged or gone: the right mend, once."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from mailbot.config import Settings
from mailbot.service import compose, doctor_database
from mailbot.service.doctor import Diagnosis, examine
from mailbot.storage.engine import connect
from tests.flow import add_accounts, settings

PAGE = 4096


@pytest.fixture
def office(tmp_path: Path) -> Settings:
    """A database of some hundred pages, its key and its store of keys; no process runs."""
    chosen = settings(f"sqlite:///{tmp_path}/mailbot.db", tmp_path / "key", 1)
    engine = connect(chosen.database.url)
    compose.opened(chosen, engine).close()
    add_accounts(engine)
    engine.dispose()
    with closing(sqlite3.connect(tmp_path / "mailbot.db")) as connection:
        connection.executescript("CREATE TABLE large (a); INSERT INTO large VALUES (zeroblob(2000000))")
    return chosen


def halved(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2 // PAGE * PAGE)


def other_octets(file: Path) -> None:
    file.write_bytes(b"\xaa" * 50_000)


def one_page(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(-100 * PAGE, os.SEEK_END)
        opened.write(b"\xaa" * PAGE)


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def seen(chosen: Settings) -> dict[str, Diagnosis]:
    return {one.what: one for one in asyncio.run(examine(chosen))}


def test_a_whole_one_is_well(office: Settings) -> None:
    assert doctor_database.database(office).startswith("sqlite, schema ")
    assert doctor_database.store(office).endswith("mailbot-keys.db belongs to this database")


@pytest.mark.parametrize("harm", [halved, other_octets, one_page])
def test_a_damaged_database_is_told_once_with_its_backup_as_the_mend(
    office: Settings, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    harm(tmp_path / "mailbot.db")
    found = seen(office)
    assert not found["database"].works
    assert "backup" in found["database"].mend
    assert "sqlalche.me" not in found["database"].detail
    others = [one for one in found.values() if "not known" in one.detail]
    assert bool(others) is (harm is not one_page), "what nothing reads today is known by looking through the file"
    assert {one.mend for one in others} <= {"mend the database or its store of keys first"}, "no good key is replaced"


@pytest.mark.parametrize("harm", [halved, other_octets])
def test_a_damaged_store_of_keys_has_a_mend_of_its_own(
    office: Settings, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    harm(tmp_path / "mailbot-keys.db")
    found = seen(office)
    assert found["database"].works
    assert not found["keys"].works
    assert "[keys] url" in found["keys"].detail
    assert "newest backup of the store of keys" in found["keys"].mend


def test_a_store_of_keys_that_is_gone_is_told(office: Settings, tmp_path: Path) -> None:
    (tmp_path / "mailbot-keys.db").unlink()
    found = seen(office)["keys"]
    assert "is not there" in found.detail
    assert "newest backup of the store of keys" in found.mend


def test_a_file_without_tables_is_no_database_of_mailbot(office: Settings, tmp_path: Path) -> None:
    emptied(tmp_path / "mailbot.db")
    found = seen(office)["database"]
    assert not found.works
    assert "its tables are not those of this mailbot" in found.detail


def test_a_server_that_does_not_answer_has_the_mend_of_its_settings(office: Settings) -> None:
    """That of a command is to see the doctor."""
    away = replace(office, database=replace(office.database, url="postgresql+psycopg://mailbot@127.0.0.1:1/mailbot"))
    found = seen(away)
    assert found["database"].mend.startswith("check [database] url")
    assert not [one.what for one in found.values() if "mailbot doctor" in one.mend]


def test_a_large_file_is_looked_through_for_some_seconds_only(
    office: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(tmp_path / "mailbot.db")) as connection:
        connection.executescript(
            "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 999) INSERT INTO large SELECT i FROM n"
        )
    one_page(tmp_path / "mailbot.db")
    monkeypatch.setattr(doctor_database, "_LOOKED", -1.0)
    monkeypatch.setattr(doctor_database, "_STEPS", 1)
    assert doctor_database.database(office).startswith("sqlite, schema ")
