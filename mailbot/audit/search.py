"""Finds rows of the chain, newest first: what was done to an object, by whom, on which day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, RowMapping, select, tuple_

from mailbot.clocks import WARSAW
from mailbot.storage.desk import audit

PAGE = 50


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """What is looked for; empty: anything. object, actor: as the rows have them. before: the last row of the page
    before."""

    object: str = ""
    actor: str = ""
    on: date | None = None
    """A day of the office."""
    before: int | None = None


def page(connection: Connection, wanted: AuditQuery) -> Sequence[RowMapping]:
    """At most PAGE rows, and one more, which tells that there are others."""
    c = audit.c
    asked, order = select(audit), [c.seq]
    if wanted.object:
        asked = asked.where(c.object == wanted.object)
    if wanted.actor:
        asked = asked.where(c.actor == wanted.actor)
    if wanted.on is not None:
        start = datetime.combine(wanted.on, time(), WARSAW)
        end = datetime.combine(wanted.on + timedelta(days=1), time(), WARSAW)
        asked, order = asked.where(c.at >= start, c.at < end), [c.at, c.seq]
    if wanted.before is not None:
        row = audit.alias("before")
        last = select(*(row.c[column.name] for column in order)).where(row.c.seq == wanted.before)
        asked = asked.where(tuple_(*order) < last.scalar_subquery())
    newest_first = [column.desc() for column in order]
    return connection.execute(asked.order_by(*newest_first).limit(PAGE + 1)).mappings().all()


def rows(connection: Connection, after: int, limit: int) -> Sequence[RowMapping]:
    """At most ``limit`` rows behind ``after``, in their order."""
    c = audit.c
    return connection.execute(select(audit).where(c.seq > after).order_by(c.seq).limit(limit)).mappings().all()


def behind(connection: Connection, after: int) -> Iterator[RowMapping]:
    """Every row behind ``after``, in their order, read in parts."""
    c = audit.c
    wanted = select(audit).where(c.seq > after).order_by(c.seq).execution_options(yield_per=1000)
    yield from connection.execute(wanted).mappings()
