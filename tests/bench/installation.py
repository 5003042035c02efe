"""A mailbot that knows its citizens and is not running: a database, a key, the accounts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text

from mailbot import secret
from mailbot.accounts.importing import import_file
from mailbot.storage.engine import connect, migrate
from tests.bench.mails import Citizen, write_accounts


@dataclass(frozen=True, slots=True)
class Installation:
    """``folder``: its files; ``url``: its database."""

    folder: Path
    url: str

    def engine(self) -> Engine:
        """A new one; the caller disposes of it."""
        return connect(self.url)

    def size(self, engine: Engine) -> int:
        """Octets of the database, without its log of changes."""
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
            return int(pages - free) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())


def in_folder(folder: Path) -> Installation:
    """One with SQLite."""
    return Installation(folder, f"sqlite:///{folder / 'mailbot.db'}")


def install(where: Installation, people: list[Citizen]) -> Installation:
    """A new mailbot that knows ``people``."""
    where.folder.mkdir(parents=True, exist_ok=True)
    write_accounts(people, where.folder / "accounts.csv")
    engine = where.engine()
    migrate(engine)
    import_file(where.folder / "accounts.csv", engine, secret.load(where.folder / "mailbot.key"), refuse=True)
    engine.dispose()
    return where


@contextmanager
def copy(where: Installation, name: str) -> Iterator[Installation]:
    """A copy of an installation with SQLite that nobody is using, for one run."""
    target = where.folder.with_name(name)
    shutil.copytree(where.folder, target)
    try:
        yield in_folder(target)
    finally:
        shutil.rmtree(target)
