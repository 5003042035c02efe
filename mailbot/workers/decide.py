"""Takes stored messages from the inbox through the pipeline."""

from __future__ import annotations

import asyncio
import logging
import random
import traceback
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Connection, RowMapping, select

from mailbot.errors import LeaseLost, SealBroken, TemporaryError
from mailbot.facts import needs_check
from mailbot.inbox import message_of
from mailbot.mask import mask
from mailbot.model import AuthResult, Decision, RawMessage, Understanding
from mailbot.observe import Clock, log, step
from mailbot.outbox import backoff, jobs
from mailbot.pipeline import Pipeline
from mailbot.storage.engine import Database
from mailbot.storage.schema import inbox, raw_message
from mailbot.workers.understand import Understand, in_thread
from mailbot.workers.verify import Verifier

_BATCH_OCTETS = 32 * 2**20  # of raw messages in memory at once
_DNS_TRIES = 3  # a message whose sender could not be checked for a passing fault is tried again before a person gets it


class DecideWorker:
    """Leases inbox rows, understands them in a thread and records the decisions of a batch in one transaction."""

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
    ) -> None:
        """Without ``verifier`` every mail whose files must be checked goes to a person."""
        self.name = name
        self.pipeline = pipeline
        """May be replaced at any time by one with another rule set: a batch keeps the one it began with."""
        self._database = database
        self._understand = understand or in_thread(pipeline.understander)
        self._verifier = verifier
        self._clock = clock
        self._rng = rng
        self._on_mail = on_mail
        self._settings = pipeline.settings.worker

    async def step(self) -> int:
        """Decide one batch; returns its size."""
        leased = await self._database.write(self._claim)
        claimed = await self._opened(leased)
        if not claimed:
            return len(leased)
        flow = self.pipeline
        read = await self._understand([raw for _, _, raw in claimed])
        understood = [(row, tries, u) for (row, tries, _), u in zip(claimed, read, strict=True)]
        ready = await self._verify(flow, [(row, u) for row, tries, u in understood if not self._try_later(u, tries)])
        for row, tries, u in understood:
            if self._try_later(u, tries):
                await self._postpone(row, tries, u.sender.authentication.detail)
        await self._record(flow, ready)
        return len(leased)

    def _claim(self, connection: Connection) -> list[tuple[int, int, RawMessage | SealBroken]]:
        """The leased rows with their tries, and the message or why it cannot be opened."""
        now = self._clock()
        lease = timedelta(seconds=self._settings.lease_seconds)
        jobs.reap(connection, inbox, now, self._settings.attempts, lease)
        ids = jobs.claim(connection, inbox, self.name, now, lease, self._settings.batch, isolate=True)
        ids = self._within_memory(connection, ids)
        wanted = select(inbox, raw_message.c.raw).join(raw_message).where(inbox.c.id.in_(ids)).order_by(inbox.c.id)
        return [(row["id"], row["attempts"], self._open(row)) for row in connection.execute(wanted).mappings()]

    def _open(self, row: RowMapping) -> RawMessage | SealBroken:
        try:
            return message_of(row, self.pipeline.secret)
        except SealBroken as error:
            return error

    async def _opened(
        self, leased: list[tuple[int, int, RawMessage | SealBroken]]
    ) -> list[tuple[int, int, RawMessage]]:
        """What could be opened. The rest is tried again and then buried: with the right key it is as good as new."""
        opened = []
        for row, tries, raw in leased:
            if isinstance(raw, RawMessage):
                opened.append((row, tries, raw))
            else:
                step("inbox-sealed", level=logging.ERROR, inbox=row, reason=raw.reason)
                await self._failed(row, raw.reason)
        return opened

    def _within_memory(self, connection: Connection, ids: list[int]) -> list[int]:
        """The first of ``ids`` whose messages together are not too large, at least one; the rest goes back untried."""
        found = connection.execute(select(inbox.c.id, inbox.c.size).where(inbox.c.id.in_(ids)))
        sizes: dict[int, int] = {row.id: row.size for row in found}
        total, kept = 0, 0
        for row in ids:
            total += sizes[row]
            if kept and total > _BATCH_OCTETS:
                break
            kept += 1
        if kept < len(ids):
            jobs.release(connection, inbox, ids[kept:], self.name)
        return ids[:kept]

    @staticmethod
    def _try_later(u: Understanding, tries: int) -> bool:
        return u.sender.authentication.result is AuthResult.TEMPERROR and tries < _DNS_TRIES

    async def _verify(self, flow: Pipeline, batch: list[tuple[int, Understanding]]) -> list[tuple[int, Understanding]]:
        """The batch with its files checked. What does not fit into a quarter of the lease goes back to the queue."""
        if self._verifier is None:
            return batch
        ready = [(row, u) for row, u in batch if not needs_check(u)]
        waiting = [(row, u) for row, u in batch if needs_check(u)]
        loop = asyncio.get_running_loop()
        until = loop.time() + self._settings.lease_seconds / 4
        while waiting and loop.time() < until:
            chunk, waiting = waiting[: self._verifier.width], waiting[self._verifier.width :]
            checked = await self._verifier.check([u for _, u in chunk], flow.ruleset.signatures)
            ready += zip((row for row, _ in chunk), checked, strict=True)
        if waiting:
            rest = [row for row, _ in waiting]
            await self._database.write(lambda c: jobs.release(c, inbox, rest, self.name))
        return sorted(ready, key=lambda pair: pair[0])

    async def _record(self, flow: Pipeline, batch: list[tuple[int, Understanding]]) -> None:
        """Record a batch; when it fails, each message for itself, so that a bad one harms only itself."""
        if not batch:
            return
        try:
            decisions = await self._database.write(lambda c: flow.record(c, self.name, batch, self._clock()))
        except TemporaryError:
            raise  # the lease runs out and the rows come back
        except LeaseLost as error:
            step("lease-lost", level=logging.WARNING, worker=self.name, reason=error.reason)
            if len(batch) == 1:
                return
        except Exception as error:
            if len(batch) == 1:
                told = mask(traceback.format_exc())  # it may quote the mail
                log.error("inbox %d could not be recorded: %s", batch[0][0], told)
                await self._failed(batch[0][0], mask(repr(error)))
                return
        else:
            self._announce(batch, decisions)
            return
        for one in batch:
            await self._record(flow, [one])

    def _announce(self, batch: list[tuple[int, Understanding]], decisions: list[Decision]) -> None:
        for (row, _), decision in zip(batch, decisions, strict=True):
            level = logging.ERROR if decision.floor else logging.INFO
            step("decided", level=level, inbox=row, outcome=decision.outcome.value, rule=decision.rule)
        if any(decision.mails for decision in decisions):
            self._on_mail()

    async def _postpone(self, row: int, tries: int, reason: str) -> None:
        due = self._clock() + backoff.delay(tries, self._rng)
        await self._database.write(lambda c: jobs.retry(c, inbox, row, self.name, due, last_error=reason))

    async def _failed(self, row: int, reason: str) -> None:
        def work(connection: Connection) -> None:
            tries = connection.execute(select(inbox.c.attempts).where(inbox.c.id == row)).scalar_one()
            if tries >= self._settings.attempts:
                jobs.bury(connection, inbox, row, self.name, last_error=reason)
            else:
                due = self._clock() + backoff.delay(tries, self._rng)
                jobs.retry(connection, inbox, row, self.name, due, last_error=reason)

        await self._database.write(work)
