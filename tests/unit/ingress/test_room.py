"""How many octets of mails may lie in memory at once: nobody waits for ever, and nobody holds what is not his."""

from __future__ import annotations

import asyncio
import platform
import subprocess
import sys

import pytest

from mailbot.room import Place, Room


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_fits_does_not_wait_and_one_may_go_beyond() -> None:
    room = Room(100)
    first, second, third = Place(room), Place(room), Place(room)
    await first.take(60, 5)
    await second.take(60, 5)  # the one that may
    waiting = asyncio.create_task(third.take(50, 5))
    await turn()
    assert (room.free, room.waiting, waiting.done()) == (40, 1, False)
    assert Place(room).fits(40), "what is small goes past those that wait"
    second.leave()
    await waiting
    assert room.waiting == 0
    for place in (first, second, third):
        place.leave()
        place.leave()
    assert room.free == 60


async def test_the_turn_to_go_beyond_is_given_back_when_there_is_room_again() -> None:
    room = Room(100)
    first, second, third, fourth = (Place(room) for _ in range(4))
    await first.take(100, 5)
    await second.take(90, 5)
    waiting = asyncio.create_task(third.take(90, 5))
    await turn()
    first.leave()
    second.leave()
    await waiting
    assert room.free == 10
    await fourth.take(90, 5)
    assert fourth.holds(1000), "whoever may go beyond grows without asking"


async def test_mails_that_grow_do_not_wait_for_each_other_for_ever() -> None:
    room, done = Room(100), []

    async def grow(name: int) -> None:
        place = Place(room)
        for octets in (10, 20, 40, 80):
            await place.take(octets, 5)
            await asyncio.sleep(0)
        done.append(name)
        place.leave()

    async with asyncio.timeout(60):
        await asyncio.gather(*map(grow, range(30)))
    assert (len(done), room.free, room.beyond.locked()) == (30, 100, False)


async def test_patience_ends_and_leaves_nothing_behind() -> None:
    room = Room(100)
    first, second, third = Place(room), Place(room), Place(room)
    await first.take(100, 5)
    await second.take(1, 5)
    with pytest.raises(TimeoutError):
        await third.take(1, 0.01)
    second.leave()
    first.leave()
    assert (room.free, room.waiting, room.beyond.locked()) == (100, 0, False)


async def test_whoever_is_cut_off_while_it_waits_leaves_nothing_behind() -> None:
    room = Room(100)
    first, second, third = Place(room), Place(room), Place(room)
    await first.take(100, 5)
    await second.take(1, 5)
    waiting = asyncio.create_task(third.take(1, 5))
    await turn()
    waiting.cancel()
    await turn()
    second.leave()
    assert (room.waiting, room.beyond.locked()) == (0, False)


_FREED = """
import os
from mailbot.room import give_back
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
give_back()
before = resident()
kept = []
for _ in range(6):
    large = [bytearray(b"x") * 24_000_000, bytearray(b"x") * 20_000_000]
    kept.append(bytes(100_000))
    del large
print(resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep nothing")
def test_what_was_freed_goes_back_to_the_system() -> None:
    told = subprocess.run([sys.executable, "-c", _FREED], capture_output=True, text=True, check=True, timeout=60)
    assert int(told.stdout) < 8_000_000
