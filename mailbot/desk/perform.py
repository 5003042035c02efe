"""Does what an action comes to: one transaction with its mails, texts, event and row of the audit chain.

Whoever acts holds the sequence of tickets for that moment, as those who decide mails do: a person and a mail that comes
in are one after the other. Then link, mails and ticket are locked, in that order, as everywhere; the ticket is read,
its version compared, and the plan made on what is true now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Connection, Row, insert, select, update

from mailbot.audit import chain
from mailbot.desk import actions, case, effects
from mailbot.desk.means import Means
from mailbot.desk.outgoing import Outgoing
from mailbot.desk.plan import ActionPlan, ClockChange, Effect, OutboxChange, Refusal
from mailbot.desk.requests import Action, ActionRequest
from mailbot.desk.roles import may_look
from mailbot.desk.view import LOOKED, RAW, SHOWN, TicketView
from mailbot.errors import PermanentError
from mailbot.model import OutgoingMail, State
from mailbot.model.operator import Operator
from mailbot.outbox import jobs
from mailbot.storage.desk import approval, desk_text
from mailbot.storage.schema import outbox, ticket, ticket_event
from mailbot.tickets import activation, hold, number, sealing, sending, sla
from mailbot.tickets.used_applications import remember

if TYPE_CHECKING:
    from mailbot.flow.pipeline import Pipeline

HELD_BY_PERSON = "held by a person"
_UNDOABLE = frozenset(
    {
        *(Action.REPLY, Action.REPLY_AND_CLOSE, Action.ASK, Action.REFUSE_NAMED, Action.REFUSE_GENERIC),
        Action.ANSWER_COMPLAINT,
    }
)
"""What may be taken back while its mail has not left."""
_KEPT = ("state", "desk", "owner", "category", "promised_at", "standard_at", "reply_by", "closed_at", "alarm")
"""Columns that a taken back action gives back."""


class AuditAppender(Protocol):
    """Appends events that this transaction has written to the audit chain: the last thing it does."""

    def __call__(
        self, connection: Connection, events: Sequence[int], actor: str, *, before: int | None = None, reason: str = ""
    ) -> int:
        """``actor``: "operator:NAME" or "api:NAME"; ``before``: the version that was decided on."""
        ...


@dataclass(frozen=True, slots=True)
class Done:
    """What was done."""

    number: str
    event: int
    version: int
    """Of the ticket now."""
    plan: ActionPlan
    mails: tuple[int, ...] = ()
    """Rows of the outbox that were written."""
    told: tuple[tuple[str, str], ...] = ()
    """(name, value) of what only doing it has shown: when a released mail leaves, the number of a new ticket."""


@dataclass(frozen=True, slots=True)
class ActionPerformer:
    """The desk of one installation. Immutable; the rule set is that of ``flow``."""

    flow: Pipeline
    record: AuditAppender
    uid: int | None = None
    """Who acts at the shell of this machine, where nobody has shown to be the operator; None: at the console."""

    def case(self, connection: Connection, zgl: str, request: ActionRequest | None = None) -> TicketView | Refusal:
        """Ticket ``zgl``, in any spelling."""
        known = number.read(zgl)
        found = case.read(connection, known, self.flow.secret, self.flow.directory, request) if known else None
        return found or case.unknown(zgl)

    def perform(
        self, connection: Connection, zgl: str, operator: Operator, request: ActionRequest, now: datetime
    ) -> Done | Refusal:
        """Do it, or say why not: then nothing was written. The transaction must end with it."""
        first = number.lock(connection, self.flow.settings.tickets.start)
        found = self._locked(connection, zgl, request)
        if isinstance(found, Refusal):
            return found
        plan = self._plan(connection, found, operator, request, now)
        if isinstance(plan, Refusal):
            return plan
        with connection.begin_nested() as nested:
            done = self._write(connection, found, operator, plan, now, first)
            if isinstance(done, Refusal):
                nested.rollback()
                return done
        self.record(connection, [done.event], chain.operator(operator.name), before=found.version, reason=plan.event)
        return done

    def preview(
        self, connection: Connection, zgl: str, operator: Operator, request: ActionRequest, now: datetime
    ) -> tuple[OutgoingMail, ...] | Refusal:
        """The mails of an action as the citizen will see them; nothing is written."""
        found = self.case(connection, zgl, request)
        if isinstance(found, Refusal):
            return found
        plan = self._plan(connection, found, operator, request, now)
        if isinstance(plan, Refusal):
            return plan
        row = connection.execute(select(ticket).where(ticket.c.id == found.ticket_id)).one()
        written = self._outgoing.write(connection, found, row, plan, now, self._clocks(found, plan, now))
        return written if isinstance(written, Refusal) else tuple(mail for mail, _ in written)

    def look(
        self, connection: Connection, zgl: str, operator: Operator, what: str, inbox_id: int, now: datetime
    ) -> Refusal | None:
        """Write down that a person has opened the application ("application-opened"), a picture of another file
        ("shown") or the octets ("raw-opened") of a letter of the ticket: before they are shown."""
        found = self.case(connection, zgl)
        if isinstance(found, Refusal):
            return found
        if code := may_look(operator, found.desk, raw=what == RAW):
            return Refusal(code, {"desk": found.desk})
        mine = any(letter.inbox_id == inbox_id for letter in found.letters)
        if what not in (LOOKED, SHOWN, RAW) or not mine:
            return Refusal("no-letter")
        if what == LOOKED and inbox_id != found.inbox_id:  # another one is not what is decided on
            what = SHOWN
        event = _event(connection, found.ticket_id, now, what, {**self._by(operator), "inbox": inbox_id})
        self.record(connection, [event], chain.operator(operator.name), before=found.version, reason=what)
        return None

    def _by(self, operator: Operator) -> dict[str, Any]:
        return {"by": operator.name} | ({} if self.uid is None else {"uid": self.uid})

    @property
    def _outgoing(self) -> Outgoing:
        return Outgoing(self.flow)

    def _locked(self, connection: Connection, zgl: str, request: ActionRequest) -> TicketView | Refusal:
        known = number.read(zgl)
        if known is None:
            return case.unknown(zgl)
        hold.lock(connection, known)
        t = ticket.c
        ticket_id = connection.execute(select(t.id).where(t.number == known)).scalar_one_or_none()
        if ticket_id is None:
            return case.unknown(zgl)
        o = outbox.c
        connection.execute(select(o.id).where(o.ticket_id == ticket_id).order_by(o.id).with_for_update(key_share=True))
        other = number.read(getattr(request, "other", ""))
        both = [name for name in (known, other) if name]
        connection.execute(select(t.id).where(t.number.in_(both)).order_by(t.id).with_for_update(key_share=True))
        return self.case(connection, known, request)

    def _plan(
        self, connection: Connection, found: TicketView, operator: Operator, request: ActionRequest, now: datetime
    ) -> ActionPlan | Refusal:
        people = case.colleagues(connection) if request.action is Action.GIVE else {}
        plan = actions.decide(found, operator, request, Means(now, self.flow.ruleset, people, self.uid))
        if isinstance(plan, Refusal) and plan.code == "changed":
            happened = case.since(connection, self.flow.secret, found.ticket_id, request.version)
            return Refusal("changed", {"who": ", ".join(dict.fromkeys(h.by for h in happened if h.by))}, happened)
        return plan

    def _clocks(self, found: TicketView, plan: ActionPlan, now: datetime) -> sla.Clocks:
        return sla.clocks_of(plan.category, plan.state, now, self.flow.settings.tickets, self.flow.ruleset)

    def _write(
        self, connection: Connection, found: TicketView, operator: Operator, plan: ActionPlan, now: datetime, first: int
    ) -> Done | Refusal:
        """Everything of the plan but the chain. A refusal: the transaction must forget what was written."""
        row = connection.execute(select(ticket).where(ticket.c.id == found.ticket_id)).one()
        clocks = self._clocks(found, plan, now)
        written = self._outgoing.write(connection, found, row, plan, now, clocks)
        if isinstance(written, Refusal):
            return written
        if refused := _step_mails(connection, plan, now):
            return refused
        mails = self._outgoing.queue(connection, found, written, plan, now)
        detail: dict[str, Any] = {**self._by(operator), "on": found.version, **plan.detail}
        if plan.action in _UNDOABLE:
            rows = {mail.id: mail for mail in found.mails}
            over = [[mail, rows[mail].state] for mail, _ in plan.steps]
            detail |= {"mails": mails, "before": _before(row), "cancelled": over}
        elif mails:
            detail["mails"] = mails
        effect = effects.Effects(self.flow, found, plan, now, first, detail)
        told = effect.run(connection)
        if isinstance(told, Refusal):
            return told
        if plan.effect not in (Effect.FREEZE, Effect.RELEASE, Effect.END, Effect.TAKE_BACK):
            connection.execute(update(ticket).where(ticket.c.id == row.id).values(_moved(row, plan, now, clocks)))
        self._grant(connection, found, plan, now)
        event = effect.event or _event(connection, row.id, now, plan.event, detail)
        _halve(connection, found, operator, plan, event, now)
        if plan.texts:
            key, under = self.flow.secret, sealing.key_of(connection, self.flow.secret, row.id)
            texts = [case.seal(key, row.id, event, kind, words, under) for kind, words in plan.texts]
            connection.execute(insert(desk_text), texts)
        return Done(found.number, event, event, plan, tuple(mails), told)

    def _grant(self, connection: Connection, found: TicketView, plan: ActionPlan, now: datetime) -> None:
        if plan.grant is None:
            return
        given = plan.grant
        link = activation.Grant(
            found.ticket_id, found.number, given.login, self._outgoing.link_expires(plan, now), given.new_login
        )
        activation.grant(connection, [link], now, self.flow.secret)
        if given.application is not None:
            digests = (given.application.payload_sha256, given.application.signature_sha256)
            remember(connection, self.flow.secret, *digests, found.ticket_id)


def _event(connection: Connection, ticket_id: int, now: datetime, kind: str, detail: dict[str, Any]) -> int:
    values = {"ticket_id": ticket_id, "at": now, "kind": kind, "detail": detail}
    return int(connection.execute(insert(ticket_event).values(values).returning(ticket_event.c.id)).scalar_one())


def _before(row: Row[Any]) -> dict[str, str | None]:
    found = {name: getattr(row, name) for name in _KEPT}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in found.items()}


def _moved(row: Row[Any], plan: ActionPlan, now: datetime, clocks: sla.Clocks) -> dict[str, Any]:
    """Columns of the ticket after the plan; its clocks are looked at again at once."""
    values: dict[str, Any] = {
        "state": plan.state.value,
        "desk": plan.desk,
        "owner": plan.owner,
        "category": plan.category,
        "alarm_at": now,
    }
    if plan.clock is ClockChange.ENDS:
        return values | {"closed_at": now, "reply_by": None}
    if plan.clock is ClockChange.KEEP:
        values |= {"reply_by": None} if plan.state is not State.OCZEKUJE_NA_KLIENTA else {}
        return values | ({} if plan.state.closed else {"closed_at": None})
    anew = {"promised_at": clocks.promised_at, "standard_at": clocks.standard_at, "reply_by": clocks.reply_by}
    return values | anew | {"closed_at": None, "alarm": "", "alarm_at": clocks.alarm_at}


def _step_mails(connection: Connection, plan: ActionPlan, now: datetime) -> Refusal | None:
    o = outbox.c
    for mail, step in plan.steps:
        if step is OutboxChange.RETRY:
            try:
                sending.again(connection, mail, now)
            except PermanentError as error:
                return Refusal("mail-way", {"why": error.reason})
            continue
        ended = {"state": jobs.BURIED, "last_error": HELD_BY_PERSON}
        if step is OutboxChange.CANCEL:
            ended = {"state": jobs.CANCELLED}
        still = (o.id == mail, o.state.in_([jobs.WAITING, jobs.QUEUED, jobs.BURIED]))
        if not connection.execute(update(outbox).where(*still).values(ended)).rowcount:
            return Refusal("on-its-way")
        if step is OutboxChange.CANCEL and plan.action is Action.MAIL_CANCEL:
            _let_next_go(connection, mail, now)
    return None


def _let_next_go(connection: Connection, mail: int, now: datetime) -> None:
    """What waits behind a cancelled mail need not wait any more; mails of a link are never behind one that is."""
    o = outbox.c
    row = connection.execute(select(o.ticket_id, o.ordinal).where(o.id == mail)).one()
    behind = (o.ticket_id == row.ticket_id, o.ordinal > row.ordinal, o.id > mail, o.state == jobs.WAITING)
    following = connection.execute(select(o.id, o.delay_seconds).where(*behind).order_by(o.id).limit(1)).first()
    if row.ordinal and following:
        due = now + timedelta(seconds=following.delay_seconds)
        connection.execute(update(outbox).where(o.id == following.id).values(state=jobs.QUEUED, due_at=due))


def _halve(
    connection: Connection, found: TicketView, operator: Operator, plan: ActionPlan, event: int, now: datetime
) -> None:
    """What becomes of the first half of accept-b: an end or a stop of the ticket makes it stale."""
    half, a = plan.half, approval.c
    open_ones = update(approval).where(a.ticket_id == found.ticket_id, a.ended.is_(None))
    if half is not None and half.ended == "first":
        connection.execute(open_ones.values(ended="stale", ended_at=now))  # of people who work here no more
        row = {"ticket_id": found.ticket_id, "action": plan.action.value, "version": event, "digest": half.digest}
        connection.execute(insert(approval).values(operator_id=operator.id, at=now, **row))
        return
    stale = plan.state.closed or plan.state is State.WSTRZYMANE
    if found.first is None or (half is None and not stale):
        return
    by = operator.id if operator.id > 0 else None
    ended = {"ended": half.ended if half else "stale", "ended_at": now, "ended_by": by}
    connection.execute(open_ones.values(ended))


def drop_first_halves(connection: Connection, now: datetime) -> None:
    """Whatever a first person has accepted must be accepted anew: who took it back meanwhile may be forgotten."""
    a = approval.c
    connection.execute(update(approval).where(a.ended.is_(None)).values(ended="stale", ended_at=now))
