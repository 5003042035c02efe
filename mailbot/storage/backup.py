"""A copy of a SQLite database while others write into it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from mailbot.errors import ConfigError, DatabaseUnavailable
from mailbot.storage.engine import target as place
from mailbot.storage.schema import installation

_PAGES, _PAUSE = 4096, 0.005
"""So many pages at once, then a moment (s) for those who wait. In WAL nobody has to wait for a copy that reads."""
_PART = ".part"
_DEAD = 12 * 3_600.0  # seconds; a copy that lives looks through what it wrote last, and writes nothing meanwhile


def copy(url: str, target: Path) -> int:
    """The database of ``url`` as it is at one moment, whole and proven, into ``target``; its octets.

    It says in itself that it is a copy (installation.copied_at). ``target`` appears when it is complete and on the
    disk, or not at all; readable by its owner alone. Raises ConfigError when there is nothing to copy or ``target`` is
    there, DatabaseUnavailable.
    """
    source = Path(place(url).database or "")
    part = target.with_name(f"{target.name}{_PART}")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise ConfigError(f"{part}: another backup writes it, or one was broken off; mend: then delete it") from None
    try:
        _copy(source, part)
        _sync(part)
        os.link(part, target)  # unlike a rename it replaces nothing
        _sync(target.parent)
    except FileExistsError:
        raise ConfigError(f"{target}: is there already; mend: wait a second, or name another folder") from None
    except sqlite3.Error as error:
        raise DatabaseUnavailable(f"{source}: cannot be copied: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


def clear(folder: Path, name: str, now: datetime) -> list[Path]:
    """Take away what killed copies of ``name`` left in ``folder``: parts to which nobody has written for long.

    Keys lie in such a part as in a whole copy of their store: what was erased since would be readable by it.
    """
    old = now.timestamp() - _DEAD
    left = [file for file in sorted(folder.glob(f"{name}-*.db{_PART}*")) if file.stat().st_mtime < old]
    for file in left:
        file.unlink(missing_ok=True)
    return left


def _copy(source: Path, part: Path) -> None:
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=rw", uri=True, timeout=30)) as here,
        closing(sqlite3.connect(part)) as there,
    ):
        # One reading transaction: the copy is of one moment, and a busy writer does not make it begin again and again.
        here.execute("BEGIN").execute("SELECT count(*) FROM sqlite_master").fetchone()
        here.backup(there, pages=_PAGES, sleep=_PAUSE)
        there.execute("PRAGMA journal_mode=DELETE")  # all in the one file
        (state,) = there.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise ConfigError(f"{source}: is damaged ({state}); mend: keep the older backups, and restore one of them")
        _mark(there)


def _mark(there: sqlite3.Connection) -> None:
    name, column = installation.name, installation.c.copied_at.name
    columns = there.execute("SELECT name FROM pragma_table_info(?)", (name,)).fetchall()
    if (column,) in columns:  # neither the store of keys nor a database of an older version has it
        with there:
            there.execute(f"UPDATE {name} SET {column} = strftime('%Y-%m-%d %H:%M:%f', 'now')")  # noqa: S608


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
