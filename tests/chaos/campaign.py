"""Runs scenarios: faults one after the other, the invariants after each, everything drained again and again."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.chaos import (  # noqa: F401  # they add themselves to the list
    faults_clients,
    faults_clock,
    faults_database,
    faults_files,
    faults_machine,
    faults_mailbox,
    faults_names,
    faults_odd_mailbox,
    faults_post,
    faults_process,
    faults_relay,
    faults_tls,
)
from tests.chaos.faults import Fault, applicable
from tests.chaos.invariants import doubled, drained, safe
from tests.chaos.scenario import Scenario, running
from tests.chaos.world import AGAIN, World

_DRAIN = 20  # faults between two moments at which everything must be done


@dataclass
class Result:
    """What one scenario showed."""

    scenario: str
    faults: Counter[str] = field(default_factory=Counter)
    letters: int = 0
    mails: int = 0
    doubled: Counter[str] = field(default_factory=Counter)
    told: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0
    log: str = ""
    """Of the processes, where something was wrong."""

    def __iadd__(self, other: Result) -> Result:
        """Both together."""
        for name in ("faults", "letters", "mails", "doubled", "told", "wrong", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self


async def run(scenario: Scenario, seed: str, count: int, deadline: float, name: str = "") -> Result:
    """``count`` faults, fewer when ``deadline`` (monotonic) comes first, of those whose name contains ``name``."""
    rng = random.Random(f"{seed} {scenario.name}")
    result = Result(scenario.name)
    begun = time.monotonic()
    async with running(scenario, rng) as world:
        choices = [fault for fault in applicable(world.traits) if name in fault.name]
        for n in range(1, count + 1):
            await _one(world, rng.choices(choices, [fault.weight for fault in choices])[0], result)
            if n % _DRAIN == 0:
                await drained(world)
            if world.wrong or time.monotonic() > deadline:
                break
        if not world.wrong:
            world.fault = "at the end"
            await drained(world)
        relay = world.relay
        result.letters, result.mails = len(world.post.accepted), len(relay.times)
        result.doubled, result.told, result.wrong = doubled(relay, world.excused), world.told, world.wrong
        if world.wrong:
            result.log = world.office.logged()
    result.seconds = time.monotonic() - begun
    return result


async def _one(world: World, fault: Fault, result: Result) -> None:
    world.fault = fault.name
    try:
        await fault.act(world)
    except Exception as error:
        world.accuse(f"{type(error).__name__}: {error}")
    await asyncio.to_thread(safe, world)
    await world.pass_time(AGAIN)
    result.faults[fault.name] += 1
