"""Old tickets: the rows that mailbot itself wrote for real mails, copied with new keys.

Every copy is a ticket of the past whose three mails were sent and whose link was used, of a person of its own. The keys
are random where real ones are digests, and in the same form, so the indices are as scattered as real ones. The last of
them go into indices that are there, whose pages then are no fuller than real ones.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

_BACK = "strftime('%Y-%m-%d %H:%M:%f000', {column}, '-' || :back || ' minutes')"
_DIGEST = "lower(hex(randomblob(32)))"
_HASH = "'~' || lower(hex(randomblob(16)))"  # storage.personal
_WEEK = f"CAST((julianday({_BACK}) - 2440587.5) / 7 AS INTEGER)"  # storage.weeks
_AT_ONCE = 0.85
"""The part whose keys go into an index when it is made."""
_SENT = {"state": "'done'", "attempts": "1", "leased_by": "NULL", "leased_until": "NULL"}

_CHANGED: dict[str, dict[str, str]] = {
    "inbox": {
        "id": "id + :shift",
        "delivery_key": f"printf('~%05d', {_WEEK.format(column='received_at')}) || {_HASH}",
        "sha256": _HASH,
        "message_key": _HASH,
        "fingerprint": _HASH,
        "ticket_id": "ticket_id + :shift",
        "received_at": _BACK,
        "due_at": _BACK,
    },
    "raw_message": {"inbox_id": "inbox_id + :shift"},
    "decision": {
        "inbox_id": "inbox_id + :shift",
        "decided_at": _BACK,
        "received_at": _BACK,
        "sender": f"'pass:' || {_HASH}",
        "domain": f"iif(domain IS NULL, NULL, {_HASH})",
        "week": _WEEK.format(column="received_at"),
    },
    "ticket": {
        "id": "id + :shift",
        "number": "printf('ZGL%07d', id + :shift)",
        "fingerprint": _HASH,
        "correspondent": _HASH,
        "person_key": "name_key()",
        "inbox_id": "inbox_id + :shift",
        "opened_at": _BACK,
        "promised_at": _BACK,
        "closed_at": _BACK,
        "answered_at": _BACK,
        "alarm_at": "NULL",
    },
    # chained long ago: or the worker of the audit chain would take up years of them while something is measured
    "ticket_event": {"id": "NULL", "ticket_id": "ticket_id + :shift", "at": _BACK, "chained": "1"},
    "outbox": {
        "id": "id + 3 * :shift",
        "ticket_id": "ticket_id + :shift",
        "due_at": _BACK,
        "sent_at": "due_at",
        **_SENT,
    },
    "outbox_raw": {"outbox_id": "outbox_id + 3 * :shift"},
    "activation": {
        "id": "NULL",
        "ticket_id": "ticket_id + :shift",
        "token_hash": _DIGEST,
        "login": _HASH,
        "created_at": _BACK,
        "expires_at": _BACK,
        "used_at": "created_at",
        "week": _WEEK.format(column="expires_at"),
    },
}
"""For each table the columns of a copy that differ from the original."""


def multiply(database: Path, tickets: int) -> None:
    """Copy all tickets of a database, whose ids are 1 to n, until there are ``tickets`` (a multiple of n)."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.create_function("name_key", 0, _name_key)
        (originals,) = connection.execute("SELECT count(*) FROM ticket").fetchone()
        copies = [_copy(connection, table) for table in _CHANGED]
        indices = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql > ''").fetchall()
        for name, _ in indices:
            connection.execute(f"DROP INDEX {name}")
        for setting in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-2097152"):
            connection.execute(f"PRAGMA {setting}")
        shifts = range(originals, tickets, originals)
        first = int(len(shifts) * _AT_ONCE)
        _fill(connection, copies, shifts[:first], tickets)
        for _, statement in indices:  # keys that come in any order are sorted once
            connection.execute(statement)
        _fill(connection, copies, shifts[first:], tickets)
        connection.execute("UPDATE counter SET value = (SELECT max(id) + 1 FROM ticket)")
        connection.execute("PRAGMA journal_mode=WAL")
    with database.open("rb") as file:  # now, and not while something is measured
        os.fsync(file.fileno())


def _fill(connection: sqlite3.Connection, statements: Sequence[str], shifts: Iterable[int], tickets: int) -> None:
    for shift in shifts:
        back = (tickets - shift) // 4 + 1440  # minutes: four tickets a minute, the last of them yesterday
        connection.execute("BEGIN")
        for statement in statements:
            connection.execute(statement, {"shift": shift, "back": back})
        connection.execute("COMMIT")


def _name_key() -> str:
    """As personal.hashed_name makes them of a name of two parts."""
    return "0".join(secrets.token_hex(16).translate(_LETTERS) for _ in range(2))


_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


def _copy(connection: sqlite3.Connection, table: str) -> str:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    changed = _CHANGED[table]
    values = [changed.get(column, column).format(column=column) for column in columns]
    (last,) = connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table} WHERE rowid <= {last}"
