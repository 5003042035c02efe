"""A DNS that is dead, slow, broken, or lies: where mailbot itself checks who sent a mail."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from functools import partial

from sqlalchemy import select

from mailbot.outbox import jobs
from mailbot.storage.schema import inbox, outbox, ticket
from tests.chaos.faults import fault
from tests.chaos.invariants import hidden, kept
from tests.chaos.names import Mood
from tests.chaos.post import Letter, letter
from tests.chaos.world import AGAIN, World

_GRANTS = {"T2A", "T2B", "T3"}
_PASSING: tuple[Mood, ...] = ("silent", "slow", "SERVFAIL", "REFUSED", "garbage", "truncated", "for another")


async def _passing(mood: Mood, world: World) -> None:
    """What cannot be asked now is asked again; the mails are those that are due."""
    assert world.names
    world.names.mood, world.names.asked = mood, 0
    try:
        world.write(2)
        await world.until(lambda: world.names is not None and world.names.asked > 0, 2)
        await asyncio.sleep(world.rng.uniform(0.1, 1.0))
    finally:
        world.names.mood = "honest"
    await world.until(lambda: jobs.LEASED not in _inbox(world), 30)
    for process in world.of("worker"):  # a child leaves a silent domain in peace for 20 s, of its own clock
        for pid in process.children():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    for _ in range(4):  # before the next fault: a person gets what cannot be asked three times
        await world.pass_time(AGAIN)
        if await world.until(lambda: not _inbox(world), 3):
            return
    world.accuse(f"the DNS answers, and mails are {_inbox(world)}")


def _inbox(world: World) -> set[str]:
    return {state for table, _, state in world.undone() if table == inbox.name}


for _mood in _PASSING:
    fault(f"DNS: {_mood}", "smtp", weight=8)(partial(_passing, _mood))


@fault("DNS: nothing is there", "smtp", weight=8)
async def lies(world: World) -> None:
    """It denies what proves a sender: then nobody is proven, and nothing granted."""
    assert world.names
    asked = letter(world.letters)
    world.names.denies = asked.sender.partition("@")[2]
    world.letters += 1
    try:
        world.put(Letter(asked.sender, asked.raw, None))
        for _ in range(4):
            if await world.until(lambda: _is_decided(world, asked), 5):
                break
            await world.pass_time(AGAIN)
        else:
            world.accuse("a mail of nobody in the DNS is not decided")
    finally:
        world.names.denies = ""
    with world.engine.connect() as connection:
        mails = select(outbox.c.kind).join(ticket, ticket.c.id == outbox.c.ticket_id)
        got = set(connection.execute(mails.where(ticket.c.correspondent == kept(world, asked.sender))).scalars())
    if got & _GRANTS:
        world.accuse(f"granted to nobody: {got}")


def _is_decided(world: World, one: Letter) -> bool:
    with world.engine.connect() as connection:
        outcome = select(inbox.c.outcome).where(inbox.c.sha256 == hidden(world, one.sha256))
        return connection.execute(outcome).scalar_one_or_none() is not None
