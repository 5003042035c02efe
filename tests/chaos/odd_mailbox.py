"""An IMAP server that is honest until it is told otherwise (tests.imap_fake), and citizens' letters put into it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from tests.chaos.office import Office
from tests.chaos.post import Letter
from tests.imap_fake import FakeImap


@dataclass
class OddMailbox(FakeImap):
    """``empty``: so many bodies are "" although their size says otherwise."""

    empty: int = 0
    numbers: int = field(default=0)

    def _fetched(self, number: int, uid: int, items: str) -> bytes:
        if self.empty and "SIZE" not in items and "HEADER" not in items:
            self.empty -= 1
            return b'* %d FETCH (UID %d BODY[] "")\r\n' % (number, uid)
        return super()._fetched(number, uid, items)

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
