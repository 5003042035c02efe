"""Processes that are killed, stopped and ended."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress

from tests.chaos.faults import fault
from tests.chaos.office import Process
from tests.chaos.world import LEASE, World


def _one(world: World) -> Process:
    return world.rng.choice(world.office.running)


@fault("kill -9", "leases end", weight=12)
async def kill(world: World) -> None:
    """Any process at any moment; started anew, and the leases run out."""
    world.write(3)
    await asyncio.sleep(world.rng.uniform(0, 0.4))
    await world.kill(_one(world))
    await world.start()
    if world.rng.random() < 0.5:
        await world.pass_time(LEASE)


@fault("kill -9 twice", "leases end", weight=3)
async def kill_twice(world: World) -> None:
    """Again while it starts."""
    world.write(2)
    await asyncio.sleep(world.rng.uniform(0, 0.3))
    victim = _one(world)
    await world.kill(victim)
    again = world.office.spawn(victim.roles)
    await asyncio.sleep(world.rng.uniform(0.1, 1.0))
    await world.kill(again)
    await world.start()


@fault("kill -9 a locked child", weight=20)
async def kill_child(world: World) -> None:
    """The process that understands mails is replaced."""
    world.write(2)
    await asyncio.sleep(world.rng.uniform(0, 0.2))
    children = [pid for process in world.of("worker") for pid in process.children()]
    for pid in world.rng.sample(children, min(1, len(children))):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@fault("SIGTERM under load", weight=8)
async def terminate(world: World) -> None:
    """It ends in order, with 0, and nothing of it is left in doubt."""
    world.write(4)
    await asyncio.sleep(world.rng.uniform(0, 0.3))
    process = _one(world)
    code = await asyncio.to_thread(world.office.terminate, process)
    if code:
        world.accuse(f"SIGTERM: exit code {code}:\n{process.log.read_text()[-2000:]}")
    await world.start()


@fault("SIGSTOP", weight=15)
async def stop(world: World) -> None:
    """For a moment; nobody notices."""
    world.write(2)
    await asyncio.sleep(world.rng.uniform(0, 0.2))
    process = _one(world)
    os.kill(process.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(0.3)
    finally:
        os.kill(process.pid, signal.SIGCONT)


@fault("SIGSTOP past a lease", "leases end", weight=10)
async def stop_past_a_lease(world: World) -> None:
    """Somebody else, where there is one, takes its work over; when it wakes it has lost it."""
    world.write(3)
    await asyncio.sleep(world.rng.uniform(0, 0.3))
    process = _one(world)
    os.kill(process.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(0.1)  # what it had said is heard
        await asyncio.to_thread(world.excuse, "slept", process.pid)
        world.office.pass_time(LEASE)
        await asyncio.sleep(0.5)
    finally:
        os.kill(process.pid, signal.SIGCONT)
