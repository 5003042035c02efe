"""What a person may do: ticket, person and request in; a plan or a refusal out. Pure.

Each action has one function (in holding, answering, accept, ending, joining or mailing); ``FROM`` says from which state
it starts. ``decide`` asks role, version and reason before it, and the floor (floor.py) behind it, which knows nothing
of the actions and judges the plan alone. What was not foreseen is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from mailbot.desk import accept, answering, ending, floor, holding, joining, mailing
from mailbot.desk.means import REASON_LENGTH, Means
from mailbot.desk.plan import ActionPlan, Refusal
from mailbot.desk.requests import Action, ActionRequest
from mailbot.desk.roles import may
from mailbot.desk.states import CLOSED, GOING, OPEN
from mailbot.desk.view import TicketView
from mailbot.model import State
from mailbot.model.operator import Operator

NEEDS_REASON = frozenset(
    {
        *(Action.REFUSE_GENERIC, Action.ACCEPT_A, Action.ACCEPT_B, Action.CONFIRM_B, Action.WITHDRAW_B, Action.STOP),
        *(Action.RELEASE, Action.OUT_OF_QUARANTINE, Action.CLOSE, Action.REOPEN, Action.MERGE, Action.SPLIT),
        *(Action.MAIL_HOLD, Action.MAIL_CANCEL),
    }
)


_Work = Callable[[TicketView, Operator, Any, Means], ActionPlan | Refusal]


def decide(case: TicketView, operator: Operator, request: ActionRequest, means: Means) -> ActionPlan | Refusal:
    """What ``request`` comes to. Total."""
    action = request.action
    if request.version != case.version and action is not Action.STOP:  # who stops overwrites nothing, and must not wait
        return Refusal("changed")
    if code := may(operator, action, case.state, case.desk):
        return Refusal(code, {"desk": case.desk})
    if action in NEEDS_REASON and not request.reason.strip():
        return Refusal("reason")
    if len(request.reason) > REASON_LENGTH:
        return Refusal("too-long", {"most": str(REASON_LENGTH)})
    if not _state_allows(case, action):
        return Refusal("state", {"state": case.state.value})
    plan = _WORK[action](case, operator, request, means)
    if isinstance(plan, Refusal):
        return plan
    if request.reason.strip():
        plan = replace(plan, texts=(*plan.texts, ("reason", request.reason.strip())))
    broken = floor.violation(case, operator, plan, means.now, means.ruleset)
    return plan if broken is None else broken


def available(case: TicketView, operator: Operator) -> tuple[Action, ...]:
    """The actions that are worth offering: the role allows them, and the state does not forbid them at once."""
    return tuple(a for a in Action if not may(operator, a, case.state, case.desk) and _state_allows(case, a))


def _state_allows(case: TicketView, action: Action) -> bool:
    states = FROM.get(action)
    return states is None or case.state in states


FROM: Mapping[Action, Collection[State]] = {
    Action.TAKE: OPEN | {State.KWARANTANNA},
    Action.GIVE: OPEN | {State.KWARANTANNA},
    Action.PUT_BACK: OPEN | {State.KWARANTANNA},
    Action.ASSIGN: OPEN | {State.KWARANTANNA},
    Action.REPLY: OPEN | CLOSED,
    Action.REPLY_AND_CLOSE: GOING - {State.PONOWNIE_OTWARTE},
    Action.ASK: GOING,
    Action.REFUSE_NAMED: GOING,
    Action.REFUSE_GENERIC: GOING,
    Action.ACCEPT_A: GOING,
    Action.ACCEPT_B: GOING,
    Action.CONFIRM_B: GOING,
    Action.WITHDRAW_B: frozenset(State),
    Action.STOP: OPEN | CLOSED,
    Action.RELEASE: {State.WSTRZYMANE},
    Action.OUT_OF_QUARANTINE: {State.KWARANTANNA},
    Action.OUT_OF_LIMIT: {State.WSTRZYMANE},
    Action.CLOSE: OPEN | {State.KWARANTANNA},
    Action.REOPEN: CLOSED,
    Action.ANSWER_COMPLAINT: {State.PONOWNIE_OTWARTE},
    Action.MERGE: GOING,
    Action.SPLIT: OPEN | CLOSED,
}
"""Action → the states it starts from; what is not here starts from any."""


_WORK: Mapping[Action, _Work] = {
    Action.TAKE: holding.take,
    Action.GIVE: holding.give,
    Action.PUT_BACK: holding.put_back,
    Action.ASSIGN: holding.assign,
    Action.NOTE: holding.note,
    Action.REPLY: answering.reply,
    Action.REPLY_AND_CLOSE: answering.reply_and_close,
    Action.ASK: answering.ask,
    Action.REFUSE_NAMED: answering.refuse_named,
    Action.REFUSE_GENERIC: answering.refuse_generic,
    Action.ACCEPT_A: accept.case_a,
    Action.ACCEPT_B: accept.first_of_case_b,
    Action.CONFIRM_B: accept.second_of_case_b,
    Action.WITHDRAW_B: accept.withdraw,
    Action.STOP: ending.stop,
    Action.RELEASE: ending.release,
    Action.OUT_OF_QUARANTINE: ending.out_of_quarantine,
    Action.OUT_OF_LIMIT: ending.out_of_limit,
    Action.CLOSE: ending.close,
    Action.REOPEN: ending.reopen,
    Action.ANSWER_COMPLAINT: answering.answer_complaint,
    Action.MERGE: joining.merge,
    Action.SPLIT: joining.split,
    Action.LINK: joining.link,
    Action.MAIL_RETRY: mailing.retry,
    Action.MAIL_HOLD: mailing.hold,
    Action.MAIL_CANCEL: mailing.cancel,
    Action.TAKE_BACK: ending.take_back,
    Action.CALL: holding.call,
}
