"""What the mails of a batch wait for between being understood and being decided: the virus scanner, the locked
processes that check signed files, a registry of accounts on another machine. What is not ready goes back to the queue.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction

from mailbot import counts
from mailbot.accounts.remembered import Registry
from mailbot.accounts.snapshot import Snapshot
from mailbot.config import Settings
from mailbot.desk.ailments import REGISTRY_AWAY
from mailbot.flow.facts import must_be_checked, needs_check
from mailbot.flow.lookup import logins
from mailbot.flow.pipeline import Pipeline
from mailbot.model import Understanding
from mailbot.observe import Clock, about
from mailbot.workers import shares
from mailbot.workers.held import Batch, Held, LeasedMessage, rows_of
from mailbot.workers.scan import Scans
from mailbot.workers.shares import REGISTRY, SCAN, VERIFY
from mailbot.workers.verify import Verifier

_REGISTRY_TRIES = 12  # half an hour at least
_SCANNER_PAUSE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Verified:
    """A batch behind the check of its files."""

    ready: Batch
    late: list[LeasedMessage]
    """What had all the time for itself and was not ready: it has failed."""


class Checks:
    """Those of one worker."""

    def __init__(
        self, held: Held, settings: Settings, clock: Clock, verifier: Verifier | None, registry: Registry | None
    ) -> None:
        """Without ``verifier`` no file is checked; without ``registry`` the accounts are in the database."""
        self._held = held
        self._verifier = verifier
        self._registry = registry
        self._clock = clock
        self._lease = settings.worker.lease_seconds
        self._patience = timedelta(hours=settings.tickets.promise_hours) / 2
        self.scans = Scans(settings.scanner, self._within(SCAN))

    async def scan(self, batch: Batch) -> Batch:
        """The batch with its files scanned. What waits for the scanner, or had no time left in its share of the
        lease, goes back uncounted."""
        done = await self.scans.look([(taken.row, taken.raw.raw, u) for taken, u in batch])
        await self._held.release([row for row in rows_of(batch) if row not in done])
        due = self._clock() + _SCANNER_PAUSE
        for row in (row for row, u in done.items() if u is None):
            await self._held.wait(row, due, f"the virus scanner: {self.scans.away}")
        found = ((taken, done.get(taken.row)) for taken, _ in batch)
        return [(taken, u) for taken, u in found if u is not None]

    async def verify(self, flow: Pipeline, batch: Batch) -> Verified:
        """The batch with the files checked of which the mail alone tells that they have to be, and of what comes from
        the lane of checks. What does not fit into its share of the lease goes back to the queue."""
        if self._verifier is None:
            return Verified(batch, [])
        waiting = [(taken, u) for taken, u in batch if must_be_checked(u) or (taken.waited and needs_check(u))]
        ready, late = [one for one in batch if one not in waiting], []
        loop = asyncio.get_running_loop()
        until, width, alone = loop.time() + self._within(VERIFY), self._verifier.width, True
        while waiting and loop.time() < until:
            chunk = waiting[:width]
            try:
                with counts.measured("check", *rows_of(chunk)):
                    async with asyncio.timeout_at(until):
                        checked = await asyncio.gather(*(self._checked(flow, *one) for one in chunk))
            except TimeoutError:
                if alone:
                    waiting, late = waiting[width:], [taken for taken, _ in chunk]
                break
            ready += zip((taken for taken, _ in chunk), checked, strict=True)
            waiting, alone = waiting[width:], False
        await self._held.release(rows_of(waiting))
        return Verified(sorted(ready, key=lambda pair: pair[0].row), late)

    async def _checked(self, flow: Pipeline, taken: LeasedMessage, u: Understanding) -> Understanding:
        assert self._verifier is not None
        with about(taken.row):
            (found,) = await self._verifier.check([u], flow.ruleset)
        return found

    async def inform(self, flow: Pipeline, batch: Batch) -> tuple[Pipeline, Batch]:
        """Where the accounts are on another machine: what it says of the logins of the batch, before there is a
        transaction. A mail whose logins it does not answer for is put off; after half of the promise each is a doubt,
        so that a person has the other half."""
        if self._registry is None:
            return flow, batch
        keys = list(dict.fromkeys(key for _, u in batch for key in logins(u)))
        said = await self._registry.ask(keys, self._within(REGISTRY)) if keys else Snapshot((), {})
        silent = [(taken, u) for taken, u in batch if not said.knows(logins(u))]
        waiting = {taken.row for taken, _ in silent if not self._is_overdue(taken)}
        for taken, _ in silent:
            if taken.row in waiting:
                await self._held.postpone(taken, REGISTRY_AWAY)
        ready = [(taken, u) for taken, u in batch if taken.row not in waiting]
        return replace(flow, directory=said.with_doubts(key for _, u in ready for key in logins(u))), ready

    def _is_overdue(self, taken: LeasedMessage) -> bool:
        """Whether a person gets it now: the promise runs from its arrival, but one that was late before it was asked
        for waits some tries, too."""
        return taken.deferred >= _REGISTRY_TRIES and self._clock() - taken.raw.received_at >= self._patience

    def _within(self, share: Fraction) -> float:
        return shares.seconds(share, self._lease)
