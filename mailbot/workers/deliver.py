"""Sends what the outbox holds: mail k+1 of a ticket leaves only after mail k was accepted (seed 001, P14)."""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from mailbot import counts, observe
from mailbot.config import BreakerSettings
from mailbot.delivery.smtp import LIMIT, Relay
from mailbot.errors import DatabaseUnavailable, LeaseLost, RelayMisconfigured, RelayRefused, RelayUnavailable
from mailbot.mails.context import PLACEHOLDER
from mailbot.model import Desk, MailKind, State
from mailbot.observe import Clock, log_event
from mailbot.outbox import backoff, jobs
from mailbot.probes import Probe, take
from mailbot.secret import Secret
from mailbot.storage.engine import Database
from mailbot.storage.schema import activation as link
from mailbot.storage.schema import outbox, ticket, ticket_event
from mailbot.tickets import activation, breaker, hold, sending
from mailbot.workers import probes
from mailbot.workers.loop import moving
from mailbot.workers.presence import Leaps, Presence

T = TypeVar("T")

_BATCH = 10
_SEND = timedelta(seconds=LIMIT)
_LEASE = timedelta(minutes=5)
_KEEP = timedelta(minutes=2)
"""Of its lease that must be left behind a send, to record its answer while the database fails."""
_PAUSES = (0.1, 5.0)  # seconds between two tries to record: the first, doubling to the longest
_GRACE = timedelta(seconds=30)
"""After a failure of the database others may record what they know before their leases are taken from them."""
_LAST_TRIES = 10  # of recording, when the process stops or the failure is none of the database's
_LAST_SECONDS = 25.0  # for them when the process stops; systemd gives 120 for everything
_DEATHS = 200  # tries of a mail whose worker died each time; the deadline ends all others much sooner
_PATIENCE = timedelta(hours=4)
"""A mail is tried for so long at least, also when its promise was broken before the first try."""

_ROAD = func.coalesce(outbox.c.inbox_id, ticket.c.inbox_id).label("road")
"""The message that a mail answers; of one that a person wrote, or the clock, that which opened the ticket."""
_QUEUED_AS = re.compile(r"queued as (?P<id>[\w.-]{1,64})", re.IGNORECASE | re.ASCII)

