"""``make bench``: every road of a mail, with its delivery, beside the floors of this machine and other programs.

``make bench ARGS=signatures`` measures the verifying of signed files instead, ``ARGS=applications`` the whole report of
case B, ``ARGS=replay`` how fast another rule set decides stored mail again, ``ARGS=desk`` how long the desk looks for
its answers beside a million tickets, ``ARGS=workers`` simulates several workers that decide.
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
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from tests.bench import (
    applications,
    desk,
    floors,
    history,
    installation,
    machine,
    replay,
    roads,
    runs,
    signatures,
    workers,
)
from tests.bench.peers import Peers
from tests.bench.report import Result, show
from tests.bench.roads import Bench
from tests.bench.runs import Run
from tests.bench.starts import starts
from tests.support import ROOT

Lines = Mapping[str, tuple[str, Callable[[], Run]]]


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="a few minutes: one round, 500 mails, no 100,000 tickets")
    add("--mails", type=int, default=2_000, help="mails in one run (%(default)s)")
    add("--size", type=int, default=2_048, help="octets of a mail (%(default)s)")
    add("--accounts", type=int, default=5_000, help="citizens (%(default)s)")
    add("--tickets", type=int, nargs="*", default=[100_000], help="existing tickets, a line each (%(default)s)")
    add("--rounds", type=int, default=5, help="times that everything is done, in turn (%(default)s)")
    add("--connections", type=int, default=20, help="kept LMTP connections (%(default)s)")
    add("--only", nargs="*", default=[], metavar="WORD", help="the lines whose name holds one of these")
    add("--peers", action="store_true", help="install django-helpdesk and Roundup by name, and measure them, too")
    add("--json", type=Path, metavar="FILE", help="write the figures there, too")
    add("--folder", type=Path, default=ROOT / ".bench", help="for the databases: decides the file system (%(default)s)")
    options = parser.parse_args(arguments)
    if options.quick:
        options.mails, options.rounds, options.tickets = 500, 1, []
    if any(count % options.mails for count in options.tickets):
        parser.error("--tickets: must be multiples of --mails: so many mailbot writes itself before they are copied")
    return options


def main(arguments: list[str]) -> Result:
    """Prepare, run the rounds, print."""
    options = _options(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=options.folder) as folder:
        result = _measure(options, Path(folder))
    print(show(result))
    if options.json:
        options.json.write_text(json.dumps(result.as_json(), indent=1), encoding="utf-8")
    return result


def _measure(options: argparse.Namespace, folder: Path) -> Result:
    bench = roads.prepare(folder, options.mails, options.size, options.accounts, options.connections)
    result, lines, alone = Result(_about(options)), _lines(options, bench), _floors(options, bench)
    for n in range(1, options.rounds + 1):
        result.calibration.append(machine.calibration())
        for name, (unit, run) in lines.items():
            try:
                found = run()
            except pytest.skip.Exception as reason:
                result.remarks.append(f"{name} was not measured: {reason}")
                continue
            result.add_run(name, unit, found)
            _tell(f"round {n}: {name}: {found.rate:,.0f} {unit}s/s, {found.cpu / found.units * 1e3:.2f} ms")
        for name, (count, floor) in alone.items():
            result.add_floor(name, count / floor())
    return result


def _lines(options: argparse.Namespace, bench: Bench) -> Lines:
    peers = Peers(bench)
    lines = {**bench.roads()}
    for count in options.tickets:
        lines[f"committed, {count:,} tickets before"] = ("ticket", partial(_beside_old, bench, count))
    lines |= starts() | peers.servers()
    if options.peers:
        lines |= peers.helpdesks()
    return {name: line for name, line in lines.items() if not options.only or any(w in name for w in options.only)}


def _beside_old(bench: Bench, count: int) -> Run:
    """Into a database that already has so many tickets; it grows by each run."""
    where = bench.folder / f"with-{count}"
    if not where.exists():
        _tell(f"preparing {count:,} tickets")
        shutil.copytree(bench.full.folder, where)
        history.multiply(where / "mailbot.db", count)
    return runs.over_lmtp(installation.in_folder(where), bench.supply.take(bench.mails), bench.connections)


def _floors(options: argparse.Namespace, bench: Bench) -> dict[str, tuple[int, Callable[[], float]]]:
    """Name → mails and work of each floor."""
    if options.only and "floors" not in options.only:
        return {}
    raws, group, folder = bench.supply.take(bench.mails), floors.GROUP, bench.folder
    thinking = floors.Thinking(bench.people, raws)
    rows = floors.Rows(bench.full.folder / "mailbot.db", bench.mails)
    works: dict[str, Callable[[], float]] = {
        "raw bytes, an fsync for each": partial(floors.stored_bytes, folder, raws, 1),
        f"raw bytes, an fsync for {group}": partial(floors.stored_bytes, folder, raws, group),
        "parser": thinking.parsing,
        "understanding": thinking.understanding,
        "understanding, decision, three mails": thinking.writing,
        f"database rows, a commit for {group}": partial(rows.write, folder),
        "LMTP server that stores nothing": partial(floors.sink, raws, options.connections),
    }
    return {name: (bench.mails, work) for name, work in works.items()}


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


if __name__ == "__main__":
    others = {
        "signatures": signatures.main,
        "applications": applications.main,
        "replay": replay.main,
        "desk": desk.main,
        "workers": workers.main,
    }
    word, *rest = sys.argv[1:] or [""]
    if word in others:
        others[word](rest)
    else:
        main(sys.argv[1:])
