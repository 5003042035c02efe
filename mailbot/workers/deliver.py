"""Sends what the outbox holds: mail k+1 of a ticket leaves only after mail k was accepted (seed 001, P14).

Several connections of a process work on the same mails: they are taken up together (claim), each is looked at (look)
and sent by whichever connection is free, and what became of it is written down (record).
"""

from __future__ import annotations

import asyncio
import copy
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from mailbot import counts, observe
from mailbot.config import BreakerSettings
from mailbot.delivery.smtp import Relay
from mailbot.errors import DatabaseUnavailable, RelayMisconfigured, RelayRefused, RelayUnavailable
from mailbot.machine import Uptime
from mailbot.mails.context import PLACEHOLDER
from mailbot.model import MailKind
from mailbot.observe import Clock, log_event
from mailbot.outbox import jobs
from mailbot.secret import Secret, is_sealed
from mailbot.storage.database import Database
from mailbot.storage.schema import outbox
from mailbot.tickets import activation, hold
from mailbot.workers import probes
from mailbot.workers.claim import LEASE, MOST, Claims, Mail
from mailbot.workers.look import Looks
from mailbot.workers.loop import moving
from mailbot.workers.outcome import Outcomes
from mailbot.workers.presence import APART, Leaps, Presence
from mailbot.workers.record import Record


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
        common: Callable[[Connection], datetime | None] = lambda _: None,
        uptime: Callable[[], Uptime | None] = lambda: None,
    ) -> None:
        """``latecomers``: see Presence. ``mailbox``: that mail is read from, as the tables call it; "": none.
        ``steady``: see Leaps. ``common``: the clock of all machines (presence.server_clock); None: there is one.
        ``uptime``: as of machine."""
        self._database = database
        self._relay = relay
        self._relays = [relay]
        """Of all connections that share what is in hand."""
        self._secret = secret
        self._clock = clock
        self._mailbox = mailbox
        self._common = common
        self._uptime = uptime
        presence, leaps = Presence(clock, latecomers), Leaps(clock, steady, LEASE)
        self._claims = Claims(name, database, secret, clock, limits, presence, leaps)
        self._outcomes = Outcomes(name, clock, rng, uptime)
        self._record = Record(database, self._claims, self._outcomes, clock, on_sent, sleep)
        self._looks = Looks(database, clock)
        self._refused = False
        """The server refuses us, and that was told."""

    def beside(self, relay: Relay) -> DeliverWorker:
        """Another connection for the mails that this one takes up."""
        other = copy.copy(self)
        other._relay = relay
        self._relays.append(relay)
        return other

    def stop(self) -> None:
        """Begin no other mail; what the server said of the one at hand is recorded if the database lets it soon."""
        self._record.stop()

    async def step(self) -> int:
        """Send what is due, at most a batch; returns how many rows were taken up, 0 when the server is not there."""
        taken, tried = 0 if self._record.stopping else await self._claims.fill(), 0
        while tried < MOST and (mail := await self._next()) is not None:
            tried += 1
            if not self._claims.has_time(mail):
                await self._give_back(mail)
                continue
            try:
                failure = await self._deliver(mail)
            except DatabaseUnavailable:  # before anything was sent
                await self._give_back(mail)
                break
            if failure is not None and failure.unreachable:
                await self._spare(failure)
                await self._record.settle()
                return 0
        if self._record.stopping:
            await self.close()
        return max(taken, tried)

    async def close(self) -> None:
        """Record what is known and give back what was not begun. Nothing is sent any more."""
        await self._record.end()
        await self._give_back()

    async def _next(self) -> Mail | None:
        """The next mail in hand, also one that waited behind what is being recorded; None: there is none for now."""
        while not self._record.stopping:
            moving()
            if (probe := self._claims.probe()) is not None:
                await probes.answer(self._database, self._relay, probe, self._clock)
            if not self._record.crowded and (mail := self._claims.next()) is not None:
                return mail
            if not self._record.is_open:
                return None
            if not self._claims.sending:
                self._record.idle()
            await self._record.progress()
        return None

    async def _give_back(self, *mails: Mail) -> None:
        """Let go of these and of whatever else is in hand: others may send them as well."""
        ids = [mail.id for mail in (*mails, *self._claims.rest())]
        if ids:
            await self._record.keep_trying(lambda c: jobs.release(c, outbox, ids, self._claims.name))

    async def _spare(self, failure: RelayUnavailable) -> None:
        """The server is not asked anew for each mail: a login refused too often is locked. They all wait, unless
        another connection is still there."""
        if not any(relay.is_open for relay in self._relays):
            await asyncio.gather(*(self._postpone(mail, failure) for mail in self._claims.rest()))

    async def _deliver(self, mail: Mail) -> RelayUnavailable | None:
        """Try one mail and record what became of it; returns why it must wait. Whatever fails is its own failure, but
        for DatabaseUnavailable before it was sent."""
        try:
            await self._relay.ready()  # to connect may take a minute, in which its ticket is stopped
            why = await self._looks.hindrance(mail, self._claims.ahead)
            if why is None and mail.kind in (MailKind.T14, MailKind.T2B):  # the beginning of a hold, and its end
                await self._agree()
            if why is None and mail.kind == MailKind.T2B:
                await self._hear(mail)
            if why is None and not self._claims.has_time(mail):  # we slept meanwhile, and another may be sending it
                raise RelayUnavailable("not sent: its lease ran out before")
            if why is None:
                answer = await self._send(mail)
        except DatabaseUnavailable:
            raise
        except RelayRefused as refusal:
            error = refusal  # the name of an except clause ends with it
            await self._record.tell(lambda c: self._outcomes.refused(c, mail, error), mail, error.code)
            return None
        except RelayUnavailable as failure:
            return await self._postpone(mail, failure)
        except Exception as failure:
            observe.failure("mail-not-sent", failure, outbox=mail.id, inbox=mail.road)
            return await self._postpone(mail, RelayUnavailable(f"not sent: {type(failure).__name__}"))
        if why is not None:
            await self._record.tell(lambda c: self._outcomes.held_back(c, mail, why), mail)
            return None
        self._watch(None)
        self._record.accepted(mail, answer)
        return None

    async def _agree(self) -> None:
        """Raises RelayUnavailable while our clock is another than that of the other machines: by it a hold would be
        shorter than what was promised, or over before its time. Asked as one who writes: on a server that took over
        since, and lacks a STOP, that ends with DatabaseGone (storage.witness)."""
        common = await self._database.write(self._common)
        if common is not None and abs(common - self._clock()) > APART:
            raise RelayUnavailable("the clock of this machine is not that of the database's server; mend: set it (NTP)")

    async def _hear(self, mail: Mail) -> None:
        """Raises RelayUnavailable until the hold is over, whatever a clock that was ahead had begun, and while a
        message of its time may still come, or waits to be decided."""
        if self._clock() < mail.hold_end:
            raise RelayUnavailable("the hold is not over: it was tried by a clock that was ahead")
        if not await self._database.read(lambda c: hold.has_passed(c, mail.id, self._clock(), self._uptime())):
            raise RelayUnavailable("the hold is not over: the clock was set since it began")
        if not self._claims.presence.is_complete():
            raise RelayUnavailable("mailbot was not there for a while: what was sent meanwhile may still come")
        now, box = self._clock(), self._mailbox
        if await self._database.read(lambda c: hold.unheard(c, mail.hold_end, now, box, mail.ticket_id)):
            raise RelayUnavailable("a message that came before the end of the hold is not decided yet")

    async def _send(self, mail: Mail) -> str:
        raw, before = self._bytes(mail), self._relay.in_time
        self._claims.sending += 1
        self._relay.in_time = lambda: self._claims.is_ours(mail)
        try:
            with counts.measured("send", mail.road):
                return await self._relay.send(mail.return_path, mail.recipient, raw)
        finally:
            self._relay.in_time = before
            self._claims.sending -= 1

    def _bytes(self, mail: Mail) -> bytes:
        if is_sealed(mail.raw):
            raise RelayUnavailable("not sent: the store of keys does not open it; mend: put back its newest backup")
        if mail.kind != MailKind.T3:
            return mail.raw
        token = activation.token(self._secret, mail.number, mail.nonce or "")  # without a link it was not let go
        return mail.raw.replace(PLACEHOLDER.encode(), token.encode())

    async def _postpone(self, mail: Mail, failure: RelayUnavailable) -> RelayUnavailable:
        self._watch(failure)
        await self._record.tell(lambda c: self._outcomes.unavailable(c, mail, failure), mail, failure.code)
        return failure

    def _watch(self, failure: RelayUnavailable | None) -> None:
        """Tell once that the server refuses us, and when it takes a mail again."""
        if isinstance(failure, RelayMisconfigured) and not self._refused:
            log_event("relay-refuses-us", level=logging.ERROR, code=failure.code, mend="mailbot doctor")
            self._refused = True
        elif failure is None and self._refused:
            log_event("relay-takes-mails-again")
            self._refused = False
