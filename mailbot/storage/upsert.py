"""INSERT with ON CONFLICT: each engine has words of its own for it, which are loaded with that engine alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, Dialect, Table

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def insert(on: Connection | Dialect, table: Table) -> sqlite.Insert | postgresql.Insert:
    """The statement for the engine of ``on``."""
    dialect = on if isinstance(on, Dialect) else on.dialect
    if dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # 3 MB and 60 ms

    return postgresql.insert(table)
