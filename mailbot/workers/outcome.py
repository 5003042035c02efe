"""What becomes of a mail in the database when its try is over. The caller has the transaction."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, insert, select, update

from mailbot.errors import RelayMisconfigured, RelayRefused, RelayUnavailable
from mailbot.machine import Uptime
from mailbot.model import Desk, MailKind, State
from mailbot.observe import Clock
from mailbot.outbox import backoff, jobs
from mailbot.storage import prepared
from mailbot.storage.among import among
from mailbot.storage.schema import outbox, ticket, ticket_event
from mailbot.tickets import hold, sending
from mailbot.workers.claim import Mail

_BEGINS_COMPLAINT = sending.ANSWERS - {MailKind.T23}
"""The time for a complaint begins when one is accepted (seed 001, E13). Not with T23, the answer to a complaint: the
portal is the next way; nor with T10: it must not begin again."""

_o = outbox.c
_LET_GO = (  # these are made once: they go with every group of answers
    update(outbox).where(among(_o.id, "mails")).values(state=jobs.QUEUED, due_at=bindparam("at"))
)
_ANSWERED = update(ticket).where(among(ticket.c.id, "tickets")).values(answered_at=bindparam("at"))
_UNDONE = (
    select(_o.id, _o.ticket_id, _o.ordinal, _o.state, _o.delay_seconds)
    .where(among(_o.ticket_id, "tickets"))
    .where(_o.state.not_in([jobs.DONE, jobs.CANCELLED]))  # sent before a stop, after which the warning left anew
    .order_by(_o.id)
)


class Outcomes:
    """Of the mails that worker ``name`` has leased."""

    def __init__(
        self, name: str, clock: Clock, rng: random.Random, uptime: Callable[[], Uptime | None] = lambda: None
    ) -> None:
        """``uptime``: as of machine; None: the clock is never set."""
        self._name = name
        self._uptime = uptime
        self._clock = clock
        self._rng = rng

    def accepted(self, connection: Connection, taken: Sequence[tuple[Mail, str]]) -> tuple[set[int], bool]:
        """These mails have left, whoever holds their rows by now; to each the server's answer.

        Returns which were not recorded already, and whether mails that waited behind them are due now.
        """
        now = self._clock()
        ids = [mail.id for mail, _ in taken]
        new = jobs.settle_all(connection, outbox, ids, sent_at=now, last_code=250, in_doubt=0, refused_us=0)
        left = [(mail, answer) for mail, answer in taken if mail.id in new]
        if not left:
            return new, False
        # mails before their tickets, as hold.freeze locks them
        due = self._let_next_go(connection, [mail for mail, _ in left], now)
        answered = {mail.ticket_id for mail, _ in left if mail.kind in _BEGINS_COMPLAINT}
        if answered:
            connection.execute(_ANSWERED, {"tickets": sorted(answered), "at": now})
        told = [
            (mail, "mail-sent", {"kind": mail.kind, "answer": answer[:200], **self._begins(mail)})
            for mail, answer in left
        ]
        prepared.insert(connection, ticket_event, [_event(mail, now, kind, detail) for mail, kind, detail in told])
        return new, due

    def _let_next_go(self, connection: Connection, mails: Sequence[Mail], now: datetime) -> bool:
        """The mail behind each of ``mails`` is due, after the wait that belongs to it; whether one is due now. No other
        is, whatever became of that one.

        One that was let go already waits anew: a warning was refused, and taken when it was tried again.
        """
        tickets = {mail.ticket_id for mail in mails if mail.ordinal}
        if not tickets:
            return False
        behind = defaultdict(list)
        for row in connection.execute(_UNDONE, {"tickets": sorted(tickets)}):
            behind[row.ticket_id].append(row)
        go = defaultdict(set)
        for mail in mails:
            # a later mail of the citizen has an order of its own
            later = (row for row in behind[mail.ticket_id] if row.id > mail.id and row.ordinal > mail.ordinal)
            following = next(later, None)
            if mail.ordinal and following is not None and following.state in (jobs.WAITING, jobs.QUEUED):
                go[following.delay_seconds].add(following.id)
        for seconds, ids in go.items():
            connection.execute(_LET_GO, {"mails": sorted(ids), "at": now + timedelta(seconds=seconds)})
        return 0 in go

    def unavailable(self, connection: Connection, mail: Mail, error: RelayUnavailable) -> str:
        """It is tried again, unless its ticket was stopped meanwhile or its promise is broken. Raises LeaseLost."""
        now = self._clock()
        why = sending.hindrance(connection, mail.id, now)
        doubt = mail.in_doubt or int(error.in_doubt)
        if why is not None:
            return self.held_back(connection, mail, why, in_doubt=doubt)
        if now >= mail.deadline:
            told = f"not sent within the promise: {error.reason}"
            return self._given_up(connection, mail, told, last_code=error.code, in_doubt=doubt)
        due = min(now + backoff.delay(mail.attempts, self._rng), mail.deadline)
        values = {"last_error": error.reason, "last_code": error.code, "in_doubt": doubt}
        ours = int(isinstance(error, RelayMisconfigured))
        jobs.retry(connection, outbox, mail.id, self._name, due, refused_us=ours, **values)
        return "postponed"

    def held_back(self, connection: Connection, mail: Mail, why: str, **values: object) -> str:
        """It must not leave (sending.hindrance). Raises LeaseLost."""
        if why == sending.DEAD_LINK:
            return self._given_up(connection, mail, why, **values)
        jobs.bury(connection, outbox, mail.id, self._name, last_error=why, **values)
        connection.execute(insert(ticket_event), _event(mail, self._clock(), "mail-held", {"kind": mail.kind}))
        return "held"

    def refused(self, connection: Connection, mail: Mail, error: RelayRefused) -> str:
        """It is never taken. Raises LeaseLost."""
        if mail.kind != MailKind.T14 or not error.gone:
            self._given_up(connection, mail, error.reason, last_code=error.code)
            return "refused"
        # The old mailbox is gone, which is why the citizen asks: that must not stop case B (seed 001, P7).
        self._bury(connection, mail, error.reason, last_code=error.code)
        self._let_next_go(connection, [mail], self._clock())
        return "refused"

    def _given_up(self, connection: Connection, mail: Mail, reason: str, **values: object) -> str:
        """A person must see to it: the citizen waits for a mail that will not come, nor what waits behind it."""
        self._bury(connection, mail, reason, **values)
        connection.execute(
            update(ticket)
            .where(ticket.c.id == mail.ticket_id, hold.goes_on())
            .values(state=State.DO_WERYFIKACJI.value, desk=Desk.II_LINIA.value, closed_at=None, alarm_at=self._clock())
        )
        return "given-up"

    def _begins(self, mail: Mail) -> dict[str, str | int]:
        """By the clock that nobody sets, when a hold begins (hold.has_passed)."""
        up = self._uptime() if mail.kind == MailKind.T14 else None
        return {} if up is None else {"boot": up.boot, "up": up.seconds}

    def _bury(self, connection: Connection, mail: Mail, reason: str, **values: object) -> None:
        jobs.bury(connection, outbox, mail.id, self._name, last_error=reason, **values)
        told = {"kind": mail.kind, "reason": reason[:500], **self._begins(mail)}
        connection.execute(insert(ticket_event), _event(mail, self._clock(), "mail-undeliverable", told))


def _event(mail: Mail, at: datetime, kind: str, detail: Mapping[str, str | int]) -> dict[str, object]:
    return {"ticket_id": mail.ticket_id, "at": at, "kind": kind, "detail": detail}
