"""The floor of the desk: what no person may do, whatever the actions say. Beside that of the rules (ruleset/floor.py).

It judges the plan alone, by what will be written, and knows nothing of how an action came to it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from mailbot import model
from mailbot.desk import letters
from mailbot.desk.accept import held_by
from mailbot.desk.plan import ActionPlan, Effect, OutboxChange, Refusal, Wait
from mailbot.desk.requests import Action
from mailbot.desk.view import TicketView
from mailbot.model import AccountStatus, ApplicationState, MailKind, State
from mailbot.model.operator import Operator, Role
from mailbot.ruleset.model import Ruleset
from mailbot.text.address import login_key
from mailbot.tickets.hold import FROZEN, HELD, is_stopped

SILENT = frozenset(Action) - {
    *(Action.REPLY, Action.REPLY_AND_CLOSE, Action.ASK, Action.REFUSE_NAMED, Action.REFUSE_GENERIC),
    *(Action.ACCEPT_A, Action.CONFIRM_B, Action.ANSWER_COMPLAINT),
}
"""What never writes a mail: a note, a call, the first half of case B among them."""

CASE_A = (MailKind.T2A, MailKind.T3)
CASE_B = (MailKind.T14, MailKind.T2B, MailKind.T3)
_OF_A_LINK = frozenset({*CASE_A, *CASE_B})
_FREE = frozenset({Effect.RELEASE, Effect.AGAIN})
_APPLICATIONS = frozenset(
    {
        *(ApplicationState.QUALIFIED, ApplicationState.TRUSTED, ApplicationState.ADMITTED),
        *(ApplicationState.DOUBT, ApplicationState.SEVERAL, ApplicationState.OTHER_KIND),
    }
)
"""What may be under an application that two people accept: a signature that fits, though its kind or its signer was not
beyond doubt to the machine."""


def violation(
    case: TicketView, operator: Operator, plan: ActionPlan, now: datetime, ruleset: Ruleset
) -> Refusal | None:
    """The first thing that forbids ``plan``; None: nothing does."""
    return next(_violations(case, operator, plan, now, ruleset), None)


def _violations(
    case: TicketView, operator: Operator, plan: ActionPlan, now: datetime, ruleset: Ruleset
) -> Iterator[Refusal]:
    if plan.mails and plan.action in SILENT:
        yield Refusal("floor-silent")
    if plan.mails and case.state in (State.KWARANTANNA, State.ODRZUCONE_AUTOMAT):
        yield Refusal("floor-quarantine")
    if not operator.person and (plan.grant or plan.half or plan.effect in (*_FREE, Effect.END)):
        yield Refusal("no-person")
    yield from _unstopped(case, operator, plan)
    yield from _recipients(case, plan)
    for mail in plan.mails:
        if found := letters.fault(mail.text, case.number, ruleset.contacts):
            yield found
        if isinstance(files := letters.enclosures(mail.files), Refusal):
            yield files
        if bool(mail.text) is not mail.kind.by_hand:
            yield Refusal("floor-text")
    kinds = tuple(mail.kind for mail in plan.mails if mail.kind is not MailKind.T1)
    if plan.grant is None:
        if not _OF_A_LINK.isdisjoint(kinds):
            yield Refusal("floor-link")
    elif plan.grant.new_login is None:
        yield from _case_a(case, plan, kinds)
    else:
        yield from _case_b(case, operator, plan, kinds)
    yield from _steps(case, plan, now)


def _unstopped(case: TicketView, operator: Operator, plan: ActionPlan) -> Iterator[Refusal]:
    """What is stopped goes on by a release or an end alone, and by a supervisor where security has it."""
    if not is_stopped(case.state, case.desk):
        return
    if plan.grant is not None:
        yield Refusal("stopped")
    moved = not is_stopped(plan.state, plan.desk)
    ends = plan.state.closed and plan.action is Action.CLOSE
    if moved and not (plan.effect in _FREE or ends or plan.action in (Action.ASSIGN, Action.RELEASE)):
        yield Refusal("stopped")
    lets_go = plan.effect in (Effect.RELEASE, Effect.END) or plan.action is Action.RELEASE
    if (lets_go or (moved and case.desk == model.Desk.BEZPIECZENSTWO)) and Role.SUPERVISOR not in operator.roles:
        yield Refusal("supervisor")


def _recipients(case: TicketView, plan: ActionPlan) -> Iterator[Refusal]:
    """A mail goes to who wrote the letter, when he may be answered; what a person wrote also to an address that the
    directory holds. The mails of a grant are judged with it."""
    logins = {login_key(a.login) for a in (case.account, case.old_account) if a}
    correspondent = login_key(case.correspondent or "")
    for mail in plan.mails:
        key = login_key(mail.recipient)
        if key is None:
            yield Refusal("no-recipient")
        elif plan.grant is not None or (key in logins and mail.kind.by_hand):
            continue
        elif key != correspondent or not answerable(case):
            yield Refusal("unanswerable")


def answerable(case: TicketView) -> bool:
    """Whether who wrote the letter may be answered (as ruleset.floor.ANSWER_DEMANDS, for a person who has read it)."""
    proof, machine = case.fact("authentication"), case.fact("automatic")
    vouched = proof == "pass" or (proof in ("none", "temperror") and case.fact("answer") == "open")
    person = machine == "no" or (machine == "maybe" and proof == "pass")
    single = case.fact("sender") == "single"
    return vouched and person and single and case.fact("application") != ApplicationState.MALWARE


def _of_both(case: TicketView, plan: ActionPlan) -> Iterator[Refusal]:
    """What every link needs. ``case.link``: a ticket has one, ever."""
    if case.link is not None:
        yield Refusal("had-link")
    if case.fact("sender") != "single" or case.fact("automatic") not in ("no", "maybe"):
        yield Refusal("unproven")
    if case.fact("application") == ApplicationState.MALWARE or case.outcome == "QUARANTINE" or case.was_quarantined:
        yield Refusal("unproven")
    if plan.state is not State.ZAMKNIETE_ROZWIAZANE:
        yield Refusal("floor-link")


def _case_a(case: TicketView, plan: ActionPlan, kinds: tuple[MailKind, ...]) -> Iterator[Refusal]:
    """To the login, for a proven sender that is the login, of an active account."""
    account, grant = case.account, plan.grant
    yield from _of_both(case, plan)
    if kinds != CASE_A or grant is None or plan.action is not Action.ACCEPT_A:
        yield Refusal("floor-link")
        return
    proof = case.fact("authentication")
    if proof != "pass" and not (proof in ("none", "temperror") and case.identified):
        yield Refusal("unproven")
    key = login_key(case.correspondent or "")
    if account is None or key is None or key != login_key(account.login) or login_key(grant.login) != key:
        yield Refusal("no-account")
        return
    if account.status is not AccountStatus.ACTIVE:
        yield Refusal("account-blocked")
    if "A" in case.blocked:
        yield Refusal("login-stopped")
    if any(login_key(mail.recipient) != key for mail in plan.mails):
        yield Refusal("floor-link")


def _case_b(case: TicketView, operator: Operator, plan: ActionPlan, kinds: tuple[MailKind, ...]) -> Iterator[Refusal]:
    """Two people who have both looked; a signature that fits; the old login warned first; the hold kept; to the proven
    new address, which is nobody's login."""
    grant, old, first, applied = plan.grant, case.old_account, case.first, case.applied
    yield from _of_both(case, plan)
    if grant is None or plan.action is not Action.CONFIRM_B or kinds != CASE_B:
        yield Refusal("floor-link")
        return
    if first is None or first.operator_id == operator.id or first.name == operator.name:
        yield Refusal("both-halves")
        return
    if not {first.name, operator.name} <= case.looked:
        yield Refusal("not-looked")
    if case.fact("authentication") != "pass" or case.fact("automatic") != "no":
        yield Refusal("unproven")
    if applied is None or not applied.whole or applied.state not in _APPLICATIONS:
        yield Refusal("broken")
        return
    if applied.replayed or grant.application != applied:
        yield Refusal("replayed")
    if held_by(case) == "mismatch":
        yield Refusal("other-holder")
    new = login_key(case.correspondent or "")
    if old is None or new is None or login_key(grant.login) != login_key(old.login) or login_key(old.login) == new:
        yield Refusal("no-account")
        return
    if old.status is not AccountStatus.ACTIVE:
        yield Refusal("account-blocked")
    if case.account is not None:
        yield Refusal("login-taken")
    if "B" in case.blocked:
        yield Refusal("login-stopped")
    yield from _warned_first(plan, login_key(old.login), new)


