"""Writes down what the outgoing server said: what it took in groups, everything else at once.

While the answers of a group gather, other mails are sent. What a process that dies knew and had not written down is in
doubt, and sent again with the same Message-ID: of ``_WAIT`` seconds and one commit, and of ``_MOST`` mails at most.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection

from mailbot import counts
from mailbot.errors import DatabaseUnavailable, LeaseLost
from mailbot.observe import Clock, log_event
from mailbot.storage.database import Database
from mailbot.workers.claim import Claims, Mail, Taken
from mailbot.workers.loop import moving
from mailbot.workers.outcome import Outcomes

T = TypeVar("T")

_WAIT = 0.05
"""Seconds for which an answer waits for others while mails are being sent."""
_WAIT_IDLE = 0.02
"""The same while none is, but mail flows: those that follow, and those of new tickets, are taken up with one commit."""
_GROUP = 50  # answers that wait no longer
_BUSY = 4  # answers of one group behind which others are expected
_MOST = 100
"""Answers that are known and not recorded: behind so many nothing else is sent."""
_PAUSES = (0.1, 5.0)  # seconds between two tries to record: the first, doubling to the longest
_LAST_TRIES = 10  # of recording, when the process stops or the failure is none of the database's
_LAST_SECONDS = 25.0  # for them when the process stops; systemd gives 120 for everything
_STEP = 1.0  # seconds in which somebody who waits says that he lives

_QUEUED_AS = re.compile(r"queued as (?P<id>[\w.-]{1,64})", re.IGNORECASE | re.ASCII)


class _Accepted(NamedTuple):
    mail: Mail
    answer: str
    at: float
    """When it was heard, by the loop's clock."""


