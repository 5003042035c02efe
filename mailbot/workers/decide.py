"""Takes stored messages from the inbox through the pipeline.

One message's failure never holds its batch: what failed as a batch is taken one by one, and what fails alone, again and
again, goes to a person unread. A failing database is nobody's fault and is not counted.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from fractions import Fraction
from functools import partial

from sqlalchemy import ColumnElement, Connection, bindparam, select, true

from mailbot import counts, probes
from mailbot.accounts.remembered import Registry
from mailbot.accounts.snapshot import Snapshot
from mailbot.desk.ailments import REGISTRY_AWAY
from mailbot.errors import LeaseLost, MailbotError, PermanentError, ReadingFailed, SealBroken, TemporaryError
from mailbot.flow.facts import needs_check
from mailbot.flow.lookup import logins
from mailbot.flow.pipeline import Pipeline
from mailbot.inbox import message_of, tickets
from mailbot.model import AuthResult, Decision, Outcome, RawMessage, Understanding
from mailbot.observe import Clock, about, failure, kinds, log_event, place
from mailbot.outbox import backoff, jobs
from mailbot.room import OCTETS, Place, Room
from mailbot.secret import key_of
from mailbot.storage.database import Database
from mailbot.storage.schema import inbox, raw_message
from mailbot.text.mask import marks, mask
from mailbot.workers import shares
from mailbot.workers.presence import Leaps
from mailbot.workers.scan import Scans
from mailbot.workers.shares import REGISTRY, ROOM, SCAN, UNDERSTAND, VERIFY
from mailbot.workers.understand import Understand, in_thread
from mailbot.workers.verify import Verifier

_BATCH_OCTETS = OCTETS // 2
"""Of the raw messages of a batch, unless one alone has more: there is room for two of them beside a large mail, whose
files may be checked for half a minute."""
_LONGEST_WAIT = 3  # steps of backoff of what is put off uncounted: a longer wait outbox.jobs takes for a clock set back
_REGISTRY_TRIES = 12  # half an hour at least
_REAP = timedelta(seconds=1)
_SCANNER_PAUSE = timedelta(seconds=60)
_DNS_TRIES = 3  # a message whose sender could not be checked for a passing fault is tried again before a person gets it

_i = inbox.c
_STORED = (
    select(_i.id, _i.attempts, _i.deferred, _i.sha256, _i.envelope, _i.received_at, raw_message.c.raw)
    .join(raw_message)
    .where(_i.id.in_(bindparam("rows", expanding=True)))
    .order_by(_i.id)
)
"""What ``_Taken`` and ``inbox.message_of`` need."""
_SIZES = select(_i.id, _i.size).where(_i.id.in_(bindparam("rows", expanding=True)))


@dataclass(frozen=True, slots=True)
class _Taken:
    """A leased message. ``tries``: this one included; ``deferred``: how often its sender's DNS had not answered."""

    row: int
    tries: int
    deferred: int
    raw: RawMessage


class Lane(Enum):
    """Which rows a worker takes. A check of signed files takes a second where all the rest takes a millisecond: what
    needs one is left to another worker, so that nobody else waits for the locked processes."""

    ALL = "all"
    QUICK = "quick"
    CHECKS = "checks"

    @property
    def rows(self) -> ColumnElement[bool]:
        """The rows of the lane."""
        if self is Lane.ALL:
            return true()
        return inbox.c.lane == Lane.CHECKS.value if self is Lane.CHECKS else inbox.c.lane.is_(None)