def _warned_first(plan: ActionPlan, old: str | None, new: str) -> Iterator[Refusal]:
    grant = plan.grant
    wanted = {MailKind.T14: old, MailKind.T1: new, MailKind.T2B: new, MailKind.T3: new}
    if grant is None or login_key(grant.new_login or "") != new:
        yield Refusal("floor-link")
    if any(login_key(mail.recipient) != wanted.get(mail.kind) for mail in plan.mails):
        yield Refusal("floor-link")
    if any(mail.kind is MailKind.T2B and mail.wait is not Wait.HOLD for mail in plan.mails):
        yield Refusal("floor-link")
    if any(not mail.follows for mail in plan.mails[1:]):
        yield Refusal("floor-link")


def _steps(case: TicketView, plan: ActionPlan, now: datetime) -> Iterator[Refusal]:
    """A frozen mail leaves by a release alone; a mail of a living link is not taken out of its row. What ends
    otherwise than done has no link that lives."""
    rows = {mail.id: mail for mail in case.mails}
    alive = case.link is not None and case.link.alive(now)
    ends = plan.state.closed and plan.state not in (case.state, State.ZAMKNIETE_ROZWIAZANE)
    if alive and ends and plan.effect is not Effect.END:
        yield Refusal("link-alive")
    for mail, step in plan.steps:
        row = rows.get(mail)
        if row is None:
            yield Refusal("no-mail", {"mail": str(mail)})
        elif step is OutboxChange.RETRY and row.reason == FROZEN:
            yield Refusal("frozen")
        elif step is OutboxChange.CANCEL and row.kind in HELD and alive and plan.action is Action.MAIL_CANCEL:
            yield Refusal("cancel-link")
        elif step is OutboxChange.HOLD and row.kind in (
            *HELD,
            MailKind.T14,
        ):  # tried again, it would not wait for the hold
            yield Refusal("hold-link")
