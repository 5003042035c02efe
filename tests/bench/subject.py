"""The mailbot under test: a process of its own, looked at from outside."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.citizens import AUTHSERV_ID
from tests.support import ROOT

_PATIENCE = 120.0  # seconds without any progress: only keeps a broken run from hanging
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used."""

    cpu: float
    """Seconds, user and system, all threads."""
    peak: int
    """Octets of memory, at most so far (VmHWM)."""


@dataclass(frozen=True, slots=True)
class Mailbot:
    """A running process."""

    pid: int
    database: Path

    def usage(self) -> Usage:
        """Of the process and its children, from /proc, see proc(5)."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        each = [_usage(pid) for pid in (self.pid, *map(int, children))]
        return Usage(sum(u.cpu for u in each), sum(u.peak for u in each))

    def wait_for(self, last: int) -> float:
        """The moment (perf_counter) when ticket ``last`` was seen committed."""
        deadline, seen = time.monotonic() + _PATIENCE, -1
        with closing(look(self.database)) as connection:
            while time.monotonic() < deadline:
                highest = connection.execute("SELECT max(id) FROM ticket").fetchone()[0] or 0
                if highest >= last:
                    return time.perf_counter()
                if highest > seen:
                    seen, deadline = highest, time.monotonic() + _PATIENCE
                time.sleep(0.01)
        raise AssertionError(f"ticket {last} is still missing, the last one is {seen}")


def _usage(pid: int) -> Usage:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return Usage((int(fields[11]) + int(fields[12])) / _TICKS, int(peak) * 1024)


def look(database: Path) -> sqlite3.Connection:
    """A connection that can only read, beside the running process."""
    return sqlite3.connect(f"file:{database}?mode=ro", uri=True)


@contextmanager
def running(folder: Path, settings: str) -> Iterator[Mailbot]:
    """``mailbot run`` without delivery on ``folder``/mailbot.db, with further sections of settings; ended at the end.

    The outgoing mails stay in the outbox.
    """
    config, log = folder / "mailbot.toml", folder / "mailbot.log"
    config.write_text(
        f'[database]\nurl = "sqlite:///{folder / "mailbot.db"}"\n[secret]\nkey_file = "{folder / "mailbot.key"}"\n'
        f'[authentication]\nauthserv_id = "{AUTHSERV_ID}"\nmax_age_days = 36500\n{settings}',
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "mailbot", "run", "--config", str(config), "--role", "ingress", "--role", "worker"]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, cwd=ROOT, stdout=errors, stderr=errors)
    try:
        _wait_until_started(process, log)
        yield Mailbot(process.pid, folder / "mailbot.db")
    finally:
        process.terminate()
        process.wait(60)


def _wait_until_started(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while b'"started"' not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"mailbot did not start:\n{log.read_text()}")
        time.sleep(0.01)


_FACTS = """
SELECT count(*),
       sum(state = 'done' AND outcome = 'OK_A'),
       count(DISTINCT ticket_id),
       (SELECT count(*) FROM ticket WHERE id > :base),
       (SELECT count(*) FROM decision JOIN inbox ON inbox.id = inbox_id WHERE inbox.ticket_id > :base),
       (SELECT count(*) FROM activation WHERE ticket_id > :base),
       (SELECT count(*) FROM outbox WHERE ticket_id > :base),
       (SELECT count(*) FROM outbox
        WHERE ticket_id > :base AND kind || ' ' || state IN ('T1 queued', 'T2A waiting', 'T3 waiting'))
FROM inbox WHERE id > :stored
"""


def check(database: Path, base: int, stored: int, mails: int) -> None:
    """Every mail after ticket ``base`` and inbox row ``stored`` gave one ticket with three mails, none twice."""
    with closing(look(database)) as connection:
        found = connection.execute(_FACTS, {"base": base, "stored": stored}).fetchone()
    wanted = (*[mails] * 6, 3 * mails, 3 * mails)
    if found != wanted:
        raise AssertionError(
            f"{database}: (inbox, OK_A, their tickets, tickets, decisions, links, mails, T1+T2A+T3) is {found}"
        )


def highest(database: Path) -> tuple[int, int]:
    """The last ticket and the last inbox row."""
    with closing(look(database)) as connection:
        row: tuple[int, int] = connection.execute(
            "SELECT (SELECT coalesce(max(id), 0) FROM ticket), (SELECT coalesce(max(id), 0) FROM inbox)"
        ).fetchone()
    return row
