"""What becomes of a message beside its decision: the ticket that it joins, whether it needs one, and a link."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mailbot.flow.lookup import Assessment, LookupResult
from mailbot.flow.plan import Plan, joined, needs_none, waits_for_check
from mailbot.model import (
    Account,
    ApplicationCheck,
    ApplicationState,
    Duplicate,
    DuplicateCheck,
    MailKind,
    Outcome,
    Thread,
)
from mailbot.tickets import sla
from tests.total_table import Combination, understood
from tests.unit.flow.test_waiting import GOOD, assessed

ANNA = Account("anna@example.org", "Anna", "Kowalska", 1985)
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
CLOCKS = sla.Clocks(NOON, NOON, None, None)
REPEATED, WAITING, OWN = 7, 8, 9
"""Tickets: that of the first copy, that of the sender's mail over the limit, that which the mail names."""


def assessment(
    outcome: Outcome = Outcome.OK_A,
    mails: tuple[MailKind, ...] = (MailKind.T1, MailKind.T2A, MailKind.T3),
    *,
    duplicate: Duplicate = Duplicate.NO,
    thread: Thread | None = None,
    account: Account | None = ANNA,
) -> Assessment:
    made = assessed(understood(GOOD), GOOD)
    history = replace(made.found.history, thread=thread)
    found = LookupResult(account, DuplicateCheck(duplicate, REPEATED), history, made.found.counted_for, held=WAITING)
    return replace(made, found=found, decision=replace(made.decision, outcome=outcome, mails=mails))


@pytest.mark.parametrize(
    ("outcome", "ticket", "called"),
    [
        (Outcome.DUPLICATE, REPEATED, "repeated"),
        (Outcome.RATE_LIMITED, WAITING, "over-limit"),
        (Outcome.TICKET_UPDATE, OWN, "answered-by-citizen"),
        (Outcome.COMPLAINT_OK, OWN, "complaint"),
        (Outcome.COMPLAINT_LATE, OWN, "complaint-late"),
        *((outcome, None, "") for outcome in (Outcome.OK_A, Outcome.REVIEW, Outcome.NO_REPLY)),
    ],
)
def test_which_ticket_it_joins_and_under_what_name(outcome: Outcome, ticket: int | None, called: str) -> None:
    """Whatever else is known of it: each outcome has the ticket that it speaks of."""
    assert joined(assessment(outcome, (), thread=Thread(own=True, ticket_id=OWN))) == (ticket, called)


def test_an_answer_to_no_ticket_gets_one_of_its_own() -> None:
    assert joined(assessment(Outcome.TICKET_UPDATE, ())) == (None, "")


@pytest.mark.parametrize(
    ("outcome", "duplicate", "expected"),
    [
        (Outcome.NO_REPLY, Duplicate.NO, True),
        (Outcome.SPAM, Duplicate.NO, True),
        (Outcome.DUPLICATE, Duplicate.SAME_MESSAGE, True),
        (Outcome.DUPLICATE, Duplicate.SAME_REQUEST, True),
        (Outcome.DUPLICATE, Duplicate.NO, False),
        (Outcome.REVIEW, Duplicate.SAME_REQUEST, False),
        (Outcome.QUARANTINE, Duplicate.NO, False),
    ],
)
def test_what_a_person_wrote_is_in_some_ticket(outcome: Outcome, duplicate: Duplicate, expected: bool) -> None:
    assert needs_none(assessment(outcome, (), duplicate=duplicate)) == expected


@pytest.mark.parametrize(
    ("plan", "opens", "grants"),
    [
        (Plan(1, assessment(), -1, clocks=CLOCKS), True, True),
        (Plan(1, assessment(), -1), False, False),
        (Plan(1, assessment(), REPEATED, "repeated", CLOCKS), False, True),
        (Plan(1, assessment(account=None), -1, clocks=CLOCKS), True, False),
        (Plan(1, assessment(mails=(MailKind.T1, MailKind.T2A)), -1, clocks=CLOCKS), True, False),
    ],
)
def test_a_link_is_made_for_an_account_that_is_told_of_it(plan: Plan, opens: bool, grants: bool) -> None:
    assert (plan.opens, plan.grants) == (opens, grants)


CHECKED = ApplicationCheck(ApplicationState.UNSIGNED)
B: Combination = ("EXACT", "LOGIN", "B", "OK", "QUALIFIED_OK", "NONE")


@pytest.mark.parametrize("c", [GOOD, B])
@pytest.mark.parametrize("outcome", Outcome)
def test_what_waits_for_the_check_of_its_files(c: Combination, outcome: Outcome) -> None:
    """Case B always; case A unless it is granted or told what it lacks; nothing that was checked."""
    made = assessed(understood(c), c)
    decided = replace(made, decision=replace(made.decision, outcome=outcome))
    assert waits_for_check(decided) == (c is B or outcome not in (Outcome.OK_A, Outcome.REJ_FORMAL))
    nobodys = replace(decided, facts=replace(decided.facts, account="unknown"))
    assert waits_for_check(nobodys), "of a login that is nobody's the hour must not tell so"
    assert not waits_for_check(replace(nobodys, u=replace(nobodys.u, checked=CHECKED)))
