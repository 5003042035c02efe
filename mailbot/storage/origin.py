"""Where the tables of a PostgreSQL database live: tables that were made anew from a dump live elsewhere, and a server
that was brought back to a moment, or took over from another, goes on in a time line of its own."""

from __future__ import annotations

from contextlib import closing
from typing import NamedTuple

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

_ASKED = text(
    "SELECT (SELECT system_identifier FROM pg_control_system()),"
    " (SELECT oid FROM pg_database WHERE datname = current_database()), to_regclass('installation')::oid,"
    " ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int"
)


class Origin(NamedTuple):
    """``home``: the numbers of server, database and table. ``line``: the time line, which grows by one each time that
    a server ends a recovery from an archive or is promoted; not after a crash."""

    home: str
    line: int

    def __str__(self) -> str:
        return f"{self.home}/{self.line}"


def read(stored: str) -> Origin:
    """What ``str`` gave."""
    home, _, line = stored.rpartition("/")
    return Origin(home, int(line))


def here(connection: Connection) -> Origin | None:
    """Of the tables of ``connection``. None: it is a file, which knows nothing of the kind, or a server that does not
    tell (one that only reads, or that is somebody's service)."""
    if connection.dialect.name != "postgresql":
        return None
    try:
        with connection.begin_nested():
            system, database, table, line = connection.execute(_ASKED).one()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return None
    return Origin(f"{system}/{database}/{table}", line)


def taking_commits(engine: Engine) -> list[str]:
    """Where the address of the database names several servers: those that take commits just now, each once."""
    if engine.dialect.name != "postgresql":
        return []
    _, given = engine.dialect.create_connect_args(engine.url)
    hosts, ports = (str(given.get(name, "")).split(",") for name in ("host", "port"))
    found = dict[object, str]()
    for host, port in zip(hosts, ports * len(hosts) if len(ports) == 1 else ports, strict=True):
        told = {**given, "host": host, "port": port or None, "target_session_attrs": "any", "connect_timeout": 2}
        begun = _begun(engine, told) if len(hosts) > 1 else None
        if begun is not None:
            found.setdefault(begun, f"{host}:{port}".rstrip(":"))
    return list(found.values())


def _begun(engine: Engine, told: dict[str, object]) -> object:
    """When the server was started, by which it is known under whatever name; None: it takes no commits, or is away."""
    try:
        with closing(engine.dialect.connect(**told)) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("SELECT pg_postmaster_start_time() WHERE NOT pg_is_in_recovery()")
            return next(iter(cursor.fetchall()), [None])[0]
    except engine.dialect.loaded_dbapi.Error:
        return None
