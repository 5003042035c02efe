"""A throw-away PostgreSQL server for tests, reached over a Unix socket only."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from mailbot.storage.schema import metadata
from tests.support import missing, program

_USER = "postgres"  # initdb and the server refuse to run as root


@dataclass(frozen=True, slots=True)
class Server:
    """A server that tests may stop and start. ``url``: of its database, for SQLAlchemy."""

    folder: Path
    pg_ctl: str
    account: dict[str, Any]

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://mailbot@/postgres?host={self.folder}"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        # The log goes to a file: a server that inherited a pipe would keep run() waiting.
        options = (
            f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c fsync=off -c max_connections=50"
        )
        options += " -c autovacuum=off"  # statistics are what a test makes them
        self.run(self.pg_ctl, "-D", f"{self.folder}/data", "-l", f"{self.folder}/log", "-o", options, "-w", "start")

    def stop(self) -> None:
        """As a power cut would."""
        self.run(self.pg_ctl, "-D", f"{self.folder}/data", "-m", "immediate", "-w", "stop")

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
def server() -> Iterator[Server]:
    """Start a server; it and its data are gone afterwards."""
    places = sorted((str(p) for p in Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    initdb, pg_ctl = program("initdb", *places), program("pg_ctl", *places)
    folder = Path(tempfile.mkdtemp(prefix="mailbot-pg-"))  # short: the path of a socket has at most 107 bytes
    try:
        found = Server(folder, pg_ctl, _account(folder))
        found.run(
            initdb, "-D", f"{folder}/data", "-U", "mailbot", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"
        )
        found.start()
        try:
            yield found
        finally:
            found.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def cluster() -> Iterator[str]:
    """The URL of a server of one's own."""
    with server() as found:
        yield found.url


def analyze(engine: Engine) -> None:
    """Count the rows of this test for the planner: of its tables alone, since the server holds those of all tests.
    SQLite plans without."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"ANALYZE {', '.join(metadata.tables)}")


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
