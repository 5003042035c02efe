"""A desk over a database of its own: mails are decided by the real flow, people act, nothing listens or sends."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import count
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update

from mailbot.accounts.sql import SqlDirectory
from mailbot.config import AuthenticationSettings, Settings
from mailbot.desk.perform import ActionPerformer, Done
from mailbot.desk.plan import Refusal
from mailbot.desk.requests import ActionRequest
from mailbot.desk.view import LOOKED, TicketView
from mailbot.flow.pipeline import Pipeline
from mailbot.inbox import message_of, store
from mailbot.model import (
    SENTENCES,
    Account,
    Applicant,
    ApplicationCheck,
    ApplicationState,
    Attachment,
    Envelope,
    Match,
    Phrase,
    RawMessage,
    Source,
    Understanding,
    View,
)
from mailbot.model.operator import Operator, Role
from mailbot.outbox import jobs
from mailbot.secret import Secret
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage.desk import operator as operators
from mailbot.storage.schema import account, inbox, outbox, raw_message, ticket, ticket_event
from mailbot.workers import claim
from mailbot.workers.outcome import Outcomes
from tests.citizens import AUTHSERV_ID, HELPDESK
from tests.flow import EWA, GOOD, JAN, Clock, add_accounts, mail

NEW = "jan.nowy@mejl.example"
B_BODY = f"{SENTENCES[Phrase.B]} Jan Kowalski, 1980"
SECRET = Secret(bytes(range(32)))
CONSULTANT, SUPERVISOR = frozenset({Role.CONSULTANT}), frozenset({Role.SUPERVISOR})
ANNA = Operator(1, "anna", "Anna A.", CONSULTANT, frozenset(), "pl")
BASIA = Operator(2, "basia", "Basia B.", SUPERVISOR, frozenset(), "pl")
CELA = Operator(3, "cela", "Cela C.", SUPERVISOR, frozenset(), "pl")
ADAM = Operator(4, "adam", "Adam D.", frozenset({Role.ADMIN}), frozenset(), "pl")
OLA = Operator(5, "ola", "Ola E.", frozenset({Role.AUDITOR}), frozenset(), "pl")
PEOPLE = (ANNA, BASIA, CELA, ADAM, OLA)
ROBOT = Operator(0, "api:csd", "api:csd", CONSULTANT | SUPERVISOR, frozenset(), "en", person=False)
"""Another system, with the most that a token can have; no row of the table operator."""
SIGNED = ApplicationCheck(
    state=ApplicationState.QUALIFIED,
    old_login=JAN.login,
    applicant=Applicant("Jan", "Kowalski", 1980, None),
    body=Match.OK,
    payload_sha256="a" * 64,
    signature_sha256="b" * 64,
    whole=True,
    view=View("Wniosek", None, ()),
)
"""A good application of JAN."""
DOUBTFUL = replace(SIGNED, state=ApplicationState.DOUBT)
"""The same, but a machine could not be sure."""


@cache
def _flow() -> Pipeline:
    settings = Settings(authentication=AuthenticationSettings(AUTHSERV_ID, max_age_days=36_500))
    return compose.pipeline(settings, SECRET, SqlDirectory(), StaticResolver({}), random.Random(1))


class Bench:
    """``engine``: over empty tables, to ``fill`` with accounts and operators, or over a copy of ones that were.
    ``flow``: of a database that has a secret of its own."""

    def __init__(self, engine: Engine, *, fill: bool = False, flow: Pipeline | None = None) -> None:
        self.engine = engine
        self.clock = Clock()
        self.chained: list[tuple[int, str, int | None]] = []
        """Events that were given to the audit chain: id, actor, version before."""
        if fill:
            add_accounts(engine)
            with engine.begin() as connection:
                connection.execute(insert(operators), [row_of(one, self.clock) for one in PEOPLE])
        self.flow = flow or _flow()
        self.desk = ActionPerformer(self.flow, self._chain)
        self._names = count(1)

    def _chain(
        self, connection: Connection, events: Any, actor: str, *, before: int | None = None, reason: str = ""
    ) -> int:
        self.chained += [(event, actor, before) for event in events]
        return len(self.chained)

    def letter(
        self,
        sender: str = JAN.login,
        body: str = GOOD,
        checked: ApplicationCheck | None = None,
        mail_from: str | None = None,
        **rest: Any,
    ) -> int:
        """Take a mail and decide it; returns its row of the inbox."""
        raw = mail(sender, body, name=rest.pop("name", f"m{next(self._names)}"), **rest)
        envelope = Envelope(Source.LMTP, mail_from=sender if mail_from is None else mail_from, rcpt_to=(HELPDESK,))
        with self.engine.begin() as connection:
            (stored,) = store(connection, [RawMessage(raw, envelope, self.clock())], self.clock(), self.flow.secret)
        self.decide(checked)
        return stored.inbox_id

    def decide(self, checked: ApplicationCheck | None = None) -> None:
        """Decide all that is queued; ``checked`` stands for the check of the files."""
        with self.engine.begin() as connection:
            ids = jobs.claim(connection, inbox, "w", self.clock(), timedelta(minutes=2), 50)
            rows = connection.execute(
                select(inbox, raw_message.c.raw).join(raw_message).where(inbox.c.id.in_(ids)).order_by(inbox.c.id)
            )
            batch = [(row["id"], self.flow.understand(message_of(row, self.flow.secret))) for row in rows.mappings()]
            if checked is not None:
                batch = [(row, _with_application(u, checked)) for row, u in batch]
            if batch:
                self.flow.record(connection, "w", batch, self.clock())

    def case(self, number: str = "1", request: ActionRequest | None = None) -> TicketView:
        with self.engine.begin() as connection:
            found = self.desk.case(connection, number, request)
        assert isinstance(found, TicketView)
        return found

    def version(self, number: str = "1") -> int:
        return self.case(number).version

    def act(self, who: Operator, kind: type[ActionRequest], number: str = "1", **values: Any) -> Done | Refusal:
        """Do it on the ticket as it is now."""
        values.setdefault("version", self.version(number))
        values.setdefault("reason", "powód")
        with self.engine.begin() as connection:
            return self.desk.perform(connection, number, who, kind(**values), self.clock())

    def done(self, who: Operator, kind: type[ActionRequest], number: str = "1", **values: Any) -> Done:
        found = self.act(who, kind, number, **values)
        assert isinstance(found, Done), found
        return found

    def code(self, who: Operator, kind: type[ActionRequest], number: str = "1", **values: Any) -> str:
        """Of the refusal; "" when it was done."""
        found = self.act(who, kind, number, **values)
        return found.code if isinstance(found, Refusal) else ""

    def look(self, *people: Operator, number: str = "1") -> None:
        """Each opens the application."""
        inbox_id = self.case(number).inbox_id
        with self.engine.begin() as connection:
            for one in people:
                assert self.desk.look(connection, number, one, LOOKED, inbox_id, self.clock()) is None

    def ticket(self, number: int = 1) -> Row[Any]:
        with self.engine.connect() as connection:
            return connection.execute(select(ticket).where(ticket.c.id == number)).one()

    def last(self) -> Row[Any]:
        """The newest ticket."""
        with self.engine.connect() as connection:
            return connection.execute(select(ticket).order_by(ticket.c.id.desc()).limit(1)).one()

    def mails(self, number: int = 1) -> list[Row[Any]]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(outbox).where(outbox.c.ticket_id == number).order_by(outbox.c.id)))

    def kinds(self, number: int = 1, *states: str) -> list[str]:
        return [m.kind for m in self.mails(number) if not states or m.state in states]

    def events(self, number: int = 1) -> list[str]:
        with self.engine.connect() as connection:
            wanted = select(ticket_event.c.kind).where(ticket_event.c.ticket_id == number).order_by(ticket_event.c.id)
            return list(connection.execute(wanted).scalars())

    def send(self, *, until: str = "") -> list[str]:
        """The relay takes what is due, mail for mail as the worker records it; returns the kinds, ``until`` one."""
        outcomes = Outcomes("d", self.clock, random.Random(1))
        left: list[str] = []
        while True:
            with self.engine.begin() as connection:
                o = outbox.c
                due = select(o.id).where(o.state == jobs.QUEUED, o.due_at <= self.clock())
                row = connection.execute(due.order_by(o.due_at, o.id).limit(1)).scalar_one_or_none()
                if row is None:
                    return left
                (mail,) = claim.mails(connection, self.flow.secret, [row])
                outcomes.accepted(connection, [(mail, "250 ok")])
                left.append(mail.kind)
            if left[-1] == until:
                return left

    def bury(self, kind: str, number: int = 1) -> int:
        """A mail of the ticket is given up; returns its row."""
        with self.engine.begin() as connection:
            o = outbox.c
            row = connection.execute(select(o.id).where(o.ticket_id == number, o.kind == kind)).scalar_one()
            connection.execute(update(outbox).where(o.id == row).values(state=jobs.BURIED, last_error="550 no"))
            moved = {"state": "DO_WERYFIKACJI", "desk": "II_LINIA", "closed_at": None}
            connection.execute(update(ticket).where(ticket.c.id == number).values(moved))
        return int(row)

    # situations

    def review_a(self) -> None:
        """Ticket 1: case A with a name that a machine could not be sure of, from JAN."""
        self.letter(body=f"{SENTENCES[Phrase.A]} Jan Kowalsky, 1980")

    def review_b(self, checked: ApplicationCheck = DOUBTFUL, sender: str = NEW, **rest: Any) -> None:
        """Ticket 1: case B of JAN from the address NEW."""
        self.letter(sender, B_BODY, checked, **rest)

    def question(self) -> None:
        """Ticket 1: a general matter of EWA."""
        self.letter(EWA.login, "Jak złożyć zgłoszenie celne? Nie działa formularz.", subject="Pytanie o zgłoszenie")

    def add(self, one: Account) -> None:
        from mailbot.accounts.rows import column_values

        with self.engine.begin() as connection:
            connection.execute(insert(account), [column_values(one)])


def _with_application(u: Understanding, checked: ApplicationCheck) -> Understanding:
    file = Attachment("wniosek.pdf", "application/pdf", b"%PDF-")
    message, request = replace(u.message, attachments=(file,)), replace(u.request, defects=())
    return replace(u, message=message, request=request, checked=checked)


def row_of(one: Operator, clock: Clock) -> dict[str, Any]:
    """Of the table operator."""
    return {
        "id": one.id,
        "name": one.name,
        "display": one.display,
        "roles": sorted(one.roles),
        "desks": sorted(one.desks),
        "language": one.language,
        "state": "active",
        "made_at": clock(),
    }
