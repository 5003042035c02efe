"""What an action does beside moving its ticket: stops and releases, merges and splits, letters decided again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, insert, select, update

from mailbot.clocks import WARSAW
from mailbot.desk.plan import ActionPlan, Effect, Refusal
from mailbot.desk.requests import Action
from mailbot.desk.view import Other, TicketView
from mailbot.model import State
from mailbot.outbox import jobs
from mailbot.storage import personal
from mailbot.storage.desk import ticket_link
from mailbot.storage.schema import application_view, decision, inbox, outbox, shadow_hit, ticket, ticket_event
from mailbot.tickets import hold, number, person, sealing, sla
from mailbot.tickets.notice import NoticeWriter
from mailbot.tickets.release import ReleaseRefused, release

if TYPE_CHECKING:
    from mailbot.flow.pipeline import Pipeline

EventDetails = tuple[tuple[str, str], ...]


@dataclass
class Effects:
    """The effect of one plan."""

    flow: Pipeline
    case: TicketView
    plan: ActionPlan
    now: datetime
    first: int
    """The next number of a ticket; the sequence is locked."""
    detail: dict[str, Any] = field(default_factory=dict)
    """Of the event."""
    event: int | None = None
    """The one that the effect has written itself."""

    def run(self, connection: Connection) -> EventDetails | Refusal:
        """Do it; returns what only that has shown."""
        work: Mapping[Effect, Callable[[Connection], EventDetails | Refusal]] = {
            Effect.FREEZE: self._freeze,
            Effect.RELEASE: self._release,
            Effect.END: self._end,
            Effect.AGAIN: self._again,
            Effect.MERGE: self._merge,
            Effect.SPLIT: self._split,
            Effect.SEE: self._see,
            Effect.TAKE_BACK: self._take_back,
        }
        return () if self.plan.effect is Effect.NONE else work[self.plan.effect](connection)

    def _freeze(self, connection: Connection) -> EventDetails | Refusal:
        hold.freeze(connection, self.case.number, self.now, self.detail)
        return self._written(connection)

    def _release(self, connection: Connection) -> EventDetails | Refusal:
        settings = self.flow.settings
        notice = NoticeWriter(
            self.flow.writer, self.flow.secret, settings.helpdesk.address, settings.helpdesk.verp_separator
        )
        lifetime = timedelta(hours=settings.activation.lifetime_hours)
        done = release(connection, self.case.number, self.now, lifetime, notice, self.detail)
        if isinstance(done, ReleaseRefused):
            return Refusal("release", {"why": done.reason})
        self._written(connection)
        starts, until = (f"{moment.astimezone(WARSAW):%Y-%m-%d %H:%M}" for moment in (done.starts, done.expires_at))
        return ("starts", starts), ("until", until)

    def _end(self, connection: Connection) -> EventDetails | Refusal:
        if not hold.close(connection, self.case.number, self.now, self.detail):
            return Refusal("not-stopped")
        return self._written(connection)

    def _written(self, connection: Connection) -> EventDetails:
        """Take over the event that the ticket's own code has written."""
        c = ticket_event.c
        newest = select(c.id).where(c.ticket_id == self.case.ticket_id).order_by(c.id.desc()).limit(1)
        self.event = connection.execute(newest).scalar_one()
        return ()

    def _again(self, connection: Connection) -> EventDetails | Refusal:
        """Have the letters decided again: what was decided stays in the history, what was made of it is made anew."""
        how = "quarantine" if self.plan.action is Action.OUT_OF_QUARANTINE else "limit"
        ids = self.plan.letters
        old = connection.execute(select(decision).where(decision.c.inbox_id.in_(ids))).all()
        self.detail["decisions"] = [
            {
                "inbox": row.inbox_id,
                "at": row.decided_at.isoformat(),
                "rule": row.rule,
                "outcome": row.outcome,
                "ruleset": row.ruleset,
                "facts": row.facts,
            }
            for row in old
        ]
        for table in (shadow_hit, application_view, decision):
            connection.execute(delete(table).where(table.c.inbox_id.in_(ids)))
        i = inbox.c
        for row in connection.execute(select(i.id, i.envelope).where(i.id.in_(ids)).with_for_update()).all():
            envelope = {**row.envelope, "released": f"{how} {self.case.number}"}
            untried = {"attempts": 0, "deferred": 0, "lane": None, "outcome": None}
            queued = {"state": jobs.QUEUED, "due_at": self.now, **untried}
            connection.execute(update(inbox).where(i.id == row.id).values(envelope=envelope, **queued))
        return (("letters", str(len(ids))),)

    def _merge(self, connection: Connection) -> EventDetails | Refusal:
        other = next(iter(self.case.others.values()))
        mine = (self.case.ticket_id, self.case.promised_at)
        theirs = (other.ticket_id, other.promised_at)
        (older, _), (younger, _) = sorted((mine, theirs))
        row = {"ticket_id": younger, "other_id": older, "kind": "merged", "at": self.now}
        connection.execute(insert(ticket_link).values(row))
        earlier = min(self.case.promised_at, other.promised_at)
        kept = {"promised_at": earlier, "alarm_at": self.now}
        t = ticket.c
        connection.execute(update(ticket).where(t.id == older).values(kept))
        waits = (t.id == older, t.state == State.OCZEKUJE_NA_KLIENTA.value)  # for him, who has written
        connection.execute(update(ticket).where(*waits).values(state=State.W_TOKU.value, reply_by=None))
        joined = {"by": self.detail["by"], "with": self.case.number}
        kind = "merged" if other.ticket_id == younger else "joined"
        self._tell(connection, other.ticket_id, kind, joined)
        if other.ticket_id == younger:
            self._close(connection, other)
        return (("into", number.spell(older)),)

    def _close(self, connection: Connection, other: Other) -> None:
        ended = {"state": State.ZAMKNIETE_BEZ_ZMIAN.value, "desk": "", "closed_at": self.now, "alarm_at": self.now}
        connection.execute(update(ticket).where(ticket.c.id == other.ticket_id).values(reply_by=None, **ended))

    def _tell(self, connection: Connection, ticket_id: int, kind: str, detail: dict[str, Any]) -> None:
        values = {"ticket_id": ticket_id, "at": self.now, "kind": kind, "detail": detail}
        connection.execute(insert(ticket_event).values(values))

    def _split(self, connection: Connection) -> EventDetails | Refusal:
        row = connection.execute(select(ticket).where(ticket.c.id == self.case.ticket_id)).one()
        (letter,) = self.plan.letters
        state = State.W_TOKU
        clocks = sla.clocks_of(row.category, state, self.now, self.flow.settings.tickets, self.flow.ruleset)
        zgl = number.spell(self.first)
        taken = connection.execute(select(inbox.c.fingerprint).where(inbox.c.id == letter)).scalar_one_or_none()
        same = ("kind", "category", "language", "service", "classification")
        whose = personal.whose(self.flow.secret, row)
        values = {name: getattr(row, name) for name in same} | {
            "id": self.first,
            "number": zgl,
            "state": state.value,
            "desk": row.desk or "I_LINIA",
            "owner": row.owner,
            "fingerprint": taken or row.fingerprint,
            "opened_at": self.now,
            "promised_at": clocks.promised_at,
            "standard_at": clocks.standard_at,
            "alarm_at": clocks.alarm_at,
            "inbox_id": letter,
            "correspondent": whose.address,
            "person": whose.name,
            "person_key": person.key(whose.name) if whose.name else None,
        }
        connection.execute(insert(ticket), sealing.tickets(self.flow.secret, [values]))
        number.advance(connection, self.first + 1)
        connection.execute(update(inbox).where(inbox.c.id == letter).values(ticket_id=self.first))
        link = {"ticket_id": self.first, "other_id": row.id, "kind": "split", "at": self.now}
        connection.execute(insert(ticket_link).values(link))
        self._tell(connection, self.first, "split-off", {"by": self.detail["by"], "from": row.number})
        self.detail |= {"into": zgl, "inbox": letter}
        return (("into", zgl),)

    def _see(self, connection: Connection) -> EventDetails | Refusal:
        other = next(iter(self.case.others.values()))
        k = ticket_link.c
        pair = (k.ticket_id == self.case.ticket_id, k.other_id == other.ticket_id, k.kind == "see")
        if connection.execute(select(k.kind).where(*pair)).first() is None:
            row = {"ticket_id": self.case.ticket_id, "other_id": other.ticket_id, "kind": "see", "at": self.now}
            connection.execute(insert(ticket_link).values(row))
        return ()

    def _take_back(self, connection: Connection) -> EventDetails | Refusal:
        assert self.case.undo is not None
        before = dict(self.case.undo.before)
        moments = ("promised_at", "standard_at", "reply_by", "closed_at")
        values: dict[str, Any] = {**before, "alarm_at": self.now}
        values |= {name: datetime.fromisoformat(text) for name in moments if (text := before[name])}
        connection.execute(update(ticket).where(ticket.c.id == self.case.ticket_id).values(values))
        for mail, state in self.case.undo.cancelled:
            over = (outbox.c.id == mail, outbox.c.state == jobs.CANCELLED)
            connection.execute(update(outbox).where(*over).values(state=state))
        return ()
