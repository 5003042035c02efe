"""The engine over SQLite or PostgreSQL, and the threads in which transactions run.

Synchronous SQLAlchemy Core runs in threads: one writer thread on SQLite, a few on PostgreSQL. Units of work that wait
together are committed together (group commit) and answered one by one, so a durable commit costs an fsync per group,
not per message. Measured: docs/design.md, storage.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from sqlalchemy import URL, Connection, Engine, create_engine, delete, event, insert, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from mailbot.config import DatabaseSettings
from mailbot.errors import ConfigError, DatabaseGone, DatabaseUnavailable
from mailbot.secret import DataKeys
from mailbot.storage.place import place_of, refuse_empty, refuse_missing
from mailbot.storage.schema import installation
from mailbot.storage.shared import schema_mark

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

T = TypeVar("T")
Item = TypeVar("Item")
Work = Callable[[Connection], T]
ManyWork = Callable[[Connection, Sequence[Item]], Sequence[T]]

_CACHES = 16 * 2**20  # octets that the caches of all connections of a process grow to: a large mail goes through each
_GROUP = 100  # units of work in one commit: more only delays the first answer
_LOOK = 1.0  # seconds between two looks for the file of the database, when nothing is written
_VICTIMS = frozenset({"40001", "40P01"})  # SQLSTATE serialization_failure, deadlock_detected: the same again may do
_TRIES = 10
_LOG_PAGES = 4_000  # of SQLite's log of changes, 16 MB: a page that changes again until then is copied once
_DEFAULTS = DatabaseSettings()

_MIGRATIONS = Path(__file__).parent / "migrations"
COMPATIBLE_FROM = "0011"
"""The oldest revision whose program can work with the tables of now (tests/oracles/test_previous_release.py). What its
INSERT does not know must be nullable or have a server_default; what it reads must stay."""
HIDING_FROM = "0029"
"""The same of a database in which addresses are sealed (secret.Hiding)."""


def connect(url: str, limits: DatabaseSettings = _DEFAULTS) -> Engine:
    """An engine whose SQLite side is durable (WAL, synchronous=FULL) and starts writing transactions as writers.

    Nothing waits for ever: of ``limits`` the seconds count. Values are hidden in its errors: they end in logs, and a
    password's hash may be among them.
    """
    if target(url).get_backend_name() != "sqlite":
        return _postgresql(url, limits)
    waits = {"timeout": limits.lock_seconds, "check_same_thread": False}
    engine = create_engine(url, connect_args=waits, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def pragmas(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # pysqlite must not open transactions of its own: "begin" below does
        cursor = connection.cursor()
        for line in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536", "mmap_size=0"):
            cursor.execute(f"PRAGMA {line}")
        cursor.execute(f"PRAGMA soft_heap_limit={_CACHES}")
        cursor.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if not connection.info.get("reader") else "BEGIN")

    return engine


def target(url: str) -> URL:
    """What ``url`` names. Raises ConfigError, which does not quote it: a password may be in it."""
    try:
        return make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigError("[database] url: is none; mend: sqlite:///FILE or postgresql+psycopg://…") from error


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes nothing: on SQLite it waits for no writer, and no writer for it."""
    with engine.connect() as connection:
        connection.info["reader"] = True
        try:
            yield connection
        finally:
            connection.rollback()
            connection.info.pop("reader", None)


def scour(engine: Engine) -> None:
    """Leave nothing of what was deleted in the files of a SQLite database: they are written anew, and the log of
    changes is emptied. PostgreSQL does the first by itself (autovacuum), and keeps its log as long as it is told to.

    Writers wait meanwhile: about a second for 100 MB. Raises DBAPIError when one of them does not let us.
    """
    if engine.dialect.name != "sqlite":
        return
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("VACUUM")
    finally:
        connection.close()
    empty_log(engine)


