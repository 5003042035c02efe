"""How the machine does: what waits in inbox and outbox, the mailboxes, the rule set that decides. The console shows it,
/metrics counts it.

Finished rows are not counted: they grow without end. Each query finds its rows by an index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, case, func, select

from mailbot.outbox import jobs
from mailbot.storage.mailbox import imap_cursor, mailbox_claim
from mailbot.storage.schema import outbox, ruleset_load

UNDONE = (jobs.WAITING, jobs.QUEUED, jobs.LEASED, jobs.BURIED)


@dataclass(frozen=True, slots=True)
class Loads:
    """What became of the rule sets in the folder. hash, at: of the one that was taken last."""

    hash: str | None
    at: datetime | None
    mistakes: str | None
    """Of the newest one, when it is refused; the last good one goes on."""
    refused_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefusedRules:
    """A rule set that was refused. mistakes: one a line."""

    at: datetime
    process: str
    mistakes: str


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An IMAP mailbox. missing: messages that ``mailbot reconcile`` found in no row and could not take in."""

    name: str
    polled_at: datetime
    reconciled_at: datetime | None
    missing: int


def undone(
    connection: Connection, table: Table, since: ColumnElement[datetime]
) -> Mapping[str, tuple[int, datetime | None]]:
    """State → rows of ``table`` that are not done, and the earliest ``since`` of them."""
    state = table.c.state
    found = connection.execute(
        select(state, func.count(), func.min(since)).where(state.in_(UNDONE)).group_by(state)
    ).all()
    return {name: next(((n, first) for key, n, first in found if key == name), (0, None)) for name in UNDONE}


def first_due() -> ColumnElement[datetime]:
    """Each try of a mail puts off when it is due, but not since when it should have left."""
    o = outbox.c
    return case((o.attempts > 0, func.coalesce(o.first_due_at, o.due_at)), else_=o.due_at)


def mailboxes(connection: Connection) -> list[Mailbox]:
    """Those that were looked at, by name."""
    c, claim = imap_cursor.c, mailbox_claim.c
    rows = connection.execute(
        select(c.mailbox, c.polled_at, claim.reconciled_at, func.coalesce(claim.reconciled_missing, 0))
        .select_from(imap_cursor.outerjoin(mailbox_claim, claim.mailbox == c.mailbox))
        .order_by(c.mailbox)
    )
    return [Mailbox(*row) for row in rows]


def loads(connection: Connection) -> Loads:
    """The rule set of now."""
    c = ruleset_load.c
    taken = connection.execute(
        select(c.hash, c.at).where(c.hash.is_not(None)).order_by(c.id.desc()).limit(1)
    ).one_or_none()
    newest = connection.execute(select(c.mistakes, c.at).order_by(c.id.desc()).limit(1)).one_or_none()
    mistakes = newest.mistakes if newest else None
    refused_at = newest.at if newest and mistakes is not None else None
    return Loads(taken.hash if taken else None, taken.at if taken else None, mistakes, refused_at)


def refused(connection: Connection, since: datetime, limit: int) -> list[RefusedRules]:
    """The newest rule sets that were refused."""
    c = ruleset_load.c
    wanted = select(c.at, c.process, c.mistakes).where(c.at >= since, c.mistakes.is_not(None))
    return [RefusedRules(*row) for row in connection.execute(wanted.order_by(c.at.desc()).limit(limit))]
