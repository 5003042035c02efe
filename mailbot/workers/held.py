"""The rows of the inbox that one worker holds: how it takes them, and how they go back undecided."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from functools import cache

from sqlalchemy import ColumnElement, Connection, RowMapping, select, true

from mailbot.config import WorkerSettings
from mailbot.errors import LeaseLost, MailbotError, PermanentError, SealBroken, TemporaryError
from mailbot.inbox import message_of
from mailbot.model import RawMessage, Understanding
from mailbot.observe import Clock, kinds, log_event, place
from mailbot.outbox import backoff, jobs
from mailbot.room import OCTETS
from mailbot.secret import Secret, key_of
from mailbot.storage.among import among
from mailbot.storage.database import Database
from mailbot.storage.schema import inbox, raw_message
from mailbot.workers.presence import Leaps

_BATCH_OCTETS = OCTETS // 2
"""Of the raw messages of a batch, unless one alone has more: there is room for two of them beside a large mail, whose
files may be checked for half a minute."""
_SEALED = 2**20  # octets that lie in memory sealed and opened at once
_LONGEST_WAIT = 3  # steps of backoff of what is put off uncounted: a longer wait outbox.jobs takes for a clock set back
_REAP = timedelta(seconds=1)

_i = inbox.c
_STORED = (
    select(_i.id, _i.attempts, _i.deferred, _i.lane, _i.sha256, _i.envelope, _i.received_at, raw_message.c.raw)
    .join(raw_message)
    .where(among(_i.id, "rows"))
    .order_by(_i.id)
)
"""What ``LeasedMessage`` and ``inbox.message_of`` need."""
_SIZES = select(_i.id, _i.size).where(among(_i.id, "rows"))


@dataclass(frozen=True, slots=True)
class LeasedMessage:
    """A leased message. ``tries``: this one included; ``deferred``: how often its sender's DNS had not answered;
    ``waited``: it comes from the lane of checks."""

    row: int
    tries: int
    deferred: int
    waited: bool
    raw: RawMessage


Batch = list[tuple[LeasedMessage, Understanding]]


class Lane(Enum):
    """Which rows a worker takes. A check of signed files takes a second where all the rest takes a millisecond: what
    needs one is left to another worker, so that nobody else waits for the locked processes."""

    ALL = "all"
    QUICK = "quick"
    CHECKS = "checks"

    @property
    @cache
    def rows(self) -> ColumnElement[bool]:
        """The rows of the lane; always the same object (jobs.claim)."""
        if self is Lane.ALL:
            return true()
        return inbox.c.lane == Lane.CHECKS.value if self is Lane.CHECKS else inbox.c.lane.is_(None)


class Held:
    """Those of the worker ``name``."""

    def __init__(
        self,
        name: str,
        database: Database,
        secret: Secret,
        clock: Clock,
        rng: random.Random,
        settings: WorkerSettings,
        steady: Callable[[], float] | None,
        lane: Lane,
        most: int,
    ) -> None:
        """``steady``: see Leaps. ``most``: rows that are taken at once."""
        self.name = name
        self.lane = lane
        self.octets = 0
        """Of the messages that were taken last."""
        self.owes = False
        """The database broke a step off, maybe before anybody heard which rows were taken: what this worker holds goes
        back, uncounted, when it answers again."""
        self._database = database
        self._secret = secret
        self._clock = clock
        self._rng = rng
        self._attempts = settings.attempts
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._leaps = Leaps(clock, steady, self._lease)
        self._most = most
        self._reaped_at: datetime | None = None

    async def take(self) -> list[int]:
        """The next rows, leased. Raises DatabaseUnavailable."""
        try:
            ids = await self._database.write(self._claim)
        except TemporaryError:  # a server that dies behind the commit leaves rows that are held and unknown
            self.owes = True
            raise
        self.owes = False
        return ids

    def _claim(self, connection: Connection) -> list[int]:
        now = self._clock()
        if self.owes:
            owed = jobs.held_by(connection, inbox, self.name)
            due = now if len(owed) > 1 else now + backoff.delay(1, self._rng)
            jobs.give_back(connection, inbox, owed, self.name, due, counted=False)
        if self._leaps.settled() and self._reaps(now):
            jobs.reap(connection, inbox, now, self._attempts, self._lease)
        ids = jobs.claim(connection, inbox, self.name, now, self._lease, self._most, isolate=True, which=self.lane.rows)
        return self._within_memory(connection, ids)

    def _reaps(self, now: datetime) -> bool:
        """Whether ended leases are looked for with this batch: not with each of many in a second."""
        if self._reaped_at is not None and timedelta() <= now - self._reaped_at < _REAP:
            return False
        self._reaped_at = now
        return True

    def _within_memory(self, connection: Connection, ids: list[int]) -> list[int]:
        """The first of ``ids`` whose messages together are not too large, at least one; the rest goes back untried."""
        sizes: dict[int, int] = {row.id: row.size for row in connection.execute(_SIZES, {"rows": ids})}
        self.octets, kept = 0, 0
        for row in ids:
            if kept and self.octets + sizes[row] > _BATCH_OCTETS:
                break
            self.octets += sizes[row]
            kept += 1
        if kept < len(ids):
            jobs.release(connection, inbox, ids[kept:], self.name)
        return ids[:kept]

    async def load(self, ids: list[int]) -> list[LeasedMessage]:
        """The messages that can be read back. One that cannot is tried again and then buried: with the right key, or a
        newer program, it is as good as new."""
        try:
            return await self._database.read(lambda c: self._read(c, ids)) if ids else []
        except TemporaryError:
            raise
        except Exception as error:
            if len(ids) == 1:
                await self._unreadable(ids[0], error)
                return []
        return [taken for row in ids for taken in await self.load([row])]

    async def _unreadable(self, row: int, error: Exception) -> None:
        name = "inbox-sealed" if isinstance(error, SealBroken) else "inbox-unreadable"
        reason = told(error)
        log_event(name, level=logging.ERROR, inbox=row, reason=reason)
        await self.retry_or_bury(row, reason)

    def _read(self, connection: Connection, ids: list[int]) -> list[LeasedMessage]:
        found = list[LeasedMessage]()
        together = max(1, len(ids) * _SEALED // max(1, self.octets))
        for rows in connection.execute(_STORED, {"rows": ids}).mappings().partitions(together):
            self._secret.ready(key for row in rows if (key := key_of(row["raw"])) is not None)
            found += map(self._taken, rows)
        if len(found) < len(ids):
            raise PermanentError("its octets are not in raw_message")
        return found

    def _taken(self, row: RowMapping) -> LeasedMessage:
        raw = replace(message_of(row, self._secret), to_check=self.lane is not Lane.QUICK)
        return LeasedMessage(row["id"], row["attempts"], row["deferred"], row["lane"] == Lane.CHECKS.value, raw)

    async def release(self, rows: list[int]) -> None:
        """Give rows back untried."""
        if rows:
            await self._database.write(lambda c: jobs.release(c, inbox, rows, self.name))

    def leave(self, connection: Connection, rows: list[int]) -> None:
        """Give rows back to the lane of checks, untried."""
        jobs.release(connection, inbox, rows, self.name, lane=Lane.CHECKS.value)

    async def one_by_one(self, rows: list[int]) -> None:
        """One of them may be to blame for what failed: each is taken alone from now on."""
        await self._database.write(lambda c: jobs.give_back(c, inbox, rows, self.name, self._clock(), counted=True))

    async def postpone(self, taken: LeasedMessage, reason: str) -> None:
        """Put a message off whose sender or account could not be asked for: not its fault, so it goes with others
        again, and soon after what failed is back."""
        due = self._clock() + backoff.delay(min(taken.deferred + 1, _LONGEST_WAIT), self._rng)
        await self.wait(taken.row, due, reason, deferred=inbox.c.deferred + 1)

    async def wait(self, row: int, due: datetime, reason: str, **values: object) -> None:
        """Let a message wait until ``due``, uncounted."""
        values = {"attempts": inbox.c.attempts - 1, "last_error": reason, **values}
        await self._give_back(row, lambda c: jobs.retry(c, inbox, row, self.name, due, **values))

    async def retry_or_bury(self, row: int, reason: str) -> None:
        """Try a message again later, while it has tries left."""
        await self._give_back(row, lambda c: self._retry_or_bury(c, row, reason))

    def _retry_or_bury(self, connection: Connection, row: int, reason: str) -> None:
        tries = connection.execute(select(inbox.c.attempts).where(inbox.c.id == row)).scalar_one()
        if tries >= self._attempts:
            jobs.bury(connection, inbox, row, self.name, last_error=reason)
        else:
            due = self._clock() + backoff.delay(tries, self._rng)
            jobs.retry(connection, inbox, row, self.name, due, last_error=reason)

    async def _give_back(self, row: int, work: Callable[[Connection], None]) -> None:
        try:
            await self._database.write(work)
        except LeaseLost as error:
            self.lost(error, row)

    def lost(self, error: LeaseLost, row: int | None = None) -> None:
        """Another worker has the row, or one of the batch: its result counts."""
        about = {} if row is None else {"inbox": row}
        log_event("lease-lost", level=logging.WARNING, worker=self.name, reason=error.reason, **about)


def told(error: Exception) -> str:
    """What the row of a message keeps of its failure: words that are not ours may quote the mail, which lies sealed."""
    if isinstance(error, MailbotError):
        return error.reason
    return f"{kinds(error)} at {place(error.__traceback__)}"


def rows_of(batch: Sequence[tuple[LeasedMessage, Understanding]]) -> list[int]:
    """Of a batch."""
    return [taken.row for taken, _ in batch]
