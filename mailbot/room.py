"""How many octets of mails lie in memory at once, whoever sends how many of them."""

from __future__ import annotations

import asyncio
import ctypes
from contextlib import suppress

OCTETS = 16 * 2**20
_GIVEN_BACK, _KEPT = 2**20, 4 * 2**20
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_LIBC = ctypes.CDLL(None)
"""Found now: a locked process may not look for it."""


def give_back() -> None:
    """Let what is freed of a large mail go back to the system at once: glibc learns to keep up to 32 MiB of each size
    that it has seen, in as many pieces as there were mails. A little stays: pages that every mail with a file would get
    anew."""
    with suppress(AttributeError):  # another C library
        _LIBC.mallopt(_M_MMAP_THRESHOLD, _GIVEN_BACK)
        _LIBC.mallopt(_M_TRIM_THRESHOLD, _KEPT)


def shrink() -> None:
    """Let go of what is free between what is not: the memory of a large tree of XML, of which little was kept."""
    with suppress(AttributeError):
        _LIBC.malloc_trim(0)


class Room:
    """Octets that all mails of a process may take together.

    What does not fit waits, and one mail at a time may go beyond: so no two wait for each other, and at most
    ``octets`` and one mail more are held.
    """

    def __init__(self, octets: int = OCTETS) -> None:
        self.free = octets
        self.beyond = asyncio.Lock()
        self.waiting = 0
        """Mails that wait. Whoever holds a part meanwhile has no time to lose."""


class Place:
    """The part of a room that one mail takes."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._held = 0
        self._beyond = False

    def holds(self, octets: int) -> bool:
        """Whether it is for so many octets already."""
        return self._beyond or octets <= self._held

    def fits(self, octets: int) -> bool:
        """Take ``octets`` in all, at once; False: there is no room for them now."""
        if self.holds(octets):
            return True
        more = octets - self._held
        if more > self._room.free:
            return False
        self._room.free -= more
        self._held = octets
        return True

    async def take(self, octets: int, patience: float) -> None:
        """As ``fits``, when the turn comes. Raises TimeoutError when it does not within ``patience`` seconds."""
        if self.fits(octets):
            return
        room = self._room
        room.waiting += 1
        try:
            async with asyncio.timeout(patience):
                await room.beyond.acquire()
        finally:
            room.waiting -= 1
        self._beyond = not self.fits(octets)
        if not self._beyond:  # there is room again
            room.beyond.release()

    def leave(self) -> None:
        """Give back what was taken; may be called again."""
        self._room.free += self._held
        self._held = 0
        if self._beyond:
            self._beyond = False
            self._room.beyond.release()
