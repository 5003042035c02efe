"""Fetching goes on while the inbox stores; nothing moves before its commit, and nothing that was added is left out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from mailbot.errors import DatabaseUnavailable
from mailbot.ingress import imap_taking
from mailbot.ingress.imap_taking import Taking
from mailbot.model import Envelope, RawMessage, Source
from tests.intake import NOW


def mail(uid: int, octets: int = 10) -> RawMessage:
    return RawMessage(bytes(octets), Envelope(Source.IMAP, uid=uid), NOW)


class Office:
    """Says what is done in which order; storing waits for ``go``."""

    def __init__(self) -> None:
        self.done: list[tuple[str, list[int]]] = []
        self.go = asyncio.Event()
        self.fails = 0

    async def store(self, messages: Sequence[RawMessage]) -> list[int]:
        uids = [message.envelope.uid or 0 for message in messages]
        await self.go.wait()
        if self.fails:
            self.fails -= 1
            raise DatabaseUnavailable("locked")
        self.done.append(("stored", uids))
        return uids

    async def move(self, uids: Sequence[int]) -> None:
        self.done.append(("moved", list(uids)))


async def test_what_comes_while_others_are_stored_is_stored_together_and_moved_after_it() -> None:
    office = Office()
    taking = Taking(office.store, office.move)
    for uid in range(1, 6):
        await taking.add([mail(uid)])
    assert office.done == []
    office.go.set()
    await taking.finish()
    assert office.done == [("stored", [1]), ("stored", [2, 3, 4, 5]), ("moved", [1, 2, 3, 4, 5])]


async def test_large_sets_move_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap_taking, "_MOVED", 2)
    office = Office()
    office.go.set()
    taking = Taking(office.store, office.move)
    for uid in range(1, 6):
        await taking.add([mail(uid)])
        await asyncio.sleep(0.01)
    await taking.finish()
    moved = [uids for what, uids in office.done if what == "moved"]
    assert moved == [[1, 2], [3, 4], [5]]
    for uids in moved:
        assert office.done.index(("moved", uids)) > office.done.index(("stored", uids[-1:]))


async def test_so_many_octets_wait_and_no_more() -> None:
    office = Office()
    taking = Taking(office.store, office.move)
    await taking.add([mail(1)])
    waiting = asyncio.create_task(taking.add([mail(2, imap_taking._FETCHED + 1)]))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    office.go.set()
    await waiting
    await taking.finish()
    assert office.done[-1] == ("moved", [1, 2])


async def test_what_the_database_refuses_moves_nowhere() -> None:
    office = Office()
    office.go.set()
    office.fails = 1
    taking = Taking(office.store, office.move)
    await taking.add([mail(1)])
    with pytest.raises(DatabaseUnavailable):
        await taking.finish()
    taking.cancel()
    assert office.done == []
