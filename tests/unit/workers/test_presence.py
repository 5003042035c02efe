"""Since when a worker has been there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mailbot.workers.presence import Presence
from tests.office import Clock

GAPS = {
    "a machine that slept, or a clock set forward": timedelta(hours=5),
    "a clock set back": timedelta(hours=-1),
}


def steps(presence: Presence, clock: Clock, minutes: int) -> None:
    for _ in range(minutes):
        clock.advance(minutes=1)
        presence.note()


def test_what_was_sent_before_a_start_may_still_come() -> None:
    clock = Clock()
    presence = Presence(clock, timedelta(minutes=70))
    assert not presence.is_complete()
    presence.note()
    steps(presence, clock, 69)
    assert not presence.is_complete()
    steps(presence, clock, 1)
    assert presence.is_complete()


@pytest.mark.parametrize("gap", GAPS)
def test_a_gap_is_as_a_start(gap: str) -> None:
    clock = Clock()
    presence = Presence(clock, timedelta(minutes=70))
    presence.note()
    steps(presence, clock, 80)
    clock.now += GAPS[gap]
    presence.note()
    assert not presence.is_complete()
    steps(presence, clock, 70)
    assert presence.is_complete()