class DecideWorker:
    """Leases inbox rows, has them understood elsewhere and records the decisions of a batch in one transaction."""

    def __init__(
        self,
        name: str,
        database: Database,
        pipeline: Pipeline,
        clock: Clock,
        rng: random.Random,
        on_mail: Callable[[], None] = lambda: None,
        understand: Understand | None = None,
        verifier: Verifier | None = None,
        registry: Registry | None = None,
        steady: Callable[[], float] | None = None,
        lane: Lane = Lane.ALL,
        on_check: Callable[[], None] = lambda: None,
        room: Room | None = None,
    ) -> None:
        """Without ``verifier`` every mail whose files must be checked goes to a person. ``registry``: where the
        accounts are on another machine. ``steady``: see Leaps. ``on_check``: called when a row was left to the lane of
        checks. ``room``: for the mails of all workers together."""
        self.name = name
        self.pipeline = pipeline
        """May be replaced at any time by one with another rule set: a batch keeps the one it began with."""
        self._database = database
        self._understand = understand or in_thread(pipeline.understander)
        self._verifier = verifier
        self._registry = registry
        self._clock = clock
        self._rng = rng
        self._on_mail = on_mail
        self._lane = lane
        self._on_check = on_check
        self._settings = pipeline.settings.worker
        self.scans = Scans(pipeline.settings.scanner, self._within(SCAN))
        self._lease = timedelta(seconds=self._settings.lease_seconds)
        self._leaps = Leaps(clock, steady, self._lease)
        self._room = room or Room()
        self._patience = self._within(ROOM)
        self._octets = 0  # of the messages that were leased
        self._reaped_at: datetime | None = None
        self._owed: list[int] = []
        """Rows of a step that the database broke off: they go back, uncounted, when it answers again."""

    async def step(self) -> int:
        """Decide one batch; returns its size."""
        ids = await self._database.write(self._claim)
        self._owed = []
        place = Place(self._room)
        try:
            if not await self._fits(place, ids):
                return 0
            await self._decide(self.pipeline, await self._load(ids))
        except TemporaryError:
            self._owed = ids
            raise
        finally:
            place.leave()
        return len(ids)

    async def _fits(self, place: Place, ids: list[int]) -> bool:
        """Large mails are decided one after the other, however many workers there are; False: it takes too long, and
        these go back untried."""
        try:
            await place.take(self._octets, self._patience)
        except TimeoutError:
            await self._database.write(lambda c: jobs.release(c, inbox, ids, self.name))
            return False
        return True

    def _claim(self, connection: Connection) -> list[int]:
        now = self._clock()
        if self._owed:
            due = now if len(self._owed) > 1 else now + backoff.delay(1, self._rng)
            jobs.give_back(connection, inbox, self._owed, self.name, due, counted=False)
        if self._leaps.settled() and self._reaps(now):
            jobs.reap(connection, inbox, now, self._settings.attempts, self._lease)
        most = self._settings.batch
        if self._lane is Lane.CHECKS and self._verifier is not None:
            most = self._verifier.width
        which = self._lane.rows
        ids = jobs.claim(connection, inbox, self.name, now, self._lease, most, isolate=True, which=which)
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
        self._octets, kept = 0, 0
        for row in ids:
            if kept and self._octets + sizes[row] > _BATCH_OCTETS:
                break
            self._octets += sizes[row]
            kept += 1
        if kept < len(ids):
            jobs.release(connection, inbox, ids[kept:], self.name)
        return ids[:kept]

    async def _load(self, ids: list[int]) -> list[_Taken]:
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
        return [taken for row in ids for taken in await self._load([row])]

    async def _unreadable(self, row: int, error: Exception) -> None:
        name = "inbox-sealed" if isinstance(error, SealBroken) else "inbox-unreadable"
        reason = _told(error)
        log_event(name, level=logging.ERROR, inbox=row, reason=reason)
        await self._give_back(row, lambda c: self._retry_or_bury(c, row, reason))

    def _read(self, connection: Connection, ids: list[int]) -> list[_Taken]:
        rows = connection.execute(_STORED, {"rows": ids}).mappings().all()
        if len(rows) < len(ids):
            raise PermanentError("its octets are not in raw_message")
        secret = self.pipeline.secret
        secret.ready(key for row in rows if (key := key_of(row["raw"])) is not None)
        return [_Taken(row["id"], row["attempts"], row["deferred"], message_of(row, secret)) for row in rows]

    async def _decide(self, flow: Pipeline, batch: list[_Taken]) -> None:
        """Understand, check and record a batch. Raises TemporaryError when it is not the fault of any mail."""
        if not batch:
            return
        try:
            understood = await self._understood(batch)
            ready = [(taken, u) for taken, u in understood if not self._try_later(u, taken)]
            ready = [one for one in ready if not await self._is_probe(flow, *one)]
            ready = await self._without_checks(ready)
            await self._record(*await self._inform(flow, await self._verify(flow, await self._scan(ready))))
            for taken, u in understood:
                if self._try_later(u, taken):
                    await self._postpone(taken, u.sender.authentication.detail)
        except Exception as error:
            if isinstance(error, TemporaryError) and not isinstance(error, ReadingFailed):
                raise
            failure("batch-failed", error, messages=len(batch))
            if len(batch) == 1:
                await self._failed(flow, batch[0], _told(error))
                return
            rows = [taken.row for taken in batch]  # one of them may be to blame: each alone from now on
            await self._database.write(lambda c: jobs.give_back(c, inbox, rows, self.name, self._clock(), counted=True))

    async def _understood(self, batch: Sequence[_Taken]) -> list[tuple[_Taken, Understanding]]:
        """With what the lease leaves for what follows (workers.shares)."""
        try:
            with counts.step("understand", *(taken.row for taken in batch)):
                async with asyncio.timeout(self._within(UNDERSTAND)):
                    read = await self._understand([taken.raw for taken in batch])
        except TimeoutError as error:
            raise ReadingFailed("not understood within its share of the lease") from error
        return list(zip(batch, read, strict=True))

    @staticmethod
    def _try_later(u: Understanding, taken: _Taken) -> bool:
        return u.sender.authentication.result is AuthResult.TEMPERROR and taken.deferred + 1 < _DNS_TRIES

    async def _scan(self, batch: list[tuple[_Taken, Understanding]]) -> list[tuple[_Taken, Understanding]]:
        """The batch with its files scanned. What waits for the scanner, or had no time left in its share of the
        lease, goes back uncounted."""
        done = await self.scans.look([(taken.row, taken.raw.raw, u) for taken, u in batch])
        rest = [taken.row for taken, _ in batch if taken.row not in done]
        if rest:
            await self._database.write(lambda c: jobs.release(c, inbox, rest, self.name))
        due = self._clock() + _SCANNER_PAUSE
        told = {"attempts": inbox.c.attempts - 1, "last_error": f"the virus scanner: {self.scans.away}"}
        for row in (row for row, u in done.items() if u is None):
            await self._give_back(row, partial(self._wait, row, due, told))
        found = ((taken, done.get(taken.row)) for taken, _ in batch)
        return [(taken, u) for taken, u in found if u is not None]

    def _wait(self, row: int, due: datetime, values: Mapping[str, object], connection: Connection) -> None:
        jobs.retry(connection, inbox, row, self.name, due, **values)

    async def _without_checks(self, batch: list[tuple[_Taken, Understanding]]) -> list[tuple[_Taken, Understanding]]:
        """What this lane decides; what must be checked goes back, uncounted, to the lane of checks."""
        rows = [taken.row for taken, u in batch if needs_check(u)] if self._lane is Lane.QUICK else []
        if not rows:
            return batch
        lane = Lane.CHECKS.value
        await self._database.write(lambda c: jobs.release(c, inbox, rows, self.name, lane=lane))
        self._on_check()
        return [(taken, u) for taken, u in batch if taken.row not in rows]

    async def _verify(
        self, flow: Pipeline, batch: list[tuple[_Taken, Understanding]]
    ) -> list[tuple[_Taken, Understanding]]:
        """The batch with its files checked. What does not fit into its share of the lease goes back to the queue; what
        had all of it for itself and was not ready has failed."""
        if self._verifier is None:
            return batch
        ready = [(taken, u) for taken, u in batch if not needs_check(u)]
        waiting = [(taken, u) for taken, u in batch if needs_check(u)]
        loop = asyncio.get_running_loop()
        until, width, alone = loop.time() + self._within(VERIFY), self._verifier.width, True
        while waiting and loop.time() < until:
            chunk = waiting[:width]
            try:
                with counts.step("check", *(taken.row for taken, _ in chunk)):
                    async with asyncio.timeout_at(until):
                        checked = await asyncio.gather(*(self._checked(flow, *one) for one in chunk))
            except TimeoutError:
                if alone:
                    waiting = waiting[width:]
                    for taken, _ in chunk:
                        await self._failed(flow, taken, "its files were not checked in time")
                break
            ready += zip((taken for taken, _ in chunk), checked, strict=True)
            waiting, alone = waiting[width:], False
        if waiting:
            rest = [taken.row for taken, _ in waiting]
            await self._database.write(lambda c: jobs.release(c, inbox, rest, self.name))
        return sorted(ready, key=lambda pair: pair[0].row)

    def _within(self, share: Fraction) -> float:
        return shares.seconds(share, self._settings.lease_seconds)

    async def _checked(self, flow: Pipeline, taken: _Taken, u: Understanding) -> Understanding:
        assert self._verifier is not None
        with about(taken.row):
            (found,) = await self._verifier.check([u], flow.ruleset)
        return found

    async def _is_probe(self, flow: Pipeline, taken: _Taken, u: Understanding) -> bool:
        """Whether it is ``mailbot probe`` that asks: then it is judged as any mail, and nothing comes of it but that a
        delivery loop answers."""
        nonce = probes.nonce_of(flow.secret, taken.raw.raw)
        if nonce is None:
            return False
        try:
            await self._database.read(lambda c: flow.assess(u, flow.lookup(c, [u], self._clock())))
        except TemporaryError:
            raise
        except Exception as error:
            failure("probe-failed", error, inbox=taken.row)
            return await self._end_probe(probes.give_up, nonce, taken.row)
        return await self._end_probe(probes.recognise, nonce, taken.row)

    async def _end_probe(self, how: Callable[[Connection, str, int, datetime], bool], nonce: str, row: int) -> bool:
        """End the row of a probe. False when it is none that is waited for: then it is a mail like any other."""

        def work(connection: Connection) -> bool:
            expected = how(connection, nonce, row, self._clock())
            if expected:
                jobs.complete(connection, inbox, [row], self.name, outcome=Outcome.NO_REPLY.value)
            return expected

        try:
            expected = await self._database.write(work)
        except LeaseLost as error:  # another worker has the row: its result counts
            log_event("lease-lost", level=logging.WARNING, worker=self.name, inbox=row, reason=error.reason)
            return True
        if expected:
            log_event("probe-decided", inbox=row)
            self._on_mail()
        return expected

    async def _inform(
        self, flow: Pipeline, batch: list[tuple[_Taken, Understanding]]
    ) -> tuple[Pipeline, list[tuple[_Taken, Understanding]]]:
        """Where the accounts are on another machine: what it says of the logins of the batch, before there is a
        transaction. A mail whose logins it does not answer for is put off; after half of the promise each is a doubt,
        so that a person has the other half."""
        if self._registry is None:
            return flow, batch
        keys = list(dict.fromkeys(key for _, u in batch for key in logins(u)))
        said = await self._registry.ask(keys, self._within(REGISTRY)) if keys else Snapshot((), {})
        silent = [(taken, u) for taken, u in batch if not said.knows(logins(u))]
        waiting = {taken.row for taken, _ in silent if not self._is_overdue(flow, taken)}
        for taken, _ in silent:
            if taken.row in waiting:
                await self._postpone(taken, REGISTRY_AWAY)
        ready = [(taken, u) for taken, u in batch if taken.row not in waiting]
        return replace(flow, directory=said.with_doubts(key for _, u in ready for key in logins(u))), ready

    def _is_overdue(self, flow: Pipeline, taken: _Taken) -> bool:
        """Whether a person gets it now: the promise runs from its arrival, but one that was late before it was asked
        for waits some tries, too."""
        patience = timedelta(hours=flow.settings.tickets.promise_hours) / 2
        return taken.deferred >= _REGISTRY_TRIES and self._clock() - taken.raw.received_at >= patience

    async def _record(self, flow: Pipeline, batch: list[tuple[_Taken, Understanding]]) -> None:
        """Record a batch; when it fails, each message for itself, so that a bad one harms only itself."""
        if not batch:
            return
        try:
            await self._write(flow, [(taken.row, u) for taken, u in batch])
            return
        except TemporaryError:
            raise
        except LeaseLost as error:
            log_event("lease-lost", level=logging.WARNING, worker=self.name, reason=error.reason)
            if len(batch) == 1:
                return
        except Exception as error:
            if len(batch) == 1:
                masked = " ".join(marks(mask(repr(error))))  # it may quote the mail
                failure("inbox-failed", error, inbox=batch[0][0].row, masked=masked)
                await self._failed(flow, batch[0][0], _told(error))
                return
        for one in batch:
            await self._record(flow, [one])

    async def _write(self, flow: Pipeline, batch: list[tuple[int, Understanding]]) -> None:
        rows = [row for row, _ in batch]

        def work(connection: Connection) -> tuple[list[Decision], dict[int, str | None]]:
            return flow.record(connection, self.name, batch, self._clock()), tickets(connection, rows)

        with counts.step("record", *rows):
            decisions, numbers = await self._database.write(work)
        for (_, u), decision in zip(batch, decisions, strict=True):
            self._count(u, decision)
        self._announce(rows, decisions, numbers)

    def _count(self, u: Understanding, decision: Decision) -> None:
        counts.DECIDED(decision.outcome.value, decision.rule)
        for rule, outcome in decision.watched:
            counts.WATCHED(outcome.value, rule)
        counts.SENDERS(u.sender.authentication.result.value)
        counts.SIGNATURES(u.checked.state.value)
        counts.DECIDED_AFTER.observe(max(0.0, (self._clock() - u.received_at).total_seconds()))

    def _announce(self, rows: list[int], decisions: list[Decision], numbers: Mapping[int, str | None]) -> None:
        for row, decision in zip(rows, decisions, strict=True):
            level = logging.ERROR if decision.floor else logging.INFO
            told = {"outcome": decision.outcome.value, "rule": decision.rule, "ticket": numbers[row]}
            log_event("decided", level=level, inbox=row, **told)
        if any(decision.mails for decision in decisions):
            self._on_mail()

    async def _postpone(self, taken: _Taken, reason: str) -> None:
        """Put a message off whose sender or account could not be asked for: not its fault, so it goes with others
        again, and soon after what failed is back."""
        due = self._clock() + backoff.delay(min(taken.deferred + 1, _LONGEST_WAIT), self._rng)
        values = {"attempts": inbox.c.attempts - 1, "deferred": inbox.c.deferred + 1, "last_error": reason}
        await self._give_back(taken.row, lambda c: jobs.retry(c, inbox, taken.row, self.name, due, **values))

    async def _failed(self, flow: Pipeline, taken: _Taken, reason: str) -> None:
        """A message failed alone. After its last try a person gets it as one that cannot be read, in a ticket: there
        its clocks run. Only where even that fails it is buried."""
        nonce = probes.nonce_of(flow.secret, taken.raw.raw)
        if nonce is not None and await self._end_probe(probes.give_up, nonce, taken.row):
            return  # it says by itself that it did not come through
        if taken.tries >= self._settings.attempts:
            from mailbot.flow.understand import unread  # what reads mails is mostly in a process of its own

            try:
                raw = replace(taken.raw, received_at=self._clock())  # the arrival itself may be what breaks the clocks
                await self._write(flow, [(taken.row, unread(raw, f"given up: {reason}"))])
                return
            except TemporaryError:
                raise
            except Exception as error:
                failure("inbox-given-up", error, inbox=taken.row)
        await self._give_back(taken.row, lambda c: self._retry_or_bury(c, taken.row, reason))

    def _retry_or_bury(self, connection: Connection, row: int, reason: str) -> None:
        tries = connection.execute(select(inbox.c.attempts).where(inbox.c.id == row)).scalar_one()
        if tries >= self._settings.attempts:
            jobs.bury(connection, inbox, row, self.name, last_error=reason)
        else:
            due = self._clock() + backoff.delay(tries, self._rng)
            jobs.retry(connection, inbox, row, self.name, due, last_error=reason)

    async def _give_back(self, row: int, work: Callable[[Connection], None]) -> None:
        try:
            await self._database.write(work)
        except LeaseLost as error:  # another worker has the row: its result counts
            log_event("lease-lost", level=logging.WARNING, worker=self.name, inbox=row, reason=error.reason)


def _told(error: Exception) -> str:
    """What the row of a message keeps of its failure: words that are not ours may quote the mail, which lies sealed."""
    if isinstance(error, MailbotError):
        return error.reason
    return f"{kinds(error)} at {place(error.__traceback__)}"
