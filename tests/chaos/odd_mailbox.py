"""An IMAP server that is honest until it is told otherwise (tests.imap_fake), and citizens' letters put into it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from tests.chaos.office import Office
from tests.chaos.post import Letter
from tests.imap_fake import FakeImap


@dataclass
class OddMailbox(FakeImap):
    """``empty``: so many bodies are "" although their size says otherwise, ``halves`` are half of it. ``pause``:
    seconds before each answer. ``backwards``: what is fetched comes in the other order."""

    empty: int = 0
    halves: int = 0
    pause: float = 0.0
    backwards: bool = False
    numbers: int = field(default=0)

    def _fetched(self, number: int, uid: int, items: str) -> bytes:
        if self.empty and "SIZE" not in items and "HEADER" not in items:
            self.empty -= 1
            return b'* %d FETCH (UID %d BODY[] "")\r\n' % (number, uid)
        if self.halves and "SIZE" not in items and "HEADER" not in items:
            self.halves -= 1
            raw = self._messages[uid]
            return b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (number, uid, len(raw) // 2, raw[: len(raw) // 2])
        return super()._fetched(number, uid, items)

    def _responses(self, word: str, rest: list[str]) -> Iterable[bytes]:
        found = super()._responses(word, rest)
        return reversed(list(found)) if self.backwards and rest[:1] == ["FETCH"] else found

    async def _answer(self, tag: str, command: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.pause)
        await super()._answer(tag, command, reader, writer)

    def hang_up(self) -> None:
        """The connections that idle end."""
        for writer in self._idlers:
            writer.transport.abort()

    def put(self, letter: Letter, office: Office) -> None:
        """A letter arrives now."""
        self.numbers += 1
        arrived = office.now() - timedelta(minutes=1)
        self.dates[self.numbers] = arrived.strftime('"%d-%b-%Y %H:%M:%S +0000"').encode()
        self.deliver(self.numbers, letter.raw)


def into(box: OddMailbox, office: Office) -> Callable[[Letter], None]:
    """As ``post.by_lmtp``; called in a thread."""
    loop = asyncio.get_running_loop()

    def deliver(letter: Letter) -> None:
        asyncio.run_coroutine_threadsafe(_put(box, letter, office), loop).result(30)

    return deliver


async def _put(box: OddMailbox, letter: Letter, office: Office) -> None:
    box.put(letter, office)
