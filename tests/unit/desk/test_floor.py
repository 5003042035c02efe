"""The last line: plans that no action makes, as a bug or a new action might, are refused by what they would write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mailbot.desk import actions, floor
from mailbot.desk import requests as r
from mailbot.desk.means import Means
from mailbot.desk.plan import ActionPlan, Effect, OutboxChange, PlannedGrant, PlannedMail, Wait
from mailbot.desk.requests import Action
from mailbot.desk.view import Applied, TicketView
from mailbot.model import AccountStatus, Applicant, MailKind, State
from mailbot.model.operator import Operator
from tests.bench_desk import ANNA, BASIA, NEW, Bench
from tests.flow import EWA, JAN, STRANGER

UNSURE = frozenset({"application"})
Change = Callable[[TicketView, ActionPlan], tuple[TicketView, ActionPlan]]


def facts(**changed: str) -> Change:
    return lambda case, plan: (replace(case, facts={**case.facts, **changed}), plan)


def of_case(**changed: object) -> Change:
    return lambda case, plan: (replace(case, **changed), plan)  # type: ignore[arg-type]


def of_plan(**changed: object) -> Change:
    return lambda case, plan: (case, replace(plan, **changed))  # type: ignore[arg-type]


def mail(kind: MailKind, **changed: object) -> Change:
    def change(case: TicketView, plan: ActionPlan) -> tuple[TicketView, ActionPlan]:
        mails = tuple(replace(m, **changed) if m.kind is kind else m for m in plan.mails)  # type: ignore[arg-type]
        return case, replace(plan, mails=mails)

    return change


def applied(**changed: object) -> Change:
    def change(case: TicketView, plan: ActionPlan) -> tuple[TicketView, ActionPlan]:
        assert case.applied is not None
        assert plan.grant is not None
        other = replace(case.applied, **changed)  # type: ignore[arg-type]
        return replace(case, applied=other), replace(plan, grant=replace(plan.grant, application=other))

    return change


BLOCKED = replace(JAN, status=AccountStatus.BLOCKED)
CASE_A: dict[str, tuple[Change, str]] = {
    "as it is": (of_plan(), ""),
    "nothing vouches": (facts(authentication="none"), "unproven"),
    "forged": (facts(authentication="fail"), "unproven"),
    "a machine": (facts(automatic="bulk"), "unproven"),
    "two senders": (facts(sender="ambiguous"), "unproven"),
    "malware": (facts(application="malware"), "unproven"),
    "no account": (of_case(account=None), "no-account"),
    "another account": (of_case(account=EWA), "no-account"),
    "a blocked account": (of_case(account=BLOCKED), "account-blocked"),
    "a stopped login": (of_case(blocked=frozenset({"A"})), "login-stopped"),
    "the link to another": (mail(MailKind.T3, recipient=STRANGER), "floor-link"),
    "the link alone": (of_plan(mails=(PlannedMail(MailKind.T3, JAN.login),)), "floor-link"),
    "the link first": (
        of_plan(mails=(PlannedMail(MailKind.T3, JAN.login), PlannedMail(MailKind.T2A, JAN.login))),
        "floor-link",
    ),
    "a link of another": (of_plan(grant=PlannedGrant(EWA.login)), "no-account"),
    "a link and no grant": (of_plan(grant=None), "floor-link"),
    "by another action": (of_plan(action=Action.REPLY), "floor-link"),
    "by a note": (of_plan(action=Action.NOTE), "floor-silent"),
    "stopped": (of_case(state=State.WSTRZYMANE), "stopped"),
    "at the security desk": (of_case(desk="BEZPIECZENSTWO"), "stopped"),
    "in quarantine": (of_case(state=State.KWARANTANNA), "floor-quarantine"),
    "it was in quarantine": (of_case(was_quarantined=True), "unproven"),
}
CASE_B: dict[str, tuple[Change, str]] = {
    "as it is": (of_plan(), ""),
    "one person": (of_case(first=None), "both-halves"),
    "nothing vouches": (facts(authentication="none"), "unproven"),
    "perhaps a machine": (facts(automatic="maybe"), "unproven"),
    "not looked": (of_case(looked=frozenset({"basia"})), "not-looked"),
    "no report": (of_case(applied=None), "broken"),
    "broken": (applied(whole=False), "broken"),
    "invalid": (applied(state="invalid"), "broken"),
    "unsigned": (applied(state="unsigned"), "broken"),
    "used before": (applied(replayed=True), "replayed"),
    "another application": (of_plan(grant=PlannedGrant(JAN.login, NEW, Applied("doubt", True))), "replayed"),
    "another signer": (applied(applicant=Applicant("Piotr", "Obcy", 1980, None)), "other-holder"),
    "another year": (applied(applicant=Applicant("Jan", "Kowalski", 1981, None)), "other-holder"),
    "the new address is a login": (of_case(account=EWA), "login-taken"),
    "a blocked account": (of_case(old_account=BLOCKED), "account-blocked"),
    "a stopped login": (of_case(blocked=frozenset({"B"})), "login-stopped"),
    "no hold": (mail(MailKind.T2B, wait=Wait.NONE), "floor-link"),
    "the warning to the new one": (mail(MailKind.T14, recipient=NEW), "floor-link"),
    "the link to the old one": (mail(MailKind.T3, recipient=JAN.login), "floor-link"),
    "the link to a stranger": (mail(MailKind.T3, recipient=STRANGER), "floor-link"),
    "not one after the other": (mail(MailKind.T3, follows=False), "floor-link"),
    "a login of another": (of_plan(grant=PlannedGrant(EWA.login, NEW)), "replayed"),
    "the first half sends": (of_plan(action=Action.ACCEPT_B), "floor-silent"),
}


def plan_a(bench: Bench) -> tuple[TicketView, ActionPlan, Operator]:
    bench.review_a()
    case = bench.case()
    request = r.AcceptA(version=case.version, reason="x", waived=frozenset({"name"}))
    plan = actions.decide(case, ANNA, request, Means(bench.clock(), bench.flow.ruleset, {}))
    assert isinstance(plan, ActionPlan)
    return case, plan, ANNA


def plan_b(bench: Bench) -> tuple[TicketView, ActionPlan, Operator]:
    bench.review_b()
    bench.look(ANNA, BASIA)
    bench.done(ANNA, r.AcceptB, old_login=JAN.login, waived=UNSURE)
    case = bench.case()
    request = r.ConfirmB(version=case.version, reason="x", old_login=JAN.login, waived=UNSURE)
    plan = actions.decide(case, BASIA, request, Means(bench.clock(), bench.flow.ruleset, {}))
    assert isinstance(plan, ActionPlan)
    return case, plan, BASIA


@pytest.mark.parametrize("name", CASE_A)
def test_case_a(bench: Bench, name: str) -> None:
    case, plan, who = plan_a(bench)
    change, code = CASE_A[name]
    case, plan = change(case, plan)
    found = floor.violation(case, who, plan, bench.clock(), bench.flow.ruleset)
    assert (found.code if found else "") == code


@pytest.mark.parametrize("name", CASE_B)
def test_case_b(bench: Bench, name: str) -> None:
    case, plan, who = plan_b(bench)
    change, code = CASE_B[name]
    case, plan = change(case, plan)
    found = floor.violation(case, who, plan, bench.clock(), bench.flow.ruleset)
    assert (found.code if found else "") == code


def test_both_halves_by_one_however_he_is_called(bench: Bench) -> None:
    case, plan, _ = plan_b(bench)
    for twin in (replace(BASIA, id=ANNA.id), replace(BASIA, name="anna")):
        found = floor.violation(case, twin, plan, bench.clock(), bench.flow.ruleset)
        assert found is not None
        assert found.code == "both-halves"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (of_plan(mails=(PlannedMail(MailKind.T21, STRANGER, text="x"),)), "unanswerable"),
        (of_plan(mails=(PlannedMail(MailKind.T21, EWA.login, text="Zadzwoń 600 100 200"),)), "text-contact"),
        (of_plan(mails=(PlannedMail(MailKind.T21, EWA.login),)), "floor-text"),
        (of_plan(mails=(PlannedMail(MailKind.T16, EWA.login, text="x"),)), "floor-text"),
        (of_plan(mails=(PlannedMail(MailKind.T3, EWA.login),)), "floor-link"),
        (of_plan(mails=(PlannedMail(MailKind.T14, EWA.login),)), "floor-link"),
        (facts(authentication="fail"), ""),  # what a person writes may go to a login
        (lambda c, p: (replace(facts(authentication="fail")(c, p)[0], account=None), p), "unanswerable"),
        (lambda c, p: (replace(facts(automatic="bulk")(c, p)[0], account=None), p), "unanswerable"),
        (
            lambda c, p: (replace(facts(authentication="none", answer="shut")(c, p)[0], account=None), p),
            "unanswerable",
        ),
        (of_plan(effect=Effect.RELEASE), ""),
        (of_case(desk="BEZPIECZENSTWO"), "stopped"),
        (of_plan(steps=((77, OutboxChange.CANCEL),)), "no-mail"),
    ],
)
def test_what_a_person_writes(bench: Bench, change: Change, code: str) -> None:
    bench.question()
    case = bench.case()
    request = r.ReplyAndClose(version=case.version, text="Działa.")
    plan = actions.decide(case, ANNA, request, Means(bench.clock(), bench.flow.ruleset, {}))
    assert isinstance(plan, ActionPlan)
    case, plan = change(case, plan)
    found = floor.violation(case, ANNA, plan, bench.clock(), bench.flow.ruleset)
    assert (found.code if found else "") == code
