"""Writes what a batch of decisions means: tickets, events, mails, links and the end of the inbox rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, select, update

from mailbot.errors import LeaseLost
from mailbot.mails.write import ONCE_A_DAY
from mailbot.model import (
    ApplicationCheck,
    Decision,
    Desk,
    DuplicateCheck,
    Facts,
    MailKind,
    Outcome,
    OutgoingMail,
    State,
    Understanding,
)
from mailbot.outbox import jobs
from mailbot.ruleset.model import Service
from mailbot.secret import Secret
from mailbot.storage import schema
from mailbot.storage.among import among
from mailbot.storage.desk import ticket_link
from mailbot.storage.erasing import envelope_key, key_ids
from mailbot.storage.prepared import Encoded, Statement, encode, insert
from mailbot.text.mask import mask
from mailbot.tickets import bounce, hold, number, person, sealing, view
from mailbot.tickets.breaker import Reach
from mailbot.tickets.rate_limits import CountedFor, columns
from mailbot.tickets.sla import Clocks
from mailbot.tickets.tried import Tried

_FINISH = Statement(
    update(schema.inbox)
    .where(schema.inbox.c.id == bindparam("row"))
    .values(
        state=jobs.DONE,
        leased_by=None,
        leased_until=None,
        last_error=None,
        message_key=bindparam("message_key"),
        fingerprint=bindparam("fingerprint"),
        letter=bindparam("letter"),
        outcome=bindparam("outcome"),
        ticket_id=bindparam("ticket_id"),
    )
)

_HELD = (
    select(schema.inbox.c.id, schema.inbox.c.envelope)
    .where(
        among(schema.inbox.c.id, "rows"),
        schema.inbox.c.state == jobs.LEASED,
        schema.inbox.c.leased_by == bindparam("worker"),
    )
    .with_for_update()
)


class BatchRows:
    """The rows of a batch, collected so that each table is written by one statement."""

    def __init__(self, first_ticket: int) -> None:
        self._first = self.next_ticket = first_ticket
        self._done: list[dict[str, Any]] = []
        self._decisions: list[dict[str, Any]] = []
        self._tickets: list[dict[str, Any]] = []
        self._events: list[dict[str, Any]] = []
        self._mails: list[dict[str, Any]] = []
        self._moves: list[dict[str, Any]] = []
        self._shadows: list[dict[str, Any]] = []
        self._seen: list[tuple[int, ApplicationCheck]] = []
        self._links: list[dict[str, Any]] = []
        self._tried = Tried()

    def real(self, ticket_id: int) -> int:
        """The id of a ticket that was planned: -1 is the first that the batch opens."""
        return ticket_id if ticket_id > 0 else self._first - ticket_id - 1

    def open_ticket(
        self,
        inbox_id: int,
        u: Understanding,
        decision: Decision,
        language: str,
        clocks: Clocks,
        service: Service,
        now: datetime,
        opened_at: datetime,
        name: str | None,
    ) -> int:
        """A new ticket of ``service`` for the sender of ``u``; returns its id. ``name``: to find it by."""
        ticket_id = self.next_ticket
        self.next_ticket += 1
        self._tickets.append(
            {
                "id": ticket_id,
                "number": number.spell(ticket_id),
                "kind": service.kind,
                "category": decision.category,
                "state": decision.state.value,
                "desk": decision.desk.value,
                "correspondent": u.sender.address,
                "fingerprint": u.identity.fingerprint,
                "opened_at": opened_at,
                "promised_at": clocks.promised_at,
                "closed_at": now if decision.state.closed else None,
                "inbox_id": inbox_id,
                "language": language,
                "service": service.csd_service,
                "classification": service.csd_classification,
                "standard_at": clocks.standard_at,
                "reply_by": clocks.reply_by,
                "alarm_at": clocks.alarm_at,
                "person": name,
                "person_key": person.key(name) if name else None,
            }
        )
        self.event(ticket_id, now, "opened", {"inbox": inbox_id, "rule": decision.rule, "state": decision.state.value})
        return ticket_id

    def join(
        self,
        ticket_id: int,
        inbox_id: int,
        decision: Decision,
        what: str,
        clocks: Clocks,
        now: datetime,
        current: State | None,
    ) -> None:
        """The mail belongs to a ticket that is there; ``what`` names the event. A state that the rule names is taken
        over with new ``clocks``; a repeat changes nothing, nor does a rule that leaves the ``current`` state, for the
        ticket may have been moved since that was read, unless it names a new day for the citizen's answer (T6)."""
        outcome, category = decision.outcome.value, decision.category
        self.event(ticket_id, now, what, {"inbox": inbox_id, "outcome": outcome, "category": category})
        asks = MailKind.T6 in decision.mails
        if decision.outcome is not Outcome.DUPLICATE and (asks or decision.state is not current):
            moved = {"state": decision.state.value, "desk": decision.desk.value, "alarm": ""}
            times = {"alarm_at": clocks.alarm_at, "promised_at": clocks.promised_at, "reply_by": clocks.reply_by}
            closed = now if decision.state.closed else None
            self._moves.append({"row": ticket_id, "closed": closed, "asks": asks, **moved, **times})

    def came_out(self, ticket_id: int, released: str, inbox_id: int, now: datetime) -> None:
        """The ticket is what a person let out of another one (Envelope.released)."""
        which, _, old = released.partition(" ")
        self.event(ticket_id, now, "came-out", {"inbox": inbox_id, "of": which, "from": old})
        self._links.append({"ticket_id": ticket_id, "other_id": number.value(old), "kind": "see", "at": now})

    def event(self, ticket_id: int, now: datetime, kind: str, detail: dict[str, str | int]) -> None:
        self._events.append({"ticket_id": ticket_id, "at": now, "kind": kind, "detail": detail})

    def mail(
        self,
        ticket_id: int,
        ordinal: int,
        mail: OutgoingMail,
        deadline: datetime,
        now: datetime,
        inbox_id: int,
        reach: Reach,
        arrived_at: datetime,
    ) -> None:
        """``ordinal``: place among the mails that opened the ticket, from 1; 0: the ticket was there, and the mail
        leaves by itself, once a day. ``arrived_at``: when the mail came that it answers."""
        daily = not ordinal or mail.kind in ONCE_A_DAY
        alone = ordinal < 2
        self._mails.append(
            {
                "ticket_id": ticket_id,
                "slot": f"{mail.kind.value} {now:%Y-%m-%d}" if daily else mail.kind.value,
                "kind": mail.kind.value,
                "ordinal": ordinal,
                "recipient": mail.recipient,
                "return_path": mail.return_path,
                "message_id": mail.message_id,
                "raw": mail.raw,
                "state": jobs.QUEUED if alone else jobs.WAITING,
                "due_at": now + timedelta(seconds=mail.delay_seconds) if alone else now,
                "deadline": deadline,
                "delay_seconds": mail.delay_seconds,
                "inbox_id": inbox_id,
                "reach": reach.value,
                "arrived_at": arrived_at,
            }
        )

    def decide(
        self,
        inbox_id: int,
        u: Understanding,
        seen: DuplicateCheck,
        facts: Facts,
        decision: Decision,
        source: CountedFor,
        ticket_id: int | None,
        now: datetime,
    ) -> None:
        """How the message was decided, and that it is done; ``source``: whom it counts for."""
        self._done.append(
            {
                "row": inbox_id,
                "message_key": u.identity.message_key,
                "fingerprint": u.identity.fingerprint,
                "letter": u.identity.letter if u.sender.proven else "",
                "outcome": decision.outcome.value,
                "ticket_id": ticket_id,
            }
        )
        self._decisions.append(
            {
                "inbox_id": inbox_id,
                "decided_at": now,
                "ruleset": decision.ruleset,
                "rule": decision.rule,
                "outcome": decision.outcome.value,
                "facts": _words(facts),
                "notes": notes(u, seen, decision),
                "trace": [],
                "tried": self._tried.add(decision),
                **columns(source, decision, u.received_at),
            }
        )
        self._shadows += [
            {"inbox_id": inbox_id, "rule": rule, "outcome": outcome.value, "decided_at": now}
            for rule, outcome in decision.watched
        ]

    def see(self, inbox_id: int, checked: ApplicationCheck) -> None:
        """Keep what was read of the application, sealed as the message is."""
        if checked.view or checked.state.tried:
            self._seen.append((inbox_id, checked))

    def flush(self, connection: Connection, worker: str, secret: Secret) -> Sequence[Mapping[str, Any]]:
        """Write them; the new tickets as they were written. Raises LeaseLost."""
        ids = [row["row"] for row in self._done]
        held = connection.execute(_HELD, {"rows": ids, "worker": worker}).all()
        if len(held) != len(ids):
            raise LeaseLost("inbox: a row of the batch is held by another worker")
        tickets = sealing.tickets(secret, self._tickets)
        keys = {row.id: envelope_key(row.envelope) for row in held if "who" in row.envelope}
        sealed = ids if secret.hiding else [row for row, _ in self._seen]
        keys |= key_ids(connection, [row for row in sealed if row not in keys])
        views = [
            one for row, checked in self._seen for one in view.rows(secret, row, checked.view, checked, keys.get(row))
        ]
        for table, rows in (
            (schema.ticket, tickets),
            (schema.ticket_event, self._events),
            (schema.decision, sealing.decisions(secret, self._decisions, keys)),
            (schema.shadow_hit, self._shadows),
            (schema.application_view, views),
            (ticket_link, self._links),
        ):
            insert(connection, table, rows)
        self._tried.flush(connection)
        for move in self._moves:
            _move(connection, **move)
        self._flush_mails(connection, secret, tickets)
        _FINISH.run(connection, sealing.identities(secret, self._done))
        return tickets

    def _flush_mails(self, connection: Connection, secret: Secret, tickets: Sequence[Mapping[str, Any]]) -> None:
        if not self._mails:
            return
        joined = {row["ticket_id"] for row in self._mails if not row["ordinal"]}
        there = schema.outbox.c
        sent: set[tuple[int, str]] = set()
        if joined:  # an impatient repeat on the same day is joined in silence
            found = connection.execute(select(there.ticket_id, there.slot).where(there.ticket_id.in_(joined)))
            sent = {(row.ticket_id, row.slot) for row in found}
        fresh: dict[tuple[int, str], dict[str, Any]] = {}
        for row in self._mails:
            fresh.setdefault((row["ticket_id"], row["slot"]), row)
        rows = [row for key, row in fresh.items() if key not in sent]
        sealing.write_mails(connection, secret, rows, tickets)


