"""The database of an installation, opened to look at it only: nothing is made, and nothing can be written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from mailbot.errors import ConfigError, DatabaseUnavailable
from mailbot.storage.engine import connect, reading, target
from mailbot.storage.values import UtcDateTime


def missing_file(url: str) -> str | None:
    """The file of the SQLite database ``url`` names, when there is none; None: it is there, or lies on a server."""
    found = target(url)
    if found.get_backend_name() != "sqlite" or Path(found.database or "").is_file():
        return None
    return found.database or ""


@contextmanager
def read_only(url: str) -> Iterator[Connection]:
    """A connection that cannot write. Raises ConfigError where there is no database, DatabaseUnavailable."""
    missing = missing_file(url)
    if missing is not None:
        raise ConfigError(f"[database] url: {missing}: no such file; mend: name the database of mailbot run")
    engine = connect(url)
    try:
        with reading(engine) as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA query_only=ON")
            else:
                connection.execution_options(postgresql_readonly=True)
                for limit in ("idle_in_transaction_session_timeout", "statement_timeout"):
                    connection.exec_driver_sql(f"SET {limit} = 0")  # it reads years of mail, and thinks in between
                connection.commit()
            yield connection
    except DBAPIError as error:
        raise DatabaseUnavailable(str(error)) from error
    finally:
        engine.dispose()


def has_table(connection: Connection, name: str) -> bool:
    """Whether the schema has that table yet."""
    return inspect(connection).has_table(name)


def has_column(connection: Connection, wanted: Column[Any]) -> bool:
    """Whether the table of ``wanted`` is there, and this column in it: of the release before it may not be."""
    there = inspect(connection)
    return there.has_table(wanted.table.name) and any(
        one["name"] == wanted.name for one in there.get_columns(wanted.table.name)
    )


def schema_version(connection: Connection) -> str:
    """The revision of the schema."""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def server_clock(connection: Connection) -> datetime | None:
    """What the clock of the database's server says: one for all machines. None: it is a file, and the clock is ours."""
    if connection.dialect.name == "sqlite":
        return None
    return connection.execute(select(func.clock_timestamp(type_=UtcDateTime()))).scalar_one()
