"""Random people do random things to random tickets, in any order, on old pages too: the floor holds all the same."""

from __future__ import annotations

import random
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import event, func, select

from mailbot.desk import actions, floor, refusals
from mailbot.desk import requests as r
from mailbot.desk.plan import Refusal
from mailbot.desk.requests import Action, ActionRequest
from mailbot.model import ApplicationState, Defect, MailKind
from mailbot.model.operator import Operator
from mailbot.outbox import jobs
from mailbot.storage.desk import approval, desk_text, ticket_link
from mailbot.storage.engine import connect
from mailbot.storage.schema import activation, decision, inbox, outbox, ticket, ticket_event
from mailbot.text.address import login_key
from mailbot.tickets import sla
from tests.bench_desk import DOUBTFUL, NEW, PEOPLE, ROBOT, SIGNED, Bench
from tests.flow import EWA, JAN, STRANGER, ZOFIA
from tests.support import LONG

SECRET_NOTE = "TAJNE SLOWO"
LOGINS = {login_key(a.login) for a in (JAN, EWA, ZOFIA)}
CLOCKLESS = [state.value for state in sla.CLOCKLESS]
NEVER_FEWER = (ticket, ticket_event, outbox, inbox, desk_text, ticket_link, activation, approval)
BROKEN = replace(SIGNED, state=ApplicationState.INVALID, whole=False)
OTHERS = replace(SIGNED, applicant=replace(SIGNED.applicant, surname="Obcy"), state=ApplicationState.DOUBT)  # type: ignore[type-var]
LETTERS = {
    "case A, name in doubt": lambda b: b.review_a(),
    "case A": lambda b: b.letter(),
    "case A, not proven": lambda b: b.letter(auth="none"),
    "case A, blocked": lambda b: b.letter(ZOFIA.login, "Proszę o zmianę hasła awaryjnego dla Zofia Duda, 1965"),
    "case B": lambda b: b.review_b(SIGNED),
    "case B, in doubt": lambda b: b.review_b(DOUBTFUL),
    "case B, broken": lambda b: b.review_b(BROKEN),
    "case B of another": lambda b: b.review_b(OTHERS),
    "case B, not proven": lambda b: b.review_b(DOUBTFUL, auth="none"),
    "case B to a login": lambda b: b.review_b(DOUBTFUL, EWA.login),
    "forged": lambda b: b.letter(auth="fail"),
    "forged stranger": lambda b: b.letter(STRANGER, "Pomocy", subject="Pomocy", auth="fail"),
    "a machine": lambda b: b.letter(STRANGER, "Jestem na urlopie", subject="Auto", headers={"Precedence": "bulk"}),
    "question": lambda b: b.question(),
    "answer": lambda b: b.letter(EWA.login, "Dopisuję.", subject="Re: ZGL0000001"),
    "stop": lambda b: b.letter(JAN.login, "STOP", subject="Re: ZGL0000001"),
    "complaint": lambda b: b.letter(EWA.login, "Składam reklamację.", subject="Re: ZGL0000001"),
}
TEXTS = ["Sprawdzamy.", "Już działa.", "Proszę o nazwę formularza.", "Zadzwoń 600 100 200", "Jak ZGL 3", " "]


def values(draw: random.Random, action: Action, bench: Bench, number: str) -> dict[str, Any]:
    """What a person may fill into the form of ``action``, sensible or not."""
    case = bench.case(number)
    found: dict[str, Any] = {"reason": draw.choice(["powód"] * 9 + [""])}
    kind = r.REQUESTS[action]
    if issubclass(kind, r.Written):
        found |= {"text": draw.choice(TEXTS), "to": draw.choice(list(r.To))}
    if action in (Action.NOTE, Action.CALL):
        found["text"] = SECRET_NOTE
    if action in (Action.ACCEPT_A, Action.ACCEPT_B, Action.CONFIRM_B):
        phrase = "A" if action is Action.ACCEPT_A else "B"
        found["waived"] = draw.choice([actions.accept.deviations(case, phrase)] * 9 + [frozenset()])
    more: dict[Action, dict[str, Any]] = {
        Action.GIVE: {"to": draw.choice([one.name for one in PEOPLE])},
        Action.ASSIGN: {"desk": draw.choice(["I_LINIA", "II_LINIA", "BEZPIECZENSTWO", "", "X"])},
        Action.REPLY: {"template": draw.choice([None, None, MailKind.T16, MailKind.T3])},
        Action.REPLY_AND_CLOSE: {"how": draw.choice(list(r.How))},
        Action.ASK: {"defects": tuple(draw.sample(list(Defect), draw.randint(0, 2)))},
        Action.REFUSE_NAMED: {
            "defects": tuple(draw.sample(list(Defect), draw.randint(0, 2))),
            "missing": ("nazwisko",),
        },
        Action.ACCEPT_B: {"old_login": draw.choice([JAN.login] * 9 + [EWA.login, "x"])},
        Action.CONFIRM_B: {"old_login": draw.choice([JAN.login] * 9 + [EWA.login])},
        Action.CLOSE: {
            "how": draw.choice(list(r.How)),
            "silence": draw.choice(list(r.Silence)),
        },
        Action.MERGE: {"other": draw.choice(["1", "2", "ZGL 3"])},
        Action.LINK: {"other": draw.choice(["1", "2", "99"])},
        Action.SPLIT: {"letter": draw.randint(1, 6)},
        Action.CALL: {
            "outcome": draw.choice(list(r.CallOutcome)),
            "heard": {asked: draw.choice([r.Heard.RIGHT, *r.Heard]) for asked in r.Asked},
        },
    }
    if issubclass(kind, r.OfMail):
        found["mail"] = draw.randint(1, 8)
    return found | more.get(action, {})


