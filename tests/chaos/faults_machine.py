"""A machine that has nothing left, takes away what was there, or starts things twice."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from tests.chaos.faults import fault
from tests.chaos.office import Process, as_an_account
from tests.chaos.world import LEASE, World

_KINDS = {"nofile": "Max open files", "as": "Max address space", "nproc": "Max processes"}
"""As prlimit(1) and as /proc call them."""
_CONFIG, _TEMPORARY = 78, 75  # exit codes: a setting must be mended; start it again


def _status(pid: int, name: str) -> int:
    """A number of /proc: VmSize in octets, Threads, …"""
    found = re.search(rf"^{name}:\s+(\d+)( kB)?$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) * (1024 if found[2] else 1)


@asynccontextmanager
async def _limited(process: Process, kind: str, limit: int) -> AsyncIterator[None]:
    """While the block runs, ``process`` gets no more of something than ``limit``."""
    before = _soft(process, kind)
    await asyncio.to_thread(_set_limit, process, kind, str(limit))
    try:
        yield
    finally:
        if process.alive:
            await asyncio.to_thread(_set_limit, process, kind, before)


def _soft(process: Process, kind: str) -> str:
    """The limit that it has."""
    told = Path(f"/proc/{process.pid}/limits").read_text()
    found = re.search(rf"^{_KINDS[kind]} +(\S+)", told, re.MULTILINE)
    assert found
    return found[1]


def _set_limit(process: Process, kind: str, soft: str) -> None:
    """By the account that it runs as: root may lack the right."""
    command = [*as_an_account(), "prlimit", f"--pid={process.pid}", f"--{kind}={soft}:"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 or not process.alive, done.stderr


async def _survived(world: World, process: Process) -> None:
    """It may have ended, for libraries do without memory, but only so that systemd starts it again; what it had said is
    in the window then."""
    await asyncio.sleep(0.2)
    if process.alive:
        return
    code = await asyncio.to_thread(world.office.gone, process)
    if code in (0, _CONFIG):
        world.accuse(f"ended with {code}:\n{process.log.read_text()[-2000:]}")
    world.excuse("killed", process.pid)
    await world.start()


def _descriptors(process: Process) -> int:
    return 1 + max(int(one.name) for one in Path(f"/proc/{process.pid}/fd").iterdir())


async def _none_left(
    kind: str, limit: Callable[[Process], int], seconds: tuple[float, float], child: bool, world: World
) -> None:
    process = world.rng.choice(world.of("worker") if child else world.office.running)
    async with _limited(process, kind, await asyncio.to_thread(limit, process)):
        world.write(3)
        if child:  # and now it needs another
            for pid in process.children():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(world.rng.uniform(*seconds))
    await _survived(world, process)


def _memory(process: Process) -> int:
    return _status(process.pid, "VmSize") + 200_000


def _threads(process: Process) -> int:
    del process
    return 1


_SCARCE = {
    "no file descriptor left": ("nofile", _descriptors, (0.5, 3.0), False, ("set",)),
    "no file descriptor left for a child": ("nofile", _descriptors, (0.5, 3.0), True, ("set",)),
    "no memory left": ("as", _memory, (0.3, 1.5), False, ()),
    "no memory left for a child": ("as", _memory, (0.3, 1.5), True, ()),
    "no process and no thread left": ("nproc", _threads, (0.5, 3.0), True, ()),
}
"""What, of what kind, how much of it, for how many seconds, whether a locked child has died; traits. libfaketime needs
a descriptor to tell the time."""
for _name, (_kind, _limit, _seconds, _child, _needs) in _SCARCE.items():
    fault(f"machine: {_name}", *_needs, weight=6)(partial(_none_left, _kind, _limit, _seconds, _child))


@fault("machine: it sleeps", "leases end", weight=6)
async def sleeps(world: World) -> None:
    """All processes at once, past all leases, as a suspended machine: all wake up together."""
    world.write(3)
    await asyncio.sleep(world.rng.uniform(0, 0.3))
    for process in world.office.running:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(0.1)
        await asyncio.to_thread(world.excuse, "slept")
        world.office.pass_time(LEASE)
    finally:
        for process in world.office.running:
            os.kill(process.pid, signal.SIGCONT)


@fault("SIGSTOP a locked child past its deadline", "leases end", weight=6)
async def stop_child(world: World) -> None:
    """It is replaced, and its mails are taken once more."""
    children = [pid for process in world.of("worker") for pid in process.children()]
    if not children:
        return
    pid = world.rng.choice(children)
    os.kill(pid, signal.SIGSTOP)
    try:
        world.write(2)
        await asyncio.sleep(0.3)
        await world.pass_time(LEASE)
        await asyncio.sleep(0.5)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@fault("SIGTERM, then kill -9", "leases end", weight=6)
async def impatient(world: World) -> None:
    """Of a supervisor without patience."""
    world.write(4)
    await asyncio.sleep(world.rng.uniform(0, 0.3))
    process = world.rng.choice(world.office.running)
    process.popen.send_signal(signal.SIGTERM)
    await asyncio.sleep(world.rng.uniform(0, 0.2))
    await world.kill(process)
    await world.start()


@fault("started twice", weight=3)
async def started_twice(world: World) -> None:
    """The second one says why not, and the first goes on."""
    world.write(2)
    first = world.rng.choice([process for process in world.office.running if "web" in process.roles])
    second = world.office.spawn(first.roles)
    code = await asyncio.to_thread(world.office.gone, second)
    world.told += 1
    if code not in (_CONFIG, _TEMPORARY) or not first.alive:
        world.accuse(f"a second start ended with {code}: {second.log.read_text()[-1000:]}")


# The log


@fault("log: the disk is full", "leases end", weight=4)
async def log_full(world: World) -> None:
    """Nothing can be written there; mail goes on."""
    nowhere = os.open("/dev/full", os.O_WRONLY)
    try:
        await _logging_to(world, nowhere, lambda: None)
        await _ends(world)
    finally:
        os.close(nowhere)


@fault("log: who read it is gone", "leases end", weight=4)
async def log_closed(world: World) -> None:
    """EPIPE at each line; mail goes on."""
    await _with_reader(world, signal.SIGKILL)


@fault("log: who reads it stands still", "leases end", weight=4)
async def log_stalled(world: World) -> None:
    """For a while, in which nothing can be told; then all goes on."""
    await _with_reader(world, signal.SIGSTOP)


def _catches(process: Process, number: signal.Signals) -> bool:
    found = re.search(r"^SigCgt:\s+(\w+)$", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
    return found is not None and bool(int(found[1], 16) >> (number - 1) & 1)


async def _ends(world: World) -> None:
    """In order, whatever became of its log; then as ever."""
    process = world.office.running[-1]
    if code := await asyncio.to_thread(world.office.gone, process):
        world.accuse(f"SIGTERM, its log gone: exit code {code}")
    await world.start()


async def _with_reader(world: World, does: signal.Signals) -> None:
    ours, theirs = os.pipe()
    fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, 4096)
    reader = await asyncio.create_subprocess_exec("cat", stdin=ours, stdout=asyncio.subprocess.DEVNULL)
    os.close(ours)
    try:
        await _logging_to(world, theirs, partial(reader.send_signal, does))
        if reader.returncode is None:
            reader.send_signal(signal.SIGCONT)
        await _ends(world)
    finally:
        with suppress(ProcessLookupError):
            reader.kill()
        await reader.wait()
        os.close(theirs)


async def _logging_to(world: World, stderr: int, then: Callable[[], None]) -> None:
    """One process anew with another place for its log; ``then`` while mail comes."""
    process = world.rng.choice(world.office.running)
    await asyncio.to_thread(world.office.terminate, process)
    again = world.office.spawn(process.roles, stderr)
    await world.until(lambda: _catches(again, signal.SIGTERM), 120)  # nothing else tells that it starts in order
    await asyncio.sleep(1)
    then()
    world.write(6)
    await asyncio.sleep(1)
    again.popen.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.2)
