"""Claim, complete, retry, bury: the life of any row that is work (inbox and outbox share these columns).

A row is ``queued`` → ``leased`` → ``done``, or back to ``queued`` with a later due time, or ``buried`` for a person.
A worker that dies leaves a lease that runs out; ``reap`` gives the row back. Completing needs the lease, so of two
workers that believe they hold a row only one can finish it (docs/design.md, claims).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, case, not_, or_, select, true, update
from sqlalchemy.sql.dml import ReturningUpdate

from mailbot.errors import LeaseLost
from mailbot.outbox import backoff
from mailbot.storage.among import among

WAITING, QUEUED, LEASED, DONE, BURIED = "waiting", "queued", "leased", "done", "buried"
CANCELLED = "cancelled"
"""A mail that a person ended: it never leaves, and nobody has to see to it. It stays as it is."""
_UNCOUNTED = 3
"""Tries that may not be among ``attempts``: the sender's DNS did not answer."""


def claim(
    connection: Connection,
    table: Table,
    worker: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    *,
    isolate: bool | ColumnElement[bool] = False,
    which: ColumnElement[bool] | None = None,
) -> list[int]:
    """Lease up to ``limit`` due rows (of ``which``) to ``worker`` and return their ids, oldest first.

    With ``isolate`` rows that were never tried go together, and one that was tried before (or that this condition holds
    for) goes alone: if it kills its worker, it takes nobody with it. For conditions that are the same objects each time
    the statement is made once.
    """
    together, alone = _claiming(table, isolate, which)
    told = {"worker": worker, "now": now, "until": now + lease}
    ids = connection.execute(together, {**told, "most": limit}).scalars().all()
    if not ids and alone is not None:
        ids = connection.execute(alone, {**told, "most": 1}).scalars().all()
    return sorted(ids)


@lru_cache(maxsize=64)
def _claiming(
    table: Table, isolate: bool | ColumnElement[bool], which: ColumnElement[bool] | None
) -> tuple[ReturningUpdate[Any], ReturningUpdate[Any] | None]:
    """The statements of ``claim``: for rows that go together, and for one that goes alone."""
    wanted = true() if which is None else which
    if isolate is False:
        return _taking(table, wanted), None
    alone = table.c.attempts > 0 if isolate is True else isolate
    return _taking(table, and_(not_(alone), wanted)), _taking(table, and_(alone, wanted))


