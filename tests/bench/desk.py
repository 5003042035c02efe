"""``make bench ARGS=desk``: how long the desk looks for its answers beside years of tickets, on both engines.

Every question is asked as the console asks it, in a transaction of its own, in turn with all the others and with a
``SELECT 1``, which is what the way to the database and the machine's other work cost alone.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from mailbot.accounts.sql import SqlDirectory
from mailbot.audit import search as audit_search
from mailbot.audit import verify
from mailbot.console.oversight import measured
from mailbot.desk import case, drafts, letter, oversight, presence, search, todo, views
from mailbot.desk.todo import Sort, TodoQuery
from mailbot.model import Operator, Role
from mailbot.secret import NO_KEY, Secret
from mailbot.storage.engine import connect, migrate, reading
from tests.bench.desk_rows import A_DAY, LONG, LONG_AT, NAMES, NOW, OPEN, PEOPLE, fill
from tests.contract.test_query_plans import listening
from tests.postgres import cluster
from tests.support import ROOT

_SECRET = Secret(b"k" * 32)
_LIST, _CASE = 100.0, 60.0
"""Milliseconds that a list, or a case, may take (p95)."""
_EMPTY = "SELECT 1"
_ALL = Operator(1, "op1", "Operator 1", frozenset({Role.CONSULTANT}), frozenset(), "pl")
_FIRST_LINE = Operator(2, "op2", "Operator 2", frozenset({Role.CONSULTANT}), frozenset({"I_LINIA"}), "pl")
_PROMISE_HOURS = 24

Question = Callable[[Connection, int], Any]
"""Asks what the round of this number asks for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and the milliseconds that it may take; None: nobody has set any."""

    ask: Question
    limit: float | None


@dataclass
class Figures:
    """What the rounds of one question showed, in milliseconds."""

    limit: float | None
    clock: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Of this process and of the server's for it."""

    def as_json(self) -> dict[str, float | None]:
        """p50 and p95 of both."""
        return {
            "limit_ms": self.limit,
            "p50_ms": _share(self.clock, 0.5),
            "p95_ms": _share(self.clock, 0.95),
            "cpu_p50_ms": _share(self.cpu, 0.5),
            "cpu_p95_ms": _share(self.cpu, 0.95),
        }


def main(arguments: Sequence[str]) -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=desk", description=__doc__)
    add = parser.add_argument
    add("--sqlite", type=int, default=100_000, help="tickets in SQLite; 0: leave it out (%(default)s)")
    add("--postgresql", type=int, default=1_000_000, help="tickets in PostgreSQL; 0: leave it out (%(default)s)")
    add("--rounds", type=int, default=100, help="times that everything is asked (%(default)s)")
    add("--plans", action="store_true", help="show what PostgreSQL does for each question that is over its limit")
    add("--json", type=Path, metavar="FILE", help="write the figures there, too")
    add("--folder", type=Path, default=ROOT / ".bench", help="for SQLite: decides the file system (%(default)s)")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    told: dict[str, Any] = {"about": _about(options.rounds)}
    for name, count, place in (("SQLite", options.sqlite, _file), ("PostgreSQL", options.postgresql, _server)):
        if count % LONG:
            parser.error(f"--{name.lower()}: must be a multiple of {LONG}")
        if count:
            with place(options.folder) as url:
                told[f"{name}, {count:,} tickets"] = _measure(url, count, options.rounds, plans=options.plans)
    print(_show(told))
    if options.json:
        options.json.write_text(json.dumps(told, indent=1), encoding="utf-8")


@contextmanager
def _file(folder: Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="desk-", dir=folder) as name:
        yield f"sqlite:///{name}/mailbot.db"


@contextmanager
def _server(_folder: Path) -> Iterator[str]:
    with cluster() as url:
        yield url


def _measure(url: str, tickets: int, rounds: int, *, plans: bool) -> dict[str, dict[str, float | None]]:
    engine = connect(url)
    migrate(engine)
    started = time.monotonic()
    fill(url, tickets, _SECRET)
    _tell(f"{engine.dialect.name}: {tickets:,} tickets written in {time.monotonic() - started:.0f} s")
    found = _ask(engine, tickets, rounds, plans=plans)
    engine.dispose()
    return found