def wipe(connection: Connection) -> None:
    """From now on what is deleted on this connection to a SQLite database is overwritten; what ``scour`` does as well,
    but without a lock for minutes."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")


def empty_log(engine: Engine) -> None:
    """Let the log of changes of a SQLite database hold nothing any more, if nobody reads in it just now."""
    if engine.dialect.name == "sqlite":
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()


@contextmanager
def transaction(url: str) -> Iterator[Connection]:
    """One transaction on a database that is opened for it alone; what was written stays when the block ends well.

    Raises ConfigError where there is none, DatabaseUnavailable.
    """
    engine = connect(url)
    try:
        refuse_missing(engine)
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise _translate(error) from error
    finally:
        engine.dispose()


def _postgresql(url: str, limits: DatabaseSettings) -> Engine:
    """Both ends give a silent peer up: we the server, and the server us with the locks that we hold."""
    probes, milliseconds = max(1, limits.peer_seconds // 4), limits.peer_seconds * 1000
    ours = {
        "connect_timeout": max(2, limits.connect_seconds),  # libpq takes no less
        "keepalives_idle": probes,
        "keepalives_interval": probes,
        "keepalives_count": 3,
        "tcp_user_timeout": milliseconds,
    }
    theirs = {
        "statement_timeout": limits.statement_seconds * 1000,
        "lock_timeout": limits.lock_seconds * 1000,
        "idle_in_transaction_session_timeout": limits.idle_seconds * 1000,
        "tcp_keepalives_idle": probes,
        "tcp_keepalives_interval": probes,
        "tcp_keepalives_count": 3,
        "tcp_user_timeout": milliseconds,
        "client_connection_check_interval": milliseconds,
    }
    given = target(url).query
    chosen = {name: value for name, value in ours.items() if name not in given}
    # What is asked again under a lock (flow.pipeline) must not be answered by what was there before it, whatever the
    # server or the address of the database takes for its default.
    level = {"isolation_level": "READ COMMITTED"}
    engine = create_engine(url, pool_size=8, pool_pre_ping=True, connect_args=chosen, hide_parameters=True, **level)

    @event.listens_for(engine, "connect")
    def limit(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.autocommit = True  # what is set in a transaction ends with its rollback
        connection.execute(  # older servers lack some of them
            "SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) w(name, value)"
            " JOIN pg_settings USING (name)",
            (list(theirs), [str(value) for value in theirs.values()]),
        )
        connection.autocommit = False

    return engine


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to ``revision``; safe to call at every start, and by two processes at once.

    A newer schema stays as it is when its maker says that this program can work with it. Raises ConfigError when it
    does not, or when the database was lost while mailbot ran; DatabaseUnavailable.
    """
    refuse_empty(engine)
    if revision == "head" and _is_newest(engine):
        return
    from alembic import command  # it is seldom needed, and a tenth of a second
    from alembic.config import Config as AlembicConfig
    from alembic.script import ScriptDirectory

    config = AlembicConfig()
    config.set_main_option("script_location", str(_MIGRATIONS))
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":  # the second one waits, however long the first one takes
                for limit in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
                    connection.execute(text(f"SET LOCAL {limit} = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(4747001)"))
            if is_newer(connection, known := ScriptDirectory.from_config(config)):
                return
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            _mark(connection, known)
    except DBAPIError as error:
        raise _translate(error) from error


