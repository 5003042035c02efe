"""Many rows by a statement that is made ready once: for what is written with every mail.

``Statement`` goes to the database once for each row, ``Rows`` once for many, and gives what RETURNING tells of them.

SQLAlchemy works out for each value of each row what the driver gets. Here that is worked out once for a statement, from
the same types (tests/contract/test_prepared.py compares what then lies in the tables).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Insert, Table, Update
from sqlalchemy import Row as Returned
from sqlalchemy import insert as insert_into
from sqlalchemy.types import TypeEngine

from mailbot.storage.values import JSON, String, UtcDateTime, fit, noted

_TOGETHER = 100  # rows in one statement; 32,766 parameters and 65,535 are what SQLite and PostgreSQL take

Row = Mapping[str, Any]
_Value = tuple[str | None, Callable[[Any], Any] | None, Any]
"""The name in the row, what the driver gets for it (None: itself), and what it is where the row has no such name."""


class Encoded(str):
    """A value for a JSON column that ``encode`` has made already."""


def encode(value: Any) -> Encoded:
    """``value`` as a JSON column keeps it."""
    return Encoded(_encoder.encode(noted(value)))


_encoder = json.JSONEncoder(separators=(",", ":"))


class Statement:
    """An INSERT or UPDATE whose values are a ``bindparam`` each where rows differ. Threads may share it."""

    def __init__(self, statement: Insert | Update, *columns: str) -> None:
        """``columns``: those that an INSERT fills."""
        self._statement = statement.inline() if isinstance(statement, Insert) else statement
        self._columns = columns
        self._ready: dict[str, tuple[str, tuple[_Value, ...]]] = {}

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Once for each of ``rows``, each of which has a value for every name."""
        if not rows:
            return
        text, values = self.ready(connection.dialect)
        connection.exec_driver_sql(text, [tuple(_told(row, values)) for row in rows])

    def ready(self, dialect: Dialect) -> tuple[str, tuple[_Value, ...]]:
        """Its text, and what stands in the places that it leaves open."""
        if dialect.name not in self._ready:
            self._ready[dialect.name] = self._prepare(dialect)
        return self._ready[dialect.name]

    def _prepare(self, dialect: Dialect) -> tuple[str, tuple[_Value, ...]]:
        by_place = dialect if dialect.positional else type(dialect)(paramstyle="format")  # type: ignore[call-arg]
        compiled = self._statement.compile(dialect=by_place, column_keys=list(self._columns) or None)
        rows_give = {*self._columns, *(name for name, bind in compiled.binds.items() if bind.required)}
        values = []
        for name in compiled.positiontup or ():
            make = _made(compiled.binds[name].type, by_place)
            fixed = compiled.params[name]
            values.append((name, make, None) if name in rows_give else (None, None, make(fixed) if make else fixed))
        return str(compiled), tuple(values)


class Rows:
    """Inserts rows with values for ``columns`` into their table. ``ending``: what follows, as ON CONFLICT. Threads may
    share it."""

    def __init__(self, *columns: Column[Any], ending: str = "") -> None:
        self._one = Statement(insert_into(columns[0].table), *(column.name for column in columns))
        self._ending = ending

    def insert(self, connection: Connection, rows: Sequence[Row]) -> list[Returned[Any]]:
        """Insert ``rows``, in order; what RETURNING in the ending gives."""
        returned: list[Returned[Any]] = []
        text, values = self._one.ready(connection.dialect)
        into, _, places = text.partition(" VALUES ")
        for start in range(0, len(rows), _TOGETHER):
            group = rows[start : start + _TOGETHER]
            many = f"{into} VALUES {', '.join([places] * len(group))} {self._ending}"
            done = connection.exec_driver_sql(many, tuple([one for row in group for one in _told(row, values)]))
            returned += done.all() if done.returns_rows else ()
        return returned


def insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Write ``rows``, which all fill the same columns."""
    if rows:
        _into(table, tuple(rows[0])).run(connection, rows)


@lru_cache(maxsize=64)
def _into(table: Table, columns: tuple[str, ...]) -> Statement:
    return Statement(insert_into(table), *columns)


def _told(row: Row, values: Sequence[_Value]) -> list[Any]:
    """What the driver gets for ``row``."""
    return [fixed if name is None else make(row[name]) if make else row[name] for name, make, fixed in values]


def _made(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """As SQLAlchemy's own bind processor of the type, or one that does the same in fewer steps."""
    if isinstance(kind, String):
        return partial(_string, kind.length)
    if isinstance(kind, JSON):
        return _json
    if isinstance(kind, UtcDateTime) and dialect.name == "sqlite":
        return _moment
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _string(length: int, value: str | None) -> str | None:
    return value if value is None else fit(value, length)


def _json(value: Any) -> str:
    return value if type(value) is Encoded else encode(value)


def _moment(value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("naive datetime on its way to the database")
    # Of another zone two moments may be equal that are not the same: the hour that an autumn night has twice.
    return _in_utc(value if value.tzinfo is UTC else value.astimezone(UTC))


@lru_cache(maxsize=512)  # the rows of a batch tell few moments, each of them often
def _in_utc(value: datetime) -> str:
    return value.replace(tzinfo=None).isoformat(" ", "microseconds")