def _ask(engine: Engine, tickets: int, rounds: int, *, plans: bool) -> dict[str, dict[str, float | None]]:
    questions = _questions(tickets)
    found = {name: Figures(asked.limit) for name, asked in questions.items()}
    server = _Processor(engine)
    for n in range(rounds + 1):  # in the first one the caches fill
        for name, asked in questions.items():
            clock, cpu = _once(engine, server, partial(asked.ask, n=n))
            if n:
                found[name].clock.append(clock)
                found[name].cpu.append(cpu)
    if plans and engine.dialect.name == "postgresql":
        for name, figures in found.items():
            if figures.limit and _share(figures.clock, 0.95) > figures.limit:
                _plans(engine, name, questions[name].ask)
    return {name: figures.as_json() for name, figures in found.items()}


class _Processor:
    """Seconds of processor that the server's process of our one connection has had; none where there is no server."""

    def __init__(self, engine: Engine) -> None:
        self._file: Path | None = None
        if engine.dialect.name == "postgresql":
            with engine.connect() as connection:
                pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            self._file = Path(f"/proc/{pid}/schedstat")

    def seconds(self) -> float:
        """So far, without those of parallel workers."""
        return int(self._file.read_text().split()[0]) / 1e9 if self._file else 0.0


def _once(engine: Engine, server: _Processor, ask: Callable[[Connection], Any]) -> tuple[float, float]:
    """Milliseconds by the clock, and of processors."""
    before, ours, started = server.seconds(), time.process_time(), time.perf_counter()
    with reading(engine) as connection:
        ask(connection)
    clock = time.perf_counter() - started
    return clock * 1e3, (time.process_time() - ours + server.seconds() - before) * 1e3


