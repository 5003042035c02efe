"""What waits for CSD: the history of the tickets, read in the order of the audit chain.

A row of ticket_event is the outbox: whoever writes one (a mail, the desk, the link, a bounce, the shell, a program of
the release before) has promised the webhook with it, in the same transaction. The chain takes each over once and gives
it its place; here that order is followed, so nothing is told twice or left out, whichever transaction ended first.

One event of a ticket is queued at a time: the next one waits until it was accepted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, and_, exists, func, insert, select, update

from mailbot.csd import events
from mailbot.outbox import jobs
from mailbot.storage import upsert
from mailbot.storage.desk import audit, audit_head
from mailbot.storage.schema import ticket, ticket_event
from mailbot.storage.webhooks import webhook, webhook_head

_BATCH = 500  # rows of the chain that are read on in one transaction
_UNDONE = (jobs.WAITING, jobs.QUEUED, jobs.LEASED, jobs.BURIED)


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """How the connector does. waiting: events not accepted yet; oldest: when the first of them was made; buried: those
    that a person must see to; behind: rows of the chain that were not read; stopped_at, refused_at, refused: see
    webhook_head."""

    waiting: int = 0
    oldest: datetime | None = None
    buried: int = 0
    behind: int = 0
    stopped_at: datetime | None = None
    refused_at: datetime | None = None
    refused: str = ""

    @property
    def is_refused(self) -> bool:
        """Nothing leaves just now."""
        return self.stopped_at is not None or self.refused_at is not None


def is_behind(connection: Connection) -> bool:
    """Whether the chain has grown, or was never looked at."""
    read = connection.execute(select(webhook_head.c.seq).where(webhook_head.c.id == 1)).scalar_one_or_none()
    written = connection.execute(select(audit_head.c.seq).where(audit_head.c.id == 1)).scalar_one_or_none() or 0
    return read is None or read < written


def read_on(connection: Connection, now: datetime) -> int:
    """Queue what the chain has since; returns how many of its rows were read. The first time it begins at the end: CSD
    is told what happens from then on."""
    head = _locked_head(connection)
    e, a, t = ticket_event.c, audit.c, ticket.c
    wanted = (
        select(a.seq, a.hash, a.actor, e.kind, e.at, e.detail, t.id, t.number, t.state, t.desk)
        .select_from(audit)
        .outerjoin(ticket_event, and_(e.id == a.after, e.chained == a.seq))
        .outerjoin(ticket, t.id == e.ticket_id)
        .where(a.seq > head.seq)
        .order_by(a.seq)
        .limit(_BATCH)
    )
    rows = connection.execute(wanted).mappings().all()
    made = [_row(row, now) for row in rows if row["kind"] and events.type_of(row["kind"])]
    if made:
        connection.execute(insert(webhook), made)
        _let_go(connection, {row["id"] for row in rows if row["kind"]}, now)
    if rows:
        connection.execute(update(webhook_head).values(seq=rows[-1]["seq"]))
    return len(rows)


def let_next_go(connection: Connection, row: int, now: datetime, code: int | None) -> bool:
    """Webhook ``row`` was accepted, whoever holds it; the event behind it is due. False: that was known already."""
    _locked_head(connection)
    if not jobs.settle(connection, webhook, row, sent_at=now, last_code=code):
        return False
    of = connection.execute(select(webhook.c.ticket_id).where(webhook.c.id == row)).scalar_one()
    _let_go(connection, {of}, now)
    connection.execute(update(webhook_head).values(refused_at=None, refused=None))
    return True


def is_stopped(connection: Connection) -> bool:
    """Whether CSD said that it wants no more."""
    return (
        connection.execute(select(webhook_head.c.stopped_at).where(webhook_head.c.id == 1)).scalar_one_or_none()
        is not None
    )


def stop(connection: Connection, now: datetime) -> None:
    """CSD wants no more: nothing leaves until a person lets it."""
    connection.execute(update(webhook_head).where(webhook_head.c.stopped_at.is_(None)).values(stopped_at=now))


def resume(connection: Connection, now: datetime) -> bool:
    """Let what waits leave again, at once. False: nothing was stopped."""
    found = update(webhook_head).where(webhook_head.c.stopped_at.is_not(None)).values(stopped_at=None)
    if not connection.execute(found).rowcount:
        return False
    connection.execute(update(webhook).where(webhook.c.state == jobs.QUEUED).values(due_at=now))
    return True


def put_off(
    connection: Connection, row: RowMapping, worker: str, due: datetime, reason: str, code: int | None, now: datetime
) -> None:
    """Nothing is taken just now: the try of ``row`` was none of its own, and nobody else is asked before ``due``."""
    counted = {"attempts": row["attempts"] - 1, "last_error": reason, "last_code": code}
    jobs.retry(connection, webhook, row["id"], worker, due, **counted)
    begun = func.coalesce(webhook_head.c.refused_at, now)
    connection.execute(update(webhook_head).values(refused_at=begun, refused=reason))


def claim(connection: Connection, worker: str, now: datetime, lease: timedelta, limit: int) -> Sequence[RowMapping]:
    """Lease due events, each of another ticket."""
    jobs.reap(connection, webhook, now, attempts=1_000_000, lease=lease)
    ids = jobs.claim(connection, webhook, worker, now, lease, limit)
    w = webhook.c
    wanted = select(w.id, w.message_id, w.body, w.attempts, w.kind, ticket.c.number).join(ticket).where(w.id.in_(ids))
    return connection.execute(wanted.order_by(w.id)).mappings().all() if ids else ()


def standing(connection: Connection) -> QueueStatus:
    """How the connector does; nothing waits where it was never on."""
    head = connection.execute(select(webhook_head).where(webhook_head.c.id == 1)).one_or_none()
    if head is None:
        return QueueStatus()
    w = webhook.c
    counts = connection.execute(
        select(w.state, func.count(), func.min(w.made_at)).where(w.state.in_(_UNDONE)).group_by(w.state)
    ).all()
    written = connection.execute(select(audit_head.c.seq).where(audit_head.c.id == 1)).scalar_one_or_none() or 0
    return QueueStatus(
        waiting=sum(n for _, n, _ in counts),
        oldest=min((at for _, _, at in counts), default=None),
        buried=sum(n for state, n, _ in counts if state == jobs.BURIED),
        behind=written - head.seq,
        stopped_at=head.stopped_at,
        refused_at=head.refused_at,
        refused=head.refused or "",
    )


def troubles(found: QueueStatus) -> list[str]:
    """What a person must see to, with the mend."""
    told = []
    if found.stopped_at is not None:
        told.append(f"it said at {found.stopped_at:%Y-%m-%d %H:%M}Z that it wants no more; mend: mailbot csd resume")
    elif found.refused_at is not None:
        told.append(f"nothing is taken since {found.refused_at:%Y-%m-%d %H:%M}Z: {found.refused}; mend: see [csd]")
    if found.buried:
        told.append(f"{found.buried} events were refused; mend: mailbot csd ls --state buried, then mailbot csd retry")
    return told


def revive(connection: Connection, row: int | None, now: datetime) -> int:
    """Try a buried event again (None: every one); returns how many there were."""
    buried = select(webhook.c.id).where(webhook.c.state == jobs.BURIED)
    rows = [row] if row is not None else connection.execute(buried).scalars().all()
    return sum(jobs.revive(connection, webhook, each, now) for each in rows)


def _row(row: RowMapping, now: datetime) -> dict[str, object]:
    state, desk = row["state"], row["desk"]
    told = events.body(row["kind"], row["at"], row["seq"], row["number"], state, desk, row["detail"], row["actor"])
    return {
        "seq": row["seq"],
        "ticket_id": row["id"],
        "message_id": events.webhook_id(row["hash"]),
        "kind": events.type_of(row["kind"]),
        "body": told,
        "state": jobs.WAITING,
        "due_at": now,
        "made_at": now,
    }


def _let_go(connection: Connection, tickets: Collection[int], now: datetime) -> None:
    """Queue the first event of each ticket that was not accepted, if it waits. Under the lock of the head."""
    w, before = webhook.c, webhook.alias().c
    earlier = exists().where(before.ticket_id == w.ticket_id, before.id < w.id, before.state.in_(_UNDONE))
    first = (w.ticket_id.in_(tickets), w.state == jobs.WAITING, ~earlier)
    connection.execute(update(webhook).where(*first).values(state=jobs.QUEUED, due_at=now))


def _locked_head(connection: Connection) -> RowMapping:
    wanted = select(webhook_head).where(webhook_head.c.id == 1).with_for_update()
    found = connection.execute(wanted).mappings().one_or_none()
    if found is None:  # another process may be at the first look, too: then its row counts
        start = connection.execute(select(audit_head.c.seq).where(audit_head.c.id == 1)).scalar_one_or_none() or 0
        connection.execute(upsert.insert(connection, webhook_head).on_conflict_do_nothing(), {"id": 1, "seq": start})
        found = connection.execute(wanted).mappings().one()
    return found
