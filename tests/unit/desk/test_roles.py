"""What another system's token may do: never more than a person of its roles, and nothing that is a person's alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest

from mailbot.desk import floor
from mailbot.desk.plan import ActionPlan, Effect, Half, PlannedGrant
from mailbot.desk.requests import Action
from mailbot.desk.roles import FOR_PEOPLE, may, may_look
from mailbot.model import Desk, Operator, Role, State
from tests.bench_desk import BASIA, _flow
from tests.unit.desk.test_offers import PLAIN

BY_TOKEN = {
    *("take", "give", "put-back", "assign", "note", "reply", "reply-and-close", "ask", "refuse-named"),
    *("refuse-generic", "stop", "close", "reopen", "answer-complaint", "merge", "split", "link", "mail-retry"),
    *("mail-hold", "mail-cancel", "take-back"),
}
"""A new action must be decided on: here, or in FOR_PEOPLE."""
HARMLESS = {"note", "stop", "link"}
ROLES = [frozenset({role}) for role in Role] + [frozenset(Role)]


def test_every_action_is_decided_on() -> None:
    assert {action.value for action in Action} == BY_TOKEN | {action.value for action in FOR_PEOPLE}
    assert BY_TOKEN.isdisjoint({action.value for action in FOR_PEOPLE})


@pytest.mark.parametrize("roles", ROLES, ids=lambda roles: "+".join(sorted(roles)))
def test_a_token_is_less_than_a_person(roles: frozenset[Role]) -> None:
    person = Operator(1, "anna", "Anna", roles, frozenset(), "pl")
    token = Operator(0, "api:csd", "api:csd", roles, frozenset(), "en", person=False)
    for action, state, desk in product(Action, State, Desk):
        allowed = may(token, action, state, desk)
        if not allowed:
            assert may(person, action, state, desk) == ""
            assert action.value in BY_TOKEN
            stopped = state in (State.KWARANTANNA, State.WSTRZYMANE) or desk is Desk.BEZPIECZENSTWO
            assert not stopped or action.value in HARMLESS
        elif not may(person, action, state, desk):
            assert allowed == "no-person"
    for desk in Desk:
        assert may_look(token, desk, raw=False)
        assert may_look(token, desk, raw=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"grant": PlannedGrant("jan@wp.example")},
        {"half": Half("first")},
        {"half": Half("refused")},
        *({"effect": effect} for effect in (Effect.RELEASE, Effect.AGAIN, Effect.END)),
    ],
    ids=str,
)
def test_the_floor_asks_again(changes: dict[str, object]) -> None:
    """Whatever action it came from."""
    plan = ActionPlan(Action.NOTE, "note", PLAIN.state, PLAIN.desk, None, PLAIN.category, **changes)  # type: ignore[arg-type]
    token = replace(BASIA, id=0, name="api:csd", person=False)
    found = floor.violation(PLAIN, token, plan, datetime(2026, 11, 30, tzinfo=UTC), _flow().ruleset)
    assert found is not None
    assert found.code == "no-person"
