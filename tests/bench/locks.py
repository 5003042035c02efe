"""What PostgreSQL is asked, and how long the lock of the counter of tickets is held and waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, text

_LOOK = 0.02  # seconds between two looks: one costs the server half a millisecond
_SEEN = text(
    "SELECT (SELECT count(*) FROM pg_locks JOIN pg_stat_activity AS session USING (pid) WHERE relation = 'counter'"
    "::regclass AND mode = 'RowShareLock' AND session.wait_event_type IS DISTINCT FROM 'Lock'), "
    "(SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())"
)
_ASKED = text(
    "SELECT (SELECT sum(calls) FROM pg_stat_statements), "
    "(SELECT xact_commit FROM pg_stat_database WHERE datname = current_database())"
)


@dataclass
class Locks:
    """What was seen in the time of a block."""

    looks: int = 0
    held: int = 0
    """Looks at which a session that waits for nobody had read the counter to change it."""
    waiting: int = 0
    """Sessions that waited for a lock, all looks together."""
    seconds: float = 0.0
    asked: list[int] = field(default_factory=lambda: [0, 0])
    """Statements and commits of everybody."""

    def told(self, mails: int) -> tuple[tuple[str, float], ...]:
        """For one mail: ms that the lock is held, ms that sessions wait for one, statements, commits."""
        each = self.seconds * 1e3 / max(self.looks, 1) / mails
        statements, commits = (count / mails for count in self.asked)
        return (
            ("lock_held_ms", self.held * each),
            ("lock_wait_ms", self.waiting * each),
            ("statements", statements),
            ("commits", commits),
        )


@contextmanager
def watched(engine: Engine) -> Iterator[Locks]:
    """Look until the block ends. The server must have pg_stat_statements loaded. What is asked here counts as well."""
    seen, over = Locks(), threading.Event()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        before, begun = _asked(connection), time.perf_counter()
        watch = threading.Thread(target=_look, args=(connection, seen, over), daemon=True)
        watch.start()
        try:
            yield seen
        finally:
            over.set()
            watch.join()
            seen.seconds = time.perf_counter() - begun
            seen.asked = [now - then for now, then in zip(_asked(connection), before, strict=True)]


def _look(connection: Connection, seen: Locks, over: threading.Event) -> None:
    while not over.wait(_LOOK):
        held, waiting = connection.execute(_SEEN).one()
        seen.looks, seen.held, seen.waiting = seen.looks + 1, seen.held + bool(held), seen.waiting + waiting


def _asked(connection: Connection) -> list[int]:
    connection.exec_driver_sql("SELECT pg_stat_clear_snapshot()")
    return [int(count or 0) for count in connection.execute(_ASKED).one()]
