"""Tickets that belong together, and letters that do not. Pure."""

from __future__ import annotations

from mailbot.desk import ending
from mailbot.desk.means import Means
from mailbot.desk.plan import ActionPlan, Effect, Refusal, plan_of
from mailbot.desk.requests import Action, Link, Merge, Split
from mailbot.desk.roles import may
from mailbot.desk.sight import sees
from mailbot.desk.states import GOING
from mailbot.desk.view import Other, TicketView
from mailbot.model import State
from mailbot.model.categories import CASE_B
from mailbot.model.operator import Operator
from mailbot.text.address import login_key
from mailbot.tickets.hold import is_stopped


def merge(case: TicketView, operator: Operator, request: Merge, means: Means) -> ActionPlan | Refusal:
    other = case.others.get(request.other)
    if other is None or not sees(operator, other.desk):  # who merges reads the letters of both, and ends one
        return Refusal("no-ticket", {"number": request.other})
    if code := may(operator, Action.MERGE, other.state, other.desk) or _apart(case, other):
        return Refusal(code, {"number": case.merged_into or other.number, "desk": other.desk})
    detail = {"with": other.number}
    if other.ticket_id > case.ticket_id:
        state = State.W_TOKU if case.state is State.OCZEKUJE_NA_KLIENTA else case.state  # he has written
        return plan_of(case, request, "merged", state=state, effect=Effect.MERGE, other=other.number, detail=detail)
    changes = {"effect": Effect.MERGE, "other": other.number, "detail": detail}
    return ending.closed(case, request, "merged", State.ZAMKNIETE_BEZ_ZMIAN, steps=(), **changes)


def _apart(case: TicketView, other: Other) -> str:
    """Why two tickets cannot become one: code of a refusal."""
    mine, theirs = login_key(case.correspondent or ""), login_key(other.correspondent or "")
    if mine is None or mine != theirs or not other.proven or case.fact("authentication") != "pass":
        return "other-person"
    younger = max((case.ticket_id, case.category), (other.ticket_id, other.category))
    if case.link is not None or other.has_link or younger[1] == CASE_B:  # its application is what is decided on
        return "merge-link"
    if other.state not in GOING or is_stopped(other.state, other.desk) or ending.stands_still(case) or other.merged:
        return "merge-state"
    if case.merged_into:
        return "joined"
    return "itself" if other.ticket_id == case.ticket_id else ""


def split(case: TicketView, operator: Operator, request: Split, means: Means) -> ActionPlan | Refusal:
    letter = next((one for one in case.letters if one.inbox_id == request.letter and one.own), None)
    if letter is None:
        return Refusal("no-letter")
    if letter.opened:
        return Refusal("opening-letter")
    if not letter.kept:
        return Refusal("erased")
    return plan_of(case, request, "split", effect=Effect.SPLIT, letters=(letter.inbox_id,))


def link(case: TicketView, operator: Operator, request: Link, means: Means) -> ActionPlan | Refusal:
    other = case.others.get(request.other)
    if other is None or not sees(operator, other.desk):  # that there is one is told to nobody else
        return Refusal("no-ticket", {"number": request.other})
    if other.ticket_id == case.ticket_id:
        return Refusal("itself")
    return plan_of(case, request, "linked", effect=Effect.SEE, other=other.number, detail={"with": other.number})
