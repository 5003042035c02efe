"""The short form of ``python -m tests.chaos``: a few faults in two offices, as administrators start them."""

from __future__ import annotations

import time

import pytest

from tests.chaos.campaign import run
from tests.chaos.faults import ALL, applicable
from tests.chaos.invariants import leaving
from tests.chaos.relay import Relay
from tests.chaos.report import table
from tests.chaos.scenario import SCENARIOS, Scenario
from tests.relay_fake import CUT

_SECONDS = 25.0  # after which no other fault is begun


@pytest.mark.parametrize("scenario", SCENARIOS[:2], ids=lambda scenario: scenario.name)
async def test_nothing_is_lost_doubled_stuck_or_told_wrong(scenario: Scenario) -> None:
    result = await run(scenario, "1", count=14, deadline=time.monotonic() + _SECONDS)
    print(table([result], 1))
    assert result.wrong == [], result.log
    assert result.faults.total() > 0
    assert result.letters > 0


def test_every_fault_can_happen_somewhere() -> None:
    everywhere = {fault.name for scenario in SCENARIOS for fault in applicable(scenario.traits | {"small disk"})}
    assert everywhere == {fault.name for fault in ALL}
    assert len(ALL) == len(everywhere), "two faults have one name"


def _mail(kind: str) -> bytes:
    return f"Message-ID: <zgl0000001.{kind}.0123456789abcdef@d.example>\r\n\r\n.\r\n".encode()


Answers = list[tuple[str, bytes]]
SEEN: list[tuple[str, Answers, str]] = [
    ("in order", [("t1", b"250 ok"), ("t2a", b"250 ok"), ("t3", b"250 ok")], ""),
    ("refused, then taken", [("t1", b"451 later"), ("t1", b"250 ok")], ""),
    ("taken, and nobody told", [("t1", CUT), ("t1", b"250 ok")], ""),
    ("told, and taken again", [("t1", b"250 ok"), ("t1", b"250 ok")], "outside the window"),
    ("the second before the first", [("t2a", b"250 ok"), ("t1", b"250 ok")], "order"),
    ("again after its successor", [("t1", CUT), ("t2a", b"250 ok"), ("t1", b"250 ok")], "after its successor"),
]


@pytest.mark.parametrize(("answers", "wrong"), [s[1:] for s in SEEN], ids=[s[0] for s in SEEN])
def test_the_campaign_sees_what_must_not_be(answers: Answers, wrong: str) -> None:
    relay = Relay()
    for kind, answer in answers:
        relay.mails.append(_mail(kind))
        relay.book(answer)
    found: list[str] = []
    leaving(relay, {}, found.append)
    assert [what for what in found if wrong not in what or not wrong] == []
    assert bool(found) == bool(wrong)
