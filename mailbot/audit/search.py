"""Finds rows of the chain, newest first: what was done to an object, by whom, on which day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, RowMapping, select

from mailbot.clocks import WARSAW
from mailbot.storage.desk import audit

PAGE = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; empty: anything. object, actor: as the rows have them. before: the last row of the page
    before."""

    object: str = ""
    actor: str = ""
    on: date | None = None
    """A day of the office."""
    before: int | None = None


def page(connection: Connection, wanted: Wanted) -> Sequence[RowMapping]:
    """At most PAGE rows, and one more, which tells that there are others."""
    c = audit.c
    asked = select(audit)
    if wanted.object:
        asked = asked.where(c.object == wanted.object)
    if wanted.actor:
        asked = asked.where(c.actor == wanted.actor)
    if wanted.on is not None:
        start = datetime.combine(wanted.on, time(), WARSAW)
        end = datetime.combine(wanted.on + timedelta(days=1), time(), WARSAW)
        asked = asked.where(c.at >= start, c.at < end)
    if wanted.before is not None:
        asked = asked.where(c.seq < wanted.before)
    return connection.execute(asked.order_by(c.seq.desc()).limit(PAGE + 1)).mappings().all()


def rows(connection: Connection, after: int, limit: int) -> Sequence[RowMapping]:
    """At most ``limit`` rows behind ``after``, in their order."""
    c = audit.c
    return connection.execute(select(audit).where(c.seq > after).order_by(c.seq).limit(limit)).mappings().all()
