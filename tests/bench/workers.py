"""``make bench ARGS=workers``: by simulation, what 1, 2, 4 and 8 deciding workers on PostgreSQL take together.

A worker decides a batch on a processor of its own, waits in line for the lock of the counter of tickets, asks once more
and writes under it, and commits: PostgreSQL lets a lock go only when the commit is on the disk. There is always mail.
Where worker and server share processors the machine is the limit before the lock is.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heapreplace

_SHAPE = 4.0
"""Of the gamma distribution of every time: its deviation is half of its mean."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Means, in milliseconds. ``decide``: of one mail before the lock; ``hold``: of a batch under it; ``commit``."""

    batch: int
    decide: float
    hold: float
    commit: float

    @property
    def limit(self) -> float:
        """Mails a second that no number of workers exceeds: one batch after another under the lock."""
        return self.batch * 1e3 / (self.hold + self.commit)


@dataclass(frozen=True, slots=True)
class Simulated:
    """``rate``: mails a second; ``held``: share of the time that the lock is; ``waited``: ms of a batch in the line."""

    rate: float
    held: float
    waited: float


def simulate(workers: int, costs: Costs, batches: int, seed: int) -> Simulated:
    """What ``workers`` do until ``batches`` are committed; who comes to the lock first has it first."""
    rng = random.Random(seed)

    def takes(mean: float) -> float:
        return mean * rng.gammavariate(_SHAPE, 1 / _SHAPE)

    ready = [takes(costs.batch * costs.decide) for _ in range(workers)]
    heapify(ready)
    free = held = waited = 0.0
    for _ in range(batches):
        came, under = ready[0], takes(costs.hold) + takes(costs.commit)
        begun = max(came, free)
        free, held, waited = begun + under, held + under, waited + begun - came
        heapreplace(ready, free + takes(costs.batch * costs.decide))
    return Simulated(batches * costs.batch * 1e3 / free, held / free, waited / batches)


def table(counts: Sequence[int], costs: Costs, batches: int, seed: int) -> list[str]:
    """A line for each number of workers; the first of them is 1."""
    lines = [f"{'workers':>7} {'mails/s':>9} {'to 1st':>7} {'lock held':>10} {'ms in line, a batch':>20}"]
    found = [simulate(count, costs, batches, seed) for count in counts]
    for count, one in zip(counts, found, strict=True):
        ratio = one.rate / found[0].rate
        lines.append(f"{count:7} {one.rate:9,.0f} {ratio:7.2f} {one.held:10.0%} {one.waited:20.1f}")
    return lines


def main(arguments: Sequence[str]) -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(prog='make bench ARGS="workers …"', description=__doc__)
    add = parser.add_argument
    add("--workers", type=int, nargs="+", default=[1, 2, 4, 8], help="how many, a line each (%(default)s)")
    add("--batch", type=int, default=50, help="mails in one transaction, [worker] batch (%(default)s)")
    add("--decide", type=float, default=1.75, help="ms of one mail before the lock (%(default)s)")
    add("--hold", type=float, default=81.0, help="ms of a batch under the lock (%(default)s)")
    add("--commit", type=float, default=4.0, help="ms of a commit (%(default)s)")
    add("--batches", type=int, default=10_000, help="in one simulation (%(default)s)")
    add("--seed", type=int, default=1, help="of the times (%(default)s)")
    chosen = parser.parse_args(arguments)
    costs = Costs(chosen.batch, chosen.decide, chosen.hold, chosen.commit)
    print(f"{costs}\nby simulation; at most {costs.limit:,.0f} mails/s pass the lock")
    print("\n".join(table(chosen.workers, costs, chosen.batches, chosen.seed)))
