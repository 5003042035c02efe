"""A throw-away PostgreSQL server for tests, reached over a Unix socket only."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, create_mock_engine

from mailbot.storage.engine import connect
from mailbot.storage.schema import metadata
from tests.support import missing, program

_USER = "postgres"  # initdb and the server refuse to run as root


@dataclass(frozen=True, slots=True)
class Server:
    """A server that tests may stop and start. ``url``: of its database, for SQLAlchemy. ``measured``: as durable as one
    in use, and it counts what it is asked; other tests need no such thing."""

    folder: Path
    pg_ctl: str
    account: dict[str, Any]
    measured: bool = False

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://mailbot@/postgres?host={self.folder}"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        # The log goes to a file: a server that inherited a pipe would keep run() waiting.
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c max_connections=50"
        if self.measured:
            options += " -c shared_preload_libraries=pg_stat_statements"
        else:
            options += " -c fsync=off -c autovacuum=off"  # statistics are what a test makes them
        self.run(self.pg_ctl, "-D", f"{self.folder}/data", "-l", f"{self.folder}/log", "-o", options, "-w", "start")

    def stop(self, *, shipped: bool = False) -> None:
        """As a power cut would; ``shipped``: a standby that follows gets all that was answered for first."""
        mode = "fast" if shipped else "immediate"
        self.run(self.pg_ctl, "-D", f"{self.folder}/data", "-m", mode, "-w", "stop")

    def promote(self) -> None:
        """Let a standby take over."""
        self.run(self.pg_ctl, "-D", f"{self.folder}/data", "-w", "promote")

    def run(self, *command: str) -> None:
        """A command of PostgreSQL's, as its user."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            **self.account,
        )
        assert done.returncode == 0, f"{command[0]}: {done.stderr}{_log(self.folder)}"


