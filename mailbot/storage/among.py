"""Rows by a list of ids or words, which the database gets as one value.

SQLAlchemy's own ``in_`` writes the statement anew for each length of its list, with a place for each of them: most of
what a small question costs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Dialect, TypeDecorator, any_, bindparam, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine


def among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether ``column`` is one of the numbers, or words, that the statement is given as ``name``."""
    listed = _Numbers if isinstance(column.type, sa.Integer) else _Words
    return _Among(column, bindparam(name, type_=listed()))


class _Numbers(TypeDecorator[Any]):
    impl = sa.Text
    cache_ok = True
    each: TypeEngine[Any] = sa.BigInteger()

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(sa.Text() if dialect.name == "sqlite" else sa.ARRAY(self.each))

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> Any:
        listed = list(value or ())
        return json.dumps(listed) if dialect.name == "sqlite" else listed


class _Words(_Numbers):
    cache_ok = True
    each = sa.Text()


class _Among(FunctionElement[bool]):
    type = sa.Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> ColumnElement[Any]:  # type: ignore[override]
        """As it is: SQLite, which knows no booleans, would compare it with 1, and find no row by an index."""
        return self


@compiles(_Among, "sqlite")
def _in_sqlite(element: _Among, compiler: Any, **options: Any) -> Any:
    column, values = element.clauses
    listed = func.json_each(values).table_valued("value")
    return compiler.process(column.in_(select(listed.c.value)), **options)


@compiles(_Among, "postgresql")
def _in_postgresql(element: _Among, compiler: Any, **options: Any) -> Any:
    column, values = element.clauses
    return compiler.process(column == any_(values), **options)