@cache
def newest() -> list[str]:
    """The revisions that no other follows, one where they are a chain: what alembic says, without loading it."""
    texts = [path.read_text(encoding="utf-8") for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")]
    made, before = (
        {found[1] for text_ in texts if (found := re.search(rf'^{name} = "(\w+)"', text_, re.MULTILINE))}
        for name in ("revision", "down_revision")
    )
    return sorted(made - before)


def _is_newest(engine: Engine) -> bool:
    """Whether there is nothing to migrate. Raises DatabaseUnavailable."""
    try:
        with reading(engine) as connection:
            if not inspect(connection).has_table("alembic_version"):
                return False
            there = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
            marks = connection.execute(select(schema_mark.c.compatible_from)) if there == newest() else ()
            return [mark for (mark,) in marks] == [COMPATIBLE_FROM]
    except DBAPIError as error:
        raise _translate(error) from error


def is_newer(connection: Connection, known: ScriptDirectory) -> bool:
    """Whether the schema is that of a newer program which says that this one can work with it. Raises ConfigError when
    it is newer and does not."""
    from alembic.runtime.migration import MigrationContext

    there = MigrationContext.configure(connection).get_current_heads()
    revisions = {script.revision for script in known.walk_revisions()}
    unknown = set(there) - revisions
    if not unknown:
        return False
    if inspect(connection).has_table(schema_mark.name):
        oldest = connection.execute(select(schema_mark.c.compatible_from)).scalar_one_or_none()
        if oldest in revisions:
            return True
    raise ConfigError(
        f"[database] url: its tables are of version {', '.join(sorted(unknown))}, this program knows them up to "
        f"{known.get_current_head()}; mend: run the newer mailbot, or restore the backup made before it"
    )


def _mark(connection: Connection, known: ScriptDirectory) -> None:
    """Say which older programs may go on, once the schema is the newest."""
    from alembic.runtime.migration import MigrationContext

    if MigrationContext.configure(connection).get_current_heads() != tuple(known.get_heads()):
        return
    hides = connection.execute(select(installation.c.id).where(installation.c.hiding > 0)).first() is not None
    keep_out(connection, HIDING_FROM if hides else COMPATIBLE_FROM)


def keep_out(connection: Connection, before: str) -> None:
    """From now on programs that know the tables only up to a revision before ``before`` are refused."""
    connection.execute(delete(schema_mark).where(schema_mark.c.compatible_from != before))
    if connection.execute(select(schema_mark.c.id)).first() is None:
        connection.execute(insert(schema_mark).values(id=1, compatible_from=before))


@dataclass(frozen=True, slots=True)
class _Job:
    """One unit of work that waits. ``future`` belongs to ``loop`` and is touched there only."""

    work: ManyWork[Any, Any]
    item: Any
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class Database:
    """Asynchronous door to the engine. ``write`` groups commits; ``read`` runs beside the writer."""

    def __init__(self, engine: Engine, *, writers: int | None = None, keys: DataKeys | None = None) -> None:
        """``keys``: the store beside it, which it looks after and closes."""
        self.engine = engine
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
        with self._waiting:
            self._jobs.append(_Job(work, item, loop, future))
            self._waiting.notify()
        return await asyncio.shield(future)

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` on a connection of its own, without the right to write."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, work)

    async def glance(self, work: Work[T]) -> T:
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
        """Look after the file of a SQLite database. Raises DatabaseGone when it was deleted, moved or replaced."""
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

    def _read(self, work: Work[T]) -> T:
        self._check()
        try:
            with reading(self.engine) as connection:
                return work(connection)
        except DBAPIError as error:
            raise DatabaseUnavailable(str(error)) from error

    def _write_loop(self) -> None:
        while group := self._next():
            self._commit(group)
            del group  # its mails, while nothing comes

    def _next(self) -> list[_Job]:
        """What goes into one transaction; nothing: all is done and the database closes."""
        group: list[_Job] = []
        with self._waiting:
            while not self._jobs and not self._closing:
                self._waiting.wait()
            while self._jobs and len(group) < _GROUP:
                if group and not self._mixes and self._jobs[0].work != group[0].work:
                    break
                group.append(self._jobs.popleft())
        return group

    def _commit(self, group: list[_Job], tries: int = 1) -> None:
        results: list[Any] = []
        begun = False
        try:
            self._check()
            with self.engine.begin() as connection:
                begun = True
                for work, jobs in groupby(group, key=lambda job: job.work):
                    results += work(connection, [job.item for job in jobs])
            self._check()  # what was committed into a file that nobody will open again must not be answered for
        except Exception as error:
            if _is_victim(error) and tries < _TRIES:
                with self._victims:  # one after the other, so that they do not meet again
                    self._commit(group, tries + 1)
            elif len(group) == 1 or not begun or _is_lost(error):  # no unit is to blame
                _answer(group, asyncio.Future.set_exception, [_translate(error) for _ in group])
            else:
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


def _is_victim(error: Exception) -> bool:
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _VICTIMS


def _is_lost(error: Exception) -> bool:
    return isinstance(error, DatabaseGone) or (isinstance(error, DBAPIError) and error.connection_invalidated)


def _translate(error: Exception) -> Exception:
    """What the values of the work cannot have caused is the database's fault, and temporary."""
    if isinstance(error, IntegrityError | DataError | NotSupportedError | ProgrammingError):
        return error
    if isinstance(error, DBAPIError | PoolTimeout):
        translated = DatabaseUnavailable(f"{type(error).__name__}: {error}")
        translated.__cause__ = error
        return cast(Exception, translated)
    return error
