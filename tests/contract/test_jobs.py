"""The life of a row that is work, on each engine."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, Row, insert, select, update

from mailbot.errors import LeaseLost
from mailbot.outbox import jobs
from mailbot.storage.schema import inbox

NOW = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
MOMENT = timedelta(seconds=1)


def add(engine: Engine, count: int, *, due: datetime = NOW, attempts: int = 0) -> list[int]:
    with engine.begin() as connection:
        start = len(connection.execute(select(inbox.c.id)).all())
        rows = [
            {
                "source": "inject",
                "delivery_key": f"k{start + n}",
                "sha256": "0" * 64,
                "size": 1,
                "envelope": {},
                "received_at": NOW,
                "state": jobs.QUEUED,
                "due_at": due,
                "attempts": attempts,
            }
            for n in range(count)
        ]
        return [connection.execute(insert(inbox).returning(inbox.c.id), row).scalar_one() for row in rows]


def state(engine: Engine, row: int) -> tuple[str, int, str | None]:
    with engine.connect() as connection:
        c = inbox.c
        found = connection.execute(select(c.state, c.attempts, c.leased_by).where(c.id == row)).one()
        return found.state, found.attempts, found.leased_by


def rows(engine: Engine) -> dict[int, Row[Any]]:
    with engine.connect() as connection:
        return {row.id: row for row in connection.execute(select(inbox))}


def claim(engine: Engine, worker: str, limit: int = 10, now: datetime = NOW, *, isolate: bool = False) -> list[int]:
    with engine.begin() as connection:
        return jobs.claim(connection, inbox, worker, now, LEASE, limit, isolate=isolate)


def test_rows_are_taken_oldest_first_and_once(engine: Engine) -> None:
    ids = add(engine, 5)
    assert claim(engine, "a", 3) == ids[:3]
    assert claim(engine, "b", 3) == ids[3:]
    assert claim(engine, "c") == []
    assert state(engine, ids[0]) == (jobs.LEASED, 1, "a")


def test_what_was_due_first_goes_first_whichever_was_written_first(engine: Engine) -> None:
    late, first, second, last = (add(engine, 1, due=NOW - n * MOMENT)[0] for n in (1, 3, 2, 0))
    assert [claim(engine, "a", 1) for _ in range(4)] == [[first], [second], [late], [last]]


def test_to_take_some_rows_costs_the_same_however_many_wait(engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        return  # its plans are looked at in test_query_plans.py

    def steps() -> int:
        """Hundreds of instructions of SQLite's machine for one claim that is given back."""
        count = 0

        def step() -> None:
            nonlocal count
            count += 1

        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.set_progress_handler(step, 100)
            assert len(jobs.claim(connection, inbox, "a", NOW, LEASE, 5)) == 5
            driver.set_progress_handler(None, 0)
            connection.rollback()
        return count

    add(engine, 20)
    few = steps()
    add(engine, 1_000)
    assert steps() <= few + 5


def test_a_row_is_not_taken_before_it_is_due(engine: Engine) -> None:
    (row,) = add(engine, 1, due=NOW + timedelta(seconds=1))
    assert claim(engine, "a") == []
    assert claim(engine, "a", now=NOW + timedelta(seconds=1)) == [row]


def test_a_row_that_was_tried_goes_alone(engine: Engine) -> None:
    tried = add(engine, 2, attempts=1)
    fresh = add(engine, 2)
    assert claim(engine, "a", isolate=True) == fresh
    assert claim(engine, "a", isolate=True) == tried[:1]
    assert claim(engine, "a", isolate=True) == tried[1:]


def test_an_expired_lease_gives_the_row_back_and_the_first_worker_cannot_finish(engine: Engine) -> None:
    (row,) = add(engine, 1)
    claim(engine, "dead")
    later = NOW + LEASE + timedelta(seconds=1)
    with engine.begin() as connection:
        assert jobs.reap(connection, inbox, NOW, attempts=5) == 0
        assert jobs.reap(connection, inbox, later, attempts=5) == 1
    assert claim(engine, "alive", now=later) == [row]
    with pytest.raises(LeaseLost), engine.begin() as connection:
        jobs.complete(connection, inbox, [row], "dead")
    with engine.begin() as connection:
        jobs.complete(connection, inbox, [row], "alive", outcome="OK_A")
    assert state(engine, row) == (jobs.DONE, 2, None)


def test_a_row_that_kills_its_worker_each_time_is_buried(engine: Engine) -> None:
    (row,) = add(engine, 1)
    now = NOW
    for _ in range(3):
        assert claim(engine, "w", now=now) == [row]
        now += LEASE + timedelta(seconds=1)
        with engine.begin() as connection:
            jobs.reap(connection, inbox, now, attempts=3)
    assert state(engine, row)[0] == jobs.BURIED
    with engine.begin() as connection:
        assert jobs.revive(connection, inbox, row, now)
        assert not jobs.revive(connection, inbox, row, now)
    assert claim(engine, "w", now=now) == [row]