class Office(RuleBasedStateMachine):
    """A day of an office that knows no rules."""

    fresh: Path

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.draw = draw = random.Random(seed)  # Hypothesis likes small and same values; people are more mixed
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "desk.db"
        shutil.copy(self.fresh, path)
        engine = connect(f"sqlite:///{path}")
        event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
        self.bench = Bench(engine)
        self.counts = dict.fromkeys(NEVER_FEWER, 0)
        LETTERS[draw.choice(sorted(LETTERS))](self.bench)

    def teardown(self) -> None:
        self._no_alarm_is_for_ever()
        self.bench.engine.dispose()
        self.folder.cleanup()

    def _no_alarm_is_for_ever(self) -> None:
        """Months go by: what is open has a person or a clock, and nothing rings that has ended."""
        for _ in range(3):
            self.bench.clock.advance(days=40)
            self.bench.decide()
            self.bench.send()
            self._look_at_clocks()
        with self.bench.engine.connect() as connection:
            for row in connection.execute(select(ticket).where(ticket.c.state.not_in(CLOCKLESS))).all():
                if row.closed_at is None:
                    assert row.alarm == "breach" or row.alarm_at is not None, row
                else:
                    assert row.alarm_at is None, row
            rings = select(ticket.c.number).where(sla.alarmed(), ticket.c.closed_at.is_not(None))
            assert connection.execute(rings).all() == []

    def _look_at_clocks(self) -> None:
        flow = self.bench.flow
        with self.bench.engine.begin() as connection:
            sla.look_at_due(connection, self.bench.clock(), flow.settings.tickets, flow.ruleset)

    def _number(self, draw: random.Random) -> str | None:
        with self.bench.engine.connect() as connection:
            numbers = connection.execute(select(ticket.c.number).order_by(ticket.c.id)).scalars().all()
        return draw.choice(numbers) if numbers else None

    @rule()
    def comes(self) -> None:
        LETTERS[self.draw.choice(sorted(LETTERS))](self.bench)

    def _act(self, draw: random.Random, action: Action, who: Operator, number: str, *, old: bool = False) -> None:
        kind: type[ActionRequest] = r.REQUESTS[action]
        request = kind(version=self.bench.version(number) - old, **values(draw, action, self.bench, number))
        before = self._mails()
        with self.bench.engine.begin() as connection:
            done = self.bench.desk.perform(connection, number, who, request, self.bench.clock())
        written = self._mails() - before
        if isinstance(done, Refusal):
            assert not written
            assert not done.code.startswith("floor-"), done
            assert refusals.sentence(done, "pl")
        elif action in floor.SILENT:
            assert not written

    def _mails(self) -> int:
        with self.bench.engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(outbox)).scalar_one()

    @rule()
    def does_anything(self) -> None:
        draw = self.draw
        if number := self._number(draw):
            who = draw.choice((*PEOPLE, ROBOT))
            self._act(draw, draw.choice(list(Action)), who, number, old=draw.random() < 0.2)

    @rule()
    def does_what_is_offered(self) -> None:
        draw = self.draw
        if number := self._number(draw):
            who = draw.choice(PEOPLE[:3])
            self._act(draw, draw.choice(actions.available(self.bench.case(number), who)), who, number)

    @rule()
    def changes_a_login(self) -> None:
        """What ends in a link if anything does."""
        draw = self.draw
        LETTERS[draw.choice(["case B, in doubt", "case B, broken", "case B of another", "case B, not proven"])](
            self.bench
        )
        if number := self.bench.last().number:
            one, other = draw.choice([(PEOPLE[0], PEOPLE[1]), (PEOPLE[1], PEOPLE[2]), (PEOPLE[1], PEOPLE[0])])
            self.bench.look(one, other, number=number)
            self._act(draw, Action.ACCEPT_B, one, number)
            self._act(draw, Action.CONFIRM_B, other, number)

    @rule()
    def time_goes_by(self) -> None:
        draw = self.draw
        self.bench.clock.advance(hours=draw.choice([0, 1, 5, 30, 300]), minutes=1)
        self.bench.send()
        self._look_at_clocks()

    @rule()
    def is_decided(self) -> None:
        self.bench.decide()

    @invariant()
    def nothing_is_deleted(self) -> None:
        if not hasattr(self, "bench"):
            return
        with self.bench.engine.connect() as connection:
            for table, before in self.counts.items():
                self.counts[table] = connection.execute(select(func.count()).select_from(table)).scalar_one()
                assert self.counts[table] >= before, table.name

    @invariant()
    def every_link_has_its_conditions(self) -> None:
        if not hasattr(self, "bench"):
            return
        with self.bench.engine.connect() as connection:
            for link in connection.execute(select(activation)).all():
                mails = connection.execute(select(outbox).where(outbox.c.ticket_id == link.ticket_id)).all()
                first = {mail.kind: mail for mail in reversed(mails)}
                to = {kind: login_key(mail.recipient) for kind, mail in first.items()}
                by_hand = self._accepted(connection, link.ticket_id)
                if link.new_login is None:
                    assert to["T3"] == to["T2A"] == link.login
                    assert "T14" not in first
                    continue
                assert to["T14"] == link.login
                assert to["T2B"] == to["T3"] == login_key(link.new_login) == login_key(NEW)
                assert first["T14"].id < first["T2B"].id < first["T3"].id
                hold = self.bench.flow.settings.case_b.hold_hours * 3600
                assert first["T2B"].delay_seconds >= hold
                if first["T2B"].sent_at:
                    assert (first["T2B"].sent_at - first["T14"].sent_at).total_seconds() >= hold
                if by_hand:
                    halves = connection.execute(
                        select(approval).where(approval.c.ticket_id == link.ticket_id, approval.c.ended == "confirmed")
                    ).one()
                    assert halves.operator_id != halves.ended_by
                    facts = connection.execute(
                        select(decision.c.facts)
                        .join(ticket, ticket.c.inbox_id == decision.c.inbox_id)
                        .where(ticket.c.id == link.ticket_id)
                    ).scalar_one()
                    assert facts["authentication"] == "pass"
                    assert facts["application"] != "invalid"

    @staticmethod
    def _accepted(connection: Any, ticket_id: int) -> bool:
        c = ticket_event.c
        return (
            connection.execute(select(c.id).where(c.ticket_id == ticket_id, c.kind == "accepted")).first() is not None
        )

    @invariant()
    def what_is_stopped_does_not_leave(self) -> None:
        if not hasattr(self, "bench"):
            return
        with self.bench.engine.connect() as connection:
            stopped = (ticket.c.state.in_(["WSTRZYMANE", "KWARANTANNA"]), ticket.c.desk == "BEZPIECZENSTWO")
            rows = connection.execute(select(outbox.c.kind, outbox.c.state).join(ticket).where(*stopped)).all()
        ready = [row.kind for row in rows if row.state in (jobs.QUEUED, jobs.WAITING)]
        assert not {"T2A", "T2B", "T3"} & set(ready)

    @invariant()
    def nobody_is_written_to_who_may_not_be(self) -> None:
        if not hasattr(self, "bench"):
            return
        with self.bench.engine.connect() as connection:
            rows = connection.execute(select(outbox.c.raw, outbox.c.recipient, ticket.c.inbox_id).join(ticket)).all()
            forged = set(
                connection.execute(
                    select(decision.c.inbox_id).where(decision.c.outcome.in_(["QUARANTINE", "NO_REPLY"]))
                ).scalars()
            )
        for row in rows:
            assert SECRET_NOTE.encode() not in row.raw
            assert row.inbox_id not in forged or login_key(row.recipient) in LOGINS
            assert login_key(row.recipient) in {*LOGINS, login_key(NEW)}


@pytest.mark.hypothesis  # a state machine is not marked by itself: the second job walks farther
def test_no_sequence_of_actions_gets_below_the_floor(fresh: Path) -> None:
    Office.fresh = fresh
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Office,
        settings=settings(
            max_examples=24 if LONG else 2,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            phases=(Phase.generate,),
        ),
    )
