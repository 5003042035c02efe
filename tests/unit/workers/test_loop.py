"""The heart of a worker: what it tells of a failing step, and how long it has done no good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from mailbot.errors import DatabaseUnavailable
from mailbot.workers import loop as module
from mailbot.workers.loop import Loop

SECRET = "Jan Kowalski <jan.kowalski@wp.example>"


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    "error",
    [
        ValueError(SECRET),
        KeyError(SECRET),
        UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, SECRET),
        DatabaseUnavailable("jan.kowalski@wp.example is locked\nDETAIL: Jan Kowalski"),
    ],
)
async def test_a_failing_step_tells_its_kind_and_no_value(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> int:
        raise error

    loop = Loop("decide-0", work)
    task = asyncio.create_task(loop.run())
    await until(lambda: bool(caplog.records))
    loop.stop()
    await task
    told = caplog.text + "".join(str(record.exc_info) for record in caplog.records)
    assert "decide-0" in told
    for secret in ("kowalski", "Kowalski", "Traceback"):
        assert secret not in told
    if not isinstance(error, DatabaseUnavailable):
        assert type(error).__name__ in told


async def test_it_is_silent_while_a_step_hangs_or_fails_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    go_on, results = asyncio.Event(), iter([1, ValueError(), 0])

    async def work() -> int:
        await go_on.wait()
        go_on.clear()
        found = next(results)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(module, "_PAUSE", 0.0)
    loop = Loop("decide-0", work, floor=None)
    assert loop.silent() == 0
    task = asyncio.create_task(loop.run())
    await asyncio.sleep(0)
    now = 400.0
    assert loop.silent() == 300, "the step hangs"
    go_on.set()
    await until(lambda: loop.silent() == 0)  # a batch was done, the next is at hand
    now = 500.0
    assert loop.silent() == 100
    go_on.set()
    await until(lambda: not go_on.is_set())
    now = 600.0
    assert loop.silent() == 200, "a failed step is no good"
    go_on.set()
    await until(lambda: loop.silent() == 0)
    now = 9000.0
    assert loop.silent() == 0, "it waits for work"
    loop.stop()
    await task
