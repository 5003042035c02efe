"""Old tickets: the rows that mailbot itself wrote for real mails, copied with new keys.

Every copy is a ticket of the past whose three mails were sent and whose link was used. The keys are random where real
ones are digests, so the indices are as scattered as real ones.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

_BACK = "strftime('%Y-%m-%d %H:%M:%f000', {column}, '-' || :back || ' minutes')"
_DIGEST = "lower(hex(randomblob(32)))"
_SENT = {"state": "'done'", "attempts": "1", "leased_by": "NULL", "leased_until": "NULL"}

_CHANGED: dict[str, dict[str, str]] = {
    "inbox": {
        "id": "id + :shift",
        "delivery_key": f"'smtp:' || {_DIGEST}",
        "sha256": _DIGEST,
        "message_key": f"'<' || {_DIGEST} || '@poczta.example>'",
        "fingerprint": _DIGEST,
        "ticket_id": "ticket_id + :shift",
        "received_at": _BACK,
        "due_at": _BACK,
    },
    "raw_message": {"inbox_id": "inbox_id + :shift"},
    "decision": {
        "inbox_id": "inbox_id + :shift",
        "decided_at": _BACK,
        "received_at": _BACK,
        "sender": "(SELECT 'pass:' || login_key FROM account WHERE account.id = 1 + (inbox_id + :shift) % :accounts)",
    },
    "ticket": {
        "id": "id + :shift",
        "number": "printf('ZGL%07d', id + :shift)",
        "fingerprint": _DIGEST,
        "inbox_id": "inbox_id + :shift",
        "opened_at": _BACK,
        "promised_at": _BACK,
        "closed_at": _BACK,
        "answered_at": _BACK,
        "alarm_at": "NULL",
    },
    "ticket_event": {"id": "NULL", "ticket_id": "ticket_id + :shift", "at": _BACK},
    "outbox": {"id": "NULL", "ticket_id": "ticket_id + :shift", "due_at": _BACK, "sent_at": "due_at", **_SENT},
    "activation": {
        "id": "NULL",
        "ticket_id": "ticket_id + :shift",
        "token_hash": _DIGEST,
        "login": "(SELECT login_key FROM account WHERE account.id = 1 + (ticket_id + :shift) % :accounts)",
        "created_at": _BACK,
        "expires_at": _BACK,
        "used_at": "created_at",
    },
}
"""For each table the columns of a copy that differ from the original."""


def multiply(database: Path, tickets: int) -> None:
    """Copy all tickets of a database, whose ids are 1 to n, until there are ``tickets`` (a multiple of n)."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        (originals,) = connection.execute("SELECT count(*) FROM ticket").fetchone()
        (accounts,) = connection.execute("SELECT count(*) FROM account").fetchone()
        statements = [_copy(connection, table) for table in _CHANGED]
        indices = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql > ''").fetchall()
        for name, _ in indices:
            connection.execute(f"DROP INDEX {name}")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-262144")
        for shift in range(originals, tickets, originals):
            wanted = {
                "shift": shift,
                "back": (tickets - shift) // 4 + 1440,  # minutes: four tickets a minute, the last of them yesterday
                "accounts": accounts,
            }
            connection.execute("BEGIN")
            for statement in statements:
                connection.execute(statement, wanted)
            connection.execute("COMMIT")
        for _, statement in indices:  # keys that come in any order are sorted once
            connection.execute(statement)
        connection.execute("UPDATE counter SET value = (SELECT max(id) + 1 FROM ticket)")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with database.open("rb") as file:  # now, and not while something is measured
        os.fsync(file.fileno())


def _copy(connection: sqlite3.Connection, table: str) -> str:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    changed = _CHANGED[table]
    values = [changed.get(column, column).format(column=column) for column in columns]
    (last,) = connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table} WHERE rowid <= {last}"
