"""The threads of a process keep to one core, go where others leave more of one, and leave the rest to its children."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from mailbot import cores
from mailbot.cores import Look

ALL = os.sched_getaffinity(0)
several = pytest.mark.skipif(len(ALL) < 2, reason="this machine has one core")


def looked(at: float, own: float, **busy: float) -> Look:
    return Look(at, {int(name.removeprefix("core")): seconds for name, seconds in busy.items()}, own)


@pytest.mark.parametrize(
    ("busy", "own", "better"),
    [
        ({"core0": 5.0, "core1": 0.0}, 5.0, None),  # all that was done here is ours
        ({"core0": 5.0, "core1": 1.0}, 2.0, 1),  # others did 3 of 5 seconds here, and 1 there
        ({"core0": 5.0, "core1": 2.5}, 2.0, None),  # not worth cold caches
        ({"core0": 5.0, "core1": 5.0}, 2.0, None),  # others did more there
        ({"core0": 5.0, "core1": 4.0, "core2": 0.0}, 0.0, 2),  # the quietest
        ({"core0": 5.0, "core1": 4.0, "core3": 0.0}, 0.0, None),  # that is not for us
        ({"core1": 0.0}, 0.0, None),  # it is not told what is done here
        ({}, 5.0, None),
    ],
)
def test_another_core_is_taken_where_others_leave_more_of_it(
    busy: Mapping[str, float], own: float, better: int | None
) -> None:
    before = looked(100.0, 7.0, **dict.fromkeys(busy, 50.0))
    now = looked(105.0, 7.0 + own, **{name: 50.0 + seconds for name, seconds in busy.items()})
    assert cores.quieter(before, now, 0, frozenset({0, 1, 2})) == better


def test_what_this_machine_tells_of_its_cores() -> None:
    look = cores._look()
    assert look.busy.keys() >= ALL
    assert all(seconds > 0 for seconds in look.busy.values())


@several
def test_threads_share_a_core_and_a_process_that_is_started_has_all() -> None:
    found: list[set[int]] = []
    with cores.one_alone():
        mine = os.sched_getaffinity(0)
        thread = threading.Thread(target=lambda: found.append(os.sched_getaffinity(0)))
        thread.start()
        thread.join()
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
            cores.release(child.pid)
            found.append(os.sched_getaffinity(child.pid))
            child.kill()
    assert len(mine) == 1
    assert mine < ALL
    assert found == [mine, ALL]
    assert os.sched_getaffinity(0) == ALL


@several
async def test_all_threads_go_to_the_quieter_core(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    with cores.one_alone():
        (mine,) = os.sched_getaffinity(0)
        other = min(ALL - {mine})
        looks = iter([Look(0.0, dict.fromkeys(ALL, 0.0), 0.0), Look(5.0, {**dict.fromkeys(ALL, 5.0), other: 0.0}, 0.0)])
        monkeypatch.setattr(cores, "_look", lambda: next(looks, Look(9.0, {}, 0.0)))
        monkeypatch.setattr(cores, "_LOOK", 0.0)
        thread = threading.Thread(target=over.wait)
        thread.start()
        following = asyncio.create_task(cores.follow())
        try:
            async with asyncio.timeout(60):
                while os.sched_getaffinity(0) != {other}:  # noqa: ASYNC110  # the kernel tells nobody
                    await asyncio.sleep(0)
            assert os.sched_getaffinity(thread.native_id or 0) == {other}
        finally:
            following.cancel()
            over.set()
            thread.join()


@several
def test_where_a_filter_kills_who_asks_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    parent, real = os.getpid(), os.sched_setaffinity

    def filtered(pid: int, mask: set[int]) -> None:
        assert os.getpid() != parent, "that would have been our end"
        os.kill(os.getpid(), signal.SIGKILL)  # as SIGSYS, which would leave a core file
        real(pid, mask)

    monkeypatch.setattr(os, "sched_setaffinity", filtered)
    with cores.one_alone():
        assert os.sched_getaffinity(0) == ALL
        cores.release(parent)


def test_on_one_core_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    monkeypatch.setattr(os, "sched_setaffinity", None)
    monkeypatch.setattr(os, "fork", None)
    with cores.one_alone():
        cores.release(1)


def test_where_nobody_tells_of_threads_they_stay_where_they_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cores, "_THREADS", tmp_path / "absent")
    with cores.one_alone():
        assert os.sched_getaffinity(0) == ALL
