"""The mailbot under test: one process or several of its own, looked at from outside."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, func, select, text

from mailbot.outbox import jobs
from mailbot.storage.engine import reading
from mailbot.storage.schema import activation, decision, inbox, outbox, ticket
from tests.bench import machine
from tests.bench.installation import Installation
from tests.citizens import AUTHSERV_ID
from tests.support import ROOT

_BREAKER = "[breaker]\nlogins_per_hour = 100000\nlogins_per_day = 1000000\n"
"""No run is a loop that it must end."""
_PATIENCE = 120.0  # seconds without any progress: only keeps a broken run from hanging


@dataclass(frozen=True, slots=True)
class Mailbot:
    """The running processes of one installation."""

    pids: tuple[int, ...]
    engine: Engine
    started: float
    """Seconds from the start of the first process until it said that it works."""

    def usage(self) -> machine.Usage:
        """Of all processes."""
        return machine.usage(*self.pids)

    def wait(self, wanted: int, count: Callable[[Engine], int]) -> float:
        """The moment (perf_counter) when ``count`` was seen to have reached ``wanted``."""
        deadline, seen = time.monotonic() + _PATIENCE, -1
        while time.monotonic() < deadline:
            found = count(self.engine)
            if found >= wanted:
                return time.perf_counter()
            if found > seen:
                seen, deadline = found, time.monotonic() + _PATIENCE
            time.sleep(0.01)
        raise AssertionError(f"{count.__name__}: {wanted} are waited for, {seen} are there")


def last_ticket(engine: Engine) -> int:
    """Number of the newest ticket: they have no holes."""
    with reading(engine) as connection:
        return int(connection.execute(select(func.coalesce(func.max(ticket.c.id), 0))).scalar_one())


def decided(engine: Engine) -> int:
    """Messages that are done."""
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).where(inbox.c.state == jobs.DONE)).scalar_one())


def granted(engine: Engine) -> int:
    """Messages of case A that are done."""
    which = (inbox.c.state == jobs.DONE, inbox.c.outcome == "OK_A")
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).where(*which)).scalar_one())


def thought(engine: Engine) -> list[float]:
    """Seconds from the arrival of each of them to its decision, sorted."""
    wanted = select(decision.c.decided_at, inbox.c.received_at).join(inbox, inbox.c.id == decision.c.inbox_id)
    with reading(engine) as connection:
        rows = connection.execute(wanted.where(inbox.c.outcome == "OK_A")).all()
    return sorted((row.decided_at - row.received_at).total_seconds() for row in rows)


def decided_at(engine: Engine) -> dict[int, float]:
    """For each message when it was decided, within its transaction (seconds, as time.time)."""
    with reading(engine) as connection:
        rows = connection.execute(select(decision.c.inbox_id, decision.c.decided_at)).all()
    return {row.inbox_id: row.decided_at.timestamp() for row in rows}


def answered(engine: Engine) -> int:
    """Mails about messages of case A whose acceptance is recorded."""
    wanted = select(func.count()).join(inbox, inbox.c.id == outbox.c.inbox_id)
    with reading(engine) as connection:
        which = (outbox.c.state == jobs.DONE, inbox.c.outcome == "OK_A")
        return int(connection.execute(wanted.select_from(outbox).where(*which)).scalar_one())


def sent(engine: Engine) -> int:
    """Mails whose acceptance is recorded."""
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).where(outbox.c.state == jobs.DONE)).scalar_one())


@contextmanager
def running(
    where: Installation,
    sections: str,
    roles: Sequence[str] = ("ingress", "worker"),
    *,
    processes: Sequence[str] = ("",),
    seeing: Callable[[list[str]], list[str]] = list,
) -> Iterator[Mailbot]:
    """``mailbot run`` with ``roles`` on an installation, with further ``sections`` of settings; ended at the end.

    ``processes``: of each the further settings. Without the role delivery the outgoing mails stay in the outbox.
    ``seeing``: what is put before the command.
    """
    switches = [word for role in roles for word in ("--role", role)]
    started, pids = 0.0, []
    with ExitStack() as stack:
        engine = where.engine()
        stack.callback(engine.dispose)
        for number, more in enumerate(processes):
            config, log = where.folder / f"mailbot{number}.toml", where.folder / f"mailbot{number}.log"
            config.write_text(
                f'[database]\nurl = "{where.url}"\n[secret]\nkey_file = "{where.folder / "mailbot.key"}"\n'
                f'[authentication]\nauthserv_id = "{AUTHSERV_ID}"\nmax_age_days = 36500\n'
                f"{_BREAKER}{sections}{more}",
                encoding="utf-8",
            )
            begun = time.perf_counter()
            command = seeing([sys.executable, "-m", "mailbot", "run", "--config", str(config), *switches])
            errors = stack.enter_context(log.open("wb"))
            process = subprocess.Popen(command, cwd=ROOT, stdout=errors, stderr=errors)
            stack.callback(process.wait, 60)
            stack.callback(process.terminate)
            _wait_until_started(process, log)
            started = started or time.perf_counter() - begun
            pids.append(process.pid)
        yield Mailbot(tuple(pids), engine, started)


def _wait_until_started(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while b'"started"' not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"mailbot did not start:\n{log.read_text()}")
        time.sleep(0.005)


def check(engine: Engine, base: int, stored: int, mails: int, *, delivered: bool = False) -> None:
    """Every mail after ticket ``base`` and inbox row ``stored`` gave one ticket with three mails, none twice.

    Raises AssertionError.
    """
    states: Mapping[str, str] = {"T1": jobs.QUEUED, "T2A": jobs.WAITING, "T3": jobs.WAITING}
    i, d, o = inbox.c, decision.c, outbox.c
    whole = select(func.count(), func.count(func.distinct(i.ticket_id)))
    with reading(engine) as connection:
        found = [
            *connection.execute(whole.where(i.id > stored, i.state == jobs.DONE, i.outcome == "OK_A")).one(),
            connection.execute(select(func.count()).where(ticket.c.id > base)).scalar_one(),
            connection.execute(
                select(func.count()).select_from(decision.join(inbox, i.id == d.inbox_id)).where(i.ticket_id > base)
            ).scalar_one(),
            connection.execute(select(func.count()).where(activation.c.ticket_id > base)).scalar_one(),
        ]
        kinds = connection.execute(
            select(o.kind, o.state, func.count()).where(o.ticket_id > base).group_by(o.kind, o.state)
        )
        left = {(kind, state): count for kind, state, count in kinds}
    wanted = {(kind, jobs.DONE if delivered else state): mails for kind, state in states.items()}
    if found != [mails] * 5 or left != wanted:
        raise AssertionError(f"(OK_A, their tickets, tickets, decisions, links) are {found}, mails {left}")


def highest(engine: Engine) -> tuple[int, int]:
    """The last ticket and the last inbox row."""
    with reading(engine) as connection:
        row = connection.execute(
            text("SELECT (SELECT coalesce(max(id), 0) FROM ticket), (SELECT coalesce(max(id), 0) FROM inbox)")
        ).one()
    return int(row[0]), int(row[1])
