"""The short form of ``python -m tests.chaos``: a few faults in two offices, as administrators start them."""

from __future__ import annotations

import time

import pytest

from tests.chaos.campaign import run
from tests.chaos.faults import ALL, applicable
from tests.chaos.report import table
from tests.chaos.scenario import SCENARIOS, Scenario

_SECONDS = 25.0  # after which no other fault is begun


@pytest.mark.timeout(180)
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
