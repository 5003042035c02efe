"""Sends what the outbox holds: mail k+1 of a ticket leaves only after mail k was accepted (seed 001, P14)."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Connection, RowMapping, insert, select, update

from mailbot.delivery.smtp import Relay
from mailbot.errors import LeaseLost, RelayRefused, RelayUnavailable
from mailbot.mails.letter import PLACEHOLDER
from mailbot.model import MailKind, State
from mailbot.observe import Clock, step
from mailbot.outbox import backoff, jobs
from mailbot.secret import Secret
from mailbot.storage.engine import Database
from mailbot.storage.schema import activation as link
from mailbot.storage.schema import outbox, ticket, ticket_event
from mailbot.tickets import activation, hold

_BATCH = 10
_SEND = 90.0  # seconds for one mail, whatever the server does
_LEASE = timedelta(seconds=240)

_ANSWERS = frozenset(
    {
        *(MailKind.T2A, MailKind.T2B, MailKind.T4, MailKind.T5, MailKind.T7, MailKind.T11),
        *(MailKind.T13, MailKind.T16, MailKind.T17, MailKind.T20),
        *(kind for kind in MailKind if kind.own),
    }
)
"""Mails that answer: the time for a complaint begins when one is accepted (seed 001, E13). Not T10, which only says
that it is over: it must not begin again."""


class DeliverWorker:
    """One connection's worth of sending. Several may run, in one process or in many."""

    def __init__(
        self,
        name: str,
        database: Database,
        relay: Relay,
        secret: Secret,
        clock: Clock,
        rng: random.Random,
        on_sent: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self._database = database
        self._relay = relay
        self._secret = secret
        self._clock = clock
        self._rng = rng
        self._on_sent = on_sent

    async def step(self) -> int:
        """Send what is due, at most a batch; returns how many rows were taken up."""
        rows = await self._database.write(self._claim)
        pending = [row["id"] for row in rows]
        for row in rows:
            if self._clock() + timedelta(seconds=2 * _SEND) > row["leased_until"]:
                break  # the server is slow: the rest goes back before the lease runs out
            pending.remove(row["id"])
            if not await self._send(row):
                break
        if pending:
            await self._database.write(lambda c: jobs.release(c, outbox, pending, self.name))
        return len(rows)

    def _claim(self, connection: Connection) -> list[RowMapping]:
        now = self._clock()
        jobs.reap(connection, outbox, now, attempts=1_000_000)  # sending is given up by the deadline, not by count
        ids = jobs.claim(connection, outbox, self.name, now, _LEASE, _BATCH)
        wanted = (
            select(outbox, ticket.c.number, link.c.nonce)
            .join(ticket, ticket.c.id == outbox.c.ticket_id)
            .outerjoin(link, link.c.ticket_id == outbox.c.ticket_id)
            .where(outbox.c.id.in_(ids))
            .order_by(outbox.c.id)
        )
        return list(connection.execute(wanted).mappings()) if ids else []

    async def _send(self, row: RowMapping) -> bool:
        """True when the server answered about this mail, so that the next may be tried at once."""
        raw: bytes = row["raw"]
        if row["kind"] == MailKind.T3:
            token = activation.token(self._secret, row["number"], row["nonce"])
            raw = raw.replace(PLACEHOLDER.encode(), token.encode())
        try:
            async with asyncio.timeout(_SEND):
                answer = await self._relay.send(row["return_path"], row["recipient"], raw)
        except RelayRefused as error:
            reason, code = error.reason, error.code
            bury = self._unwarned if row["kind"] == MailKind.T14 else self._buried
            await self._record(lambda c: bury(c, row, reason, code), row, "refused")
            return True
        except RelayUnavailable as error:
            return await self._postpone(row, error)
        except TimeoutError:
            await self._relay.close()
            return await self._postpone(row, RelayUnavailable(f"no answer within {_SEND:.0f} s", in_doubt=True))
        await self._record(lambda c: self._accepted(c, row, answer), row, "sent")
        self._on_sent()
        return True

    async def _postpone(self, row: RowMapping, failure: RelayUnavailable) -> bool:
        await self._record(lambda c: self._unavailable(c, row, failure), row, "postponed")
        return failure.code is not None

    async def _record(self, work: Callable[[Connection], None], row: RowMapping, what: str) -> None:
        try:
            await self._database.write(work)
        except LeaseLost as error:  # another worker has the row: it will record what it does
            step("lease-lost", level=logging.WARNING, outbox=row["id"], reason=error.reason)
            return
        step(f"mail-{what}", ticket=row["number"], kind=row["kind"], attempt=row["attempts"])

    def _accepted(self, connection: Connection, row: RowMapping, answer: str) -> None:
        now = self._clock()
        jobs.complete(connection, outbox, [row["id"]], self.name, sent_at=now, last_code=250, in_doubt=0)
        if row["kind"] in _ANSWERS:
            connection.execute(update(ticket).where(ticket.c.id == row["ticket_id"]).values(answered_at=now))
        self._event(connection, row, "mail-sent", {"kind": row["kind"], "answer": answer[:200]})
        self._let_next_go(connection, row)

    def _let_next_go(self, connection: Connection, row: RowMapping) -> None:
        """The mail behind ``row`` is due, after the wait that belongs to it."""
        following = connection.execute(
            select(outbox.c.id, outbox.c.delay_seconds)
            .where(outbox.c.ticket_id == row["ticket_id"], outbox.c.state == jobs.WAITING)
            .order_by(outbox.c.ordinal)
            .limit(1)
        ).one_or_none()
        if following is not None and row["ordinal"]:
            due = self._clock() + timedelta(seconds=following.delay_seconds)
            connection.execute(update(outbox).where(outbox.c.id == following.id).values(state=jobs.QUEUED, due_at=due))

    def _unavailable(self, connection: Connection, row: RowMapping, error: RelayUnavailable) -> None:
        now = self._clock()
        if now >= row["deadline"]:
            self._buried(connection, row, f"not sent within the promise: {error.reason}", error.code)
            return
        due = min(now + backoff.delay(row["attempts"], self._rng), row["deadline"])
        doubt = row["in_doubt"] or int(error.in_doubt)
        values = {"last_error": error.reason, "last_code": error.code, "in_doubt": doubt}
        jobs.retry(connection, outbox, row["id"], self.name, due, **values)

    def _buried(self, connection: Connection, row: RowMapping, reason: str, code: int | None) -> None:
        """A person must see to it: the citizen waits for a mail that will not come."""
        jobs.bury(connection, outbox, row["id"], self.name, last_error=reason, last_code=code)
        connection.execute(
            update(ticket)
            .where(ticket.c.id == row["ticket_id"], hold.goes_on())
            .values(state=State.DO_WERYFIKACJI.value, desk="II_LINIA", closed_at=None, alarm_at=self._clock())
        )
        self._event(connection, row, "mail-undeliverable", {"kind": row["kind"], "reason": reason[:500]})

    def _unwarned(self, connection: Connection, row: RowMapping, reason: str, code: int | None) -> None:
        """The old mailbox is gone, which is why the citizen asks: that must not stop case B (seed 001, P7)."""
        jobs.bury(connection, outbox, row["id"], self.name, last_error=reason, last_code=code)
        self._event(connection, row, "mail-undeliverable", {"kind": row["kind"], "reason": reason[:500]})
        self._let_next_go(connection, row)

    def _event(self, connection: Connection, row: RowMapping, kind: str, detail: dict[str, str]) -> None:
        values = {"ticket_id": row["ticket_id"], "at": self._clock(), "kind": kind, "detail": detail}
        connection.execute(insert(ticket_event), values)
