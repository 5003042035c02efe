"""The breaker: how much leaves by itself, to all together. Above it nothing does until a person has looked.

The ladder (rate_limits) bounds what one address gets, so a robot takes a new address, or a new domain, for each mail.
What leaves is counted by whom it goes to, and each kind of recipient has a bound of its own: whoever floods us as a
stranger stops the answers to strangers, never the link of a citizen whose login is proven. What is stopped stays in the
outbox. What a person writes is neither counted nor stopped.

Counted by the hour in which the mail arrived that is answered, so that a backlog is not taken for a flood; in the
transaction that takes the mail up, under a lock, so that several workers count together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, delete, func, insert, or_, select, update

from mailbot.audit import chain
from mailbot.config import BreakerSettings
from mailbot.errors import PermanentError
from mailbot.outbox import jobs
from mailbot.storage import upsert
from mailbot.storage.among import among
from mailbot.storage.breaker import breaker, breaker_count
from mailbot.storage.schema import outbox

OBJECT = "breaker"
"""What the audit chain calls it."""
_DAY = timedelta(hours=24)
_KEPT = timedelta(days=30)
"""Counts of a backlog are asked for again; what came earlier goes to a person ([intake] oldest_days)."""


class Reach(StrEnum):
    """Whom a mail goes to that leaves by itself; each with all above it, for whoever is less known is stopped first."""

    STRANGER = "stranger"
    """Anybody who writes."""
    CORRESPONDENT = "correspondent"
    """A proven sender about a ticket of his own that was there already; whoever has an open one, of a break."""
    LOGIN = "login"
    """The proven login of an account, one that was, and who has sent its accepted application."""


_ORDER = tuple(Reach)
_o = outbox.c
_FRESH = (  # these are made once: they go with every claim
    select(_o.id, _o.reach, _o.arrived_at)
    .where(among(_o.id, "mails"), _o.reach.is_not(None), _o.first_due_at.is_(None))
    .order_by(_o.id)
)
_b, _n = breaker.c, breaker_count.c
_ALL = select(_b.reach, _b.tripped_at).order_by(_b.reach).with_for_update()
_TRIPPED = select(_b.reach).where(_b.tripped_at.is_not(None))
_COUNTED = select(_n.hour, _n.mails).where(_n.reach == bindparam("of"), _n.hour > bindparam("after"))
_COUNT = (
    update(breaker_count)
    .where(_n.reach == bindparam("of"), _n.hour == bindparam("at"))
    .values(mails=_n.mails + bindparam("more"))
)
_NEVER: Mapping[str, Any] = {**dict.fromkeys(("tripped_at", "told_at", "lifted_at", "lifted_by")), "reason": ""}


@dataclass(frozen=True, slots=True)
class BreakerStatus:
    """What is known of mails of one reach."""

    reach: Reach
    tripped_at: datetime | None
    told_at: datetime | None
    lifted_at: datetime | None
    lifted_by: str | None
    reason: str
    last_hour: int
    """Mails that answer what arrived within the hour of the clock that now is."""
    last_day: int
    waiting: int
    """Mails in the outbox that have not left."""


def bounds(settings: BreakerSettings) -> Mapping[Reach, tuple[int, int]]:
    """Reach → mails that answer what came within an hour, within 24."""
    s = settings
    return {
        Reach.STRANGER: (s.strangers_per_hour, s.strangers_per_day),
        Reach.CORRESPONDENT: (s.correspondents_per_hour, s.correspondents_per_day),
        Reach.LOGIN: (s.logins_per_hour, s.logins_per_day),
    }


def pace(settings: BreakerSettings) -> int:
    """How many mails to correspondents an hour one notice to all may be: half of what does not trip the breaker."""
    s = settings
    return max(1, min(s.correspondents_per_hour, s.correspondents_per_day // 24) // 2)


def stopped(connection: Connection) -> frozenset[Reach]:
    """Mails that must not leave now."""
    return _with_those_before(connection.execute(_TRIPPED).scalars())


def passes(held: Collection[Reach]) -> ColumnElement[bool]:
    """Rows of the outbox that leave although ``held`` do not."""
    return or_(outbox.c.reach.is_(None), outbox.c.reach.not_in(held))


def admit(connection: Connection, mails: Sequence[int], settings: BreakerSettings, now: datetime) -> list[int]:
    """Count those of ``mails`` (rows of the outbox, just leased) that were never taken up; returns those that must
    wait instead."""
    fresh = connection.execute(_FRESH, {"mails": mails}).mappings().all()
    if not fresh:
        return []
    held = _locked(connection)
    back = [row["id"] for row in fresh if row["reach"] in held]
    for reach in _ORDER:
        rows = [row for row in fresh if row["reach"] == reach and reach not in held]
        if rows:
            back += _counted(connection, reach, rows, bounds(settings)[reach], now)
    return sorted(back)


def _counted(
    connection: Connection, reach: Reach, rows: Sequence[RowMapping], bound: tuple[int, int], now: datetime
) -> list[int]:
    """The mails of ``rows`` beyond ``bound``; the breaker trips with the first."""
    back: list[int] = []
    added = Counter[datetime]()
    counts = _counts(connection, reach, min(_hour(row["arrived_at"]) for row in rows) - _DAY)
    for hour, of_hour in groupby(rows, key=lambda row: _hour(row["arrived_at"])):
        mails = [row["id"] for row in of_hour]
        day = sum(n for at, n in counts.items() if hour - _DAY < at <= hour)
        room = max(0, min(bound[0] - counts[hour], bound[1] - day))
        back += mails[room:]
        if passed := len(mails[:room]):
            added[hour] += passed
            counts[hour] += passed
    _add(connection, reach, added)
    if back:
        c = breaker.c
        fresh = (c.reach == reach.value, c.tripped_at.is_(None))
        connection.execute(update(breaker).where(*fresh).values(tripped_at=now, told_at=None))
    return back


def lift(connection: Connection, reaches: Collection[Reach], actor: str, reason: str, now: datetime) -> list[Reach]:
    """Let mails to ``reaches`` leave again, and count them anew; returns those that were stopped. The last thing of a
    transaction. Raises PermanentError when none was."""
    _locked(connection)
    c = breaker.c
    which = (c.reach.in_([reach.value for reach in reaches]), c.tripped_at.is_not(None))
    found = [reach for reach in _ORDER if reach in set(connection.execute(select(c.reach).where(*which)).scalars())]
    if not found:
        raise PermanentError("no breaker is tripped there; see `mailbot breaker show`")
    values = {"tripped_at": None, "told_at": None, "lifted_at": now, "lifted_by": actor, "reason": reason}
    connection.execute(update(breaker).where(*which).values(values))
    connection.execute(delete(breaker_count).where(breaker_count.c.reach.in_([reach.value for reach in found])))
    told = ", ".join(reach.value for reach in found)
    chain.note(connection, now, actor, "breaker-lifted", OBJECT, {"reason": reason}, told)
    return found


def untold(connection: Connection) -> list[tuple[Reach, datetime]]:
    """Breakers whose alarm has not left: reach, and since when it is stopped."""
    c = breaker.c
    found = connection.execute(select(c.reach, c.tripped_at).where(c.tripped_at.is_not(None), c.told_at.is_(None)))
    return [(Reach(reach), at) for reach, at in found]


def told(connection: Connection, tripped: Sequence[tuple[Reach, datetime]], now: datetime) -> None:
    """The alarm of ``tripped`` has left. The last thing of a transaction."""
    c = breaker.c
    for reach, at in tripped:
        this = (c.reach == reach.value, c.tripped_at == at, c.told_at.is_(None))
        if connection.execute(update(breaker).where(*this).values(told_at=now)).rowcount:
            chain.note(connection, at, chain.MACHINE, "breaker-tripped", OBJECT, reason=reach.value)


def status(connection: Connection, now: datetime) -> list[BreakerStatus]:
    """Every reach, the least known first."""
    o, hour = outbox.c, _hour(now)
    rows = {row["reach"]: row for row in connection.execute(select(breaker)).mappings()}
    undone = (jobs.WAITING, jobs.QUEUED, jobs.LEASED)
    grouped = select(o.reach, func.count()).where(o.state.in_(undone), o.reach.is_not(None)).group_by(o.reach)
    waiting = dict(tuple(row) for row in connection.execute(grouped))
    found = []
    for reach in _ORDER:
        row, counts = rows.get(reach.value, _NEVER), _counts(connection, reach, hour - _DAY)
        told_of = {name: row[name] for name in _NEVER}
        n = waiting.get(reach.value, 0)
        found.append(BreakerStatus(reach, **told_of, last_hour=counts[hour], last_day=sum(counts.values()), waiting=n))
    return found


def _with_those_before(tripped: Iterable[str]) -> frozenset[Reach]:
    found = {Reach(reach) for reach in tripped}
    return frozenset(reach for n, reach in enumerate(_ORDER) if not found.isdisjoint(_ORDER[n:]))


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _counts(connection: Connection, reach: Reach, after: datetime) -> Counter[datetime]:
    rows = connection.execute(_COUNTED, {"of": reach.value, "after": after})
    return Counter({row.hour: row.mails for row in rows})


def _add(connection: Connection, reach: Reach, added: Counter[datetime]) -> None:
    c = breaker_count.c
    for hour, mails in added.items():
        if not connection.execute(_COUNT, {"of": reach.value, "at": hour, "more": mails}).rowcount:
            connection.execute(insert(breaker_count).values(reach=reach.value, hour=hour, mails=mails))
            connection.execute(delete(breaker_count).where(c.reach == reach.value, c.hour < hour - _KEPT))


def _locked(connection: Connection) -> frozenset[Reach]:
    """As ``stopped``; nobody else counts until this transaction ends."""
    found = connection.execute(_ALL).all()
    if len(found) < len(_ORDER):
        rows = [{"reach": reach.value} for reach in sorted(_ORDER)]
        connection.execute(upsert.insert(connection, breaker).on_conflict_do_nothing(), rows)
        found = connection.execute(_ALL).all()
    return _with_those_before(row.reach for row in found if row.tripped_at is not None)