_BEGINS_COMPLAINT = sending.ANSWERS - {MailKind.T23}
"""The time for a complaint begins when one is accepted (seed 001, E13). Not with T23, the answer to a complaint: the
portal is the next way; nor with T10: it must not begin again."""


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
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        latecomers: timedelta = timedelta(),
        mailbox: str = "",
        limits: BreakerSettings = BreakerSettings(),  # noqa: B008 - frozen
        steady: Callable[[], float] | None = None,
    ) -> None:
        """``latecomers``: see Presence. ``mailbox``: that mail is read from, as the tables call it; "": none.
        ``steady``: see Leaps."""
        self.name = name
        self._database = database
        self._relay = relay
        self._secret = secret
        self._clock = clock
        self._rng = rng
        self._on_sent = on_sent
        self._sleep = sleep
        self._stop_by: float | None = None
        """When to give up what cannot be recorded, by the loop's clock; None: the process goes on."""
        self._failed_at: datetime | None = None
        """When the database last failed."""
        self._presence = Presence(clock, latecomers)
        self._leaps = Leaps(clock, steady, _LEASE)
        self._mailbox = mailbox
        self._probe: Probe | None = None
        self._limits = limits
        self._refused = False
        """The server refuses us, and that was told."""

    def stop(self) -> None:
        """Begin no other mail; what the server said of the one at hand is recorded if the database lets it soon."""
        self._stop_by = asyncio.get_running_loop().time() + _LAST_SECONDS

    async def step(self) -> int:
        """Send what is due, at most a batch; returns how many rows were taken up, 0 when the server is not there."""
        try:
            rows = await self._database.write(self._claim)
        except DatabaseUnavailable:
            self._failed_at = self._clock()
            raise
        self._presence.note()
        if self._probe is not None:
            await probes.answer(self._database, self._relay, self._probe, self._clock)
        pending = list(rows)
        while pending and self._stop_by is None and self._has_time(pending[0]):
            moving()
            try:
                failure = await self._deliver(pending[0])
            except DatabaseUnavailable:  # before anything was sent
                break
            del pending[0]
            if failure is not None and failure.unreachable:
                for row in pending:  # it is not asked anew for each of them: a login refused too often is locked
                    await self._postpone(row, failure)
                return 0
        if pending:
            ids = [row["id"] for row in pending]
            await self._keep_trying(lambda c: jobs.release(c, outbox, ids, self.name))
        return len(rows)

    def _has_time(self, row: RowMapping) -> bool:
        """Whether the lease outlasts a slow server and a failing database. If it is too long, the clock went back."""
        left: timedelta = row["leased_until"] - self._clock()
        return _SEND + _KEEP <= left <= _LEASE

    @contextmanager
    def _watched(self, row: RowMapping) -> Iterator[None]:
        """Inside, the relay neither begins nor ends a mail whose lease is nearly over."""
        before = self._relay.in_time
        self._relay.in_time = lambda: _KEEP <= row["leased_until"] - self._clock() <= _LEASE
        try:
            yield
        finally:
            self._relay.in_time = before

    def _claim(self, connection: Connection) -> list[RowMapping]:
        now = self._clock()
        settled = self._leaps.settled()
        if settled and (self._failed_at is None or not timedelta() <= now - self._failed_at < _GRACE):
            jobs.reap(connection, outbox, now, _DEATHS, _LEASE, in_doubt=1)  # the worker may have sent it
        ids = self._admitted(connection, now)
        self._probe = take(connection, now)
        if not ids:
            return []
        first = (outbox.c.id.in_(ids), outbox.c.attempts == 1)
        connection.execute(update(outbox).where(*first).values(first_due_at=outbox.c.due_at))
        late = (*first, outbox.c.deadline < now + _PATIENCE)
        connection.execute(update(outbox).where(*late).values(deadline=now + _PATIENCE))
        wanted = (
            select(outbox, ticket.c.number, link.c.nonce, _ROAD)
            .join(ticket, ticket.c.id == outbox.c.ticket_id)
            .outerjoin(link, link.c.ticket_id == outbox.c.ticket_id)
            .where(outbox.c.id.in_(ids))
            .order_by(outbox.c.id)
        )
        return list(connection.execute(wanted).mappings())

    def _admitted(self, connection: Connection, now: datetime) -> list[int]:
        """Lease what is due and no breaker stops."""
        doubt, held = outbox.c.in_doubt == 1, breaker.stopped(connection)
        which = breaker.passes(held) if held else None
        ids = jobs.claim(connection, outbox, self.name, now, _LEASE, _BATCH, isolate=doubt, which=which)
        back = breaker.admit(connection, ids, self._limits, now)
        if not back:
            return ids
        jobs.release(connection, outbox, back, self.name)
        # Where all that was due must wait, there may be others behind it; each time more of them are passed over.
        return [mail for mail in ids if mail not in back] or self._admitted(connection, now)

    async def _deliver(self, row: RowMapping) -> RelayUnavailable | None:
        """Try one mail and record what became of it; returns why it must wait. Whatever fails is its own failure, but
        for DatabaseUnavailable before it was sent."""
        try:
            why = await self._database.read(lambda c: sending.hindrance(c, row["id"], self._clock()))
            if why is None and row["kind"] == MailKind.T2B:
                await self._hear(row["first_due_at"] or row["due_at"])
            if why is None and not self._has_time(row):  # the machine slept meanwhile, and another may be sending it
                raise RelayUnavailable("not sent: its lease ran out before")
            if why is None:
                with counts.step("send", row["road"]), self._watched(row):
                    answer = await self._relay.send(row["return_path"], row["recipient"], self._bytes(row))
        except DatabaseUnavailable:
            raise
        except RelayRefused as refusal:
            error = refusal  # the name of an except clause ends with it
            await self._record(lambda c: self._refused_for_good(c, row, error), row, error.reason, error.code)
            return None
        except RelayUnavailable as failure:
            return await self._postpone(row, failure)
        except Exception as failure:
            observe.failure("mail-not-sent", failure, outbox=row["id"], inbox=row["road"])
            return await self._postpone(row, RelayUnavailable(f"not sent: {type(failure).__name__}"))
        if why is not None:
            await self._record(lambda c: self._held_back(c, row, why), row)
            return None
        self._watch(None)
        if await self._record(lambda c: self._accepted(c, row, answer), row, answer, 250):
            self._on_sent()
        return None

    async def _hear(self, hold_end: datetime) -> None:
        """Raises RelayUnavailable while a message of the time of the hold may still come, or waits to be decided."""
        if not self._presence.is_complete():
            raise RelayUnavailable("mailbot was not there for a while: what was sent meanwhile may still come")
        if await self._database.read(lambda c: hold.unheard(c, hold_end, self._mailbox)):
            raise RelayUnavailable("a message that came before the end of the hold is not decided yet")

    def _bytes(self, row: RowMapping) -> bytes:
        raw: bytes = row["raw"]
        if row["kind"] == MailKind.T3:
            token = activation.token(self._secret, row["number"], row["nonce"])
            raw = raw.replace(PLACEHOLDER.encode(), token.encode())
        return raw

    async def _postpone(self, row: RowMapping, failure: RelayUnavailable) -> RelayUnavailable:
        self._watch(failure)
        await self._record(lambda c: self._unavailable(c, row, failure), row, "", failure.code)
        return failure

    def _watch(self, failure: RelayUnavailable | None) -> None:
        """Tell once that the server refuses us, and when it takes a mail again."""
        if isinstance(failure, RelayMisconfigured) and not self._refused:
            log_event("relay-refuses-us", level=logging.ERROR, code=failure.code, mend="mailbot doctor")
            self._refused = True
        elif failure is None and self._refused:
            log_event("relay-takes-mails-again")
            self._refused = False

    async def _record(
        self, work: Callable[[Connection], str], row: RowMapping, answer: str = "", code: int | None = None
    ) -> bool:
        """Write down what became of a mail. False when that was not possible, or another worker has the row.

        ``answer``, ``code``: of the server. Of its text the log has the name that it gave the mail.
        """
        try:
            what = await self._keep_trying(work)
        except LeaseLost as error:  # the other worker will record what it does
            log_event("lease-lost", level=logging.WARNING, inbox=row["road"], outbox=row["id"], reason=error.reason)
            return False
        except Exception as error:  # the lease runs out, and the row comes back in doubt
            told = {"inbox": row["road"], "outbox": row["id"], "ticket": row["number"], "kind": row["kind"]}
            log_event("mail-in-doubt", level=logging.ERROR, **told, error=type(error).__name__)
            return False
        level = logging.ERROR if what == "given-up" else logging.INFO
        told = {"inbox": row["road"], "ticket": row["number"], "kind": row["kind"], "attempt": row["attempts"]}
        named = _QUEUED_AS.search(answer)
        log_event(f"mail-{what}", level=level, **told, code=code, queued_as=named["id"] if named else None)
        counts.SENDS(what, code or "none")
        return True

    async def _keep_trying(self, work: Callable[[Connection], T]) -> T:
        """The result of ``work``, which is known and must not be lost because the database fails for a while.

        No other mail is sent meanwhile, and the lease still keeps the row when it has run out: who takes it away waits
        for a while after the database came back. Raises LeaseLost, and what ended the last try.
        """
        left, (pause, longest) = _LAST_TRIES, _PAUSES
        time = asyncio.get_running_loop().time
        while True:
            try:
                return await self._database.write(work)
            except LeaseLost:
                raise
            except Exception as error:
                if self._stop_by is not None or not isinstance(error, DatabaseUnavailable):
                    left -= 1
                if not left or (self._stop_by is not None and time() >= self._stop_by):
                    raise
                if pause == _PAUSES[0]:
                    log_event("answer-kept", level=logging.WARNING, worker=self.name, error=type(error).__name__)
                self._failed_at = self._clock()
            moving()
            await self._sleep(pause)
            pause = min(longest, 2 * pause)

    def _accepted(self, connection: Connection, row: RowMapping, answer: str) -> str:
        """It has left, whoever holds the row by now."""
        now = self._clock()
        if not jobs.settle(connection, outbox, row["id"], sent_at=now, last_code=250, in_doubt=0, refused_us=0):
            return "recorded-already"
        self._let_next_go(connection, row)  # mails before their ticket, as hold.freeze locks them
        if row["kind"] in _BEGINS_COMPLAINT:
            connection.execute(update(ticket).where(ticket.c.id == row["ticket_id"]).values(answered_at=now))
        self._event(connection, row, "mail-sent", {"kind": row["kind"], "answer": answer[:200]})
        return "sent"

    def _let_next_go(self, connection: Connection, row: RowMapping) -> None:
        """The mail behind ``row`` is due, after the wait that belongs to it. No other is, whatever became of that one.

        One that was let go already waits anew: a warning was refused, and taken when it was tried again.
        """
        o = outbox.c
        following = connection.execute(
            select(o.id, o.state, o.delay_seconds)
            .where(o.ticket_id == row["ticket_id"], o.id > row["id"])
            .where(o.state.not_in([jobs.DONE, jobs.CANCELLED]))  # sent before a stop, after which the warning left anew
            .where(o.ordinal > row["ordinal"])  # a later mail of the citizen has an order of its own
            .order_by(o.id)
            .limit(1)
        ).one_or_none()
        if following is not None and row["ordinal"] and following.state in (jobs.WAITING, jobs.QUEUED):
            due = self._clock() + timedelta(seconds=following.delay_seconds)
            connection.execute(update(outbox).where(o.id == following.id).values(state=jobs.QUEUED, due_at=due))

    def _unavailable(self, connection: Connection, row: RowMapping, error: RelayUnavailable) -> str:
        now = self._clock()
        why = sending.hindrance(connection, row["id"], now)
        doubt = row["in_doubt"] or int(error.in_doubt)
        if why is not None:  # it was stopped meanwhile
            return self._held_back(connection, row, why, in_doubt=doubt)
        if now >= row["deadline"]:
            told = f"not sent within the promise: {error.reason}"
            return self._buried(connection, row, told, last_code=error.code, in_doubt=doubt)
        due = min(now + backoff.delay(row["attempts"], self._rng), row["deadline"])
        values = {"last_error": error.reason, "last_code": error.code, "in_doubt": doubt}
        ours = int(isinstance(error, RelayMisconfigured))
        jobs.retry(connection, outbox, row["id"], self.name, due, refused_us=ours, **values)
        return "postponed"

    def _held_back(self, connection: Connection, row: RowMapping, why: str, **values: object) -> str:
        if why == sending.DEAD_LINK:
            return self._buried(connection, row, why, **values)
        jobs.bury(connection, outbox, row["id"], self.name, last_error=why, **values)
        self._event(connection, row, "mail-held", {"kind": row["kind"]})
        return "held"

    def _refused_for_good(self, connection: Connection, row: RowMapping, error: RelayRefused) -> str:
        if row["kind"] != MailKind.T14 or not error.gone:
            self._buried(connection, row, error.reason, last_code=error.code)
            return "refused"
        # The old mailbox is gone, which is why the citizen asks: that must not stop case B (seed 001, P7).
        self._bury(connection, row, error.reason, last_code=error.code)
        self._let_next_go(connection, row)
        return "refused"

    def _buried(self, connection: Connection, row: RowMapping, reason: str, **values: object) -> str:
        """A person must see to it: the citizen waits for a mail that will not come, nor what waits behind it."""
        self._bury(connection, row, reason, **values)
        connection.execute(
            update(ticket)
            .where(ticket.c.id == row["ticket_id"], hold.goes_on())
            .values(state=State.DO_WERYFIKACJI.value, desk=Desk.II_LINIA.value, closed_at=None, alarm_at=self._clock())
        )
        return "given-up"

    def _bury(self, connection: Connection, row: RowMapping, reason: str, **values: object) -> None:
        jobs.bury(connection, outbox, row["id"], self.name, last_error=reason, **values)
        self._event(connection, row, "mail-undeliverable", {"kind": row["kind"], "reason": reason[:500]})

    def _event(self, connection: Connection, row: RowMapping, kind: str, detail: dict[str, str]) -> None:
        values = {"ticket_id": row["ticket_id"], "at": self._clock(), "kind": kind, "detail": detail}
        connection.execute(insert(ticket_event), values)
