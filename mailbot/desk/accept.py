"""The link by hand: case A by one person, case B by two. Pure. The floor judges what comes out once more.

A person may wave aside what made the machine hand the ticket over, one thing after the other and with a reason. What
no reason can replace (a proven sender, an active account, a signature that fits) is the floor's.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from mailbot.desk import unsent
from mailbot.desk.plan import ActionPlan, ClockChange, Half, PlannedGrant, PlannedMail, Refusal, Wait, plan_of
from mailbot.desk.requests import AcceptA, AcceptB, ActionRequest, ConfirmB
from mailbot.desk.view import TicketView
from mailbot.flow.facts import holder
from mailbot.model import ApplicationState, MailKind, State
from mailbot.model.categories import CASE_A, CASE_B, in_procedure
from mailbot.model.operator import Operator, Role
from mailbot.outbox import jobs
from mailbot.text.address import login_key

if TYPE_CHECKING:
    from mailbot.desk.means import Means

_AS_EXPECTED = {
    "readable": "yes",
    "automatic": "no",
    "authentication": "pass",
    "duplicate": "no",
    "subject": "EXACT",
    "defects": "no",
    "name": "ok",
    "year": "ok",
    "limit": "no",
    "arrival": "fresh",
    "spam": "no",
}
"""Fact → the word that needs no explanation."""


def deviations(case: TicketView, phrase: str) -> frozenset[str]:
    """What is otherwise than the machine demands for case ``phrase`` (A or B): each needs the person's reason."""
    expected = {**_AS_EXPECTED, "phrase": phrase}
    found = {name for name, word in expected.items() if case.fact(name) != word}
    if phrase == "B" and case.applied is not None:
        if not ApplicationState(case.applied.state).accepted:
            found.add("application")
        if case.applied.old_login is None:
            found.add("old-login")
        if held_by(case) != "ok":
            found.add("holder")
    return frozenset(found)


def to_explain(case: TicketView) -> frozenset[str]:
    """What the machine demands of a request of the special procedure, and this one has not."""
    return deviations(case, "B" if case.category == CASE_B else "A") if in_procedure(case.category) else frozenset()


def held_by(case: TicketView) -> str:
    """Word of the fact "holder", asked of the directory now."""
    applied = case.applied
    if applied is None:
        return "unknown"
    return holder(applied.applicant, applied.body, case.old_account, namesake=case.namesake)


def case_a(case: TicketView, operator: Operator, request: AcceptA, means: Means) -> ActionPlan | Refusal:
    """T2A and T3 (and T1, if none was sent) to the login, which is the address that asked."""
    if case.category == CASE_B:
        return Refusal("is-case-b")
    if case.account is None:
        return Refusal("no-account")
    if unsaid := _unsaid(case, "A", request.waived):
        return unsaid
    login = case.account.login
    mails = _chain(case, login, PlannedMail(MailKind.T2A, login, Wait.TAKE_BACK), PlannedMail(MailKind.T3, login))
    return _granted(case, request, mails, PlannedGrant(login), CASE_A)


def first_of_case_b(case: TicketView, operator: Operator, request: AcceptB, means: Means) -> ActionPlan | Refusal:
    """The first half: nothing leaves."""
    if case.first is not None:
        return Refusal("first-there", {"who": case.first.name})
    found = _assessment(case, operator, request)
    if isinstance(found, Refusal):
        return found
    detail = {"waived": " ".join(sorted(request.waived))}
    return plan_of(case, request, "accept-b-first", half=Half("first", found), detail=detail)


