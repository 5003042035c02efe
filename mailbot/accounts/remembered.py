"""The accounts of a registry on another machine for the people at the desk.

A transaction that needs an account which was not asked for breaks off with NotAsked and leaves nothing behind;
``answered`` asks for it and runs the transaction again. So no transaction waits for the registry, and nobody has to
foresee which accounts an action will look at.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine

from mailbot.accounts.snapshot import Snapshot, doubtful
from mailbot.errors import NotAsked
from mailbot.model import Account
from mailbot.secret import DataKeys
from mailbot.storage.database import Database, TransactionBody
from mailbot.text import address

T = TypeVar("T")
_FRESH = 10.0
"""Seconds that an answer counts: long enough for one action, short enough to see what has changed."""
_PATIENCE = 8.0
"""Seconds that a person waits for it."""
_LOGINS = 8
"""No action looks at more in a row: who asks for ever is a fault of ours."""


class Registry(Protocol):
    """A registry on another machine, asked before the transaction that decides on its answer."""

    ailing: str
    """Why it did not answer when it was asked last; empty: it did."""

    async def ask(self, keys: Collection[str], patience: float | None = None) -> Snapshot:
        """What it says now of these login keys. For those it does not answer, or not within ``patience`` seconds, the
        snapshot raises; this never does."""
        ...


class Remembered:
    """Directory of what ``registry`` answered a moment ago. What it does not answer is a doubtful account here: the
    desk goes on with everything but what must know the account."""

    def __init__(self, registry: Registry, now: Callable[[], float] = time.monotonic) -> None:
        self._registry, self._now = registry, now
        self._answers: dict[str, tuple[float, Account | None]] = {}

    async def answered(self, run: Callable[[], Awaitable[T]]) -> T:
        """The result of ``run``, whose transaction may be broken off until the accounts it needs are known."""
        for _ in range(_LOGINS):
            try:
                return await run()
            except NotAsked as lacking:
                await self._ask(lacking.keys)
        return await run()

    async def _ask(self, keys: Collection[str]) -> None:
        said = await self._registry.ask(keys, _PATIENCE)
        at = self._now()
        self._answers = {key: kept for key, kept in self._answers.items() if at - kept[0] <= _FRESH}
        for key in keys:
            self._answers[key] = (at, said.accounts.get(key) if key in said.asked else doubtful(key))

    def find(self, connection: Connection | None, login: str) -> Account | None:
        """See Directory.find. Raises NotAsked."""
        key = address.login_key(login)
        return self.find_many(connection, [key]).get(key) if key else None

    def find_many(self, connection: Connection | None, keys: Sequence[str]) -> dict[str, Account]:
        """See Directory.find_many. Raises NotAsked."""
        until, answers = self._now() - _FRESH, self._answers  # another thread may put others in its place
        kept = {key: answers[key] for key in keys if key in answers and answers[key][0] >= until}
        if lacking := frozenset(keys) - kept.keys():
            raise NotAsked(lacking)
        return {key: account for key, (_, account) in kept.items() if account is not None}

    def has_namesake(self, connection: Connection | None, account: Account) -> bool:
        """See Snapshot.has_namesake."""
        return Snapshot((), {}).has_namesake(connection, account)

    def set_emergency_password(
        self, connection: Connection | None, login: str, password_hash: str, now: datetime, new_login: str | None = None
    ) -> bool:
        """See Snapshot.set_emergency_password."""
        return Snapshot((), {}).set_emergency_password(connection, login, password_hash, now, new_login)


class AskingDatabase(Database):
    """Runs transactions that need accounts of ``directory`` until these are known."""

    def __init__(self, engine: Engine, directory: Remembered, keys: DataKeys | None = None, process: str = "") -> None:
        super().__init__(engine, keys=keys, process=process)
        self._directory = directory

    async def read(self, work: TransactionBody[T]) -> T:
        """See Database.read."""
        return await self._directory.answered(lambda: super(AskingDatabase, self).read(work))

    async def write(self, work: TransactionBody[T]) -> T:
        """See Database.write."""
        return await self._directory.answered(lambda: super(AskingDatabase, self).write(work))
