"""What the tests of the intake share: a database of their own, a look into its inbox, waiting for a condition."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from mailbot.inbox import Cursor, message_of, read_cursor
from mailbot.model import RawMessage
from mailbot.secret import Secret
from mailbot.storage.database import Database, Item, ManyWork, T
from mailbot.storage.engine import connect
from mailbot.storage.schema import inbox, metadata, raw_message

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECRET = Secret(b"k" * 32)


def clock() -> datetime:
    """Time stands still."""
    return NOW


class FailingDatabase(Database):
    """A database whose next ``failures`` commits fail; ``lost_answers`` commits are done and their answer is lost."""

    failures = 0
    lost_answers = 0

    async def _put(self, work: ManyWork[Item, T], item: Item) -> T:
        """As Database._put, the road of every commit, after the failures that were asked for."""
        if self.failures:
            self.failures -= 1

            def fail(_: object, __: object) -> NoReturn:
                raise OperationalError("COMMIT", {}, Exception("secret: the disk is full"))

            await super()._put(fail, None)
        result = await super()._put(work, item)
        if self.lost_answers:
            self.lost_answers -= 1
            raise ConnectionResetError("secret: the commit was done")
        return result


@asynccontextmanager
async def open_database(folder: Path) -> AsyncIterator[FailingDatabase]:
    """A new SQLite database in ``folder``."""
    engine = connect(f"sqlite:///{folder / 'mailbot.db'}")
    metadata.create_all(engine)
    database = FailingDatabase(engine)
    try:
        yield database
    finally:
        await database.close()


async def messages(database: Database) -> list[RawMessage]:
    """Everything in the inbox, in the order it was stored."""
    statement = (
        select(inbox, raw_message.c.raw).join(raw_message, raw_message.c.inbox_id == inbox.c.id).order_by(inbox.c.id)
    )
    return await database.read(lambda c: [message_of(row, SECRET) for row in c.execute(statement).mappings()])


async def cursor_of(database: Database, mailbox: str) -> Cursor | None:
    """The cursor of ``mailbox``."""
    return await database.read(lambda connection: read_cursor(connection, mailbox))


async def until(holds: Callable[[], bool] | Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    """Wait until ``holds``; the limit only keeps a broken test from hanging."""
    async with asyncio.timeout(seconds):
        while True:
            answer = holds()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.01)
