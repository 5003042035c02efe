"""Have we seen this before? Row 5 of the decision table, and the marks on reused Message-IDs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Select,
    String,
    bindparam,
    column,
    exists,
    func,
    or_,
    select,
    union_all,
)

from mailbot.model import Decision, Duplicate, DuplicateCheck, EarlierCopy, Identity, Outcome, State
from mailbot.outbox import jobs
from mailbot.secret import Secret
from mailbot.storage import personal
from mailbot.storage.among import among
from mailbot.storage.schema import inbox, outbox, ticket


def _first(*alike: ColumnElement[bool]) -> Select[Any]:
    c = inbox.c
    # Not a plain comparison of the state: that lures SQLite away from the index of the keys.
    done = func.coalesce(c.state, "") == jobs.DONE
    seen = func.coalesce(c.outcome, "") != Outcome.SPAM.value  # of which nobody has read the first copy
    found = select(c.fingerprint, c.ticket_id).where(c.message_key == bindparam("key"), *alike, done, seen)
    return select(found.order_by(c.fingerprint, c.id).limit(1).subquery())


_EARLIER = union_all(_first(), _first(inbox.c.fingerprint == bindparam("print")))
"""A message with this key, and the first one that is the same: however often it came, so few rows are read."""


def _copy() -> Select[Any]:
    c = inbox.c
    bound = select(c.id, c.ticket_id, c.outcome, c.letter, c.state, c.received_at).where(
        c.message_key == bindparam("key")
    )
    few = bound.order_by(c.fingerprint, c.id).limit(_FEW).subquery().c
    done = (
        few.state == jobs.DONE,
        few.outcome != Outcome.SPAM.value,
        few.received_at >= bindparam("since", type_=c.received_at.type),
    )
    alike = select(few.ticket_id, few.outcome).where(few.letter == bindparam("letter"), *done)
    return alike.order_by(few.id).limit(1)


_FEW = 20
"""Messages with one Message-ID that are looked at: a letter has as many roads as an office has gateways. Behind more of
them, which only who wrote them can have made, a copy is not known for one, and is decided."""
_COPY = _copy()
"""The first copy of a letter that came over another road."""
_ROADS = timedelta(days=7)
"""So far apart they may come: an MTA tries for five days."""


def _there(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of ``keys`` that any message has, each looked for once: of most mails there is none, and then there is
    nothing to ask."""
    return set(connection.execute(_known(connection.dialect.name), {"keys": keys}).scalars())


@cache
def _known(dialect: str) -> Select[Any]:
    unnest = func.json_each if dialect == "sqlite" else func.json_array_elements_text
    one = unnest(bindparam("keys", type_=JSON)).table_valued(column("value", String))
    any_one = select(inbox.c.id).where(inbox.c.message_key == one.c.value).limit(1)  # exists() PostgreSQL may hash
    return select(one.c.value).where(any_one.scalar_subquery().is_not(None))


def _unfinished() -> Select[Any]:
    """A ticket whose mails have not all left is still open for the citizen, whatever its state says."""
    t, o = ticket.c, outbox.c
    unsent = exists().where(o.ticket_id == t.id, o.state.in_([jobs.WAITING, jobs.QUEUED, jobs.LEASED]))
    mine = among(t.fingerprint, "prints")
    return select(t.fingerprint, t.id, t.promised_at, t.state, unsent.label("unsent")).where(
        mine, or_(t.closed_at.is_(None), unsent)
    )


_UNFINISHED = _unfinished()


class EarlierMessages:
    """Earlier messages and open tickets that a batch could repeat; grows with the batch as it is decided."""

    def __init__(self, connection: Connection, batch: Sequence[Identity], secret: Secret, now: datetime) -> None:
        self._messages: dict[str, dict[str, int | None]] = {}
        self._copies: dict[tuple[str, str], EarlierCopy] = {}
        plain = {form: i.fingerprint for i in batch for form in personal.forms(secret, i.fingerprint)}
        named = [(i, form) for i in batch for form in personal.message_forms(secret, i.message_key)]
        there = _there(connection, [form for _, form in named])
        for identity, form in named:
            hidden = personal.is_hashed(form)
            same = personal.hashed(secret, identity.fingerprint) if hidden else identity.fingerprint
            for row in connection.execute(_EARLIER, {"key": form, "print": same}) if form in there else ():
                copies = self._messages.setdefault(identity.message_key, {})
                copies[plain.get(row.fingerprint, row.fingerprint)] = row.ticket_id
            if form in there and identity.letter:
                asked = {"key": form, "letter": personal.hashed(secret, identity.letter), "since": now - _ROADS}
                for row in connection.execute(_COPY, asked):
                    self._copies[_key(identity)] = EarlierCopy(row.ticket_id, Outcome(row.outcome))
        self._requests: dict[str, tuple[int, datetime, State, bool]] = {
            plain[row.fingerprint]: (row.id, row.promised_at, State(row.state), bool(row.unsent))
            for row in connection.execute(_UNFINISHED, {"prints": list(plain)})
        }

    def look(self, identity: Identity) -> DuplicateCheck:
        """Whether ``identity`` repeats something."""
        copies = self._messages.get(identity.message_key, {})
        if identity.fingerprint in copies:
            return DuplicateCheck(Duplicate.SAME_MESSAGE, copies[identity.fingerprint])
        repeated = self._requests.get(identity.fingerprint)
        if repeated is not None:
            ticket_id, promised_at, state, unsent = repeated
            waits = state is State.OCZEKUJE_NA_KLIENTA and not unsent
            return DuplicateCheck(Duplicate.SAME_REQUEST, ticket_id, bool(copies), promised_at, state, waits)
        return DuplicateCheck(Duplicate.NO, None, bool(copies), copy=self._copies.get(_key(identity)))

    def add(
        self, identity: Identity, ticket_id: int | None, promised_at: datetime, decided: Decision, *, proven: bool
    ) -> None:
        """Remember a message of this batch; a ticket whose mails have to leave yet is open, whatever its state.
        ``proven``: its sender is."""
        if decided.outcome is Outcome.SPAM:
            return
        self._messages.setdefault(identity.message_key, {}).setdefault(identity.fingerprint, ticket_id)
        if proven and identity.letter:
            self._copies.setdefault(_key(identity), EarlierCopy(ticket_id, decided.outcome))
        if ticket_id is not None and (decided.mails or not decided.state.closed):
            self._requests.setdefault(identity.fingerprint, (ticket_id, promised_at, decided.state, True))


def _key(identity: Identity) -> tuple[str, str]:
    return identity.message_key, identity.letter
