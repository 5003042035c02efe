"""An IMAP server that misbehaves."""

from __future__ import annotations

import asyncio
from functools import partial

from tests.chaos.faults import fault
from tests.chaos.odd_mailbox import OddMailbox
from tests.chaos.world import World
from tests.imap_fake import Say

_ODD = {
    "BYE": Say("IDLE", b"* BYE shutting down\r\n", "cut"),
    "BYE at login": Say("LOGIN", b"* BYE too many connections\r\n", "cut"),
    "LOGIN NO": Say("LOGIN", b"%t NO [UNAVAILABLE] later\r\n"),
    "SEARCH NO": Say("UID SEARCH", b"%t NO [SERVERBUG] internal error\r\n"),
    "SEARCH hangs": Say("UID SEARCH", b"", "hang"),
    "SEARCH garbage": Say("UID SEARCH", b"\xff\xfe\x00 )) garbage {\r\n", "answer"),
    "FETCH NO": Say("UID FETCH", b"%t NO [SERVERBUG] could not be retrieved\r\n"),
    "FETCH cut in the middle": Say("UID FETCH", b"* 1 FETCH (UID 1 BODY[] {5000}\r\nFrom: ", "cut"),
    "FETCH hangs": Say("UID FETCH", b"", "hang"),
    "MOVE NO": Say("UID MOVE", b"%t NO [OVERQUOTA] full\r\n"),
    "MOVE cut": Say("UID MOVE", b"", "cut"),
    "MOVE hangs": Say("UID MOVE", b"", "hang"),
    "IDLE refused": Say("IDLE", b"%t BAD what\r\n"),
    "SELECT NO": Say("SELECT", b"%t NO [INUSE] locked\r\n"),
}


def _box(world: World) -> OddMailbox:
    assert world.box
    return world.box


async def _odd(say: Say, world: World) -> None:
    box = _box(world)
    box.script.append(say)
    if say.to in ("LOGIN", "SELECT"):
        box.hang_up()
    world.write(2)
    await asyncio.sleep(0.5)
    box.script.clear()


for _name, _say in _ODD.items():
    fault(f"IMAP: {_name}", "odd mailbox", weight=6)(partial(_odd, _say))


@fault("IMAP: no MOVE", "odd mailbox", weight=6)
async def no_move(world: World) -> None:
    """Messages stay where they are, and are not taken again."""
    box = _box(world)
    before = box.capabilities
    box.capabilities = before.replace(" MOVE", "")
    box.hang_up()
    world.write(2)
    await asyncio.sleep(0.5)
    box.capabilities = before
    box.hang_up()


@fault("IMAP: SEARCH leaves one out", "odd mailbox", weight=10)
async def left_out(world: World) -> None:
    """And the next one is told: what was passed is found when the folder is compared."""
    box = _box(world)
    box.uid_sets = lambda uids: uids[1:]
    world.write(3)
    await asyncio.sleep(0.5)
    box.uid_sets = lambda uids: uids


@fault("IMAP: an empty body", "odd mailbox", weight=10)
async def empty(world: World) -> None:
    """Its size said otherwise: it is fetched again."""
    _box(world).empty = 1
    world.write(1)
    await asyncio.sleep(0.4)
    _box(world).empty = 0


@fault("IMAP: numbered anew", "odd mailbox", weight=8)
async def numbered_anew(world: World) -> None:
    """UIDVALIDITY is another, the UIDs are the same."""
    world.write(2)
    await asyncio.sleep(world.rng.uniform(0, 0.2))
    _box(world).uidvalidity += 1
    _box(world).hang_up()


@fault("IMAP: connection cut", "odd mailbox", weight=8)
async def cut(world: World) -> None:
    """Where it idles."""
    world.write(1)
    await asyncio.sleep(world.rng.uniform(0, 0.2))
    _box(world).hang_up()
