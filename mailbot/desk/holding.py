"""Who has a ticket, and what is written down for colleagues alone. Pure."""

from __future__ import annotations

from mailbot.desk.means import REASON_LENGTH, Means
from mailbot.desk.plan import ActionPlan, Refusal, plan_of
from mailbot.desk.requests import Action, ActionRequest, Asked, Assign, Call, CallOutcome, Give, Heard, Note
from mailbot.desk.roles import may
from mailbot.desk.view import TicketView
from mailbot.model import Desk, State
from mailbot.model.operator import Operator, Role

_BEGUN = frozenset({State.ZAREJESTROWANE, State.DO_WERYFIKACJI})
"""States that become W_TOKU when somebody takes the ticket."""


def take(case: TicketView, operator: Operator, request: ActionRequest, means: Means) -> ActionPlan | Refusal:
    if case.owner == operator.name:
        return Refusal("yours")
    if case.owner and Role.SUPERVISOR not in operator.roles:
        return _held(case)
    state = State.W_TOKU if case.state in _BEGUN else case.state
    return plan_of(case, request, "taken", state=state, owner=operator.name)


def _holds(case: TicketView, operator: Operator) -> bool:
    return case.owner == operator.name or Role.SUPERVISOR in operator.roles


def give(case: TicketView, operator: Operator, request: Give, means: Means) -> ActionPlan | Refusal:
    if not _holds(case, operator):
        return _held(case) if case.owner else Refusal("take-first")
    other = means.colleagues.get(request.to)
    if other is None or may(other, Action.TAKE, case.state, case.desk):
        return Refusal("colleague", {"name": request.to})
    return plan_of(case, request, "given", owner=other.name, detail={"to": other.name})


def put_back(case: TicketView, operator: Operator, request: ActionRequest, means: Means) -> ActionPlan | Refusal:
    if case.owner is None:
        return Refusal("nobodys")
    return plan_of(case, request, "put-back", owner=None) if _holds(case, operator) else _held(case)


def _held(case: TicketView) -> Refusal:
    return Refusal("held", {"owner": case.owner or ""})


def assign(case: TicketView, operator: Operator, request: Assign, means: Means) -> ActionPlan | Refusal:
    if request.desk not in set(Desk) or not request.desk:
        return Refusal("no-desk", {"desk": request.desk})
    if case.owner and not _holds(case, operator):
        return _held(case)
    if request.desk == case.desk:
        return Refusal("same-desk", {"desk": case.desk})
    return plan_of(case, request, "assigned", desk=request.desk, owner=None, detail={"desk": request.desk})


def note(case: TicketView, operator: Operator, request: Note, means: Means) -> ActionPlan | Refusal:
    words = request.text.strip()
    if not words:
        return Refusal("empty")
    if len(words) > REASON_LENGTH:
        return Refusal("too-long", {"most": str(REASON_LENGTH)})
    return plan_of(case, request, "note", texts=(("note", words),))


def call(case: TicketView, operator: Operator, request: Call, means: Means) -> ActionPlan | Refusal:
    counted = {word: sum(heard is word for heard in request.heard.values()) for word in Heard}
    every = all(request.heard.get(asked) is Heard.RIGHT for asked in Asked)
    if request.outcome is CallOutcome.TOLD and counted[Heard.WRONG] > 1:
        return Refusal("two-wrong")
    detail: dict[str, str | int] = {
        "outcome": request.outcome.value,
        "right": counted[Heard.RIGHT],
        "wrong": counted[Heard.WRONG],
        "identified": int(every),
    }
    words = request.text.strip()
    if len(words) > REASON_LENGTH:
        return Refusal("too-long", {"most": str(REASON_LENGTH)})
    return plan_of(case, request, "call", detail=detail, texts=(("call", words),) if words else ())
