"""The life of a row that is work, on each engine."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, insert, select

from mailbot.errors import LeaseLost
from mailbot.outbox import jobs
from mailbot.storage.schema import inbox

NOW = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)


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


def claim(engine: Engine, worker: str, limit: int = 10, now: datetime = NOW, *, isolate: bool = False) -> list[int]:
    with engine.begin() as connection:
        return jobs.claim(connection, inbox, worker, now, LEASE, limit, isolate=isolate)


def test_rows_are_taken_oldest_first_and_once(engine: Engine) -> None:
    ids = add(engine, 5)
    assert claim(engine, "a", 3) == ids[:3]
    assert claim(engine, "b", 3) == ids[3:]
    assert claim(engine, "c") == []
    assert state(engine, ids[0]) == (jobs.LEASED, 1, "a")


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
