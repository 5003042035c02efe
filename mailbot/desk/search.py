"""Finds tickets by what a caller says: a number in any spelling, an address, a day, a name.

Each sort of question has its index and is asked alone; none looks at more tickets than it shows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, literal, select, tuple_, union

from mailbot.clocks import WARSAW
from mailbot.desk.sight import seen
from mailbot.desk.todo import PAGE, ListedTicket, entries
from mailbot.model import Operator, State
from mailbot.secret import Secret
from mailbot.storage import personal
from mailbot.storage.schema import activation, ticket
from mailbot.text.address import login_key
from mailbot.tickets import number
from mailbot.tickets.person import ranges

_T = ticket.c
_ISO = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_POLISH = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")


_DIGITS = 18
"""Of an id: any number of so many fits its column."""


class By(StrEnum):
    """What was understood."""

    NUMBER = "number"
    ADDRESS = "address"
    DAY = "day"
    NAME = "name"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A page of the answer: by name, else newest first. after: where the next page begins; None: there is none."""

    by: By
    entries: tuple[ListedTicket, ...] = ()
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Which:
    """Tickets of a list; None: whatever it is. since: opened then or later."""

    state: State | None = None
    desk: str | None = None
    category: str | None = None
    since: datetime | None = None


def page(
    connection: Connection, secret: Secret, operator: Operator, which: Which, now: datetime, *, after: int, limit: int
) -> list[ListedTicket]:
    """At most ``limit`` tickets that ``operator`` sees, in the order they were opened, behind the one with the id
    ``after``. Ids are given under the lock of the sequence: whatever is opened later stands behind."""
    asked = select(ticket).where(seen(operator), _T.id > after)
    if which.state is not None:
        asked = asked.where(_T.state == which.state.value)
    if which.desk is not None:
        asked = asked.where(_T.desk == which.desk)
    if which.category is not None:
        asked = asked.where(_T.category == which.category)
    if which.since is not None:
        asked = asked.where(_T.opened_at >= which.since)
    return entries(connection, secret, connection.execute(asked.order_by(_T.id).limit(limit)).all(), operator, now)


def day(text: str) -> date | None:
    """The day that ``text`` names: "2026-11-30", "30.11.2026"."""
    iso, polish = _ISO.fullmatch(text.strip()), _POLISH.fullmatch(text.strip())
    parts = iso.groups() if iso else polish.groups()[::-1] if polish else None
    if parts is None:
        return None
    try:
        found = date(*map(int, parts))
    except ValueError:
        return None
    return found if date.min.year < found.year < date.max.year else None  # a day has one before and one behind it


def find(
    connection: Connection, secret: Secret, operator: Operator, text: str, now: datetime, after: str = ""
) -> SearchPage:
    """Tickets that ``operator`` sees. ``after``: of the page before."""
    by, questions = _question(secret, text, after)
    found: dict[int, Row[Any]] = {}
    for asked in questions:
        found |= {row.id: row for row in connection.execute(asked.where(seen(operator)).limit(PAGE + 1))}
    rows = list(found.values())
    if len(questions) > 1:
        rows.sort(key=lambda row: (row.person_key, row.id))
    shown = entries(connection, secret, rows[:PAGE], operator, now)
    return SearchPage(by, tuple(shown), _place(by, rows[PAGE - 1]) if len(rows) > PAGE else None)


def _question(secret: Secret, text: str, after: str) -> tuple[By, list[Select[Any]]]:
    """What ``text`` asks for, as statements that are ordered alike; none: it says nothing."""
    said = text.strip()
    zgl, on, address = number.read(said), day(said), login_key(said)
    if zgl is not None:
        return By.NUMBER, [select(ticket).where(_T.number == zgl)]
    if on is not None:
        return By.DAY, [_of_day(on, after)]
    if address is not None:
        return By.ADDRESS, [_of_address(secret, address, said, after)]
    wanted = [_of_name(start, end, after) for start, end in ranges(said, secret)]
    return (By.NAME, wanted) if wanted else (By.NOTHING, [])


def _of_day(on: date, after: str) -> Select[Any]:
    start = datetime.combine(on, time(), WARSAW)
    end = datetime.combine(on + timedelta(days=1), time(), WARSAW)
    asked = select(ticket).where(_T.opened_at >= start, _T.opened_at < end)
    if (last := _row(after)) is not None:
        asked = asked.where(_T.id < last)
    return asked.order_by(_T.id.desc())


def _of_address(secret: Secret, key: str, said: str, after: str) -> Select[Any]:
    """Tickets of who writes from there, and those about the login; each side is found by its own index."""
    known = sorted({*personal.forms(secret, key), *personal.forms(secret, said)})
    written = select(_T.id).where(_T.correspondent.in_(known))
    about = select(activation.c.ticket_id).where(personal.holds(activation.c.login, secret, key))
    ids = union(written, about).subquery()
    asked = select(ticket).where(_T.id.in_(select(ids.c.id)))
    if (last := _row(after)) is not None:
        asked = asked.where(_T.id < last)
    return asked.order_by(_T.id.desc())


def _of_name(start: str, end: str, after: str) -> Select[Any]:
    asked = select(ticket).where(_T.person_key >= start, _T.person_key < end)
    key, _, ticket_id = after.rpartition("~")
    if key and (last := _row(ticket_id)) is not None:
        asked = asked.where(tuple_(_T.person_key, _T.id) > tuple_(literal(key), literal(last)))
    return asked.order_by(_T.person_key, _T.id)


def _row(said: str) -> int | None:
    """The id that ``said`` is; None: no row can have it."""
    return int(said) if said.isascii() and said.isdigit() and len(said) <= _DIGITS else None


def _place(by: By, row: Row[Any]) -> str:
    return f"{row.person_key}~{row.id}" if by is By.NAME else str(row.id)
