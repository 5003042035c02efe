"""Which actions a page offers, and why not the others: those that the state and the role allow and that have something
to act on. Pure.

What is offered may still be refused; what is not offered is not forbidden, and may be asked for by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mailbot.desk import actions
from mailbot.desk.plan import Refusal
from mailbot.desk.requests import Action
from mailbot.desk.roles import may
from mailbot.desk.view import TicketView
from mailbot.model import Operator, Outcome, Role
from mailbot.model.categories import CASE_B, in_procedure
from mailbot.outbox import jobs

_UNSENT = (jobs.WAITING, jobs.QUEUED, jobs.BURIED)


def offered(case: TicketView, operator: Operator) -> tuple[Action, ...]:
    """In the order of Action."""
    kept = withheld(case, operator)
    return tuple(action for action in Action if action not in kept)


def withheld(case: TicketView, operator: Operator) -> Mapping[Action, Refusal]:
    """The others, each with its reason."""
    possible = actions.available(case, operator)
    found = {action: _why_not(case, operator, action, action in possible) for action in Action}
    return {action: why for action, why in found.items() if why is not None}


def _why_not(case: TicketView, operator: Operator, action: Action, possible: bool) -> Refusal | None:
    if possible:
        return _FITS[action](case, operator) if action in _FITS else None
    code = may(operator, action, case.state, case.desk)
    return Refusal(code, {"desk": case.desk}) if code else Refusal("state", {"state": case.state.value})


def _procedure(case: TicketView, _operator: Operator) -> Refusal | None:
    if not in_procedure(case.category):
        return Refusal("not-procedure")
    return Refusal("had-link") if case.link is not None else None


def _grant(case: TicketView, operator: Operator) -> Refusal | None:
    return _procedure(case, operator) if in_procedure(case.category) else Refusal("no-procedure")


def _case_a(case: TicketView, operator: Operator) -> Refusal | None:
    if case.category == CASE_B:
        return Refusal("is-case-b")
    return _grant(case, operator) or (Refusal("no-account") if case.account is None else None)


def _case_b(case: TicketView, operator: Operator) -> Refusal | None:
    if case.category != CASE_B:
        return Refusal("not-case-b")
    return _grant(case, operator) or (Refusal("first-there", {"who": case.first.name}) if case.first else None)


def _half(case: TicketView, _operator: Operator) -> Refusal | None:
    return Refusal("no-first") if case.first is None else None


def _other_half(case: TicketView, operator: Operator) -> Refusal | None:
    if case.first is None:
        return Refusal("no-first")
    return Refusal("both-halves") if case.first.operator_id == operator.id else None


def _is_limited(case: TicketView) -> bool:
    return case.outcome == Outcome.RATE_LIMITED and case.link is None and case.stopped_from is None


def _limited(case: TicketView, _operator: Operator) -> Refusal | None:
    return None if _is_limited(case) else Refusal("not-limited")


def _stopped(case: TicketView, _operator: Operator) -> Refusal | None:
    return Refusal("limit") if _is_limited(case) else None


def _mail(case: TicketView, _operator: Operator) -> Refusal | None:
    return None if any(mail.state in _UNSENT for mail in case.mails) else Refusal("mail-ended")


def _buried(case: TicketView, operator: Operator) -> Refusal | None:
    buried = any(mail.state == jobs.BURIED for mail in case.mails)
    return None if buried else _mail(case, operator) or Refusal("not-buried")


def _not_yours(case: TicketView, operator: Operator) -> Refusal | None:
    if case.owner == operator.name:
        return Refusal("yours")
    return None if case.owner is None else _held(case, operator)


def _held(case: TicketView, operator: Operator) -> Refusal | None:
    if case.owner == operator.name or Role.SUPERVISOR in operator.roles:
        return None
    return Refusal("held", {"owner": case.owner}) if case.owner else Refusal("take-first")


def _holds(case: TicketView, operator: Operator) -> Refusal | None:
    return Refusal("nobodys") if case.owner is None else _held(case, operator)


def _letters(case: TicketView, _operator: Operator) -> Refusal | None:
    return None if len(case.letters) > 1 else Refusal("opening-letter")


def _stoppable(case: TicketView, _operator: Operator) -> Refusal | None:
    if case.link is not None or (in_procedure(case.category) and not case.state.closed):
        return None
    return Refusal("nothing-to-stop")


def _undo(case: TicketView, _operator: Operator) -> Refusal | None:
    return Refusal("nothing-to-take-back") if case.undo is None else None


_FITS: Mapping[Action, Callable[[TicketView, Operator], Refusal | None]] = {
    Action.TAKE: _not_yours,
    Action.GIVE: _held,
    Action.PUT_BACK: _holds,
    Action.REFUSE_NAMED: _procedure,
    Action.REFUSE_GENERIC: _procedure,
    Action.ACCEPT_A: _case_a,
    Action.ACCEPT_B: _case_b,
    Action.CONFIRM_B: _other_half,
    Action.WITHDRAW_B: _half,
    Action.STOP: _stoppable,
    Action.RELEASE: _stopped,
    Action.OUT_OF_LIMIT: _limited,
    Action.SPLIT: _letters,
    Action.MAIL_RETRY: _buried,
    Action.MAIL_HOLD: _mail,
    Action.MAIL_CANCEL: _mail,
    Action.TAKE_BACK: _undo,
}
