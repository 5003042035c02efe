"""A throw-away PostgreSQL server for tests, reached over a Unix socket only."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from mailbot.storage.schema import metadata
from tests.support import missing, program

_USER = "postgres"  # initdb and the server refuse to run as root


@contextmanager
def cluster() -> Iterator[str]:
    """Start a server and yield the SQLAlchemy URL of its database; server and data are gone afterwards."""
    places = sorted((str(p) for p in Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    initdb, pg_ctl = program("initdb", *places), program("pg_ctl", *places)
    folder = Path(tempfile.mkdtemp(prefix="mailbot-pg-"))  # short: the path of a socket has at most 107 bytes
    account = _account(folder)

    def run(*command: str) -> None:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90, **account
        )
        assert done.returncode == 0, f"{command[0]}: {done.stderr}{_log(folder)}"

    try:
        run(initdb, "-D", f"{folder}/data", "-U", "mailbot", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        # The log goes to a file: a server that inherited a pipe would keep run() waiting.
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off -c max_connections=50"
        options += " -c autovacuum=off"  # statistics are what a test makes them
        run(pg_ctl, "-D", f"{folder}/data", "-l", f"{folder}/log", "-o", options, "-w", "start")
        try:
            yield f"postgresql+psycopg://mailbot@/postgres?host={folder}"
        finally:
            run(pg_ctl, "-D", f"{folder}/data", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
