"""Which actions a page offers: those that the state and the role allow and that have something to act on. Pure.

What is offered may still be refused; what is not offered is not forbidden, and may be asked for by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mailbot.desk import actions
from mailbot.desk.requests import Action
from mailbot.desk.view import Case
from mailbot.flow.facts import CASE_B
from mailbot.mails.context import PROCEDURE
from mailbot.model import Operator, Outcome, Role
from mailbot.outbox import jobs

_UNSENT = (jobs.WAITING, jobs.QUEUED, jobs.BURIED)


def offered(case: Case, operator: Operator) -> tuple[Action, ...]:
    """In the order of Action."""
    found = actions.available(case, operator)
    return tuple(action for action in found if _FITS.get(action, _always)(case, operator))


def _always(_case: Case, _operator: Operator) -> bool:
    return True


def _procedure(case: Case, _operator: Operator) -> bool:
    return case.category.startswith(PROCEDURE) and case.link is None


def _case_a(case: Case, operator: Operator) -> bool:
    return _procedure(case, operator) and case.category != CASE_B and case.account is not None


def _case_b(case: Case, operator: Operator) -> bool:
    return _procedure(case, operator) and case.category == CASE_B and case.first is None


def _half(case: Case, _operator: Operator) -> bool:
    return case.first is not None


def _other_half(case: Case, operator: Operator) -> bool:
    return case.first is not None and case.first.operator_id != operator.id


def _limited(case: Case, _operator: Operator) -> bool:
    return case.outcome == Outcome.RATE_LIMITED and case.link is None and case.stopped_from is None


def _stopped(case: Case, operator: Operator) -> bool:
    return not _limited(case, operator)


def _mail(case: Case, _operator: Operator) -> bool:
    return any(mail.state in _UNSENT for mail in case.mails)


def _buried(case: Case, _operator: Operator) -> bool:
    return any(mail.state == jobs.BURIED for mail in case.mails)


def _not_yours(case: Case, operator: Operator) -> bool:
    return case.owner is None or (case.owner != operator.name and Role.SUPERVISOR in operator.roles)


def _held(case: Case, operator: Operator) -> bool:
    return case.owner == operator.name or Role.SUPERVISOR in operator.roles


def _holds(case: Case, operator: Operator) -> bool:
    return case.owner is not None and _held(case, operator)


def _letters(case: Case, _operator: Operator) -> bool:
    return len(case.letters) > 1


def _stoppable(case: Case, _operator: Operator) -> bool:
    return case.link is not None or (case.category.startswith(PROCEDURE) and not case.state.closed)


_FITS: Mapping[Action, Callable[[Case, Operator], bool]] = {
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
}
