"""The threads in which transactions run, and the groups in which they are committed.

Synchronous SQLAlchemy Core runs in threads: one writer thread on SQLite, a few on PostgreSQL. Units of work that wait
together are committed together (group commit) and answered one by one, so a durable commit costs an fsync per group,
not per message. Measured: docs/design.md, storage.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NoReturn, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from mailbot import threads
from mailbot.errors import DatabaseGone, DatabaseUnavailable
from mailbot.secret import DataKeys
from mailbot.storage.engine import reading, translated
from mailbot.storage.place import place_of
from mailbot.storage.witness import Witness, tell

T = TypeVar("T")
Item = TypeVar("Item")
TransactionBody = Callable[[Connection], T]
ManyWork = Callable[[Connection, Sequence[Item]], Sequence[T]]

_GROUP = 100  # units of work in one commit: more only delays the first answer
_LOOK = 1.0  # seconds between two looks for the file of the database, when nothing is written
_VICTIMS = frozenset({"40001", "40P01"})  # SQLSTATE serialization_failure, deadlock_detected: the same again may do
_TRIES = 10
_BREATH = 0.1  # seconds until something that found no memory is tried again


@dataclass(frozen=True, slots=True)
class _Job:
    """One unit of work that waits. ``future`` belongs to ``loop`` and is touched there only."""

    work: ManyWork[Any, Any]
    item: Any
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class Database:
    """Asynchronous door to the engine. ``write`` groups commits; ``read`` runs beside the writer."""

    def __init__(
        self, engine: Engine, *, writers: int | None = None, keys: DataKeys | None = None, process: str = ""
    ) -> None:
        """``keys``: the store beside it, which it looks after and closes. ``process``: whose transactions are looked
        for when the server is another one (storage.witness); "": nobody's."""
        self.engine = engine
        self._witness = Witness(process) if process and engine.dialect.name == "postgresql" else None
        self._keys = keys
        self._place = place_of(engine)
        if self._place is not None:  # a connection made now would make an empty database
            event.listen(engine, "do_connect", lambda *_: self._check())
        self._jobs: deque[_Job] = deque()
        self._waiting = threading.Condition()
        self._closing = False
        self._victims = threading.RLock()
        self._near: Connection | None = None
        self._nears = 0
        # On PostgreSQL units of several kinds in one transaction would take locks in any order; there only equal ones
        # go together, and others need not wait for them: it has more than one writer.
        self._mixes = engine.dialect.name == "sqlite"
        self._readers = threads.pool(4, "db-read")
        count = writers or (1 if engine.dialect.name == "sqlite" else 4)
        self._writers = [
            threading.Thread(target=self._write_loop, daemon=True, name=f"db-write-{n}") for n in range(count)
        ]
        for thread in self._writers:
            thread.start()

    async def write(self, work: TransactionBody[T]) -> T:
        """Run ``work`` in a transaction and return its result after the commit.

        ``work`` may be run again when a unit of the same group failed, so it must have no effect but on the connection.
        Raises DatabaseUnavailable when the database cannot commit now; any other exception of ``work`` as it is.
        Cancelling the caller does not cancel the work.
        """

        def alone(connection: Connection, _: Sequence[None]) -> tuple[T]:
            return (work(connection),)

        return await self._put(alone, None)

    async def write_together(self, work: ManyWork[Item, T], item: Item) -> T:
        """As ``write``; items that wait for the same ``work`` are given to it together, and it answers one for each."""
        return await self._put(work, item)

    async def _put(self, work: ManyWork[Item, T], item: Item) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._waiting:
            self._jobs.append(_Job(work, item, loop, future))
            self._waiting.notify()
        return await asyncio.shield(future)

    async def read(self, work: TransactionBody[T]) -> T:
        """Run ``work`` on a connection of its own, without the right to write."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, work)

    async def glance(self, work: TransactionBody[T]) -> T:
        """As ``read``, of a few rows that were read a moment ago: on SQLite at once, on this thread. There nobody waits
        for anybody (WAL), and to wake another thread costs more than such a read."""
        if self._mixes:
            self._check()
            with suppress(DBAPIError, sqlite3.Error):
                connection = self._beside()
                try:
                    return work(connection)
                finally:
                    connection.rollback()
            self._leave_near()
        return await self.read(work)

    def version(self) -> int | None:
        """A number that is another one as soon as anybody, in whatever process, has committed; microseconds. None: it
        cannot be told (PostgreSQL has none), and who asks must look."""
        if not self._mixes:
            return None
        try:
            cursor = self._beside().connection.cursor()
            ((version,),) = cursor.execute("PRAGMA data_version").fetchall()
            cursor.close()
        except (DBAPIError, DatabaseUnavailable, sqlite3.Error):
            return None
        return (self._nears << 32) + int(version)  # each connection counts for itself

    def _beside(self) -> Connection:
        """A connection of the event loop's thread, which waits for no lock."""
        if self._near is None:
            self._near = self.engine.connect()
            self._nears += 1
            self._near.info["reader"] = True
            self._near.connection.cursor().execute("PRAGMA busy_timeout=0").close()
        return self._near

    def _leave_near(self) -> None:
        near, self._near = self._near, None
        if near is not None:
            near.invalidate()  # nobody else shall get it: it is a reader that waits for nobody
            near.close()

    async def watch(self) -> NoReturn:
        """Look after the database. Raises DatabaseGone when the file of SQLite was deleted, moved or replaced, or when
        a server has not what it had."""
        while True:
            try:
                self._check()
            except DatabaseGone:
                raise
            except DatabaseUnavailable:  # who reads or writes hears of it
                pass
            await asyncio.sleep(_LOOK)

    async def close(self) -> None:
        """Finish what waits, then stop the threads."""
        with self._waiting:
            self._closing = True
            self._waiting.notify_all()
        for thread in self._writers:
            await asyncio.to_thread(thread.join)
        self._readers.shutdown()
        self._leave_near()
        if self._place is not None:
            self._place.close()
            self._place = None
        self.engine.dispose()
        if self._keys is not None:
            self._keys.close()

    def _check(self) -> None:
        if self._place is not None:
            self._place.check()
        if self._keys is not None:
            self._keys.check()
        if self._witness is not None:
            self._witness.check()

    def _read(self, work: TransactionBody[T]) -> T:
        self._check()
        try:
            with reading(self.engine) as connection:
                return work(connection)
        except DBAPIError as error:
            raise DatabaseUnavailable(str(error)) from error

    def _write_loop(self) -> None:
        """A thread that ends leaves all who write waiting: none ends before the database does."""
        while True:
            group: list[_Job] = []
            try:
                self._fill(group)
                if not group:
                    return
                self._commit(group)
            except Exception as error:
                _refuse(group, error)
            del group  # its mails, while nothing comes

    def _fill(self, group: list[_Job]) -> None:
        """With what goes into one transaction; nothing: all is done and the database closes."""
        with self._waiting:
            while not self._jobs and not self._closing:
                self._waiting.wait()
            while self._jobs and len(group) < _GROUP:
                if group and not self._mixes and self._jobs[0].work != group[0].work:
                    break
                group.append(self._jobs[0])
                self._jobs.popleft()

    def _commit(self, group: list[_Job], tries: int = 1) -> None:
        results: list[Any] = []
        begun = False
        try:
            self._check()
            with self.engine.connect() as connection, self._telling(connection):
                with connection.begin():
                    begun = True
                    for work, jobs in groupby(group, key=lambda job: job.work):
                        results += work(connection, [job.item for job in jobs])
                    noted = self._witness.note(connection) if self._witness else None
                if self._witness:
                    self._witness.committed(noted)
            self._check()  # what was committed into a file that nobody will open again must not be answered for
        except Exception as error:
            if _is_victim(error) and tries < _TRIES:
                with self._victims:  # one after the other, so that they do not meet again
                    self._commit(group, tries + 1)
            elif len(group) == 1 or not begun or _is_lost(error):  # no unit is to blame
                _answer(group, asyncio.Future.set_exception, [translated(error) for _ in group])
            else:
                for job in group:  # one of them is bad: each for itself, so that it harms nobody else
                    self._commit([job])
            return
        _answer(group, asyncio.Future.set_result, results)

    @contextmanager
    def _telling(self, connection: Connection) -> Iterator[None]:
        """Where the server lacks something the others, and who starts next, shall know as well. It is told to that one:
        another may be there that has everything."""
        try:
            yield
        except DatabaseGone:
            if self._witness and self._witness.lost:
                with suppress(DBAPIError), connection.begin():
                    tell(connection)
            raise


def _answer(group: list[_Job], how: Callable[[asyncio.Future[Any], Any], None], answers: list[Any]) -> None:
    """Wake every loop once for all its jobs: a wake-up is a system call, and each one gives the interpreter away."""
    for loop, pairs in groupby(zip(group, answers, strict=True), key=lambda pair: pair[0].loop):
        told = [(job.future, answer) for job, answer in pairs]
        with suppress(RuntimeError):  # that loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_tell, how, told)


def _refuse(group: list[_Job], error: Exception) -> None:
    """Say that ``error`` ended it, to whom nothing was said: that, too, may find no memory, for a moment."""
    while True:
        try:
            return _answer(group, asyncio.Future.set_exception, [translated(error) for _ in group])
        except MemoryError:
            time.sleep(_BREATH)


def _tell(how: Callable[[asyncio.Future[Any], Any], None], told: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, answer in told:
        if not future.done():
            how(future, answer)


def _is_victim(error: Exception) -> bool:
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _VICTIMS


def _is_lost(error: Exception) -> bool:
    return isinstance(error, DatabaseGone) or (isinstance(error, DBAPIError) and error.connection_invalidated)