def _taking(table: Table, which: ColumnElement[bool]) -> ReturningUpdate[Any]:
    c = table.c
    now, until = (bindparam(name, type_=c.due_at.type) for name in ("now", "until"))
    due = (  # a CTE with FOR UPDATE is computed once; as a subquery PostgreSQL may run it again and pass the limit
        select(c.id)
        .where(c.state == QUEUED, c.due_at <= now, which)
        .order_by(c.due_at, c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    leased = {"leased_by": bindparam("worker", type_=c.leased_by.type), "leased_until": until}
    return (
        update(table)  # they are locked, so still queued; to ask that again lets SQLite go through all that are
        .where(c.id.in_(select(due.c.id)))
        .values(state=LEASED, attempts=c.attempts + 1, **leased)
        .returning(c.id)
    )


def reap(
    connection: Connection,
    table: Table,
    now: datetime,
    attempts: int,
    lease: timedelta = timedelta(minutes=10),
    **values: object,
) -> int:
    """Give rows back whose lease ran out, with ``values``; those tried ``attempts`` times are buried. Returns how many
    leases ended.

    A moment further ahead than any that is written now comes from a clock that was set back since. Such a lease begins
    anew, since its worker may live; such a row is due, unless it is meant to wait (``delay_seconds``).
    """
    c = table.c
    expired = and_(c.state == LEASED, c.leased_until < now)
    over = connection.execute(
        update(table)
        .where(expired, c.attempts >= attempts)
        .values(state=BURIED, leased_by=None, leased_until=None, last_error="the worker died each time")
    )
    back = connection.execute(
        update(table).where(expired).values(state=QUEUED, leased_by=None, leased_until=None, due_at=now, **values)
    )
    ahead = (c.state == LEASED, c.leased_until > now + 2 * lease)  # twice: another process may be set to longer ones
    connection.execute(update(table).where(*ahead).values(leased_until=now + lease))
    connection.execute(update(table).where(c.state == QUEUED, c.due_at > now, _put_off(table, now)).values(due_at=now))
    return over.rowcount + back.rowcount


def _put_off(table: Table, now: datetime) -> ColumnElement[bool]:
    """Rows that are due later than their tries and their own delay can mean."""
    c = table.c
    waits = [
        *(and_(c.attempts <= n, c.due_at > now + backoff.longest(n)) for n in range(_UNCOUNTED, backoff.STEPS)),
        c.due_at > now + backoff.longest(backoff.STEPS),
    ]
    if "delay_seconds" in c:
        return and_(or_(*waits), or_(c.attempts > 0, c.delay_seconds == 0))
    return or_(*waits)


def complete(connection: Connection, table: Table, ids: Sequence[int], worker: str, **values: object) -> None:
    """Mark leased rows done. Raises LeaseLost when ``worker`` no longer holds one of them: the transaction must end."""
    _finish(connection, table, ids, worker, {"state": DONE, "last_error": None, **values})


def settle(connection: Connection, table: Table, row: int, **values: object) -> bool:
    """Mark a row done, whoever holds it: what it stands for has happened. False when it was done already."""
    return bool(settle_all(connection, table, [row], **values))


def settle_all(connection: Connection, table: Table, rows: Sequence[int], **values: object) -> set[int]:
    """``settle`` of many; returns those that were not done already."""
    told = {f"to_{name}": value for name, value in values.items()}
    return set(connection.execute(_settling(table, tuple(values)), {"rows": rows, **told}).scalars())


@cache
def _settling(table: Table, columns: tuple[str, ...]) -> ReturningUpdate[Any]:
    """Made once: it goes with every group of answers."""
    freed = {"state": DONE, "last_error": None, "leased_by": None, "leased_until": None}
    chosen = {name: bindparam(f"to_{name}", type_=table.c[name].type) for name in columns}
    open_rows = (among(table.c.id, "rows"), table.c.state != DONE)
    return update(table).where(*open_rows).values(**freed, **chosen).returning(table.c.id)


def retry(connection: Connection, table: Table, row: int, worker: str, due_at: datetime, **values: object) -> None:
    """Put a leased row back, not to be tried before ``due_at``. Raises LeaseLost."""
    _finish(connection, table, [row], worker, {"state": QUEUED, "due_at": due_at, **values})


def release(connection: Connection, table: Table, ids: Sequence[int], worker: str, **values: object) -> None:
    """Give leased rows back untried, with ``values``."""
    c = table.c
    held = and_(c.id.in_(ids), c.state == LEASED, c.leased_by == worker)
    untried = {"state": QUEUED, "leased_by": None, "leased_until": None, "attempts": c.attempts - 1}
    connection.execute(update(table).where(held).values(**untried, **values))


def held_by(connection: Connection, table: Table, worker: str) -> list[int]:
    """The rows that ``worker`` has leased."""
    c = table.c
    return list(connection.execute(select(c.id).where(c.state == LEASED, c.leased_by == worker)).scalars())


def give_back(
    connection: Connection, table: Table, ids: Sequence[int], worker: str, due_at: datetime, *, counted: bool
) -> None:
    """Give leased rows back after a try that failed, each to be taken alone (see ``claim``). A try that is not
    ``counted`` was not theirs: the database or a machine failed. Rows that are no longer held are left alone."""
    c = table.c
    held = and_(c.id.in_(ids), c.state == LEASED, c.leased_by == worker)
    tried = c.attempts if counted else case((c.attempts > 1, c.attempts - 1), else_=1)
    values = {"state": QUEUED, "leased_by": None, "leased_until": None, "due_at": due_at, "attempts": tried}
    connection.execute(update(table).where(held).values(values))


def bury(connection: Connection, table: Table, row: int, worker: str, **values: object) -> None:
    """Take a leased row out of the queue for a person to look at. Raises LeaseLost."""
    _finish(connection, table, [row], worker, {"state": BURIED, **values})


def _finish(connection: Connection, table: Table, ids: Sequence[int], worker: str, values: dict[str, object]) -> None:
    c = table.c
    held = and_(c.id.in_(ids), c.state == LEASED, c.leased_by == worker)
    done = connection.execute(update(table).where(held).values(leased_by=None, leased_until=None, **values))
    if done.rowcount != len(ids):
        raise LeaseLost(f"{table.name}: {len(ids) - done.rowcount} of {len(ids)} rows are held by another worker")


def revive(connection: Connection, table: Table, row: int, now: datetime) -> bool:
    """An operator's wish: try a buried row again from the start. False when it is not buried."""
    c = table.c
    wanted = and_(c.id == row, c.state == BURIED)
    return bool(connection.execute(update(table).where(wanted).values(state=QUEUED, due_at=now, attempts=0)).rowcount)


def next_due(connection: Connection, table: Table) -> datetime | None:
    """When the next queued row is due; None when nothing is queued."""
    c = table.c
    found: datetime | None = connection.execute(
        select(c.due_at).where(c.state == QUEUED).order_by(c.due_at).limit(1)
    ).scalar_one_or_none()
    return found


def listed(connection: Connection, table: Table, state: str | None, limit: int) -> list[dict[str, Any]]:
    """The newest rows in ``state``, without octets; None: all that are neither done nor cancelled."""
    c = table.c
    which = c.state == state if state else c.state.not_in([DONE, CANCELLED])
    columns = [column for column in c if column.name != "raw"]
    wanted = select(*columns).where(which).order_by(c.id.desc()).limit(limit)
    return [dict(row) for row in connection.execute(wanted).mappings()]
