"""``mailbot doctor`` looks at what everything stands on: the database, its key and its store of keys."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from mailbot import copied, secret
from mailbot.config import Settings
from mailbot.errors import ConfigError
from mailbot.installation import find_key, read_keys
from mailbot.storage import keys
from mailbot.storage.engine import target
from mailbot.storage.reading import missing_file, read_only, schema_version

_LOOKED = 8.0  # seconds for which a file is looked through: the doctor waits 30 for an answer, and 1 GB takes about 3
_STEPS = 10_000  # of SQLite's machine, after which the time is looked at


def database(settings: Settings) -> str:
    """Raises ConfigError when it is damaged, a copy, or older than what was written out; DatabaseUnavailable."""
    url = settings.database.url
    missing = missing_file(url)
    if missing is not None:
        return f"{_writable(Path(missing or '.').resolve().parent)}: will be made at the first start"
    with read_only(url) as connection:
        _refuse_damaged(connection, "[database] url", "restore the last backup (docs/operating.md, Backup of SQLite)")
        copied.refuse_two(connection.engine)
        copied.refuse(connection)
        copied.refuse_behind(connection, settings.audit.head_file)
        return f"{connection.dialect.name}, schema {schema_version(connection)}"


def key(settings: Settings) -> str:
    """Raises ConfigError when the key file is missing, another one, or to be read by others; DatabaseUnavailable."""
    path = Path(settings.secret.key_file)
    if missing_file(settings.database.url) is None:
        with read_only(settings.database.url) as connection:
            find_key(connection, path)
    if not path.exists():
        return f"{_writable(path.resolve().parent)}: will be made at the first start"
    secret.read(path)
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{path} can be read by others")
    return f"{path}, private"


def store(settings: Settings) -> str:
    """Raises ConfigError when the store of keys is missing, another database's or damaged; DatabaseUnavailable."""
    if missing_file(settings.database.url) is not None:
        return "will be made at the first start"
    with read_only(settings.database.url) as connection, read_keys(connection, settings) as found:
        if not isinstance(found.store, keys.KeyStore):
            return "will be made at the next start"
        with found.store.looking() as looking:
            _refuse_damaged(looking, "[keys] url", "put back the newest backup of that store (docs/privacy.md)")
    place = target(keys.place(settings.keys.url, settings.database.url))
    return f"{place.render_as_string()} belongs to this database"


def _writable(folder: Path) -> Path:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{folder} cannot be written")
    return folder


def _refuse_damaged(connection: Connection, setting: str, mend: str) -> None:
    """Look through a file of SQLite, a large one for some seconds: a page that nothing reads today is lost as well."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        return
    until = time.monotonic() + _LOOKED
    driver.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
    try:
        state = " ".join(str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()).split())
    except OperationalError as error:
        if "interrupted" not in str(error.orig):
            raise
        return
    finally:
        driver.set_progress_handler(None, 0)
    if state != "ok":
        raise ConfigError(
            f"{setting}: the file is damaged ({state}); mend: stop mailbot, put the file aside, and {mend}"
        )