class Record:
    """What is known of the mails that the connections of one process have tried."""

    def __init__(
        self,
        database: Database,
        claims: Claims,
        outcomes: Outcomes,
        clock: Clock,
        on_sent: Callable[[], None],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._database = database
        self._claims = claims
        self._outcomes = outcomes
        self._clock = clock
        self._on_sent = on_sent
        self._sleep = sleep
        self._stop_by: float | None = None
        """When to give up what cannot be recorded, by the loop's clock; None: the process goes on."""
        self._waiting: list[_Accepted] = []
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writing = False
        """A group is on its way into the database."""
        self._again = False
        """And the next one shall follow it at once."""
        self._last = (0, 0.0)
        """Answers of the last group, and when it was begun, by the loop's clock."""
        self._unrecorded = 0
        self._failing = 0
        self._odd = 0
        """Of those unrecorded, such as the database does not take for what they are: nobody waits for them."""
        self._moved = asyncio.Event()

    def stop(self) -> None:
        """From now on what the database does not take soon is given up."""
        self._stop_by = asyncio.get_running_loop().time() + _LAST_SECONDS

    @property
    def stopping(self) -> bool:
        """Whether no other mail is to be begun."""
        return self._stop_by is not None

    @property
    def crowded(self) -> bool:
        """Whether no other mail may be begun before something is recorded."""
        return self._unrecorded >= _MOST or self._failing > 0

    @property
    def is_open(self) -> bool:
        """Whether something will soon be recorded, and a mail may follow it."""
        return self._unrecorded > self._odd

    def accepted(self, mail: Mail, answer: str) -> None:
        """The server has taken ``mail``."""
        self._unrecorded += 1
        self._waiting.append(_Accepted(mail, answer, asyncio.get_running_loop().time()))
        if len(self._waiting) >= _GROUP:
            self.now()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_WAIT, self.now)

    def idle(self) -> None:
        """Nothing is being sent: record what waits, at once unless mail flows."""
        loop, (count, at) = asyncio.get_running_loop(), self._last
        flows = count >= _BUSY and loop.time() - at <= 2 * _WAIT
        until = self._waiting[0].at + _WAIT_IDLE if self._waiting and flows else 0.0
        if until <= loop.time():
            self.now()
        elif self._timer is not None and self._timer.when() > until:
            self._timer.cancel()
            self._timer = loop.call_at(until, self.now)

    def now(self) -> None:
        """Nothing else is to be expected: record what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writing:  # what gathers meanwhile is one group
            self._again = True
            return
        group, self._waiting = self._waiting, []
        if group:
            self._writing = True
            self._last = (len(group), asyncio.get_running_loop().time())
            task = asyncio.create_task(self._together(group))
            self._tasks.add(task)
            task.add_done_callback(self._done)

    async def progress(self) -> None:
        """Wait until something was recorded, or for a moment."""
        self._moved.clear()
        try:
            async with asyncio.timeout(_STEP):
                await self._moved.wait()
        except TimeoutError:
            pass
        moving()

    async def settle(self) -> None:
        """Record what waits, and wait for it."""
        self.now()
        while self.is_open:
            await self.progress()

    async def end(self) -> None:
        """As ``settle``, of what the database does not take as well."""
        self.now()
        while self._tasks:
            await self.progress()

    async def tell(self, work: Callable[[Connection], str], mail: Mail, code: int | None = None) -> None:
        """Write down now what became of a mail that was not taken. ``code``: of the server."""
        try:
            what = await self.keep_trying(work)
        except LeaseLost as error:  # the other worker will record what it does
            told: dict[str, str | int] = {"inbox": mail.road, "outbox": mail.id, "reason": error.reason}
            log_event("lease-lost", level=logging.WARNING, **told)
        except Exception as error:
            _in_doubt(mail, error)
        else:
            _log(what, mail, code)
            counts.SENDS(what, code or "none")

    async def keep_trying(self, work: Callable[[Connection], T], *, of_many: bool = False) -> T:
        """The result of ``work``, which is known and must not be lost because the database fails for a while.

        No other mail is sent meanwhile, and the lease still keeps the row when it has run out: who takes it away waits
        for a while after the database came back. Raises LeaseLost, and what ended the last try; ``of_many``: at once
        what is no failure of the database, for it may be the fault of one of them.
        """
        left, (pause, longest), failed = _LAST_TRIES, _PAUSES, False
        time = asyncio.get_running_loop().time
        try:
            while True:
                try:
                    return await self._database.write(work)
                except LeaseLost:
                    raise
                except Exception as error:
                    unavailable = isinstance(error, DatabaseUnavailable)
                    if self._stop_by is not None or not unavailable:
                        left -= 1
                    if not left or (self._stop_by is not None and time() >= self._stop_by):
                        raise
                    if of_many and not unavailable:
                        raise
                    if not failed:
                        told = {"worker": self._claims.name, "error": type(error).__name__}
                        log_event("answer-kept", level=logging.WARNING, **told)
                    if unavailable and not failed:
                        failed = True
                        self._failing += 1
                    self._claims.failed_at = self._clock()
                moving()
                await self._sleep(pause)
                pause = min(longest, 2 * pause)
        finally:
            self._failing -= failed

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._moved.set()

    async def _together(self, group: Sequence[_Accepted]) -> None:
        try:
            await self._written(group, of_many=True)
        except DatabaseUnavailable as error:
            self._give_up(group, error)
            self._next_group()
        except Exception:  # one of them is bad: each for itself, so that it harms nobody else
            self._next_group()
            await asyncio.gather(*(self._alone(one) for one in group))
        else:
            self._next_group()

    async def _alone(self, one: _Accepted) -> None:
        try:
            await self._written([one], of_many=True)
        except Exception:
            self._odd += 1
            try:
                await self._written([one], of_many=False)
            except Exception as error:
                self._give_up([one], error)
            finally:
                self._odd -= 1

    def _next_group(self) -> None:
        self._writing = False
        if self._again:
            self._again = False
            self.now()

    async def _written(self, group: Sequence[_Accepted], *, of_many: bool) -> None:
        """One transaction for a group, which also takes up what is next: mostly the mails that waited behind these."""
        room = self._claims.room() if of_many and not self.stopping else 0
        new, taken = await self.keep_trying(lambda c: self._write(c, group, room), of_many=of_many)
        if taken is not None:
            self._claims.keep(taken)
        counts.RECORDED_AFTER.observe(asyncio.get_running_loop().time() - group[0].at)
        for one in group:
            what = "sent" if one.mail.id in new else "recorded-already"
            named = _QUEUED_AS.search(one.answer)
            _log(what, one.mail, 250, named["id"] if named else None)
            counts.SENDS(what, 250)
            self._on_sent()
        self._close(group)

    def _give_up(self, group: Sequence[_Accepted], error: Exception) -> None:
        for one in group:
            _in_doubt(one.mail, error)
        self._close(group)

    def _close(self, group: Sequence[_Accepted]) -> None:
        self._unrecorded -= len(group)
        self._moved.set()

    def _write(self, connection: Connection, group: Sequence[_Accepted], room: int) -> tuple[set[int], Taken | None]:
        new, due = self._outcomes.accepted(connection, [(one.mail, one.answer) for one in group])
        if self.stopping or self._failing or not room or not (due or self._claims.full):
            return new, None  # what failed may be the taking up, for it needs the store of keys
        return new, self._claims.take(connection, room, alone=False)


def _log(what: str, mail: Mail, code: int | None, queued_as: str | None = None) -> None:
    """One line about a try. Of the server's text it has the name that it gave the mail."""
    level = logging.ERROR if what == "given-up" else logging.INFO
    told: dict[str, str | int] = {
        "inbox": mail.road,
        "ticket": mail.number,
        "kind": mail.kind,
        "attempt": mail.attempts,
    }
    log_event(f"mail-{what}", level=level, **told, code=code, queued_as=queued_as)


def _in_doubt(mail: Mail, error: Exception) -> None:
    """The lease runs out, and the row comes back."""
    told: dict[str, str | int] = {"inbox": mail.road, "outbox": mail.id, "ticket": mail.number, "kind": mail.kind}
    log_event("mail-in-doubt", level=logging.ERROR, **told, error=type(error).__name__)
