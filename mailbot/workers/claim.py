"""The mails that a process has taken out of the outbox, for all its connections to the outgoing server."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import accumulate, islice
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, not_, select, true, update

from mailbot.config import BreakerSettings
from mailbot.delivery.smtp import LIMIT
from mailbot.errors import DatabaseUnavailable
from mailbot.observe import Clock
from mailbot.outbox import jobs
from mailbot.probes import Probe, take
from mailbot.secret import Secret
from mailbot.storage.among import among
from mailbot.storage.database import Database
from mailbot.storage.outgoing import OCTETS, OUTGOING
from mailbot.storage.schema import activation as link
from mailbot.storage.schema import outbox, ticket
from mailbot.tickets import breaker, sealing
from mailbot.tickets.breaker import Reach
from mailbot.workers.presence import Leaps, Presence

MOST = 200
"""Mails in hand that were not begun. When the process dies they are in doubt as well (jobs.reap), and go one by one."""
_OCTETS = 16 << 20
"""Of the mails that are taken up at once, unless one alone has more."""
_SEND = timedelta(seconds=LIMIT)
LEASE = timedelta(minutes=5)
_KEEP = timedelta(minutes=2)
"""Of its lease that must be left behind a send, to record its answer while the database fails."""
_GRACE = timedelta(seconds=30)
"""After a failure of the database others may record what they know before their leases are taken from them."""
_SELDOM = timedelta(seconds=1)
"""At most so long after the last look for leases that ran out (they took minutes) and for probes."""
_DEATHS = 200  # tries of a mail whose worker died each time; the deadline ends all others much sooner
_PATIENCE = timedelta(hours=4)
"""A mail is tried for so long at least, also when its promise was broken before the first try."""

_ROAD = func.coalesce(outbox.c.inbox_id, ticket.c.inbox_id)
"""The message that a mail answers; of one that a person wrote, or the clock, that which opened the ticket."""
_DOUBT = outbox.c.in_doubt == 1


class Mail(NamedTuple):
    """A row of the outbox that is leased to us, with what its try needs."""

    id: int
    ticket_id: int
    slot: str
    kind: str
    ordinal: int
    recipient: str
    return_path: str
    raw: bytes
    attempts: int
    deadline: datetime
    in_doubt: int
    hold_end: datetime
    """When it was due for the first of its attempts."""
    number: str
    nonce: str | None
    """Of the link of its ticket."""
    road: int
    leased_until: datetime


_o = outbox.c
_COLUMNS = (
    *(_o.id, _o.ticket_id, _o.slot, _o.kind, _o.ordinal, _o.recipient, _o.return_path, OCTETS, _o.attempts),
    _o.deadline,
    *(_o.in_doubt, func.coalesce(_o.first_due_at, _o.due_at), ticket.c.number, link.c.nonce, _ROAD, _o.leased_until),
)
"""Of a ``Mail``."""
_THESE = among(_o.id, "mails")  # statements made once: they go with every claim
_UNTIL = bindparam("until", type_=_o.deadline.type)
_PATIENT = case((_o.deadline < _UNTIL, _UNTIL), else_=_o.deadline)
_FIRST_TRY = update(outbox).where(_THESE, _o.attempts == 1).values(first_due_at=_o.due_at, deadline=_PATIENT)
_SIZES = select(_o.id, func.length(OCTETS)).select_from(OUTGOING).where(_THESE).order_by(_o.id)
_MAILS = (
    select(*_COLUMNS)
    .select_from(OUTGOING)
    .join(ticket, ticket.c.id == outbox.c.ticket_id)
    .outerjoin(link, link.c.ticket_id == outbox.c.ticket_id)
    .where(_THESE)
    .order_by(outbox.c.id)
)


class Taken(NamedTuple):
    """What one transaction took up. ``full``: there may be more; ``looked``: when for the dead, if at all."""

    mails: Sequence[Mail]
    probe: Probe | None
    full: bool
    looked: datetime | None = None


class Claims:
    """Mails are taken up in one go for all connections, which take them from here one by one: none waits behind the
    slow mail of another."""

    def __init__(
        self,
        name: str,
        database: Database,
        secret: Secret,
        clock: Clock,
        limits: BreakerSettings,
        presence: Presence,
        leaps: Leaps,
    ) -> None:
        self.name = name
        self.presence = presence
        self.failed_at: datetime | None = None
        """When the database last failed."""
        self.full = False
        """More may be due than was taken up."""
        self.sending = 0
        """Connections that are in the middle of a mail."""
        self._database = database
        self._secret = secret
        self._clock = clock
        self._limits = limits
        self._leaps = leaps
        self._mails: deque[Mail] = deque()
        self._probe: Probe | None = None
        self._one = asyncio.Lock()
        self._rounds = 0
        self._looked: datetime | None = None

    async def fill(self) -> int:
        """Take up what is due when nothing is in hand; how many mails that were. Raises DatabaseUnavailable."""
        before = self._rounds
        async with self._one:
            if self._mails or (self._rounds != before and not self.full):  # another connection has just looked
                return 0
            try:
                taken = await self._database.write(lambda c: self.take(c, MOST, alone=True))
            except DatabaseUnavailable:
                self.failed_at = self._clock()
                raise
            self.keep(taken)
        return len(taken.mails)

    def room(self) -> int:
        """How many mails may be taken up with the next commit, so that nobody has to wait for them."""
        number, octets = len(self._mails), sum(len(mail.raw) for mail in self._mails)
        return MOST - number if number <= MOST // 2 and octets <= _OCTETS // 2 else 0

    def keep(self, taken: Taken) -> None:
        """What ``take`` gave was committed."""
        self._rounds += 1
        self._looked = taken.looked or self._looked
        self._mails.extend(taken.mails)
        self._probe = taken.probe or self._probe
        self.full = taken.full
        self.presence.note()

    def next(self) -> Mail | None:
        """The next mail, for the caller alone; None: nothing is in hand."""
        return self._mails.popleft() if self._mails else None

    def ahead(self, number: int) -> Sequence[Mail]:
        """Up to ``number`` mails that are next."""
        return list(islice(self._mails, number))

    def probe(self) -> Probe | None:
        """One that is to be answered, for the caller alone."""
        probe, self._probe = self._probe, None
        return probe

    def rest(self) -> list[Mail]:
        """Everything in hand, for the caller alone."""
        mails = list(self._mails)
        self._mails.clear()
        return mails

    def has_time(self, mail: Mail) -> bool:
        """Whether the lease outlasts a slow server and a failing database. If it is too long, the clock went back."""
        return _SEND + _KEEP <= mail.leased_until - self._clock() <= LEASE

    def is_ours(self, mail: Mail) -> bool:
        """Whether its lease still lasts, with time to record the answer: asked in the middle of a dialogue."""
        return _KEEP <= mail.leased_until - self._clock() <= LEASE

    def take(self, connection: Connection, limit: int, *, alone: bool) -> Taken:
        """Lease up to ``limit`` due mails to us. ``alone``: if there is none but such as are in doubt, one of them."""
        now = self._clock()
        settled = self._leaps.settled()
        failed = self.failed_at is not None and timedelta() <= now - self.failed_at < _GRACE
        looks = self._looked is None or not timedelta() <= now - self._looked < _SELDOM
        if looks and settled and not failed:
            jobs.reap(connection, outbox, now, _DEATHS, LEASE, in_doubt=1)  # the worker may have sent it
        ids, full = self._admitted(connection, now, limit, alone)
        mails = self._begun(connection, ids, now)
        probe = take(connection, now) if looks or alone else None
        return Taken(mails, probe, full, now if looks else None)

    def _admitted(self, connection: Connection, now: datetime, limit: int, alone: bool) -> tuple[list[int], bool]:
        """Lease what is due and no breaker stops."""
        which = _which(breaker.stopped(connection), sure=not alone)
        isolate = _DOUBT if alone else False
        ids = jobs.claim(connection, outbox, self.name, now, LEASE, limit, isolate=isolate, which=which)
        full = len(ids) == limit
        if heavy := _too_heavy(connection, ids):
            jobs.release(connection, outbox, heavy, self.name)
            ids, full = [mail for mail in ids if mail not in heavy], True
        back = breaker.admit(connection, ids, self._limits, now)
        if not back:
            return ids, full
        jobs.release(connection, outbox, back, self.name)
        admitted = [mail for mail in ids if mail not in back]
        # Where all that was due must wait, there may be others behind it; each time more of them are passed over.
        return (admitted, True) if admitted else self._admitted(connection, now, limit, alone)

    def _begun(self, connection: Connection, ids: Collection[int], now: datetime) -> list[Mail]:
        """These mails, each with the moment at which it was due for the first of its tries, and time for more."""
        if not ids:
            return []
        connection.execute(_FIRST_TRY, {"mails": ids, "until": now + _PATIENCE})
        return mails(connection, self._secret, ids)


@cache
def _which(held: frozenset[Reach], *, sure: bool) -> ColumnElement[bool]:
    """Mails that are taken up while ``held`` are stopped; ``sure``: none that is in doubt."""
    return and_(*[breaker.passes(held)] * bool(held), *[not_(_DOUBT)] * sure, true())


def _too_heavy(connection: Connection, ids: Collection[int]) -> Sequence[int]:
    """Of these mails, those behind as many as the memory shall hold: an operator's letter may bring files."""
    if not ids:
        return ()
    mails, octets = zip(*connection.execute(_SIZES, {"mails": ids}), strict=True)
    until = max(1, bisect_right(list(accumulate(octets)), _OCTETS))
    return mails[until:]


def mails(connection: Connection, secret: Secret, ids: Collection[int]) -> list[Mail]:
    """Rows of the outbox, in their order. One that does not open has its octets sealed."""
    rows = connection.execute(_MAILS, {"mails": ids}).all()
    opened = sealing.to_send(secret, rows)
    return [
        Mail._make(row)._replace(recipient=one.recipient, raw=one.raw) for row, one in zip(rows, opened, strict=True)
    ]
