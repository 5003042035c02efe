"""An IMAP server that misbehaves."""

from __future__ import annotations

import asyncio
from functools import partial

from tests.chaos.faults import fault
from tests.chaos.odd_mailbox import OddMailbox
from tests.chaos.world import World
from tests.flow import mail
from tests.imap_fake import Say

_ODD = {
    "BYE": Say("IDLE", b"* BYE shutting down\r\n", "cut"),
    "BYE at login": Say("LOGIN", b"* BYE too many connections\r\n", "cut"),
    "LOGIN NO": Say("LOGIN", b"%t NO [UNAVAILABLE] later\r\n"),
    "SEARCH NO": Say("UID SEARCH", b"%t NO [SERVERBUG] internal error\r\n"),
    "LOGIN hangs": Say("LOGIN", b"", "hang"),
    "LOGIN answered for another": Say("LOGIN", b"zz9 OK done\r\n", "hang"),
    "SELECT without UIDVALIDITY": Say("SELECT", b"* 3 EXISTS\r\n%t OK done\r\n"),
    "SELECT read-only": Say("SELECT", b"* OK [READ-ONLY] nothing may change\r\n", "answer"),
    "SEARCH lists what is not there": Say("UID SEARCH", b"* SEARCH 4000000000 4000000001\r\n%t OK done\r\n"),
    "SEARCH twice and backwards": Say("UID SEARCH", b"* SEARCH 2 1 2 1\r\n", "answer"),
    "SEARCH and no word of it": Say("UID SEARCH", b"%t OK done\r\n"),
    "SEARCH hangs": Say("UID SEARCH", b"", "hang"),
    "SEARCH garbage": Say("UID SEARCH", b"\xff\xfe\x00 )) garbage {\r\n", "answer"),
    "FETCH NO": Say("UID FETCH", b"%t NO [SERVERBUG] could not be retrieved\r\n"),
    "FETCH and no word of it": Say("UID FETCH", b"%t OK done\r\n"),
    "FETCH with too short a literal": Say(
        "UID FETCH", b"* 1 FETCH (UID 1 BODY[] {4}\r\nFrom: me\r\n)\r\n%t OK done\r\n"
    ),
    "FETCH of others": Say(
        "UID FETCH", b"* 9 FETCH (FLAGS (\\Seen))\r\n* 7 FETCH (UID 70 BODY[] {2}\r\nhi)\r\n", "answer"
    ),
    "FETCH without UID": Say("UID FETCH", b'* 1 FETCH (RFC822.SIZE 10 BODY[] "hello")\r\n', "answer"),
    "FETCH BYE": Say("UID FETCH", b"* BYE going down\r\n", "cut"),
    "FETCH of 4 GB": Say("UID FETCH", b"* 1 FETCH (UID 1 BODY[] {4294967295}\r\n" + b"x" * 100_000, "cut"),
    "EXPUNGE in FETCH": Say("UID FETCH", b"* 1 EXPUNGE\r\n* 0 EXISTS\r\n", "answer"),
    "FETCH cut in the middle": Say("UID FETCH", b"* 1 FETCH (UID 1 BODY[] {5000}\r\nFrom: ", "cut"),
    "FETCH hangs": Say("UID FETCH", b"", "hang"),
    "MOVE NO": Say("UID MOVE", b"%t NO [OVERQUOTA] full\r\n"),
    "MOVE done, cut": Say("UID MOVE", b"* OK [COPYUID 1 1 1] done\r\n* 1 EXPUNGE\r\n", "cut"),
    "MOVE of a folder that is gone": Say("UID MOVE", b"%t NO [TRYCREATE] no such folder\r\n"),
    "MOVE cut": Say("UID MOVE", b"", "cut"),
    "MOVE hangs": Say("UID MOVE", b"", "hang"),
    "IDLE garbage": Say("IDLE", b"+ idling\r\n* \xff\x00 EXISTS\r\n* -1 EXISTS\r\n* EXISTS\r\n", "cut"),
    "IDLE hangs": Say("IDLE", b"", "hang"),
    "IDLE announces nothing again and again": Say("IDLE", b"+ idling\r\n" + b"* 5 EXISTS\r\n" * 500, "hang"),
    "APPEND over quota": Say("APPEND", b"%t NO [OVERQUOTA] full\r\n"),
    "STATUS NO": Say("STATUS", b"%t NO [SERVERBUG] what\r\n"),
    "IDLE refused": Say("IDLE", b"%t BAD what\r\n"),
    "SELECT NO": Say("SELECT", b"%t NO [INUSE] locked\r\n"),
}


