"""Memory and time of a worker (``mailbot.signatures.worker``) on whole corpora, and on bombs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from fixtures.signing.xades import Signed
from mailbot.ruleset import loader
from mailbot.signatures.report import Verdict
from mailbot.signatures.worker import VERIFYING, Bounds, Workers
from tests.bench import signature_files
from tests.support import ROOT

_RULES = loader.load(ROOT / "rules").signatures
_TICK = os.sysconf("SC_CLK_TCK")
_FOREVER = replace(VERIFYING, jobs=1_000_000, resident=1_000_000_000)
"""No replacement: the memory of all jobs shows."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """A worker after many files. Octets."""

    name: str
    files: int
    held: int
    """At the end."""
    peak: int
    at: str
    """The file that last raised the peak."""


@dataclass(frozen=True, slots=True)
class Job:
    """One bomb."""

    name: str
    octets: int
    seconds: float
    """Of processor time."""
    peak: int
    """Octets."""
    outcome: str
    accepted: bool


def measure(trust: Path, at: datetime) -> tuple[list[Corpus], list[Job]]:
    """Every corpus in one worker each, every bomb in a new one."""
    settings = {"trust": str(trust)}
    corpora = [asyncio.run(_corpus(name, files, settings, at)) for name, files in signature_files.corpora()]
    return corpora, [asyncio.run(_bomb(name, bomb, settings, at)) for name, bomb in signature_files.bombs()]


async def _corpus(name: str, files: list[tuple[str, Signed]], settings: Mapping[str, str], at: datetime) -> Corpus:
    async with _workers(settings, _FOREVER) as pool:
        peak, raised = 0, ""
        for file, signed in files:
            await pool.verify_isolated([(file, signed.data)], at, _RULES, signed.content)
            if (now := memory("VmHWM")) > peak:
                peak, raised = now, file
        return Corpus(name, len(files), memory("VmRSS"), peak, raised)


async def _bomb(name: str, bomb: Signed, settings: Mapping[str, str], at: datetime) -> Job:
    async with _workers(settings, VERIFYING) as pool:
        await pool.start()
        begun, stop, seen = processor(), threading.Event(), [(0.0, 0)]
        watcher = threading.Thread(target=watch, args=(stop, seen))
        watcher.start()
        try:
            reports = await pool.verify_isolated([(name, bomb.data)], at, _RULES, bomb.content)
            seen.append((processor(), memory("VmHWM")))
        finally:
            stop.set()
            watcher.join()
        seconds, peak = max(spent for spent, _ in seen) - begun, max(held for _, held in seen)
        verdict, code = reports[0].verdict, ", ".join(reason.code for reason in reports[0].reasons)
        accepted = verdict is Verdict.ACCEPT and "flate" not in name
        return Job(name, len(bomb.data), seconds, peak, f"{verdict.value} {code}".strip(), accepted)


def _workers(settings: Mapping[str, str], bounds: Bounds) -> Workers:
    readable = [Path(folder) for folder in settings.values()]
    return Workers(1, settings, readable, pesel_hash=str, bounds=bounds)


def watch(stop: threading.Event, seen: list[tuple[float, int]]) -> None:
    """(processor seconds, octets at the peak) of the worker; one that ends leaves nothing to read, so look before."""
    while not stop.wait(0.01):
        seen.append((processor(), memory("VmHWM")))


def processor() -> float:
    """Seconds that the one worker has used; 0 when there is none."""
    with contextlib.suppress(OSError, IndexError):
        child = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()[-1]
        times = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        return (int(times[11]) + int(times[12])) / _TICK
    return 0.0


def memory(field: str) -> int:
    """Octets in ``field`` of the one worker's /proc/pid/status; 0 when there is none."""
    with contextlib.suppress(OSError, ValueError):
        children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
        status = Path(f"/proc/{children[-1]}/status").read_text() if children else ""
        return sum(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(f"{field}:"))
    return 0
