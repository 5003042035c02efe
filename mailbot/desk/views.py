"""Filters of the to-do list that a person gave a name."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, insert, select

from mailbot.errors import PermanentError
from mailbot.storage.desk import saved_view

MOST = 20
"""Views of one person."""
LONGEST = 40
"""Characters of a name."""


class TooManyViews(PermanentError):
    """A person has as many as can be shown."""


def of(connection: Connection, operator_id: int) -> list[tuple[str, str]]:
    """Names and queries, by name."""
    v = saved_view.c
    found = connection.execute(select(v.name, v.query).where(v.operator_id == operator_id).order_by(v.name))
    return [(row.name, row.query) for row in found]


def save(connection: Connection, operator_id: int, name: str, query: str) -> None:
    """Keep ``query`` under ``name``, in place of what was there. Raises TooManyViews."""
    forget(connection, operator_id, name)
    count = select(func.count()).select_from(saved_view).where(saved_view.c.operator_id == operator_id)
    if connection.execute(count).scalar_one() >= MOST:
        raise TooManyViews(f"{MOST} views are the most")
    connection.execute(insert(saved_view).values(operator_id=operator_id, name=name, query=query))


def forget(connection: Connection, operator_id: int, name: str) -> None:
    """Take the view away."""
    v = saved_view.c
    connection.execute(delete(saved_view).where(v.operator_id == operator_id, v.name == name))
