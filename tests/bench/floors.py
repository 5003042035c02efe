"""What no program can beat here: the parts of the work alone, on the same machine, file system and mails."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from mailbot.config import AuthenticationSettings, DatabaseSettings, SecretSettings, Settings
from mailbot.flow.decision import decide
from mailbot.flow.facts import NO_HISTORY, category, gather
from mailbot.flow.lookup import Assessment, LookupResult
from mailbot.flow.pipeline import Pipeline
from mailbot.model import Account, Duplicate, DuplicateCheck, Envelope, OutgoingMail, RawMessage, Source
from mailbot.observe import utc_now
from mailbot.parsing.mime import parse
from mailbot.request.topics import NOTHING_SAID
from mailbot.secret import Secret
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.tickets import number, rate_limits
from tests.bench import lmtp
from tests.bench.mails import Citizen
from tests.citizens import AUTHSERV_ID, HELPDESK
from tests.support import ROOT

GROUP = 50
"""Mails in one fsync or transaction, as [worker] batch."""


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def stored_bytes(folder: Path, raws: Sequence[bytes], group: int) -> float:
    """The raw bytes appended to a file, an fsync after each ``group``."""
    path = folder / "floor.bytes"
    with path.open("wb", buffering=0) as file:

        def work() -> None:
            for at in range(0, len(raws), group):
                file.write(b"".join(raws[at : at + group]))
                os.fsync(file.fileno())

        seconds = _timed(work)
    path.unlink()
    return seconds


class Thinking:
    """The pure part of the flow, without any database, in this process."""

    def __init__(self, people: Sequence[Citizen], raws: Sequence[bytes]) -> None:
        settings = Settings(
            database=DatabaseSettings("sqlite://"),
            authentication=AuthenticationSettings(AUTHSERV_ID, max_age_days=36_500),
            secret=SecretSettings("unused"),
        )
        key, resolver = Secret(bytes(32)), StaticResolver({})
        self._pipeline: Pipeline = compose.pipeline(settings, key, None, resolver, random.Random(1))  # type: ignore[arg-type]
        envelope = Envelope(Source.LMTP, "x@poczta.example", (HELPDESK,), "127.0.0.1", "mx.helpdesk.example")
        self._messages = [RawMessage(raw, envelope, utc_now()) for raw in raws]
        self._accounts = {p.login: Account(p.login, p.given, p.surname, p.year) for p in people}

    def parsing(self) -> float:
        """Bytes to message."""
        return _timed(lambda: [parse(m.raw, m.envelope, frozenset()) for m in self._messages])

    def understanding(self) -> float:
        """Bytes to message, sender and request."""
        return _timed(lambda: [self._pipeline.understand(m) for m in self._messages])

    def writing(self) -> float:
        """Bytes to decision and three rendered mails."""
        return _timed(lambda: [self._mails(n, m) for n, m in enumerate(self._messages, 1)])

    def _mails(self, n: int, message: RawMessage) -> list[OutgoingMail]:
        u = self._pipeline.understand(message)
        found = LookupResult(
            self._accounts[u.sender.address or ""], DuplicateCheck(Duplicate.NO), NO_HISTORY, rate_limits.CountedFor()
        )
        facts, defects = gather(u, found.account, Duplicate.NO, NO_HISTORY)
        decision = decide(facts, defects, category(u), self._pipeline.ruleset)
        assessment = Assessment(u, found, NOTHING_SAID, facts, decision)
        clocks = self._pipeline.clocks(decision, u.received_at)
        context = self._pipeline.mail_context(assessment, number.spell(n), clocks, utc_now())
        return [self._pipeline.writer.outgoing(kind, context) for kind in decision.mails]


class Rows:
    """The database alone: every row that mailbot wrote for its mails, written again in transactions of ``GROUP``."""

    _TABLES = ("inbox", "raw_message", "ticket", "ticket_event", "decision", "outbox", "outbox_raw", "activation")

    def __init__(self, source: Path, mails: int) -> None:
        """``source`` is a database whose tickets begin with 1."""
        with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as connection:
            schema = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC")
            self._schema = [sql for (sql,) in schema]
            self._rows = {table: self._read(connection, table, mails) for table in self._TABLES}
        self._mails = mails

    @staticmethod
    def _read(connection: sqlite3.Connection, table: str, mails: int) -> tuple[str, list[tuple[object, ...]]]:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        key = next(key for key in ("ticket_id", "inbox_id", "outbox_id", "id") if key in columns)
        last = "(SELECT max(id) FROM outbox WHERE ticket_id <= ?)" if key == "outbox_id" else "?"
        rows = connection.execute(f"SELECT * FROM {table} WHERE {key} <= {last} ORDER BY {key}", (mails,)).fetchall()
        return f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", rows

    def write(self, folder: Path) -> float:
        """Into a new database with the same schema, durable as mailbot's own."""
        path = folder / "floor.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            for statement in self._schema:
                connection.execute(statement)
            seconds = _timed(lambda: self._write(connection))
        for left in folder.glob("floor.db*"):
            left.unlink()
        return seconds

    def _write(self, connection: sqlite3.Connection) -> None:
        for at in range(0, self._mails, GROUP):
            connection.execute("BEGIN IMMEDIATE")
            for statement, rows in self._rows.values():
                each = len(rows) // self._mails
                connection.executemany(statement, rows[at * each : (at + GROUP) * each])
            connection.execute("COMMIT")


def sink(raws: Sequence[bytes], connections: int) -> float:
    """Our LMTP server in a process of its own, with a database that says "stored" at once."""
    command = [sys.executable, "-m", "tests.bench.sink"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline())
            return _timed(lambda: asyncio.run(lmtp.send(port, raws, "x@poczta.example", connections)))
        finally:
            process.terminate()
