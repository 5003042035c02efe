"""Tells CSD what happened to the tickets: event k+1 of a ticket leaves only after event k was accepted."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection, RowMapping

from mailbot.csd import queue
from mailbot.delivery.webhook import Receiver, WebhookAnswer, WebhookVerdict
from mailbot.errors import LeaseLost
from mailbot.observe import Clock, log_event
from mailbot.outbox import backoff, jobs
from mailbot.storage.database import Database
from mailbot.storage.webhooks import webhook
from mailbot.workers.loop import moving

_BATCH = 20
_REFUSALS = 5
"""Tries of an event that the receiver refuses, some eight minutes; then a person must see to it."""
_PAUSES = (5.0, 300.0)  # seconds while nothing is taken: the first, doubling to the longest


class CsdWorker:
    """Several may run, in one process or in many."""

    def __init__(
        self,
        name: str,
        database: Database,
        receiver: Receiver,
        clock: Clock,
        rng: random.Random,
        timeout: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``timeout``: the longest that one try takes, in seconds."""
        self.name = name
        self._database = database
        self._receiver = receiver
        self._clock = clock
        self._rng = rng
        self._lease = timedelta(seconds=60 + _BATCH * timeout)
        self._monotonic = monotonic
        self._again_at = 0.0
        """By the monotonic clock: before it nobody is asked."""
        self._away = 0
        """Tries in a row at which nothing was taken."""
        self._stopping = False

    def stop(self) -> None:
        """Begin no other event."""
        self._stopping = True

    async def step(self) -> int:
        """Read on in the history and send what is due, at most a batch; returns how much there was, 0 when nothing is
        taken just now."""
        read = 0
        if await self._database.read(queue.is_behind):
            read = await self._database.write(lambda c: queue.read_on(c, self._clock()))
        if self._monotonic() < self._again_at or await self._database.read(queue.is_stopped):
            return read
        rows = await self._database.write(lambda c: queue.claim(c, self.name, self._clock(), self._lease, _BATCH))
        for done, row in enumerate(rows, 1):
            moving()  # a receiver may be slow and still take each of them
            verdict = await self._tell(row)
            if verdict in (WebhookVerdict.AWAY, WebhookVerdict.GONE) or self._stopping:
                await self._database.write(partial(self._release, [each["id"] for each in rows[done:]]))
                return read
        return read + len(rows)

    def _release(self, left: Sequence[int], connection: Connection) -> None:
        jobs.release(connection, webhook, left, self.name)

    async def _tell(self, row: RowMapping) -> WebhookVerdict:
        """Try one event and record what became of it. Where that fails, its lease runs out and it is sent again, with
        the same webhook-id."""
        answer = await self._receiver.post(row["message_id"], row["body"])
        try:
            await self._record(row, answer)
        except LeaseLost as error:  # the other worker will record what it does
            log_event("lease-lost", level=logging.WARNING, webhook=row["id"], reason=error.reason)
        return answer.verdict

    async def _record(self, row: RowMapping, answer: WebhookAnswer) -> None:
        now, write = self._clock(), self._database.write
        match answer.verdict:
            case WebhookVerdict.ACCEPTED:
                await write(lambda c: queue.let_next_go(c, row["id"], now, answer.code))
                self._came_back()
            case WebhookVerdict.AWAY | WebhookVerdict.GONE:
                due = now + timedelta(seconds=self._pause(answer))
                await write(lambda c: queue.put_off(c, row, self.name, due, answer.reason, answer.code, now))
                if answer.verdict is WebhookVerdict.GONE:
                    await write(lambda c: queue.stop(c, now))
                    log_event("csd-stopped-us", level=logging.ERROR, code=answer.code, mend="mailbot csd resume")
                return
            case WebhookVerdict.REFUSED if row["attempts"] >= _REFUSALS:
                told = {"last_error": answer.reason, "last_code": answer.code}
                await write(lambda c: jobs.bury(c, webhook, row["id"], self.name, **told))
            case _:
                due = now + backoff.delay(row["attempts"], self._rng)
                told = {"last_error": answer.reason, "last_code": answer.code}
                await write(lambda c: jobs.retry(c, webhook, row["id"], self.name, due, **told))
        level = logging.INFO if answer.verdict is WebhookVerdict.ACCEPTED else logging.ERROR
        told = {"ticket": row["number"], "type": row["kind"], "attempt": row["attempts"], "code": answer.code}
        log_event(f"csd-event-{answer.verdict}", level=level, **told)

    def _pause(self, answer: WebhookAnswer) -> float:
        """Seconds until anybody is asked again; told once."""
        if not self._away:
            log_event("csd-takes-nothing", level=logging.ERROR, code=answer.code, reason=answer.reason)
        first, longest = _PAUSES
        wait = answer.wait or min(longest, first * 2.0 ** min(self._away, 10)) * self._rng.uniform(0.8, 1.2)
        self._away += 1
        self._again_at = self._monotonic() + wait
        return wait

    def _came_back(self) -> None:
        if self._away:
            log_event("csd-takes-events-again")
        self._away = 0