def test_release_retry_and_next_due(engine: Engine) -> None:
    first, second = add(engine, 2)
    claim(engine, "w")
    with engine.begin() as connection:
        assert jobs.next_due(connection, inbox) is None
        jobs.release(connection, inbox, [first], "w")
        jobs.retry(connection, inbox, second, "w", NOW + timedelta(hours=1), last_error="why")
        assert jobs.next_due(connection, inbox) == NOW
    assert state(engine, first) == (jobs.QUEUED, 0, None)
    assert state(engine, second) == (jobs.QUEUED, 1, None)


def test_workers_side_by_side_take_no_row_twice(engine: Engine) -> None:
    ids = add(engine, 200)
    taken: list[list[int]] = [[], [], [], []]

    def work(n: int) -> None:
        while got := claim(engine, f"w{n}", 7):
            taken[n].extend(got)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row for rows in taken for row in rows) == ids


@pytest.mark.parametrize(
    ("attempts", "seconds", "due"),
    [
        (0, 3600, True),
        (0, 100, False),
        (1, 3600, True),
        (1, 40, False),
        (4, 280, False),
        (4, 3600, True),
        (9, 4000, False),
    ],
)
def test_a_clock_set_back_puts_no_row_off(engine: Engine, attempts: int, seconds: int, due: bool) -> None:
    """Later than any wait after so many tries."""
    (row,) = add(engine, 1, due=NOW + timedelta(seconds=seconds), attempts=attempts)
    with engine.begin() as connection:
        assert jobs.reap(connection, inbox, NOW, 5) == 0
    assert claim(engine, "a") == ([row] if due else [])


def test_a_lease_of_a_clock_set_back_begins_anew(engine: Engine) -> None:
    (row,) = add(engine, 1)
    claim(engine, "dead", now=NOW + timedelta(hours=1))
    for minutes, back in ((0, 0), (1, 0), (2, 1)):
        with engine.begin() as connection:
            moment = NOW + timedelta(minutes=minutes, seconds=1)
            assert jobs.reap(connection, inbox, moment, 5, LEASE) == back, "its worker may live"
    assert state(engine, row)[0] == jobs.QUEUED


def test_what_has_happened_is_done_whoever_holds_the_row(engine: Engine) -> None:
    (row,) = add(engine, 1)
    claim(engine, "other")
    with engine.begin() as connection:
        assert jobs.settle(connection, inbox, row)
        assert not jobs.settle(connection, inbox, row)
    assert state(engine, row) == (jobs.DONE, 1, None)
    with pytest.raises(LeaseLost), engine.begin() as connection:
        jobs.complete(connection, inbox, [row], "other")


WAITS = {0: 144, 3: 144, 4: 288, 5: 576, 6: 1152, 7: 2304, 8: 4320, 9: 4320, 40: 4320}
"""Tries → seconds: 30, doubling to 3600, and a fifth more. Up to three tries may not have been counted."""


@pytest.mark.parametrize("attempts", WAITS)
def test_no_wait_that_can_be_meant_is_cut_short_and_none_is_longer(engine: Engine, attempts: int) -> None:
    longest = NOW + timedelta(seconds=WAITS[attempts])
    meant, set_back = (add(engine, 1, due=due, attempts=attempts)[0] for due in (longest, longest + MOMENT))
    with engine.begin() as connection:
        jobs.reap(connection, inbox, NOW, 5)
    assert claim(engine, "a") == [set_back]
    assert claim(engine, "a", now=longest) == [meant]


@pytest.mark.parametrize(
    ("held_by", "counted", "attempts", "after"),
    [
        ("w", True, 3, (jobs.QUEUED, 3, None)),
        ("w", True, 1, (jobs.QUEUED, 1, None)),
        ("w", False, 3, (jobs.QUEUED, 2, None)),
        ("w", False, 2, (jobs.QUEUED, 1, None)),
        ("w", False, 1, (jobs.QUEUED, 1, None)),
        ("other", False, 3, (jobs.LEASED, 3, "other")),
        ("other", True, 3, (jobs.LEASED, 3, "other")),
    ],
)
def test_what_failed_is_given_back_to_be_taken_alone(
    engine: Engine, held_by: str, counted: bool, attempts: int, after: tuple[str, int, str | None]
) -> None:
    """A try that was not counted leaves one all the same: a row that was never tried goes with others."""
    (row,) = add(engine, 1, attempts=attempts - 1)
    claim(engine, held_by)
    (never_taken,) = add(engine, 1)
    with engine.begin() as connection:
        jobs.give_back(connection, inbox, [row, never_taken], "w", NOW + MOMENT, counted=counted)
    assert state(engine, row) == after
    assert state(engine, never_taken) == (jobs.QUEUED, 0, None)
    if held_by == "w":
        (fresh,) = add(engine, 1)
        assert claim(engine, "a", isolate=True) == [never_taken, fresh]
        assert claim(engine, "a", isolate=True) == [], "not before its time"
        assert claim(engine, "a", now=NOW + MOMENT, isolate=True) == [row]


