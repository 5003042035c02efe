"""Where values become storable: moments, and text columns for what anybody may have written (text.fitting)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Dialect, TypeDecorator
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex

from mailbot.text.fitting import LONGEST_NOTE as LONGEST_NOTE
from mailbot.text.fitting import fit as fit
from mailbot.text.fitting import note as note


@compiles(CreateIndex, "postgresql")
def partial_index(create: CreateIndex, compiler: Any, **options: Any) -> Any:
    """Tables name the rows of a partial index as ``sqlite_where`` alone: to name them for PostgreSQL would load its
    words in every process."""
    there = create.element.dialect_options
    if there["postgresql"]["where"] is None:
        there["postgresql"]["where"] = there["sqlite"]["where"]
    return compiler.visit_create_index(create, **options)


class String(TypeDecorator[str]):
    """A key or a name of at most ``length`` characters."""

    impl = sa.String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """See ``fit``."""
        return value if value is None else fit(value, self.length)


class Text(TypeDecorator[str]):
    """A text for reading."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """See ``note``."""
        return value if value is None else note(value)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, kept in UTC. A naive one is a programming error."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime on its way to the database")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class JSON(TypeDecorator[Any]):
    """Words, numbers and notes by name."""

    impl = sa.JSON
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Every text in it as ``note`` leaves it."""
        return noted(value)


def noted(value: Any) -> Any:
    """``value`` with every text in it as ``note`` leaves it."""
    if isinstance(value, str):
        return note(value)
    if isinstance(value, dict):
        return {noted(name): noted(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [noted(one) for one in value]
    return value
