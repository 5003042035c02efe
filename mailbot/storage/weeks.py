"""The week with which an index of keyed hashes begins, where what is looked for came lately.

A hash lies where chance puts it: beside years of mail each new one would go to a page that nobody has in hand, to be
read and written for one row. Behind its week it goes to the few pages of that week, and is looked for once in each of
the last weeks.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, Select, bindparam, func, select

_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
UNKNOWN = 0
"""What a row says that was written before there were weeks, or by the release before this one."""


def week(moment: datetime) -> int:
    """Its number; ``UNKNOWN`` when it is older than mail."""
    return max((moment - _BEGIN).days // 7, UNKNOWN)


def since(connection: Connection, column: Column[Any], moment: datetime) -> list[int]:
    """What ``column``, which begins an index, says of rows of ``moment`` and of all that came after, however far a
    clock had gone ahead; and of those of which it is not known."""
    return [UNKNOWN, *connection.execute(_there(column), {"first": max(week(moment), UNKNOWN + 1)}).scalars()]


@cache
def _there(column: Column[Any]) -> Select[Any]:
    """Each week that there is, by one look into the index."""
    first = select(func.min(column).label("week")).where(column >= bindparam("first"))
    found = first.cte("weeks", recursive=True)
    later = select(func.min(column)).where(column > found.c.week).scalar_subquery()
    every = found.union_all(select(later).where(found.c.week.is_not(None)))
    return select(every.c.week).where(every.c.week.is_not(None))
