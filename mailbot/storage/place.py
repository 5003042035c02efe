"""Where a SQLite database lies, and whether it still lies there.

SQLite goes on in a file that was deleted or replaced, and so in its log of changes (-wal): what is written then is
gone with the process. Both are known by device and inode, which nobody else can get while they are open.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Engine, PoolProxiedConnection

from mailbot.errors import ConfigError, DatabaseGone, DatabaseUnavailable


class DatabaseFiles:
    """The files of one open database. Looking at them costs microseconds."""

    def __init__(self, engine: Engine, path: Path) -> None:
        # While one connection is open SQLite keeps the two files beside the database, so theirs are known as well.
        self._open: PoolProxiedConnection = engine.raw_connection()
        self._open.cursor().execute("SELECT count(*) FROM sqlite_master").fetchone()
        real = str(path.resolve())  # SQLite keeps them beside the file that a link leads to
        files = (str(path.absolute()), f"{real}-wal", f"{real}-shm")
        self._known = {file: _identity(file) for file in files}
        self._gone = ""
        self._mark = _mark(path)

    def check(self) -> None:
        """Raises DatabaseGone when a file is another one or none: now, and for ever after."""
        if not self._gone:
            found = {file: _identity(file) for file in self._known}
            self._gone = next((file for file, known in self._known.items() if found[file] != known), "")
            if self._gone:
                self._save(found)
                with suppress(OSError):  # the folder may be gone as well
                    self._mark.touch()
        if self._gone:
            raise DatabaseGone(
                f"{self._gone} was deleted, moved or replaced while mailbot ran, and nothing more is taken; mend: put "
                "the database back (with its -wal, or from the backup), then start mailbot: it would begin an empty one"
            )

    def _save(self, found: Mapping[str, tuple[int, int] | None]) -> None:
        """Where the file is there and only what lies beside it was deleted, we hold the log open still, and nobody else
        has begun another: what was committed goes into the file. Without its log that may even be torn."""
        file = next(iter(self._known))
        if found[file] == self._known[file] and all(now in (None, self._known[one]) for one, now in found.items()):
            with suppress(sqlite3.Error):
                self._open.cursor().execute("PRAGMA wal_checkpoint(FULL)").fetchone()

    def close(self) -> None:
        """Let the files go."""
        self._open.close()


def place_of(engine: Engine) -> DatabaseFiles | None:
    """None for a database that is no file of this machine."""
    path = _file(engine)
    return DatabaseFiles(engine, path) if path else None


def refuse_empty(engine: Engine) -> None:
    """Before a database is made: raises ConfigError when one was lost here (``DatabaseFiles``) and is not back."""
    path = _file(engine)
    if path is None or not _mark(path).exists():
        return
    if not path.exists() or not path.stat().st_size:
        raise ConfigError(
            f"[database] url: {path} was lost while mailbot ran; mend: put it back (with its -wal, or from the "
            f"backup); to begin an empty one, delete {_mark(path)}"
        )
    _mark(path).unlink()


def refuse_missing(engine: Engine) -> None:
    """Before what needs a database that mailbot has run with. Raises ConfigError where there is none; none is made."""
    path = _file(engine)
    if path is not None and not path.is_file():
        raise ConfigError(f"[database] url: {path}: no such file; mend: name the database of mailbot run")


def _file(engine: Engine) -> Path | None:
    path = engine.url.database
    if engine.dialect.name != "sqlite" or not path or path.startswith((":memory:", "file:")):
        return None
    return Path(path)


def _mark(path: Path) -> Path:
    """Stays where a database was lost: a process that is started again must not begin an empty one."""
    return Path(f"{path.absolute()}-gone")


def _identity(file: str) -> tuple[int, int] | None:
    """Device and inode; None: there is no such file. Raises DatabaseUnavailable when the system cannot tell now."""
    try:
        found = os.stat(file)  # noqa: PTH116  # a Path costs as much again, and every mail asks
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DatabaseUnavailable(f"{file}: {error.strerror}") from error
    return found.st_dev, found.st_ino
