"""Whether a PostgreSQL database still has what this process was told that it has.

A server that takes over may lack the last commits of the one before it, and a copy that is put back lacks more. Each
transaction ends by writing down its number and looking for the numbers of those that were committed before it: where
one is missing somebody was answered for what is lost, maybe a STOP.
"""

from __future__ import annotations

import secrets
import threading
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Column, Connection, Table, and_, delete, func, select, update

from mailbot.errors import DatabaseGone
from mailbot.storage.schema import installation, metadata
from mailbot.storage.shared import process
from mailbot.storage.values import String, UtcDateTime

last_commit = Table(
    "last_commit",
    metadata,
    Column("name", String(160), primary_key=True),
    Column("process", String(120), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("at", UtcDateTime(), nullable=False),
)
"""PostgreSQL: the number of the last transaction of each thread that writes, of every process (storage.witness). at: by
the server's clock."""

_KEPT = timedelta(days=7)
_WRITE = (
    "WITH known AS (SELECT unnest(string_to_array(%s, '|')) AS name,"
    " unnest(string_to_array(%s, '|')::bigint[]) AS number),"
    " lost AS (SELECT FROM known LEFT JOIN last_commit AS there USING (name)"
    " WHERE there.number IS NULL OR there.number < known.number),"
    " written AS (INSERT INTO last_commit (name, process, number, at) SELECT %s, %s, %s, clock_timestamp()"
    " WHERE pg_current_xact_id_if_assigned() IS NOT NULL AND NOT EXISTS (SELECT FROM lost)"
    " ON CONFLICT (name) DO UPDATE SET number = EXCLUDED.number, at = EXCLUDED.at RETURNING 1)"
    " SELECT EXISTS (SELECT FROM lost), EXISTS (SELECT FROM written)"
)
"""A transaction that has written nothing writes no number either: those come every second. Lists as text cost the
driver half of what arrays do."""


class Witness:
    """Knows the last commit of each thread of the process ``name`` for which somebody was answered."""

    def __init__(self, name: str) -> None:
        self._process = name
        self._name = f"{name} {secrets.token_hex(4)}"  # numbers of processes come again
        self._tried: dict[str, int] = {}
        self._known: dict[str, int] = {}
        self.lost = ""
        """Why nothing may be done with this database any more; "": nothing is missing."""

    def check(self) -> None:
        """Raises DatabaseGone once something was found to be missing."""
        if self.lost:
            raise DatabaseGone(self.lost)

    def note(self, connection: Connection) -> int | None:
        """The last statement of a transaction; its number, None when it has written nothing. Raises DatabaseGone when
        one that was committed before is missing."""
        mine = self._mine()
        number = self._tried.get(mine, 0) + 1
        known = dict(self._known)  # before the server looks
        told = ("|".join(known), "|".join(map(str, known.values())), mine, self._process, number)
        lost, written = connection.exec_driver_sql(_WRITE, told).one()
        if lost:
            at = connection.execute(select(func.max(last_commit.c.at, type_=UtcDateTime()))).scalar_one()
            moment = f"what there was at {at:%Y-%m-%d %H:%M:%S}Z" if at else "something older"
            self.lost = (
                f"[database] url: the server has {moment}, not all that was committed since, a STOP among it maybe;"
                " mend: stop mailbot on every machine, then mailbot tickets restored, and the rest of"
                " docs/operating.md, After a restore"
            )
        self.check()
        if written:
            self._tried[mine] = number
        return number if written else None

    def committed(self, number: int | None) -> None:
        """The commit of that transaction of this thread was answered."""
        if number is not None:
            self._known[self._mine()] = number

    def _mine(self) -> str:
        return f"{self._name} {threading.current_thread().name}"


def tell(connection: Connection) -> None:
    """Say in the database itself that it lacks something: no process shall go on or begin with it (refuse_copy)."""
    here = select(func.coalesce(func.max(last_commit.c.at), func.now())).scalar_subquery()
    connection.execute(update(installation).where(installation.c.copied_at.is_(None)).values(copied_at=here))


def sweep(connection: Connection, now: datetime) -> None:
    """Forget processes that are gone; ``now`` by the server's clock."""
    gone = last_commit.c.process.not_in(select(process.c.name))
    connection.execute(delete(last_commit).where(and_(last_commit.c.at < now - _KEPT, gone)))
