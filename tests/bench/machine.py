"""What processes use, as /proc tells it, and how quick this machine is just now."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK = 0.5  # seconds between two looks at the memory: a look costs a millisecond of the kernel


@dataclass(frozen=True, slots=True)
class Usage:
    """Of a process and all that it started, also of those that have ended."""

    cpu: float
    """Seconds, user and system, all threads."""
    written: int
    """Octets that went to the disk (write_bytes of proc(5)); 0 where that is not told."""

    def __sub__(self, before: Usage) -> Usage:
        return Usage(self.cpu - before.cpu, self.written - before.written)


def tree(*pids: int) -> list[int]:
    """``pids`` and all processes below them."""
    found, left = [], list(pids)
    while left:
        pid = left.pop()
        with suppress(OSError):
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                left += map(int, children.read_text().split())
            found.append(pid)
    return found


def usage(*pids: int) -> Usage:
    """What ``pids`` and their children have used until now."""
    cpu, written = 0.0, 0
    for pid in tree(*pids):
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            cpu += sum(map(int, fields[11:15])) / _TICKS
            lines = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
            written += int(lines["write_bytes"])
    return Usage(cpu, written)


def memory(*pids: int) -> int:
    """Octets that ``pids`` and their children hold now: what several share counts once (PSS)."""
    total = 0
    for pid in tree(*pids):
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


@dataclass
class Peak:
    """The most memory that was seen."""

    octets: int = 0


@contextmanager
def watched(pids: Sequence[int]) -> Iterator[Peak]:
    """Look at the memory of ``pids`` until the block ends."""
    peak, over = Peak(), threading.Event()

    def look() -> None:
        while True:
            peak.octets = max(peak.octets, memory(*pids))
            if over.wait(_LOOK):
                return

    watch = threading.Thread(target=look, daemon=True)
    watch.start()
    try:
        yield peak
    finally:
        over.set()
        watch.join()
        peak.octets = max(peak.octets, memory(*pids))


def calibration() -> float:
    """Milliseconds of processor that a fixed piece of Python takes here: figures of two machines are compared by it."""
    start, total = time.process_time(), 0
    for n in range(300_000):
        total += n * n % 7
    assert total
    return (time.process_time() - start) * 1e3
