"""What a database says when it cannot be worked with, in words: those of SQLAlchemy quote statements and the URL."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mailbot.errors import ConfigError, DatabaseUnavailable, MailbotError
from mailbot.observe import plain

_NOT_OURS = ("no such table", "no such column", "has no column", "already exists")
_NO_DATABASE = ("file is not a database", "malformed")
_KEYS = "[keys] url"
_UNDEFINED = ("42P01", "42703")  # SQLSTATE undefined_table, undefined_column


def plainly(error: BaseException | None) -> MailbotError | None:
    """``error`` as one of ours, on one line; None: it is none of a database, or a fault of the program."""
    if isinstance(error, DatabaseUnavailable):
        if error.reason.startswith(_KEYS) and isinstance(error.__cause__, DBAPIError):
            return _of_store(error.__cause__)
        return plainly(error.__cause__)
    if isinstance(error, ArgumentError):
        return ConfigError("[database] url: is none; mend: sqlite:///FILE or postgresql+psycopg://…")
    if isinstance(error, PoolTimeout):
        return DatabaseUnavailable("the database does not answer in time")
    return _of_driver(error) if isinstance(error, DBAPIError) else None


def _of_store(error: DBAPIError) -> MailbotError:
    """The store of keys has a file and a backup of its own."""
    words = plain(str(error.orig))
    if isinstance(error.orig, sqlite3.DatabaseError) and any(part in words for part in (*_NOT_OURS, *_NO_DATABASE)):
        return ConfigError(f"{_KEYS}: {words}; mend: put back the newest backup of the store of keys (docs/privacy.md)")
    return DatabaseUnavailable(f"{_KEYS}: cannot be opened or used: {words}; mend: see mailbot doctor")


def _of_driver(error: DBAPIError) -> MailbotError | None:
    words = plain(str(error.orig))
    if getattr(error.orig, "sqlstate", None) in _UNDEFINED or any(part in words for part in _NOT_OURS):
        return ConfigError(
            f"[database] url: its tables are not those of this mailbot ({words}); mend: start mailbot run, which "
            "brings them up to date, or name its database"
        )
    if isinstance(error.orig, sqlite3.DatabaseError) and any(part in words for part in _NO_DATABASE):
        return ConfigError(f"[database] url: {words}; mend: name mailbot's database, or restore its backup")
    if isinstance(error, IntegrityError | DataError | ProgrammingError | NotSupportedError):
        return None
    return DatabaseUnavailable(f"the database cannot be opened or used: {words}; mend: see mailbot doctor")