def test_a_lease_is_over_behind_its_end_and_the_tries_are_counted(engine: Engine) -> None:
    (once,) = add(engine, 1)
    (often,) = add(engine, 1, attempts=1)
    claim(engine, "w")
    with engine.begin() as connection:
        assert jobs.reap(connection, inbox, NOW + LEASE, 2) == 0
        assert jobs.reap(connection, inbox, NOW + LEASE + MOMENT, 2, outcome="doubt") == 2
    told = rows(engine)
    assert (told[once].state, told[once].due_at, told[once].outcome) == (jobs.QUEUED, NOW + LEASE + MOMENT, "doubt")
    assert (told[often].state, told[often].last_error) == (jobs.BURIED, "the worker died each time")
    assert {(row.leased_by, row.leased_until) for row in told.values()} == {(None, None)}


def test_only_a_lease_further_ahead_than_two_begins_anew(engine: Engine) -> None:
    near, far = add(engine, 2)
    with engine.begin() as connection:
        for row, until in ((near, NOW + 2 * LEASE), (far, NOW + 2 * LEASE + MOMENT)):
            taken = {"state": jobs.LEASED, "leased_by": "w", "leased_until": until}
            connection.execute(update(inbox).where(inbox.c.id == row).values(**taken))
        assert jobs.reap(connection, inbox, NOW, 5, LEASE) == 0
    assert [rows(engine)[row].leased_until - NOW for row in (near, far)] == [2 * LEASE, LEASE]


def test_what_is_finished_keeps_no_fault_nor_lease(engine: Engine) -> None:
    completed, settled, buried, released = add(engine, 4)
    with engine.begin() as connection:
        connection.execute(update(inbox).values(last_error="451"))
    claim(engine, "w")
    with engine.begin() as connection:
        jobs.complete(connection, inbox, [completed], "w", outcome="OK_A")
        assert jobs.settle(connection, inbox, settled, outcome="OK_B")
        jobs.bury(connection, inbox, buried, "w", last_error="550")
        jobs.release(connection, inbox, [released], "w")
    told = rows(engine)
    assert [(told[n].state, told[n].last_error, told[n].outcome) for n in (completed, settled, buried)] == [
        (jobs.DONE, None, "OK_A"),
        (jobs.DONE, None, "OK_B"),
        (jobs.BURIED, "550", None),
    ]
    assert {(row.leased_by, row.leased_until) for row in told.values()} == {(None, None)}


@pytest.mark.parametrize("finish", ["complete", "bury", "retry", "release"])
def test_a_row_of_another_worker_is_not_finished(engine: Engine, finish: str) -> None:
    mine, other = add(engine, 2)
    assert claim(engine, "w", 1) == [mine]
    claim(engine, "other")
    with engine.begin() as connection:
        if finish == "release":
            jobs.release(connection, inbox, [mine, other], "w")
        for row, is_mine in ((other, False), (mine, True)) if finish != "release" else ():
            with nullcontext() if is_mine else pytest.raises(LeaseLost, match="1 of 1 rows"):
                if finish == "complete":
                    jobs.complete(connection, inbox, [row], "w")
                elif finish == "bury":
                    jobs.bury(connection, inbox, row, "w")
                else:
                    jobs.retry(connection, inbox, row, "w", NOW)
    assert state(engine, other) == (jobs.LEASED, 1, "other")
    assert state(engine, mine)[0] != jobs.LEASED


def test_a_buried_row_that_is_revived_begins_anew(engine: Engine) -> None:
    (row,) = add(engine, 1, attempts=6)
    claim(engine, "w")
    with engine.begin() as connection:
        jobs.bury(connection, inbox, row, "w")
        assert jobs.revive(connection, inbox, row, NOW + MOMENT)
    told = rows(engine)[row]
    assert (told.state, told.attempts, told.due_at) == (jobs.QUEUED, 0, NOW + MOMENT)


def test_what_is_listed(engine: Engine) -> None:
    """The newest first; what is over only when it is asked for."""
    states = (jobs.WAITING, jobs.QUEUED, jobs.LEASED, jobs.DONE, jobs.BURIED, jobs.CANCELLED, jobs.QUEUED)
    ids = add(engine, len(states), due=NOW + MOMENT)
    with engine.begin() as connection:
        for row, now in zip(ids, states, strict=True):
            connection.execute(update(inbox).where(inbox.c.id == row).values(state=now))
        assert jobs.next_due(connection, inbox) == NOW + MOMENT
        connection.execute(update(inbox).where(inbox.c.id == ids[-1]).values(due_at=NOW))
        assert jobs.next_due(connection, inbox) == NOW, "the first, whichever was written first"
        wanted = ((None, 9), (None, 2), (jobs.QUEUED, 9), (jobs.DONE, 9), (jobs.CANCELLED, 9))
        told = [jobs.listed(connection, inbox, *one) for one in wanted]
    found = [[row["id"] - ids[0] for row in one] for one in told]
    assert found == [[6, 4, 2, 1, 0], [6, 4], [6, 1], [3], [5]]