def came_back(connection: Connection, u: Understanding, inbox_id: int, now: datetime) -> tuple[int, str] | None:
    """A mail of ticket ``u.bounced`` (if any) came back: a person must reach the citizen another way. Of one that is
    late only the history tells: the server goes on trying, and says so when it gives up. Returns that ticket, and what
    its history calls it.

    What came back, or lies somewhere, may be a warning, and who wants the account may have filled the mailbox of its
    login, or keep its server busy: a change of login is stopped, unless there is no such mailbox (as when the relay
    itself refuses it, workers.deliver).
    """
    if u.bounced is None:
        return None
    ticket = schema.ticket
    spared = not u.delayed and bounce.gone(u.message)
    for changes in () if spared else hold.waiting(connection, now, ticket.c.number == u.bounced):
        hold.freeze(connection, changes, now, {"inbox": inbox_id})
    if not u.delayed:
        connection.execute(
            update(ticket)
            .where(ticket.c.number == u.bounced, hold.goes_on())
            .values(state=State.DO_WERYFIKACJI.value, desk=Desk.II_LINIA.value, closed_at=None, alarm_at=now)
        )
    ticket_id = connection.execute(select(ticket.c.id).where(ticket.c.number == u.bounced)).scalar_one_or_none()
    return None if ticket_id is None else (ticket_id, "mail-delayed" if u.delayed else "mail-bounced")


