"""Takes stored messages from the inbox through the pipeline.

One message's failure never holds its batch: what failed as a batch is taken one by one, and what fails alone, again and
again, goes to a person unread. A failing database is nobody's fault and is not counted.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from mailbot import counts, probes
from mailbot.accounts.remembered import Registry
from mailbot.errors import LeaseLost, ReadingFailed, TemporaryError
from mailbot.flow.facts import must_be_checked
from mailbot.flow.pipeline import Pipeline
from mailbot.inbox import tickets
from mailbot.model import AuthResult, Decision, Outcome, Understanding
from mailbot.observe import Clock, failure, log_event
from mailbot.outbox import jobs
from mailbot.room import Place, Room
from mailbot.storage.database import Database
from mailbot.storage.schema import inbox
from mailbot.text.mask import marks, mask
from mailbot.workers import shares
from mailbot.workers.checks import Checks
from mailbot.workers.held import Batch, Held, Lane, LeasedMessage, told
from mailbot.workers.scan import Scans
from mailbot.workers.shares import ROOM, UNDERSTAND
from mailbot.workers.understand import Understand, in_thread
from mailbot.workers.verify import Verifier

_DNS_TRIES = 3  # a message whose sender could not be checked for a passing fault is tried again before a person gets it


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
        self._clock = clock
        self._on_mail = on_mail
        self._on_check = on_check
        self._checking = verifier is not None
        settings = pipeline.settings
        most = verifier.width if verifier and lane is Lane.CHECKS else settings.worker.batch
        self._held = Held(name, database, pipeline.secret, clock, rng, settings.worker, steady, lane, most)
        self._checks = Checks(self._held, settings, clock, verifier, registry)
        self._attempts = settings.worker.attempts
        self._room = room or Room()
        self._patience, self._reading = (shares.seconds(of, settings.worker.lease_seconds) for of in (ROOM, UNDERSTAND))

    @property
    def scans(self) -> Scans:
        """Of the virus scanner."""
        return self._checks.scans

    async def step(self) -> int:
        """Decide one batch; returns its size."""
        ids = await self._held.take()
        place = Place(self._room)
        try:
            if not await self._fits(place, ids):
                return 0
            await self._decide(self.pipeline, await self._held.load(ids))
        except TemporaryError:
            self._held.owes = True
            raise
        finally:
            place.leave()
        return len(ids)

    async def _fits(self, place: Place, ids: list[int]) -> bool:
        """Large mails are decided one after the other, however many workers there are; False: it takes too long, and
        these go back untried."""
        try:
            await place.take(self._held.octets, self._patience)
        except TimeoutError:
            await self._held.release(ids)
            return False
        return True

    async def _decide(self, flow: Pipeline, batch: list[LeasedMessage]) -> None:
        """Understand, check and record a batch. Raises TemporaryError when it is not the fault of any mail."""
        if not batch:
            return
        try:
            understood = await self._understood(batch)
            ready = [(taken, u) for taken, u in understood if not self._try_later(u, taken)]
            ready = [one for one in ready if not await self._is_probe(flow, *one)]
            await self._check(flow, await self._without_checks(ready))
            for taken, u in understood:
                if self._try_later(u, taken):
                    await self._held.postpone(taken, u.sender.authentication.detail)
        except Exception as error:
            if isinstance(error, TemporaryError) and not isinstance(error, ReadingFailed):
                raise
            failure("batch-failed", error, messages=len(batch))
            if len(batch) == 1:
                await self._failed(flow, batch[0], told(error))
                return
            await self._held.one_by_one([taken.row for taken in batch])

    async def _check(self, flow: Pipeline, batch: Batch) -> None:
        """Record a batch behind all that it waits for."""
        verified = await self._checks.verify(flow, await self._checks.scan(batch))
        for taken in verified.late:
            await self._failed(flow, taken, "its files were not checked in time")
        await self._record(*await self._checks.inform(flow, verified.ready))

    async def _understood(self, batch: Sequence[LeasedMessage]) -> Batch:
        """With what the lease leaves for what follows (workers.shares)."""
        try:
            with counts.measured("understand", *(taken.row for taken in batch)):
                async with asyncio.timeout(self._reading):
                    read = await self._understand([taken.raw for taken in batch])
        except TimeoutError as error:
            raise ReadingFailed("not understood within its share of the lease") from error
        return list(zip(batch, read, strict=True))

    @staticmethod
    def _try_later(u: Understanding, taken: LeasedMessage) -> bool:
        return u.sender.authentication.result is AuthResult.TEMPERROR and taken.deferred + 1 < _DNS_TRIES

    async def _without_checks(self, batch: Batch) -> Batch:
        """What this lane may decide; what must be checked goes back to the lane of checks."""
        rows = [taken.row for taken, u in batch if must_be_checked(u)] if self._held.lane is Lane.QUICK else []
        if not rows:
            return batch
        await self._database.write(lambda c: self._held.leave(c, rows))
        self._on_check()
        return [(taken, u) for taken, u in batch if taken.row not in rows]

    async def _is_probe(self, flow: Pipeline, taken: LeasedMessage, u: Understanding) -> bool:
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
        except LeaseLost as error:
            self._held.lost(error, row)
            return True
        if expected:
            log_event("probe-decided", inbox=row)
            self._on_mail()
        return expected

    async def _record(self, flow: Pipeline, batch: Batch) -> None:
        """Record a batch; when it fails, each message for itself, so that a bad one harms only itself."""
        if not batch:
            return
        try:
            await self._write(flow, [(taken.row, u) for taken, u in batch])
            return
        except TemporaryError:
            raise
        except LeaseLost as error:
            self._held.lost(error)
            if len(batch) == 1:
                return
        except Exception as error:
            if len(batch) == 1:
                masked = " ".join(marks(mask(repr(error))))  # it may quote the mail
                failure("inbox-failed", error, inbox=batch[0][0].row, masked=masked)
                await self._failed(flow, batch[0][0], told(error))
                return
        for one in batch:
            await self._record(flow, [one])

    async def _write(self, flow: Pipeline, batch: list[tuple[int, Understanding]]) -> None:
        rows = [row for row, _ in batch]

        def work(connection: Connection) -> tuple[dict[int, Decision], dict[int, str | None]]:
            decided = flow.record(connection, self.name, batch, self._clock(), checked=not self._checking)
            if len(decided) < len(rows):
                self._held.leave(connection, [row for row in rows if row not in decided])
            return decided, tickets(connection, rows)

        with counts.measured("record", *rows):
            decisions, numbers = await self._database.write(work)
        for row, u in batch:
            if row in decisions:
                self._count(u, decisions[row])
        self._announce(decisions, numbers)
        if len(decisions) < len(rows):
            self._on_check()

    def _count(self, u: Understanding, decision: Decision) -> None:
        counts.DECIDED(decision.outcome.value, decision.rule)
        for rule, outcome in decision.watched:
            counts.WATCHED(outcome.value, rule)
        counts.SENDERS(u.sender.authentication.result.value)
        counts.SIGNATURES(u.checked.state.value)
        counts.DECIDED_AFTER.observe(max(0.0, (self._clock() - u.received_at).total_seconds()))

    def _announce(self, decisions: Mapping[int, Decision], numbers: Mapping[int, str | None]) -> None:
        for row, decision in decisions.items():
            level = logging.ERROR if decision.floor else logging.INFO
            about = {"outcome": decision.outcome.value, "rule": decision.rule, "ticket": numbers[row]}
            log_event("decided", level=level, inbox=row, **about)
        if any(decision.mails for decision in decisions.values()):
            self._on_mail()

    async def _failed(self, flow: Pipeline, taken: LeasedMessage, reason: str) -> None:
        """A message failed alone. After its last try a person gets it as one that cannot be read, in a ticket: there
        its clocks run. Only where even that fails it is buried."""
        nonce = probes.nonce_of(flow.secret, taken.raw.raw)
        if nonce is not None and await self._end_probe(probes.give_up, nonce, taken.row):
            return  # it says by itself that it did not come through
        if taken.tries >= self._attempts:
            from mailbot.flow.understand import unread  # what reads mails is mostly in a process of its own

            try:
                raw = replace(taken.raw, received_at=self._clock())  # the arrival itself may be what breaks the clocks
                await self._write(flow, [(taken.row, unread(raw, f"given up: {reason}"))])
                return
            except TemporaryError:
                raise
            except Exception as error:
                failure("inbox-given-up", error, inbox=taken.row)
        await self._held.retry_or_bury(taken.row, reason)
