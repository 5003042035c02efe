"""Where values become storable: moments, and text columns for what anybody may have written.

PostgreSQL refuses what is longer than its column, NUL, and half a surrogate pair; SQLite takes the first two, which a
test then does not notice. Here both keep the same, and nothing a stranger writes can make a row fail.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Dialect, TypeDecorator

LONGEST_NOTE = 20_000
"""Characters of a text that is only read."""

_TAIL = 32  # hex digits: 128 bit, so that nobody finds two long texts that are stored alike


def fit(text: str, length: int) -> str:
    """``text`` as a column of ``length`` characters keeps it: what is equal stays equal, what differs stays different.

    A text that does not fit, or has what no database keeps, ends with its digest.
    """
    clean = _clean(text)
    if len(clean) <= length and clean == text:
        return text
    tail = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[: min(_TAIL, length - 1)]
    return f"{clean[: length - len(tail) - 1]}~{tail}"


def note(text: str) -> str:
    """``text`` as it is kept for reading only."""
    clean = _clean(text)
    return clean if len(clean) <= LONGEST_NOTE else f"{clean[: LONGEST_NOTE - 1]}…"


def _clean(text: str) -> str:
    if text.isascii():
        return text.replace("\0", "\ufffd")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


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
