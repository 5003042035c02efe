"""``make bench`` measures every road, with a handful of mails: what it says is of a run in which nothing was lost."""

import json
import math
import os
from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench.machine import calibration, memory, tree
from tests.bench.report import figures
from tests.bench.runs import Run

ROADS = {
    "committed",
    "delivered",
    "backlog",
    "into Postfix",
    "PDF of 200 KB",
    "refused",
    "own DKIM by SMTP",
    "IMAP",
    "case A alone",
    "case A beside case B",
    "PostgreSQL, one worker",
    "PostgreSQL, two workers",
    "committed, 40 tickets before",
}


@pytest.mark.timeout(600)
def test_every_road_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "_ORIGINALS", 20)
    file = tmp_path / "result.json"
    sizes = ("--mails", "40", "--rounds", "1", "--accounts", "60", "--tickets", "40")
    result = bench.main([*sizes, "--json", str(file), "--folder", str(tmp_path / "runs")])
    assert result.remarks == []
    assert set(result.runs) >= ROADS | {"mailbot --help", "Dovecot: LMTP → Maildir", "Postfix: takes"}
    for name, runs in result.runs.items():
        assert all(run.units > 0 and run.seconds > 0 for run in runs), name
    assert all(rate > 0 for rates in result.floors.values() for rate in rates)
    told = json.loads(file.read_text(encoding="utf-8"))
    assert told["runs"]["delivered"][0]["cpu_ms"] > 0
    assert list((tmp_path / "runs").iterdir()) == []  # nothing stays


def test_a_figure_is_told_for_one_unit() -> None:
    found = figures(Run(10, 2.0, 0.05, written=40_000, waits=(0.001, 0.003)))
    assert (found["units_per_second"], found["cpu_ms"], found["written_kb"], found["p99_ms"]) == (5.0, 5.0, 4.0, 3.0)
    assert found["pss_mb"] is None


def test_the_machine_is_read() -> None:
    assert os.getpid() in tree(os.getpid())
    assert memory(os.getpid()) > 1_000_000
    assert math.isfinite(calibration())