def second_of_case_b(case: TicketView, operator: Operator, request: ConfirmB, means: Means) -> ActionPlan | Refusal:
    """The second half: T14 to the old login, and behind the whole hold T2B and T3 to the new address."""
    if case.first is None:
        return Refusal("no-first")
    if case.first.operator_id == operator.id or case.first.name == operator.name:
        return Refusal("both-halves")
    if case.first.uid is not None and case.first.uid == means.uid:  # two names, but one user of this machine
        return Refusal("both-halves")
    found = _assessment(case, operator, request)
    if isinstance(found, Refusal):
        return found
    if found != case.first.digest:
        return Refusal("other-facts")
    assert case.old_account is not None
    assert case.correspondent is not None
    old, new = case.old_account.login, case.correspondent
    mails = _chain(
        case,
        new,
        PlannedMail(MailKind.T14, old, Wait.TAKE_BACK),
        PlannedMail(MailKind.T2B, new, Wait.HOLD),
        PlannedMail(MailKind.T3, new),
    )
    granted = _granted(case, request, mails, PlannedGrant(old, new, case.applied), CASE_B)
    detail = {**granted.detail, "first": case.first.name}
    return plan_of(
        case,
        request,
        granted.event,
        state=granted.state,
        desk="",
        clock=granted.clock,
        mails=mails,
        steps=granted.steps,
        grant=granted.grant,
        half=Half("confirmed", found),
        detail=detail,
    )


def withdraw(case: TicketView, operator: Operator, request: ActionRequest, means: Means) -> ActionPlan | Refusal:
    """Whoever gave the first half may take it back, and a second person may see it otherwise."""
    if case.first is None:
        return Refusal("no-first")
    own = case.first.name == operator.name
    if not own and Role.SUPERVISOR not in operator.roles:
        return Refusal("not-yours", {"owner": case.first.name})
    return plan_of(case, request, "accept-b-withdrawn", half=Half("refused"), detail={"first": case.first.name})


def _assessment(case: TicketView, operator: Operator, request: AcceptB) -> str | Refusal:
    """Digest of what both people must have decided on."""
    if operator.id < 1:
        return Refusal("no-person")
    if case.category != CASE_B:
        return Refusal("not-case-b")
    if case.applied is None:
        return Refusal("no-report")
    named, read = login_key(request.old_login), login_key(case.applied.old_login or "")
    if named is None:
        return Refusal("no-address")
    if read is not None and read != named:
        return Refusal("other-login")
    if case.old_account is None or login_key(case.old_account.login) != named:
        return Refusal("no-account")
    if unsaid := _unsaid(case, "B", request.waived):
        return unsaid
    account = case.old_account
    assessment = [case.ticket_id, named, login_key(case.correspondent or ""), case.applied.payload_sha256]
    assessment += [account.given, account.surname, account.birth_year, account.status.value, sorted(request.waived)]
    assessment += [case.pepper] if case.pepper else []
    return hashlib.sha256(json.dumps(assessment).encode()).hexdigest()


def _unsaid(case: TicketView, phrase: str, waived: frozenset[str]) -> Refusal | None:
    """What the person has not ticked, or ticked though it is not so."""
    found = deviations(case, phrase)
    return None if found == waived else Refusal("deviations", {"which": ", ".join(sorted(found)) or "–"})


def _chain(case: TicketView, registered: str, first: PlannedMail, *rest: PlannedMail) -> tuple[PlannedMail, ...]:
    """The mails of a grant in their order; the registration before them where none was written."""
    behind = tuple(PlannedMail(m.kind, m.recipient, m.wait, follows=True) for m in rest)
    alive = (jobs.DONE, jobs.QUEUED, jobs.WAITING, jobs.LEASED)
    if any(mail.kind == MailKind.T1 and mail.state in alive for mail in case.mails):
        return (first, *behind)
    kept = PlannedMail(first.kind, first.recipient, Wait.NONE, follows=True)
    return (PlannedMail(MailKind.T1, registered, Wait.TAKE_BACK), kept, *behind)


def _granted(
    case: TicketView, request: AcceptA | AcceptB, mails: tuple[PlannedMail, ...], grant: PlannedGrant, category: str
) -> ActionPlan:
    return plan_of(
        case,
        request,
        "accepted",
        state=State.ZAMKNIETE_ROZWIAZANE,
        desk="",
        category=category,
        clock=ClockChange.ENDS,
        mails=mails,
        grant=grant,
        steps=unsent.ended(case, answered=True),
        detail={"waived": " ".join(sorted(request.waived))},
    )
