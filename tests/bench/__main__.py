"""``make bench``: mails per second from the wire to a ticket with three mails, beside the floors of this machine.

``make bench ARGS=signatures`` measures the verifying of signed files instead, ``ARGS=applications`` the whole report of
case B, ``ARGS=replay`` how fast another rule set decides stored mail again, ``ARGS=desk`` how long the desk looks for
its answers beside a million tickets.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from tests.bench import applications, desk, floors, history, replay, runs, signatures
from tests.bench.mails import Citizen, citizens
from tests.bench.report import Result, show
from tests.bench.runs import Mails, Run
from tests.integration.servers import dovecot
from tests.support import ROOT

_ORIGINALS = 1_000  # tickets that mailbot writes itself before they are copied


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="under a minute: one round, 500 mails, no 100,000 tickets")
    add("--mails", type=int, default=2_000, help="mails in one run (%(default)s)")
    add("--size", type=int, default=2_048, help="octets of a mail (%(default)s)")
    add("--accounts", type=int, default=5_000, help="citizens (%(default)s)")
    add("--tickets", type=int, nargs="*", default=[0, 10_000, 100_000], help="existing tickets (%(default)s)")
    add("--rounds", type=int, default=3, help="times that everything is done (%(default)s)")
    add("--connections", type=int, default=20, help="kept LMTP connections (%(default)s)")
    add("--json", type=Path, metavar="FILE", help="write the figures there, too")
    add("--folder", type=Path, default=ROOT / ".bench", help="for the databases: decides the file system (%(default)s)")
    options = parser.parse_args()
    if options.quick:
        options.mails, options.rounds, options.tickets = 500, 1, [0, 10_000]
    if any(count % _ORIGINALS for count in options.tickets):
        parser.error(f"--tickets: must be multiples of {_ORIGINALS}")
    return options


def main() -> None:
    """Prepare, run the rounds, print."""
    options = _options()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=options.folder) as folder:
        result = _measure(options, Path(folder))
    print(show(result))
    if options.json:
        options.json.write_text(json.dumps(result.as_json(), indent=1), encoding="utf-8")


def _measure(options: argparse.Namespace, folder: Path) -> Result:
    people = citizens(options.accounts)
    mails = Mails(people, options.size)
    _tell(f"preparing databases with {options.tickets} tickets in {folder}")
    empty = folder / "empty"
    runs.install(empty, people)
    sample = folder / "sample"
    shutil.copytree(empty, sample)
    runs.over_lmtp(sample, mails.take(_ORIGINALS), options.connections)
    for count in filter(None, options.tickets):
        shutil.copytree(sample, folder / f"with-{count}")
        history.multiply(folder / f"with-{count}" / "mailbot.db", count)
    result = Result(_about(options), options.mails)
    alone = _floors(options, folder, people, mails)
    for n in range(1, options.rounds + 1):
        for count in options.tickets:
            run = _lmtp(folder, count, mails, options)
            result.add_run(f"LMTP, {count:,} tickets", run)
            _tell(f"round {n}: LMTP, {count:,} tickets: {options.mails / run.seconds:,.0f} mails/s")
        try:
            run = _imap(folder, mails, options)
        except pytest.skip.Exception as reason:
            result.remarks = [f"IMAP was not measured: {reason}"]
        else:
            result.add_run("IMAP, 0 tickets", run)
            _tell(f"round {n}: IMAP: {options.mails / run.seconds:,.0f} mails/s")
        for name, count, floor in alone:
            result.add_floor(name, count / floor())
    return result


def _floors(
    options: argparse.Namespace, folder: Path, people: list[Citizen], mails: Mails
) -> list[tuple[str, int, Callable[[], float]]]:
    """Name, mails and work of each floor."""
    raws, group = mails.take(_ORIGINALS), floors.GROUP
    thinking, rows = floors.Thinking(people, raws), floors.Rows(folder / "sample" / "mailbot.db", _ORIGINALS)
    works: dict[str, Callable[[], float]] = {
        "raw bytes, an fsync for each": partial(floors.stored_bytes, folder, raws, 1),
        f"raw bytes, an fsync for {group}": partial(floors.stored_bytes, folder, raws, group),
        "parser": thinking.parsing,
        "understanding": thinking.understanding,
        "understanding, decision, three mails": thinking.writing,
        f"database rows, a commit for {group}": partial(rows.write, folder),
        "LMTP server that stores nothing": partial(floors.sink, raws, options.connections),
    }
    return [(name, _ORIGINALS, work) for name, work in works.items()]


def _imap(folder: Path, mails: Mails, options: argparse.Namespace) -> Run:
    with dovecot() as server, runs.copy(folder / "empty", "imap") as copied:
        return runs.over_imap(copied, mails.take(options.mails), server)


def _lmtp(folder: Path, count: int, mails: Mails, options: argparse.Namespace) -> Run:
    """A run on a copy of the empty database, or on the filled one, which grows by it."""
    raws = mails.take(options.mails)
    if count:
        return runs.over_lmtp(folder / f"with-{count}", raws, options.connections)
    with runs.copy(folder / "empty", "lmtp") as copied:
        return runs.over_lmtp(copied, raws, options.connections)


def _about(options: argparse.Namespace) -> dict[str, str | int]:
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "cores": os.cpu_count() or 0,
        "load before": f"{os.getloadavg()[0]:.1f}",
        "mails": options.mails,
        "octets": options.size,
        "accounts": options.accounts,
        "connections": options.connections,
        "rounds": options.rounds,
    }


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if sys.argv[1:2] == ["signatures"]:
    signatures.main(sys.argv[2:])
elif sys.argv[1:2] == ["applications"]:
    applications.main(sys.argv[2:])
elif sys.argv[1:2] == ["replay"]:
    replay.main(sys.argv[2:])
elif sys.argv[1:2] == ["desk"]:
    desk.main(sys.argv[2:])
else:
    main()
