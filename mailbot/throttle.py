"""Limits that several processes keep together: one row a client in the database, one statement a request.

A row says until when its client has used up what it may (the "theoretical arrival time" of GCRA, ITU-T I.371): a token
bucket in one number, which the database compares and moves in one step, so no request is lost when many come at once.
Who is refused writes nothing. A row that is over means nothing, and goes: their number is bounded by the requests that
were let in within a minute.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, case, delete, select

from mailbot.storage import upsert
from mailbot.storage.shared import throttle

_ROUNDING = 1e-3  # seconds; sums of doubles of this size are exact to a microsecond
_SWEPT = 10_000  # rows at once: whoever sweeps must not keep the others waiting


def admits(connection: Connection, name: str, now: datetime, per_minute: int) -> bool:
    """Count a request of ``name``: ``per_minute`` at once, then one each 60/``per_minute`` seconds. False: too many."""
    step, at, until = 60 / per_minute, now.timestamp(), throttle.c.until
    row = upsert.insert(connection, throttle).values(name=name, until=at + step)
    # A row more than a minute ahead was written by another clock, or before ours was set back: it locks nobody out.
    used = case((until.between(at, at + 60 + _ROUNDING), until), else_=at)
    counted = row.on_conflict_do_update(
        index_elements=["name"], set_={"until": used + step}, where=used <= at + 60 - step + _ROUNDING
    )
    return connection.execute(counted.returning(until)).first() is not None


def take(connection: Connection, name: str, now: datetime, seconds: float) -> float | None:
    """Have ``name`` alone, for ``seconds`` at most: what ``give_back`` wants; None: somebody has it."""
    at, until = now.timestamp(), throttle.c.until
    row = upsert.insert(connection, throttle).values(name=name, until=at + seconds)
    free = ~until.between(at, at + seconds)
    taken = row.on_conflict_do_update(index_elements=["name"], set_={"until": at + seconds}, where=free)
    found = connection.execute(taken.returning(until)).first()
    return None if found is None else float(found.until)


def give_back(connection: Connection, name: str, until: float) -> None:
    """Let others have it, unless they have it already."""
    connection.execute(delete(throttle).where(throttle.c.name == name, throttle.c.until == until))


def sweep(connection: Connection, now: datetime) -> None:
    """Take away rows that are over."""
    over = select(throttle.c.name).where(throttle.c.until < now.timestamp()).limit(_SWEPT)
    connection.execute(delete(throttle).where(throttle.c.name.in_(over), throttle.c.until < now.timestamp()))
