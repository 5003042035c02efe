"""Clocks that jump, and the nights on which they change."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from tests.chaos.faults import fault
from tests.chaos.world import World


async def _set(world: World, span: timedelta) -> None:
    world.write(2)
    await asyncio.sleep(world.rng.uniform(0, 0.3))
    await asyncio.to_thread(world.excuse, "the clock was set")
    world.office.pass_time(span)
    world.write(1)
    await asyncio.sleep(0.3)


@fault("clock: an hour ahead", "set", weight=20)
async def ahead(world: World) -> None:
    """All leases seem to have run out."""
    await _set(world, timedelta(hours=1))


@fault("clock: an hour back", "set", weight=20)
async def back(world: World) -> None:
    """What is due seems to be due in an hour."""
    await _set(world, timedelta(hours=-1))


@fault("clock: a minute to and fro", "set", weight=20)
async def to_and_fro(world: World) -> None:
    """As a bad time server does."""
    await _set(world, timedelta(minutes=1))
    await _set(world, timedelta(minutes=-1))


@fault("clock: a quarter of an hour of the night", "autumn", weight=20)
async def autumn(world: World) -> None:
    """On the day with 25 hours."""
    world.write(1)
    await world.pass_time(timedelta(minutes=15))


@fault("clock: a quarter of an hour of the short night", "spring", weight=20)
async def spring(world: World) -> None:
    """On the day with 23 hours."""
    world.write(1)
    await world.pass_time(timedelta(minutes=15))
