"""The one core on which the threads of a process take turns.

Of the threads of Python one computes at a time. Where they lie on several cores, each turn wakes another one up and
finds its caches cold: that was up to a quarter of what a ticket costs (docs/performance.md). So they keep to one, which
they leave when others need it; processes that are started below it may use all.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

_THREADS = Path("/proc/self/task")
_LOOK = 5.0  # seconds, about, between two looks for a core with less to do
_WORTH = 0.2
"""Of a core, that others must leave over elsewhere before it is worth a move: its caches are cold."""


class Look(NamedTuple):
    """What the cores have done since the machine was started, in seconds. ``own``: all threads of this process."""

    at: float
    busy: Mapping[int, float]
    own: float


@dataclass
class _Cores:
    allowed: frozenset[int] = frozenset()
    """Those that this process was started with."""
    mine: int | None = None
    """None: its threads may be anywhere."""


_cores = _Cores()


@contextmanager
def one_alone() -> Iterator[None]:
    """During the block the threads of this process keep to one core. To be entered before there are others."""
    _cores.allowed = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()
    if len(_cores.allowed) > 1 and _THREADS.is_dir() and _may_choose():
        some = sorted(_cores.allowed)
        _take(some[os.getpid() % len(some)])  # not all processes of a start the same
    try:
        yield
    finally:
        if _cores.mine is not None:
            _keep_to(_cores.allowed)
            _cores.mine = None


def release(pid: int) -> None:
    """Let a process that was started here use all cores."""
    if _cores.mine is not None:
        with suppress(OSError):  # it has ended
            os.sched_setaffinity(pid, _cores.allowed)


async def follow() -> NoReturn:
    """Go on to another core when others need this one."""
    before, rng = None, random.SystemRandom()
    while True:
        if _cores.mine is not None:
            now = _look()
            if before is not None and (better := quieter(before, now, _cores.mine, _cores.allowed)) is not None:
                _take(better)
            before = now
        await asyncio.sleep(_LOOK * rng.uniform(0.5, 1.5))  # or two that share a core would always leave it together


def quieter(before: Look, now: Look, mine: int, allowed: frozenset[int]) -> int | None:
    """The core on which others did less between two looks, when that was much less than on ``mine``."""
    spent = {core: now.busy[core] - before.busy[core] for core in allowed & now.busy.keys() & before.busy.keys()}
    if mine not in spent:
        return None
    spent[mine] -= now.own - before.own
    best = min(spent, key=lambda core: spent[core])
    return best if spent[mine] - spent[best] > _WORTH * (now.at - before.at) else None


def _look() -> Look:
    ticks, busy = os.sysconf("SC_CLK_TCK"), {}
    with suppress(OSError):
        for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
            name, *fields = line.split()
            if name.startswith("cpu") and name != "cpu":
                user, nice, system, _idle, _iowait, *others = map(int, fields[:8])
                busy[int(name.removeprefix("cpu"))] = (user + nice + system + sum(others)) / ticks
    return Look(time.monotonic(), busy, time.process_time())


def _may_choose() -> bool:
    """Whether we are let: a filter of system calls, as that of a unit of systemd, may kill whoever asks for it."""
    child = os.fork()
    if child == 0:
        try:
            os.sched_setaffinity(0, _cores.allowed)
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def _take(core: int) -> None:
    _keep_to(frozenset({core}))
    _cores.mine = core


def _keep_to(cores: frozenset[int]) -> None:
    for thread in _THREADS.iterdir():
        with suppress(OSError):  # it has ended
            os.sched_setaffinity(int(thread.name), cores)
