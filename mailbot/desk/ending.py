"""How a ticket stops, goes on, ends and begins anew; and how what was written last is taken back. Pure."""

from __future__ import annotations

from typing import Any

from mailbot.desk import unsent
from mailbot.desk.means import Means
from mailbot.desk.plan import ActionPlan, ClockChange, Effect, OutboxChange, Refusal, plan_of
from mailbot.desk.requests import ActionRequest, Close, How, Silence
from mailbot.desk.view import TicketView
from mailbot.model import Desk, Outcome, State
from mailbot.model.categories import in_procedure
from mailbot.model.operator import Operator, Role
from mailbot.outbox import jobs
from mailbot.tickets.hold import is_stopped

CLOSED_BY = {
    How.DONE: State.ZAMKNIETE_ROZWIAZANE,
    How.REFUSED: State.ZAMKNIETE_NEGATYWNIE,
    How.UNCHANGED: State.ZAMKNIETE_BEZ_ZMIAN,
}


def closed(case: TicketView, request: ActionRequest, event: str, state: State, **changes: Any) -> ActionPlan:
    """A plan that ends the ticket: nobody has it, no clock runs, and what could not leave never does."""
    steps = unsent.ended(case, answered=bool(changes.get("mails")))
    ended = {"state": state, "desk": "", "clock": ClockChange.ENDS, "steps": steps}
    return plan_of(case, request, event, **{**ended, **changes})


def stands_still(case: TicketView) -> bool:
    return is_stopped(case.state, case.desk)


def stop(case: TicketView, operator: Operator, request: ActionRequest, means: Means) -> ActionPlan | Refusal:
    if case.state is State.WSTRZYMANE and case.desk == Desk.BEZPIECZENSTWO:
        return Refusal("stopped-already")
    still = {"state": State.WSTRZYMANE, "desk": Desk.BEZPIECZENSTWO, "owner": None}
    if case.link is not None:
        used = case.link.used_at is not None
        if used:
            still["state"] = State.DO_WERYFIKACJI
        return plan_of(case, request, "stopped", effect=Effect.FREEZE, **still)
    if not in_procedure(case.category) or case.state.closed:
        return Refusal("nothing-to-stop")
    return plan_of(case, request, "stopped", detail={"was": case.state.value, "desk": case.desk}, **still)


def release(case: TicketView, operator: Operator, request: ActionRequest, means: Means) -> ActionPlan | Refusal:
    if case.link is not None:
        free = {"state": State.ZAMKNIETE_ROZWIAZANE, "desk": "", "effect": Effect.RELEASE}
        return plan_of(case, request, "released", **free)
    if case.stopped_from is not None:
        state, desk = case.stopped_from
        return plan_of(case, request, "released", state=state, desk=desk, clock=ClockChange.ANEW)
    return Refusal("limit" if case.outcome == "RATE_LIMITED" else "not-stopped")


def _decided_again(case: TicketView, request: ActionRequest, event: str) -> ActionPlan | Refusal:
    mine = tuple(letter.inbox_id for letter in case.letters if letter.own and letter.kept)
    if not mine:
        return Refusal("erased")
    return closed(case, request, event, State.ZAMKNIETE_BEZ_ZMIAN, effect=Effect.AGAIN, letters=mine)


def out_of_quarantine(
    case: TicketView, operator: Operator, request: ActionRequest, means: Means
) -> ActionPlan | Refusal:
    return _decided_again(case, request, "out-of-quarantine")


def out_of_limit(case: TicketView, operator: Operator, request: ActionRequest, means: Means) -> ActionPlan | Refusal:
    if case.outcome != "RATE_LIMITED" or case.link is not None or case.stopped_from is not None:
        return Refusal("not-limited")
    return _decided_again(case, request, "out-of-limit")


def close(case: TicketView, operator: Operator, request: Close, means: Means) -> ActionPlan | Refusal:
    if request.silence is Silence.CALLED and not case.called:
        return Refusal("no-call")
    newest = max((letter.received_at for letter in case.letters), default=case.opened_at)
    if request.silence is Silence.ANSWERED and (case.answered_at is None or case.answered_at < newest):
        return Refusal("not-answered")
    stops = case.link is not None and case.link.used_at is None and stands_still(case)
    effect = Effect.END if stops else Effect.NONE
    if effect is Effect.END and request.how is not How.REFUSED:
        return Refusal("stopped-for-good")
    detail = {"how": request.how.value, "silence": request.silence.value, "of": case.desk}
    return closed(case, request, "closed", CLOSED_BY[request.how], effect=effect, detail=detail)


def reopen(case: TicketView, operator: Operator, request: ActionRequest, means: Means) -> ActionPlan | Refusal:
    if case.merged_into:
        return Refusal("joined", {"number": case.merged_into})
    if not case.decided:
        return Refusal("decided-again")
    if any(letter.opened and not letter.kept for letter in case.letters):
        return Refusal("erased")
    state = State.KWARANTANNA if case.outcome == Outcome.QUARANTINE else State.PONOWNIE_OTWARTE
    desk = Desk.BEZPIECZENSTWO if case.secured else desk_of(case)
    return plan_of(case, request, "reopened", state=state, desk=desk, clock=ClockChange.ANEW)


def desk_of(case: TicketView) -> Desk:
    return Desk.II_LINIA if in_procedure(case.category) else Desk.I_LINIA


def take_back(case: TicketView, operator: Operator, request: ActionRequest, means: Means) -> ActionPlan | Refusal:
    undo = case.undo
    if undo is None:
        alive = case.link is not None and case.link.alive(means.now)
        return Refusal("hold-link" if alive else "nothing-to-take-back")
    if undo.by != operator.name and Role.SUPERVISOR not in operator.roles:
        return Refusal("not-yours", {"owner": undo.by})
    mails = [mail for mail in case.mails if mail.id in undo.mails]
    if any(mail.in_doubt or mail.state not in (jobs.QUEUED, jobs.WAITING) for mail in mails):
        return Refusal("left-already")
    back = {
        "state": State(undo.before["state"] or ""),
        "desk": undo.before["desk"] or "",
        "owner": undo.before["owner"],
        "steps": tuple((mail.id, OutboxChange.CANCEL) for mail in mails),
    }
    return plan_of(case, request, "taken-back", effect=Effect.TAKE_BACK, detail={"event": undo.event}, **back)
