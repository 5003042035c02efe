"""Ticket numbers, on each engine."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Engine

from mailbot.tickets import number


@pytest.mark.parametrize(
    ("value", "spelt"), [(1, "ZGL0000001"), (9_999_999, "ZGL9999999"), (10_000_000, "ZGL10000000")]
)
def test_spelling(value: int, spelt: str) -> None:
    assert number.spell(value) == spelt


def test_the_start_counts_only_on_an_empty_database(engine: Engine) -> None:
    with engine.begin() as connection:
        assert number.lock(connection, 500) == 500
        number.advance(connection, 503)
    with engine.begin() as connection:
        assert number.lock(connection, 1) == 503


def test_a_transaction_that_fails_spends_no_number(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), engine.begin() as connection:
        number.advance(connection, number.lock(connection, 1) + 1 // 0)
    with engine.begin() as connection:
        assert number.lock(connection, 7) == 7


def test_the_sequence_has_no_gap_and_no_twin_from_the_very_first_number(engine: Engine) -> None:
    taken: list[int] = []
    failed: list[Exception] = []
    together = threading.Barrier(4)

    def work() -> None:
        try:
            together.wait(30)
            for _ in range(10):
                with engine.begin() as connection:
                    value = number.lock(connection, 100)
                    number.advance(connection, value + 1)
                taken.append(value)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert sorted(taken) == list(range(100, 140))