def _box(world: World) -> OddMailbox:
    assert world.box
    return world.box


async def _odd(say: Say, world: World) -> None:
    box = _box(world)
    box.script.append(say)
    if say.to in ("LOGIN", "SELECT", "STATUS", "APPEND"):
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


async def _lacks(what: str, world: World) -> None:
    """From the next login on; it is back with the one after."""
    box = _box(world)
    before = box.capabilities
    box.capabilities = before.replace(what, "")
    box.hang_up()
    world.write(2)
    await asyncio.sleep(0.8)
    box.capabilities = before
    box.hang_up()


for _name in ("IDLE", "UIDPLUS", "SASL-IR", "IDLE MOVE UIDPLUS"):
    fault(f"IMAP: no {_name}", "odd mailbox", weight=4)(partial(_lacks, f" {_name}"))


async def _greets(greeting: bytes, world: World) -> None:
    box = _box(world)
    before, box.greeting = box.greeting, greeting
    box.hang_up()
    world.write(1)
    await asyncio.sleep(1.2)
    box.greeting = before


for _name, _greeting in (
    ("BYE", b"* BYE too many connections\r\n"),
    ("silence", b""),
    ("garbage", b"\x00\xff" * 5000 + b"\r\n"),
    ("a line without end", b"* OK " + b"x" * 300_000),
):
    fault(f"IMAP: greeted with {_name}", "odd mailbox", weight=3)(partial(_greets, _greeting))


@fault("IMAP: expunged under us", "odd mailbox", weight=6)
async def expunged(world: World) -> None:
    """Between SEARCH and FETCH a person takes a message away: those beside it are read."""
    box = _box(world)
    box.numbers += 1
    taken = box.numbers
    box.messages[taken] = mail("gone@gone.example", "Pytanie", subject="Pytanie", name=f"gone{taken}")
    box.script.append(Say("UID FETCH", b"", "answer", before=lambda: box.messages.pop(taken, None)))
    world.write(2)
    await asyncio.sleep(0.5)
    box.script.clear()
    box.messages.pop(taken, None)


@fault("IMAP: slow", "odd mailbox", weight=6)
async def slow(world: World) -> None:
    """Every answer takes long, none too long."""
    _box(world).pause = 0.25
    world.write(2)
    await asyncio.sleep(1.0)
    _box(world).pause = 0.0


@fault("IMAP: FETCH out of order", "odd mailbox", weight=8)
async def out_of_order(world: World) -> None:
    """What was asked for comes backwards."""
    _box(world).backwards = True
    world.write(4)
    await asyncio.sleep(0.6)
    _box(world).backwards = False


@fault("IMAP: bodies lack their end", "odd mailbox", weight=6)
async def without_end(world: World) -> None:
    """A cache that holds half: what the next connection gives is believed."""
    _box(world).halves = 2
    world.write(2)
    await asyncio.sleep(0.6)
    _box(world).halves = 0


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


@fault("IMAP: a UIDNEXT that is wrong", "odd mailbox", weight=4)
async def wrong_next(world: World) -> None:
    """The server does not know it: no message is taken twice, and none passed over."""
    box = _box(world)
    box.uid_next = world.rng.choice((1, max(1, box.numbers), 4_000_000_000))
    box.hang_up()
    world.write(2)
    await asyncio.sleep(0.5)
    box.hang_up()
    await asyncio.sleep(0.3)
    box.uid_next = 0


@fault("IMAP: connection cut", "odd mailbox", weight=8)
async def cut(world: World) -> None:
    """Where it idles."""
    world.write(1)
    await asyncio.sleep(world.rng.uniform(0, 0.2))
    _box(world).hang_up()
