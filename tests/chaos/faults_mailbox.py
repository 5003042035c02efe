"""A mailbox that is cut off, silent, restarted, or numbered anew."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.chaos.faults import fault
from tests.chaos.world import World


@fault("mailbox: connection cut", "mailbox", weight=20)
async def cut(world: World) -> None:
    """Wherever it is: between the commit and the move, too."""
    assert world.line
    world.write(3)
    await asyncio.sleep(world.rng.uniform(0, 0.4))
    world.line.cut()


@fault("mailbox: half-open", "mailbox", weight=10)
async def half_open(world: World) -> None:
    """The connection is forgotten on the way; nobody says so."""
    assert world.line
    world.write(2)
    await asyncio.sleep(world.rng.uniform(0, 0.2))
    world.line.silence()
    await asyncio.sleep(1.3)
    world.line.cut()
    world.line.speak()


@fault("mailbox: refused", "mailbox", weight=8)
async def refused(world: World) -> None:
    """Nobody answers at its port."""
    assert world.line
    world.line.refuses = True
    world.line.cut()
    try:
        world.write(2)
        await asyncio.sleep(0.5)
    finally:
        world.line.refuses = False


@fault("mailbox: server restarted", "mailbox", weight=4)
async def restarted(world: World) -> None:
    """With BYE where it says one."""
    assert world.dovecot
    world.write(2)
    await asyncio.sleep(world.rng.uniform(0, 0.3))
    await asyncio.to_thread(world.dovecot.stop)
    await asyncio.to_thread(world.dovecot.start)


@fault("mailbox: numbered anew", "mailbox", weight=4)
async def numbered_anew(world: World) -> None:
    """Its UIDVALIDITY is lost: what is read again has no second effect."""
    assert world.dovecot
    world.write(2)
    await asyncio.to_thread(world.dovecot.stop)
    await asyncio.to_thread(_forget_numbers, world.dovecot.folder / "mail")
    await asyncio.to_thread(world.dovecot.start)


def _forget_numbers(mail: Path) -> None:
    for name in ("dovecot-uidlist*", "dovecot-uidvalidity*", "dovecot.index*"):
        for file in mail.rglob(name):
            file.unlink()


@fault("mailbox: the same letter twice", "mailbox", weight=6)
async def twice(world: World) -> None:
    """The MTA did not hear the first 250."""
    if world.post.accepted:
        world.put(world.rng.choice(world.post.accepted))
    world.write(1)
    await asyncio.sleep(0.2)
