"""``make bench`` measures every road, with a handful of mails: what it says is of a run in which nothing was lost."""

import json
import math
import os
from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench import workers
from tests.bench.machine import calibration, memory, tree
from tests.bench.report import figures
from tests.bench.runs import Run
from tests.bench.workers import Costs, simulate

ROADS = {
    "committed",
    "delivered",
    "into Postfix",
    "PDF of 200 KB",
    "refused",
    "own DKIM by SMTP, known domains",
    "first mail, beside case B",
    "IMAP",
    "case A beside case B",
    "PostgreSQL, two workers",
    "committed, 40 tickets before",
    "mailbot --help",
    "Dovecot: LMTP → Maildir",
    "Dovecot: FETCH and MOVE",
    "Dovecot: FETCH and MOVE one by one",
    "Postfix: takes",
}
"""Without those that are another one with other numbers."""


def test_every_road_is_measured(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    sizes = ("--mails", "20", "--rounds", "1", "--accounts", "60", "--tickets", "40")
    only = ("--only", "floors", *ROADS)
    result = bench.main([*sizes, *only, "--json", str(file), "--folder", str(tmp_path / "runs")])
    assert (result.remarks, set(result.runs)) == ([], ROADS)
    for name, runs in result.runs.items():
        assert all(run.units > 0 and run.seconds > 0 for run in runs), name
    assert result.floors
    assert all(rate > 0 for rates in result.floors.values() for rate in rates)
    told = json.loads(file.read_text(encoding="utf-8"))
    assert told["runs"]["delivered"][0]["cpu_ms"] > 0
    waits = told["runs"]["first mail, beside case B"][0]
    assert 0 < waits["p50_ms"] <= waits["p99_ms"]
    assert waits["decided_p50_ms"] <= waits["decided_p99_ms"]
    assert told["runs"]["PostgreSQL, two workers"][0]["statements"] > 0
    assert list((tmp_path / "runs").iterdir()) == []  # nothing stays


def test_a_figure_is_told_for_one_unit() -> None:
    found = figures(Run(10, 2.0, 0.05, written=40_000, waits=(0.001, 0.003)))
    told = (found["units_per_second"], found["cpu_ms"], found["written_kb"], found["p99_ms"])
    assert told == pytest.approx((5.0, 5.0, 4.0, 3.0))
    assert found["pss_mb"] is None


def test_the_machine_is_read() -> None:
    assert os.getpid() in tree(os.getpid())
    assert memory(os.getpid()) > 1_000_000
    assert math.isfinite(calibration())


def test_workers_that_share_a_lock() -> None:
    costs = Costs(batch=10, decide=2.0, hold=4.0, commit=1.0)
    counts = (1, 2, 4, 8)
    rates = [simulate(count, costs, 2_000, 1).rate for count in counts]
    assert rates[0] == pytest.approx(10_000 / 25, rel=0.05)  # a batch takes 20 + 4 + 1 ms
    assert rates[:3] == sorted(rates[:3])
    assert rates[-1] == pytest.approx(costs.limit, rel=0.05)
    assert all(rate < count * rates[0] * 1.05 for count, rate in zip(counts, rates, strict=True))


def test_workers_without_a_lock_or_with_nothing_else() -> None:
    free, bound = Costs(10, 2.0, 0.0, 0.0001), Costs(10, 0.0001, 4.0, 1.0)
    assert simulate(8, free, 4_000, 1).rate == pytest.approx(8 * simulate(1, free, 4_000, 1).rate, rel=0.05)
    assert simulate(8, bound, 4_000, 1).rate == pytest.approx(simulate(1, bound, 4_000, 1).rate, rel=0.05)


def test_a_simulation_is_the_same_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    tables = []
    for _ in range(2):
        workers.main(["--batches", "200", "--seed", "7"])
        tables.append(capsys.readouterr().out)
    assert tables[0] == tables[1]
    assert [line.split()[0] for line in tables[0].splitlines()[3:]] == ["1", "2", "4", "8"]