def _questions(tickets: int) -> dict[str, Asked]:
    """Name → question, as the screens ask it. ``n`` chooses another ticket, person and day in each round."""

    def listed(wanted: TodoQuery, operator: Operator = _ALL) -> Question:
        return lambda connection, n: todo.page(connection, NO_KEY, operator, wanted, NOW)

    def found(said: Callable[[int], str]) -> Question:
        return lambda connection, n: search.find(connection, NO_KEY, _ALL, said(n), NOW)

    def audit(wanted: Callable[[int], audit_search.AuditQuery]) -> Question:
        return lambda c, n: (audit_search.page(c, wanted(n)), verify.head(c), verify.waiting(c))

    number = lambda n: _spread(n, tickets)  # noqa: E731 - one word, used in the table below
    days = max(2, tickets // A_DAY)
    later = TodoQuery(after=(NOW + timedelta(days=5), 0))
    old = lambda n: (NOW - timedelta(days=1 + n * 37 % (days - 1))).date()  # noqa: E731
    lists: dict[str, Question] = {
        "to do": listed(TodoQuery()),
        "to do, a later page": listed(later),
        "to do, of one desk": listed(TodoQuery(), _FIRST_LINE),
        "to do, filter of a desk": listed(TodoQuery(desk="BEZPIECZENSTWO")),
        "to do, mine": listed(TodoQuery(mine=True)),
        "to do, late": listed(TodoQuery(late=True)),
        **{f"to do, {sort.value}": listed(TodoQuery(sort=sort)) for sort in Sort},
        "counters": lambda c, n: todo.counters(c, _ALL, NOW),
        "counters of one desk": lambda c, n: todo.counters(c, _FIRST_LINE, NOW),
        "the whole page: list, counters, views": lambda c, n: (
            todo.page(c, NO_KEY, _ALL, TodoQuery(), NOW),
            todo.counters(c, _ALL, NOW),
            views.of(c, 1),
        ),
        "search, number": found(lambda n: str(number(n))),
        "search, address": found(lambda n: f"c{1 + number(n) % (tickets // 5)}@wp.example"),
        "search, full name": found(lambda n: NAMES[n % len(NAMES)]),
        "search, surname": found(lambda n: NAMES[n % len(NAMES)].split()[1]),
        "search, beginning of a name": found(lambda n: NAMES[n * 7 % len(NAMES)].split()[1][:3]),
        "search, today": found(lambda n: f"{NOW:%d.%m.%Y}"),
        "search, an older day": found(lambda n: f"{old(n):%d.%m.%Y}"),
        "audit, newest": audit(lambda n: audit_search.AuditQuery()),
        "audit, a ticket": audit(lambda n: audit_search.AuditQuery(object=f"ZGL{number(n):07}")),
        "audit, a person": audit(lambda n: audit_search.AuditQuery(actor=f"operator:op{1 + n % PEOPLE}")),
        "audit, a day": audit(lambda n: audit_search.AuditQuery(on=old(n))),
        "audit, a day and a person": audit(
            lambda n: audit_search.AuditQuery(actor=f"operator:op{1 + n % PEOPLE}", on=old(n))
        ),
    }
    cases: dict[str, Question] = {
        "a case, open": lambda c, n: _case(c, number(n) // OPEN * OPEN or OPEN),
        "a case, closed, two letters": lambda c, n: _case(c, number(n) // LONG * LONG + LONG_AT),
    }
    others: dict[str, Question] = {
        "oversight, promises and counters": lambda c, n: (
            todo.counters(c, _ALL, NOW),
            oversight.promises(c, NOW, _PROMISE_HOURS),
            measured(c, NOW),
        ),
        "oversight, today": lambda c, n: oversight.day(c, NOW.date()),
        "oversight, the days of the window": lambda c, n: [oversight.day(c, on) for on in oversight.window(NOW)],
    }
    return {
        _EMPTY: Asked(lambda c, n: c.execute(text(_EMPTY)).scalar_one(), None),
        **{name: Asked(ask, _LIST) for name, ask in lists.items()},
        **{name: Asked(ask, _CASE) for name, ask in cases.items()},
        **{name: Asked(ask, None) for name, ask in others.items()},
    }


def _spread(n: int, tickets: int) -> int:
    """The ticket of round ``n``: everywhere, and not twice."""
    return n * 61_803_399 % (tickets - LONG)


def _case(connection: Connection, ticket_id: int) -> object:
    """What console/case.py reads for its page."""
    found = case.read(connection, f"ZGL{ticket_id:07}", _SECRET, SqlDirectory())
    assert found is not None
    letters = letter.shown(connection, _SECRET, [one.inbox_id for one in found.letters])
    assert all(one.read for one in letters)
    return (
        case.events_of(connection, ticket_id),
        case.texts_of(connection, _SECRET, ticket_id),
        todo.viewers(connection, [ticket_id], _ALL, NOW),
        presence.is_due(connection, ticket_id, 1, NOW),
        drafts.load(connection, _SECRET, 1, ticket_id, "note"),
        drafts.load(connection, _SECRET, 1, ticket_id, "reply"),
        drafts.begun(connection, 1, ticket_id),
    )


def _plans(engine: Engine, name: str, ask: Question) -> None:
    with listening(engine) as statements, reading(engine) as connection:
        ask(connection, 1)
    with reading(engine) as connection:
        for statement, parameters in statements.items():
            plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", parameters).scalars()
            _tell(f"--- {name}: {' '.join(statement.split())[:300]}\n" + "\n".join(plan))


def _about(rounds: int) -> dict[str, str | int]:
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "cores": os.cpu_count() or 0,
        "load before": f"{os.getloadavg()[0]:.1f}",
        "rounds": rounds,
    }


def _share(measured: Sequence[float], share: float) -> float:
    """What ``share`` of the rounds did not exceed."""
    return sorted(measured)[min(int(len(measured) * share), len(measured) - 1)]


def _show(told: dict[str, Any]) -> str:
    """A table for each engine; "!" stands behind what is over its limit."""
    lines = ["", ", ".join(f"{key} {value}" for key, value in told["about"].items())]
    for title, found in told.items():
        if title == "about":
            continue
        lines += ["", f"{title:42}{'p50 ms':>8} {'p95 ms':>8} {'to empty':>9} {'CPU p50':>8} {'CPU p95':>8}"]
        empty = found[_EMPTY]["p50_ms"]
        for name, f in found.items():
            over = "!" if f["limit_ms"] and f["p95_ms"] > f["limit_ms"] else " "
            lines.append(
                f"{name:42}{f['p50_ms']:8.1f} {f['p95_ms']:8.1f}{over}{f['p50_ms'] / empty:9.0f} "
                f"{f['cpu_p50_ms']:8.1f} {f['cpu_p95_ms']:8.1f}"
            )
    return "\n".join(lines)


def _tell(said: str) -> None:
    print(said, file=sys.stderr, flush=True)
