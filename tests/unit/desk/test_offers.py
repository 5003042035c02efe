"""What a page offers has something to act on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mailbot.desk.offers import offered
from mailbot.desk.requests import Action
from mailbot.desk.view import FirstHalf, MailRow, TicketMessage, TicketView
from mailbot.model import Account, Operator, Role, State

NOW = datetime(2026, 11, 30, tzinfo=UTC)
ANNA = Operator(1, "anna", "Anna", frozenset({Role.CONSULTANT}), frozenset(), "pl")
OLEK = Operator(2, "olek", "Olek", frozenset({Role.CONSULTANT, Role.SUPERVISOR}), frozenset(), "pl")
LETTER = TicketMessage(1, NOW, "GENERAL", True)
PLAIN = TicketView(
    ticket_id=1,
    number="ZGL0000001",
    version=1,
    category="OGOLNE",
    state=State.ZAREJESTROWANE,
    desk="I_LINIA",
    owner=None,
    language="pl",
    correspondent="a@b.example",
    opened_at=NOW,
    promised_at=NOW,
    reply_by=None,
    answered_at=None,
    closed_at=None,
    alarm="",
    inbox_id=1,
    rule="",
    outcome="GENERAL",
    facts={},
    letters=(LETTER,),
)
JAN = Account("a@b.example", "Jan", "Kowalski", 1980)
A, B = {"category": "HASLO_AWARYJNE_A", "account": JAN}, {"category": "HASLO_AWARYJNE_B"}
FIRST = {"first": FirstHalf(1, ANNA.id, ANNA.name, "d", NOW)}
BURIED = {"mails": (MailRow(1, "T8", "buried", 1, "a@b.example", NOW),)}


@pytest.mark.parametrize(
    ("who", "changes", "there", "not_there"),
    [
        (ANNA, {}, {"take", "reply", "note", "close"}, {"put-back", "accept-a", "refuse-named", "split", "mail-retry"}),
        (ANNA, {"owner": "anna"}, {"put-back", "give"}, {"take"}),
        (ANNA, {"owner": "olek"}, set(), {"take", "put-back", "give"}),
        (OLEK, {"owner": "anna"}, {"take", "put-back", "give"}, set()),
        (ANNA, A, {"accept-a", "refuse-named", "refuse-generic"}, {"accept-b", "confirm-b", "withdraw-b"}),
        (ANNA, B, {"accept-b", "refuse-named"}, {"accept-a", "confirm-b", "withdraw-b"}),
        (ANNA, {**B, **FIRST}, {"withdraw-b"}, {"accept-b", "confirm-b"}),
        (OLEK, {**B, **FIRST}, {"withdraw-b", "confirm-b"}, {"accept-b"}),
        (ANNA, BURIED, {"mail-retry", "mail-cancel"}, set()),
        (ANNA, {"letters": (LETTER, replace(LETTER, opened=False))}, {"split"}, set()),
        (OLEK, {"state": State.WSTRZYMANE, "outcome": "RATE_LIMITED"}, {"out-of-limit"}, {"release"}),
        (OLEK, {"state": State.WSTRZYMANE, "desk": "BEZPIECZENSTWO"}, {"release"}, {"out-of-limit"}),
        (ANNA, {"state": State.ZAMKNIETE_ROZWIAZANE}, {"reopen", "note"}, {"close", "take"}),
    ],
)
def test_offered(who: Operator, changes: dict[str, Any], there: set[str], not_there: set[str]) -> None:
    found = {action.value for action in offered(replace(PLAIN, **changes), who)}
    assert there - found == set()
    assert not_there & found == set()


def test_an_auditor_is_offered_nothing() -> None:
    auditor = replace(ANNA, roles=frozenset({Role.AUDITOR}))
    assert offered(PLAIN, auditor) == ()
    assert Action.NOTE in offered(PLAIN, ANNA)
