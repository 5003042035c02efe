"""The engine over SQLite or PostgreSQL, and the tables that it is brought up to. Threads: storage.database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import URL, Connection, Engine, create_engine, delete, event, insert, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from mailbot.config import DatabaseSettings
from mailbot.errors import ConfigError, DatabaseUnavailable
from mailbot.storage.place import refuse_empty, refuse_missing
from mailbot.storage.schema import installation
from mailbot.storage.shared import schema_mark

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

_CACHES = 16 * 2**20  # octets that the caches of all connections of a process grow to: a large mail goes through each
_LOG_PAGES = 4_000  # of SQLite's log of changes, 16 MB: a page that changes again until then is copied once
_DEFAULTS = DatabaseSettings()

_DURABLE = "SELECT set_config(name, 'on', false) FROM pg_settings WHERE name = 'synchronous_commit' AND setting = 'off'"
"""Where server, role or database say that a commit is answered before it is on the disk: a 250 means more."""

_NO_VALUES = frozenset({"42501", "42P01", "42703", "3F000"})
"""SQLSTATE of what a statement may not do, or does not find: the role lost a right, somebody renamed a table."""

_MIGRATIONS = Path(__file__).parent / "migrations"
COMPATIBLE_FROM = "0011"
"""The oldest revision whose program can work with the tables of now (tests/oracles/test_previous_release.py). What its
INSERT does not know must be nullable or have a server_default; what it reads must stay."""
HIDING_FROM = "0034"
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
        raise translated(error) from error
    finally:
        engine.dispose()


def _postgresql(url: str, limits: DatabaseSettings) -> Engine:
    """Both ends give a silent peer up: we the server, and the server us with the locks that we hold."""
    probes, milliseconds = max(1, limits.peer_seconds // 4), limits.peer_seconds * 1000
    ours = {
        "client_encoding": "UTF8",
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
        "DateStyle": "ISO",  # the driver reads no other
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
            " WHERE current_setting(name, true) IS NOT NULL",
            (list(theirs), [str(value) for value in theirs.values()]),
        )
        connection.execute(_DURABLE)
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
        raise translated(error) from error


def newest() -> list[str]:
    """The revisions that no other follows, one where they are a chain: what alembic says, without loading it."""
    return sorted(_named("revision") - _named("down_revision"))


@cache
def _named(what: str) -> frozenset[str]:
    """What the migrations give for their ``what``."""
    texts = [path.read_text(encoding="utf-8") for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")]
    found = (re.search(rf'^{what} = "(\w+)"', text_, re.MULTILINE) for text_ in texts)
    return frozenset(one[1] for one in found if one)


def refuse_newer(connection: Connection) -> None:
    """Raises ConfigError when a newer program has said meanwhile that this one cannot work with its rows."""
    oldest = connection.execute(select(schema_mark.c.compatible_from)).scalar_one_or_none()
    if oldest is not None and oldest not in _named("revision"):
        raise ConfigError("[database] url: a newer mailbot writes what this one cannot read; mend: update this one")


def _is_newest(engine: Engine) -> bool:
    """Whether there is nothing to migrate. Raises DatabaseUnavailable."""
    try:
        with reading(engine) as connection:
            if not inspect(connection).has_table("alembic_version"):
                return False
            if connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() != newest():
                return False
            marks = connection.execute(select(schema_mark.c.compatible_from)).scalars().all()
            return marks == [_compatible_from(connection)]
    except DBAPIError as error:
        raise translated(error) from error


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
    keep_out(connection, _compatible_from(connection))


def _compatible_from(connection: Connection) -> str:
    """The eldest programs that can work with a database with the newest tables."""
    hides = connection.execute(select(installation.c.id).where(installation.c.hiding > 0)).first() is not None
    return HIDING_FROM if hides else COMPATIBLE_FROM


def keep_out(connection: Connection, before: str) -> None:
    """From now on programs that know the tables only up to a revision before ``before`` are refused."""
    connection.execute(delete(schema_mark).where(schema_mark.c.compatible_from != before))
    if connection.execute(select(schema_mark.c.id)).first() is None:
        connection.execute(insert(schema_mark).values(id=1, compatible_from=before))


def translated(error: Exception) -> Exception:
    """What the values of the work cannot have caused is the database's fault, and temporary."""
    ours = isinstance(error, ProgrammingError) and getattr(error.orig, "sqlstate", None) not in _NO_VALUES
    if ours or isinstance(error, IntegrityError | DataError | NotSupportedError):
        return error
    if isinstance(error, DBAPIError | PoolTimeout):
        translated = DatabaseUnavailable(f"{type(error).__name__}: {error}")
        translated.__cause__ = error
        return cast(Exception, translated)
    return error
