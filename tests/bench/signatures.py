"""``make bench ARGS=signatures``: what a signed file costs, beside other verifiers on the same files in one run."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from fixtures.signing.pki import NOW
from mailbot.ruleset import loader
from mailbot.signatures import verify
from mailbot.signatures.report import Verdict
from mailbot.signatures.trust import store
from mailbot.signatures.trust.store import TrustStore
from tests import oracles
from tests.bench import signature_files, signature_worker, trust_lists
from tests.bench.signature_files import File
from tests.bench.signature_worker import Corpus, Job
from tests.support import ROOT

_RECEIVED = NOW + timedelta(hours=1)
_BOMB_SECONDS, _BOMB_OCTETS, _WORKER_OCTETS, _LIST_MS = 2.0, 250_000_000, 150_000_000, 10.0


@dataclass
class Line:
    """One file: milliseconds of every repetition in every round."""

    file: File
    alone: list[float] = field(default_factory=list)
    """The signature only."""
    judged: list[float] = field(default_factory=list)
    """With chain, revocation and policy: a report."""
    tools: dict[str, list[float]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    """Tool → why it was not measured."""


def main(arguments: Sequence[str]) -> None:
    """Measure, print."""
    options = _options(arguments)
    print(_about())
    with tempfile.TemporaryDirectory(prefix="mailbot-bench-") as name:
        folder = Path(name)
        trust, long_lists = _trust(folder / "trust", "fresh"), _trust(folder / "long", "big")
        lines = _speeds(options, folder, trust)
        told = [*_told_speeds(lines), *_told_lists(long_lists, trust, options)]
        trust_lists.write(folder / "trust")
        corpora, bombs = signature_worker.measure(folder / "trust", _RECEIVED)
    told += [*_told_memory(corpora), *_told_bombs(bombs)]
    print("\n".join(told))
    if options.json:
        options.json.write_text(json.dumps(_as_json(lines, corpora, bombs), indent=1), encoding="utf-8")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS='signatures …'", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="one round")
    add("--rounds", type=int, default=3, help="times that every file meets every tool (%(default)s)")
    add("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args(arguments)
    options.rounds = 1 if options.quick else options.rounds
    return options


def _about() -> str:
    load = f"{os.getloadavg()[0]:.1f}"
    return f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} cores, load {load}"


def _trust(folder: Path, form: str) -> TrustStore:
    """The test PKI as ``--trust`` folder; with ``big`` the qualified CA's list has 50,000 entries more."""
    pki = signature_files.PKI
    lists = pki.revocations()
    if form == "big":
        lists["qualified.crl"] = pki.crl("qualified", "big")
    return store.load(pki.write_trust(folder, lists), NOW)


# ------------------------------------------------------------------------------------------------------- speed


def _speeds(options: argparse.Namespace, folder: Path, trust: TrustStore) -> list[Line]:
    lines = [Line(file) for file in signature_files.timed()]
    rules = loader.load(ROOT / "rules").signatures
    for number in range(options.rounds):
        _tell(f"round {number + 1}")
        for line in lines:
            _round(line, folder, trust, rules)
    return lines


def _round(line: Line, folder: Path, trust: TrustStore, rules: Any) -> None:
    """Ourselves and every tool on one file, one after the other."""
    signed, repeat = line.file.signed, line.file.repeat
    line.alone += _times(lambda: verify.examine(signed.data, signed.content), repeat)
    line.judged += _times(lambda: _judged(line.file, trust, rules), repeat)
    for tool in line.file.tools:
        if tool.absent:
            line.absent[tool.name] = tool.absent
            continue
        if not tool.says(signed, folder):
            line.absent[tool.name] = "does not accept this file"
            continue
        command = tool.prepare(signed, folder)
        times = _times(partial(subprocess.run, command, capture_output=True, check=True), 3, time.perf_counter)
        line.tools.setdefault(tool.name, []).extend(times)
    if line.file.xml:
        _xml_libraries(line, folder)


def _judged(file: File, trust: TrustStore, rules: Any) -> None:
    (report,) = verify.verify([("a", file.signed.data)], trust, rules, _RECEIVED, content=file.signed.content)
    assert report.verdict is Verdict.ACCEPT, report


