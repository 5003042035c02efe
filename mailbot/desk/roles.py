"""Who may do what (seed 001, P17)."""

from __future__ import annotations

from mailbot.desk.requests import Action
from mailbot.model import Desk, State
from mailbot.model.operator import Operator, Role

WORKERS = frozenset({Role.CONSULTANT, Role.SUPERVISOR})
"""Who works with tickets. An admin keeps the machine and reads no letters; an auditor changes nothing."""

SUPERVISED = frozenset({Action.OUT_OF_QUARANTINE, Action.CONFIRM_B, Action.RELEASE})
"""What a supervisor alone may do, in whatever state the ticket is."""

_HARMLESS = frozenset({Action.NOTE, Action.CALL, Action.STOP, Action.LINK, Action.WITHDRAW_B})
"""What everybody who works here may do with a ticket of the security desk: it can only make things safer."""


FOR_PEOPLE = frozenset(
    {
        *(Action.ACCEPT_A, Action.ACCEPT_B, Action.CONFIRM_B, Action.WITHDRAW_B, Action.CALL),
        *(Action.RELEASE, Action.OUT_OF_QUARANTINE, Action.OUT_OF_LIMIT),
    }
)
"""What no other system does, whatever the role of its token: to decide who somebody is (an acceptance, a caller), and
to let go on what was stopped. Whoever steals a token, or makes one for himself, gets no account and is no second
person."""


def may_look(operator: Operator, desk: str, *, raw: bool) -> str:
    """Why ``operator`` may not open what the citizen sent, or its octets as they came (``raw``); "": he may."""
    if operator.roles.isdisjoint(WORKERS):
        return "role"
    if not operator.person:
        return "no-person"
    if operator.desks and desk and desk not in operator.desks:
        return "desk"
    return "supervisor" if raw and Role.SUPERVISOR not in operator.roles else ""


def may(operator: Operator, action: Action, state: State, desk: str) -> str:
    """Why ``operator`` may not do this to a ticket at ``desk``: code of a refusal; "": he may."""
    if operator.roles.isdisjoint(WORKERS):
        return "role"
    secured = desk == Desk.BEZPIECZENSTWO or state is State.KWARANTANNA
    stopped = secured or state is State.WSTRZYMANE
    if not operator.person and (action in FOR_PEOPLE or (stopped and action not in _HARMLESS)):
        return "no-person"
    if operator.desks and desk and desk not in operator.desks and action is not Action.STOP:
        return "desk"
    if Role.SUPERVISOR in operator.roles:
        return ""
    if action in SUPERVISED or (secured and action not in _HARMLESS):
        return "supervisor"
    return ""