def _move(connection: Connection, row: int, closed: datetime | None, *, asks: bool, **moved: Any) -> None:
    t = schema.ticket.c
    changed = [t.id == row, hold.goes_on()] + ([] if asks else [t.state != moved["state"]])
    # The answer to a question comes back to the desk, and to the person, that asked it.
    back = and_(t.state == State.OCZEKUJE_NA_KLIENTA.value, t.owner.is_not(None), t.desk != "")
    moved["desk"] = case((back, t.desk), else_=moved["desk"])
    connection.execute(update(schema.ticket).where(*changed).values(closed_at=closed, **moved))


@lru_cache(maxsize=4096)
def _words(facts: Facts) -> Encoded:
    return encode(asdict(facts))


def notes(u: Understanding, seen: DuplicateCheck, decision: Decision) -> dict[str, Any]:
    """The private reasons behind the facts, for operators: never shown to a citizen, and masked, for some of them
    quote the mail (a near-miss subject, the name of a file)."""
    found: dict[str, str | bool | list[str] | None] = {
        "authentication": u.sender.authentication.detail,
        "ambiguity": u.sender.ambiguity,
        "defects": [d.value for d in decision.defects],
        "repairs": list(u.message.repairs),
        "damage": list(u.message.damage),
        "application": list(u.checked.notes),
        "scan": u.scan,
        "differences": [f"{code.value} {detail}".strip() for code, detail in u.subject.differences],
        "reused_message_id": seen.reused_id,
        "floor": list(decision.floor),
    }
    return {key: _masked(value) for key, value in found.items() if value}


def _masked(value: str | bool | list[str]) -> str | bool | list[str]:
    if isinstance(value, bool):
        return value
    return mask(value) if isinstance(value, str) else [mask(one) for one in value]