def _xml_libraries(line: Line, folder: Path) -> None:
    signed = line.file.signed
    if oracles.signxml_says(signed):
        line.tools.setdefault("signxml", []).extend(_times(lambda: oracles.signxml_says(signed), line.file.repeat))
    else:
        line.absent["signxml"] = "does not accept this file"
    if absent := oracles.java_absent():
        line.absent["java"] = absent
        return
    (answer,) = oracles.java_says([signed], folder, line.file.repeat)
    if answer.valid:
        line.tools.setdefault("java", []).append(answer.milliseconds)
    else:
        line.absent["java"] = "does not accept this file"


def _times(work: Callable[[], object], repeat: int, clock: Callable[[], float] = time.process_time) -> list[float]:
    """Milliseconds of each repetition, after two that warm up; of the processor unless another clock is given."""
    times = []
    for number in range(repeat + 2):
        start = clock()
        work()
        if number >= 2:
            times.append((clock() - start) * 1e3)
    return times


def _told_speeds(lines: Sequence[Line]) -> list[str]:
    told = [
        "",
        f"{'file':34}{'octets':>11} {'alone ms':>9} {'report ms':>10} {'bar ms':>7}   others, alone = 1 (report = 1)",
    ]
    for line in lines:
        alone, judged = statistics.median(line.alone), statistics.median(line.judged)
        medians = {name: statistics.median(times) for name, times in line.tools.items()}
        others = [f"{name} {time / alone:.1f} ({time / judged:.1f})" for name, time in medians.items()]
        others += [f"{name}: {reason}" for name, reason in line.absent.items()]
        bar = f"{line.file.bar:g}" if line.file.bar else ""
        mark = _mark(judged <= line.file.bar) if line.file.bar else "  "
        told.append(
            f"{line.file.name:34}{len(line.file.signed.data):11,} {alone:9.2f} {judged:10.2f} {bar:>7}{mark} "
            + "; ".join(others)
        )
    return [
        *told,
        "ourselves and signxml: processor time, warm; java: wall time, warm; the programs: wall time with their start",
    ]


def _told_lists(long: TrustStore, short: TrustStore, options: argparse.Namespace) -> list[str]:
    """The dearest case: nearly all of a report is the search in the list."""
    file, rules = signature_files.smallest(), loader.load(ROOT / "rules").signatures
    repeat = 20 * options.rounds
    with_long = statistics.median(_times(lambda: _judged(file, long, rules), repeat))
    with_short = statistics.median(_times(lambda: _judged(file, short, rules), repeat))
    extra = with_long - with_short
    return ["", f"a CRL with 50,000 entries adds {extra:.1f} ms (bar {_LIST_MS:g}){_mark(extra <= _LIST_MS)}"]


# ------------------------------------------------------------------------------------------------------ worker


def _told_memory(corpora: Sequence[Corpus]) -> list[str]:
    told = ["", f"{'one worker, one file after another':34}{'files':>6} {'MB held':>8} {'peak MB':>8}   largest at"]
    for corpus in corpora:
        peak, at = corpus.peak / 1e6, corpus.at
        told.append(
            f"{corpus.name:34}{corpus.files:6} {corpus.held / 1e6:8.0f} {peak:8.0f}"
            f"{_mark(corpus.peak <= _WORKER_OCTETS)} {at}"
        )
    return told


def _told_bombs(bombs: Sequence[Job]) -> list[str]:
    told = ["", f"{'bomb, a new worker each':34}{'octets':>11} {'CPU s':>6} {'peak MB':>8}   outcome"]
    for job in bombs:
        kept = job.seconds <= _BOMB_SECONDS and job.peak <= _BOMB_OCTETS and not job.accepted
        told.append(
            f"{job.name:34}{job.octets:11,} {job.seconds:6.2f} {job.peak / 1e6:8.0f}{_mark(kept)} {job.outcome}"
        )
    return told


def _as_json(lines: Sequence[Line], corpora: Sequence[Corpus], bombs: Sequence[Job]) -> dict[str, object]:
    speeds = {
        line.file.name: {
            "alone_ms": line.alone,
            "report_ms": line.judged,
            "tools_ms": line.tools,
            "absent": line.absent,
        }
        for line in lines
    }
    worker = {corpus.name: {"held": corpus.held, "peak": corpus.peak} for corpus in corpora}
    stopped = {job.name: {"seconds": job.seconds, "peak": job.peak, "outcome": job.outcome} for job in bombs}
    return {"about": _about(), "speed": speeds, "memory": worker, "bombs": stopped}


def _mark(kept: bool) -> str:
    return "  " if kept else " !"


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
