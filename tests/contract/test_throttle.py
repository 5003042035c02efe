"""Limits that several processes keep together, on each engine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp.test_utils import make_mocked_request
from sqlalchemy import Engine, func, select

from mailbot import throttle
from mailbot.config import WebSettings
from mailbot.http.guards import SharedLimiter
from mailbot.storage import shared
from mailbot.storage.database import Database
from tests.links import SECRET

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
LIMIT = 20


def ask(engine: Engine, name: str = "a", seconds: float = 0.0) -> bool:
    with engine.begin() as connection:
        return throttle.admits(connection, name, NOW + timedelta(seconds=seconds), LIMIT)


def rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(shared.throttle)).scalar_one()


def test_so_many_at_once_and_then_one_each_step(engine: Engine) -> None:
    assert [ask(engine) for _ in range(LIMIT + 3)] == [True] * LIMIT + [False] * 3
    assert not ask(engine, seconds=2.9)
    assert ask(engine, seconds=3)
    assert not ask(engine, seconds=3)
    assert [ask(engine, seconds=120) for _ in range(LIMIT + 1)] == [True] * LIMIT + [False]


def test_one_client_does_not_use_up_what_another_has(engine: Engine) -> None:
    assert [ask(engine) for _ in range(LIMIT + 1)].count(True) == LIMIT
    assert ask(engine, "b")


def test_nothing_is_lost_when_many_come_at_once(engine: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: ask(engine), range(3 * LIMIT)))
    assert found.count(True) == LIMIT


def test_a_clock_that_was_set_back_locks_nobody_out(engine: Engine) -> None:
    assert [ask(engine, seconds=86_400) for _ in range(LIMIT + 1)].count(True) == LIMIT
    assert [ask(engine) for _ in range(LIMIT + 1)].count(True) == LIMIT


def test_what_is_over_is_swept_and_nothing_else(engine: Engine) -> None:
    for n in range(50):
        ask(engine, f"enemy {n}")
    for _ in range(LIMIT):
        ask(engine, "busy")
    with engine.begin() as connection:
        throttle.sweep(connection, NOW + timedelta(seconds=10))
    assert rows(engine) == 1
    assert not ask(engine, "busy", seconds=2)


@pytest.mark.parametrize("later", [0.0, 59.0])
def test_one_at_a_time_has_it(engine: Engine, later: float) -> None:
    def take(seconds: float) -> float | None:
        with engine.begin() as connection:
            return throttle.take(connection, "trial", NOW + timedelta(seconds=seconds), 60)

    first = take(0)
    assert first is not None
    assert take(later) is None
    with engine.begin() as connection:
        throttle.give_back(connection, "trial", first)
    assert take(later) is not None


def test_who_died_with_it_keeps_it_for_its_time_only_and_gives_back_nobody_else_s(engine: Engine) -> None:
    with engine.begin() as connection:
        first = throttle.take(connection, "trial", NOW, 60)
    assert first is not None
    with engine.begin() as connection:
        assert throttle.take(connection, "trial", NOW + timedelta(seconds=61), 60) is not None
        throttle.give_back(connection, "trial", first)
        assert throttle.take(connection, "trial", NOW + timedelta(seconds=62), 60) is None


async def test_two_web_processes_keep_one_limit_and_no_address(engine: Engine) -> None:
    database, settings = Database(engine), WebSettings(attempts_per_minute=4, trusted_proxy=("192.0.2.1",))
    one, two = (SharedLimiter(settings, lambda: NOW, database, SECRET, "login") for _ in range(2))
    came = {"remote": "192.0.2.1", "headers": {"X-Forwarded-For": "198.51.100.7"}}
    request = make_mocked_request("GET", "/").clone(**came)  # type: ignore[arg-type]
    assert [await limiter.admits(request) for limiter in (one, two) * 3] == [True] * 4 + [False] * 2
    other = SharedLimiter(settings, lambda: NOW, database, SECRET, "activation")
    assert await other.admits(request)
    names = await database.read(lambda c: c.execute(select(shared.throttle.c.name)).scalars().all())
    assert len(names) == 2
    assert not any("198.51" in name for name in names)
    await database.close()
