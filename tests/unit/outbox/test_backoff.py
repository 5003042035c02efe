"""How long to wait before trying again."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.outbox.backoff import STEPS, delay, longest


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 30), (2, 60), (3, 120), (4, 240), (7, 1920), (8, 3600), (9, 3600), (10_000, 3600)]
)
def test_the_wait_doubles_to_an_hour_and_is_spread(attempts: int, seconds: int) -> None:
    rng = random.Random(1)
    waits = [delay(attempts, rng).total_seconds() for _ in range(500)]
    assert min(waits) >= 0.8 * seconds
    assert max(waits) <= 1.2 * seconds
    assert min(waits) < 0.85 * seconds
    assert max(waits) > 1.15 * seconds


@given(st.integers(0, 1_000_000), st.randoms())
def test_the_wait_is_never_none_and_never_long(attempts: int, rng: random.Random) -> None:
    assert timedelta(seconds=12) <= delay(attempts, rng) <= timedelta(seconds=4320)


@given(st.integers(0, 1_000_000), st.randoms())
def test_no_wait_is_longer_than_the_longest(attempts: int, rng: random.Random) -> None:
    assert delay(attempts, rng) <= longest(attempts) <= longest(max(attempts, STEPS)) == longest(STEPS)
