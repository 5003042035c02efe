"""INSERT of many rows at once, prepared: for the few statements that every mail costs.

What SQLAlchemy does for each execution costs more than the database's own work. Here the statement is written once for
each number of rows; the values go through the types of the columns as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Column, Connection, Row
from sqlalchemy.dialects import registry

_TOGETHER = 100  # rows in one statement; 32,766 parameters and 65,535 are what SQLite and PostgreSQL take

_DIALECTS = {"sqlite": "sqlite", "postgresql": "postgresql.psycopg"}
"""Loaded when first used: an installation has one of them."""


class Rows:
    """Inserts rows with values for ``columns`` into their table. ``ending``: what follows, as ON CONFLICT."""

    def __init__(self, *columns: Column[Any], ending: str = "") -> None:
        self._columns, self._ending = columns, ending
        self._statement = lru_cache(2 * _TOGETHER)(self._write)
        self._processors = cache(self._find_processors)

    def insert(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[Row[Any]]:
        """Insert ``rows``, in order; what RETURNING in the ending gives."""
        returned: list[Row[Any]] = []
        processors = self._processors(connection.dialect.name)
        for start in range(0, len(rows), _TOGETHER):
            group = rows[start : start + _TOGETHER]
            values = [process(row[name]) if process else row[name] for row in group for name, process in processors]
            done = connection.exec_driver_sql(self._statement(connection.dialect.name, len(group)), tuple(values))
            returned += done.all() if done.returns_rows else ()
        return returned

    def _write(self, dialect: str, count: int) -> str:
        names = ", ".join(column.name for column in self._columns)
        row = ", ".join("?" if dialect == "sqlite" else "%s" for _ in self._columns)
        values = ", ".join([f"({row})"] * count)
        # names are those of our own tables
        return f"INSERT INTO {self._columns[0].table.name} ({names}) VALUES {values} {self._ending}"  # noqa: S608

    def _find_processors(self, dialect: str) -> list[tuple[str, Callable[[Any], Any] | None]]:
        made = registry.load(_DIALECTS[dialect])()
        return [(c.name, c.type.dialect_impl(made).bind_processor(made)) for c in self._columns]