@contextmanager
def server(*, measured: bool = False) -> Iterator[Server]:
    """Start a server; it and its data are gone afterwards."""
    made = (program("initdb", *_places()), "-U", "mailbot", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
    with _started(*made, measured=measured) as found:
        yield found


@contextmanager
def standby(primary: Server) -> Iterator[Server]:
    """A second server that follows ``primary``, whose commits do not wait for it."""
    copy = (program("pg_basebackup", *_places()), "-R", "-X", "stream", "-c", "fast", "--no-sync", "-U", "mailbot")
    with _started(*copy, "-h", str(primary.folder)) as found:
        yield found


@contextmanager
def _started(*made_by: str, measured: bool = False) -> Iterator[Server]:
    """The server whose data a command makes."""
    pg_ctl = program("pg_ctl", *_places())
    room = os.environ.get("PYTEST_DEBUG_TEMPROOT") or None  # `make test`: in memory, where many files are soon deleted
    folder = Path(tempfile.mkdtemp(prefix="mailbot-pg-", dir=room))  # the path of a socket has at most 107 bytes
    try:
        found = Server(folder, pg_ctl, _account(folder), measured)
        found.run(*made_by, "-D", f"{folder}/data")
        found.start()
        try:
            yield found
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                found.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def cluster() -> Iterator[str]:
    """The URL of a server of one's own."""
    with server() as found:
        yield found.url


class Schemas:
    """The schemas of one server, each for one test. The tables of ``metadata`` are made once for many tests: deleting
    what a test wrote is far cheaper than new tables."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._admin = self._connected()
        self._numbers = count(1)
        self._kept: tuple[str, list[Any]] | None = None

    def engine(self, name: str) -> Engine:
        """Everything of one schema, and of no other."""
        return connect(f"{self.url}&options=-csearch_path%3D{name}")

    def new(self) -> str:
        """The name of a schema with nothing in it."""
        name = f"test_{next(self._numbers)}"
        self._session().execute(f"CREATE SCHEMA {name}")
        return name

    def filled(self) -> str:
        """The name of a schema with empty tables."""
        if self._kept is None:
            name = self.new()
            admin = self._session()
            admin.execute(f"SET search_path = {name}; {_tables()}")
            self._kept = name, _shape(admin, name)
        return self._kept[0]

    def give_back(self) -> None:
        """Empty the tables for the next test. Where a test left anything but rows (a session that may still write,
        other tables, statistics that change the plans), the next one gets new tables."""
        if self._kept is None:
            return
        (name, shape), self._kept = self._kept, None
        admin = self._session()
        if not _alone(admin) or _shape(admin, name) != shape:
            return
        asked = ", ".join(f"EXISTS (SELECT 1 FROM {name}.{table})" for table in metadata.tables)
        found = admin.execute(f"SELECT {asked}", prepare=True).fetchone() or ()
        written = [table for table, has in zip(metadata.tables, found, strict=True) if has]
        moved = admin.execute(
            "SELECT sequencename FROM pg_sequences WHERE schemaname = %s AND last_value IS NOT NULL", (name,)
        )
        lines = ["SET session_replication_role = replica"]  # in any order
        lines += [f"DELETE FROM {name}.{table}" for table in written]
        lines += [f"ALTER SEQUENCE {name}.{sequence} RESTART" for (sequence,) in moved]
        admin.execute("; ".join(lines))
        self._kept = name, shape

    def close(self) -> None:
        """End the session."""
        self._admin.close()

    def _session(self) -> psycopg.Connection[Any]:
        """One for all tests, until a test cuts it: a new one would read first what is known of all tables."""
        try:
            self._admin.execute("SELECT 1")
        except psycopg.OperationalError:
            self._admin = self._connected()
        return self._admin

    def _connected(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True)


def _alone(admin: psycopg.Connection[Any]) -> bool:
    """Whether nobody else is connected. A session that was closed just now needs a moment to end."""
    others = "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    for _ in range(50):
        if admin.execute(others).fetchone() is None:
            return True
        time.sleep(0.004)
    return False


def _shape(admin: psycopg.Connection[Any], name: str) -> list[Any]:
    """What a schema consists of, and what is known of its tables."""
    asked = (
        "SELECT oid, relnatts, relchecks, relhastriggers, relkind = 'r' AND reltuples >= 0 FROM pg_class"
        " WHERE relnamespace = %s::regnamespace ORDER BY oid"
    )
    return admin.execute(asked, (name,)).fetchall()


@cache
def _tables() -> str:
    """What ``metadata.create_all`` says to PostgreSQL."""
    said: list[str] = []
    recorder = create_mock_engine(
        "postgresql+psycopg://", lambda ddl, *_, **__: said.append(str(ddl.compile(recorder)))
    )
    metadata.create_all(recorder, checkfirst=False)
    return ";".join(said)


_migrated: list[str] = []


def migrated(engine: Engine, migrate: Callable[[Engine], None]) -> None:
    """``migrate`` an empty schema of ``Schemas``, which after the first time is done by the script of pg_dump."""
    with engine.connect() as connection:
        asked = "SELECT current_schema(), (SELECT count(*) FROM pg_class WHERE relnamespace = s.oid)"
        asked += " FROM pg_namespace s WHERE nspname = current_schema()"
        (name, things) = connection.exec_driver_sql(asked).one()
    if things or not name.startswith("test_"):
        return migrate(engine)
    host, mark = str(engine.url.query["host"]), "a_schema_of_the_tests"
    if not _migrated:
        migrate(engine)
        dump = program("pg_dump", *_places())
        options = ("--inserts", "--no-owner", "-U", "mailbot", "-h", host, "-n", name, "postgres")
        told = subprocess.run([dump, *options], check=True, capture_output=True, text=True, timeout=90).stdout
        lines = [line for line in told.splitlines() if not line.startswith(("CREATE SCHEMA", "\\", "--"))]
        return _migrated.append("\n".join(lines).replace(f"{name}.", f"{mark}."))
    with psycopg.connect(host=host, user="mailbot", dbname="postgres") as c:
        c.execute(_migrated[0].replace(mark, name))
    return None


def analyze(engine: Engine) -> None:
    """Count the rows of this test for the planner: of its tables alone, since the server holds those of all tests.
    SQLite plans without."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"ANALYZE {', '.join(metadata.tables)}")


def _places() -> list[str]:
    return sorted((str(p) for p in Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)


def _account(folder: Path) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    try:
        shutil.chown(folder, _USER)
    except LookupError:
        missing(f"the user {_USER}")
    return {"user": _USER, "group": _USER, "extra_groups": []}


def _log(folder: Path) -> str:
    log = folder / "log"
    return log.read_text(errors="replace") if log.exists() else ""
