"""One road to the database for both engines.

Synchronous SQLAlchemy Core runs in threads: one writer thread on SQLite, a few on PostgreSQL. Units of work that wait
together are committed together (group commit) and answered one by one, so a durable commit costs an fsync per group,
not per message. Measured: architecture.md, decision on storage.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from itertools import groupby
from typing import Any, TypeVar, cast

from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from mailbot.errors import DatabaseUnavailable

T = TypeVar("T")
Item = TypeVar("Item")
Work = Callable[[Connection], T]
ManyWork = Callable[[Connection, Sequence[Item]], Sequence[T]]

_GROUP = 100  # units of work in one commit: more only delays the first answer


def connect(url: str) -> Engine:
    """An engine whose SQLite side is durable (WAL, synchronous=FULL) and starts writing transactions as writers.

    Values are hidden in its errors: they end in logs, and a password's hash may be among them.
    """
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=8, pool_pre_ping=True, hide_parameters=True)
    engine = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def pragmas(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # pysqlite must not open transactions of its own: "begin" below does
        cursor = connection.cursor()
        for line in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536", "mmap_size=0"):
            cursor.execute(f"PRAGMA {line}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if not connection.info.get("reader") else "BEGIN")

    return engine


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to ``revision``; safe to call at every start."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(resources.files("mailbot.storage") / "migrations"))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # two processes may start at once on an empty database
            connection.execute(text("SELECT pg_advisory_xact_lock(4747001)"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@dataclass(frozen=True, slots=True)
class _Job:
    """One unit of work that waits. ``future`` belongs to ``loop`` and is touched there only."""

    work: ManyWork[Any, Any]
    item: Any
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class Database:
    """Asynchronous door to the engine. ``write`` groups commits; ``read`` runs beside the writer."""

    def __init__(self, engine: Engine, *, writers: int | None = None) -> None:
        self.engine = engine
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="db-read")
        count = writers or (1 if engine.dialect.name == "sqlite" else 4)
        self._writers = [
            threading.Thread(target=self._write_loop, daemon=True, name=f"db-write-{n}") for n in range(count)
        ]
        for thread in self._writers:
            thread.start()

    async def write(self, work: Work[T]) -> T:
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
        self._jobs.put(_Job(work, item, loop, future))
        return await asyncio.shield(future)

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` on a connection of its own, without the right to write."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, work)

    async def close(self) -> None:
        """Finish what waits, then stop the threads."""
        for _ in self._writers:
            self._jobs.put(None)
        for thread in self._writers:
            await asyncio.to_thread(thread.join)
        self._readers.shutdown()
        self.engine.dispose()

    def _read(self, work: Work[T]) -> T:
        try:
            with self.engine.connect() as connection:
                connection.info["reader"] = True
                try:
                    return work(connection)
                finally:
                    connection.rollback()
                    connection.info.pop("reader", None)
        except DBAPIError as error:
            raise DatabaseUnavailable(str(error)) from error

    def _write_loop(self) -> None:
        while (first := self._jobs.get()) is not None:
            group = [first]
            last = False
            while len(group) < _GROUP and not self._jobs.empty():
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:  # another writer was quicker
                    break
                if job is None:
                    last = True
                    break
                group.append(job)
            self._commit(group)
            if last:
                return

    def _commit(self, group: list[_Job]) -> None:
        try:
            with self.engine.begin() as connection:
                results: list[Any] = []
                for work, jobs in groupby(group, key=lambda job: job.work):
                    results += work(connection, [job.item for job in jobs])
        except Exception as error:
            if len(group) == 1:
                _answer(group, asyncio.Future.set_exception, [_translate(error)])
                return
            for job in group:  # one of them is bad: each for itself, so that it harms nobody else
                self._commit([job])
            return
        _answer(group, asyncio.Future.set_result, results)


def _answer(group: list[_Job], how: Callable[[asyncio.Future[Any], Any], None], answers: list[Any]) -> None:
    """Wake every loop once for all its jobs: a wake-up is a system call, and each one gives the interpreter away."""
    for loop, pairs in groupby(zip(group, answers, strict=True), key=lambda pair: pair[0].loop):
        told = [(job.future, answer) for job, answer in pairs]
        with suppress(RuntimeError):  # that loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_tell, how, told)


def _tell(how: Callable[[asyncio.Future[Any], Any], None], told: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, answer in told:
        if not future.done():
            how(future, answer)


def _translate(error: Exception) -> Exception:
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout):  # anything else is the fault of the work
        translated = DatabaseUnavailable(f"{type(error).__name__}: {error}")
        translated.__cause__ = error
        return cast(Exception, translated)
    return error
