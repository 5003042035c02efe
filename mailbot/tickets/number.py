"""Ticket numbers: "ZGL" and seven digits, from a gapless sequence (procedure §2 and §3.7)."""

from __future__ import annotations

import re

from sqlalchemy import Connection, bindparam, select, update

from mailbot.storage import upsert
from mailbot.storage.schema import counter

_NAME = "ticket"
_SPELLED = re.compile(r"\s*(?:ZGL)?[\s\u00a0._#-]*([0-9]{1,12})\s*", re.IGNORECASE)
_LOCK = select(counter.c.value).where(counter.c.name == _NAME).with_for_update()
_ADVANCE = update(counter).where(counter.c.name == _NAME).values(value=bindparam("next"))


def spell(value: int) -> str:
    """``value`` as a ticket number; over 9,999,999 it simply grows longer."""
    return f"ZGL{value:07d}"


def value(number: str) -> int:
    """The value that ``spell`` made ``number`` of; also the ticket's id."""
    return int(number.removeprefix("ZGL"))


def read(text: str) -> str | None:
    """The number that somebody means by "ZGL 0000034", "zgl-34" or "34"; None: none."""
    found = _SPELLED.fullmatch(text)
    return spell(int(found[1])) if found else None


def lock(connection: Connection, start: int) -> int:
    """The next value, with the sequence locked until the transaction ends.

    Whoever holds the lock is the only one deciding (on SQLite any writer is): two copies of one request that arrive
    together are seen one after the other. ``start`` counts only on an empty database.
    """
    value = connection.execute(_LOCK).scalar_one_or_none()
    if value is None:  # another process may be at the first ticket, too: then its row counts
        connection.execute(upsert.insert(connection, counter).on_conflict_do_nothing(), {"name": _NAME, "value": start})
        value = connection.execute(_LOCK).scalar_one()
    return int(value)


def advance(connection: Connection, value: int) -> None:
    """Make ``value`` the next one."""
    connection.execute(_ADVANCE, {"next": value})
