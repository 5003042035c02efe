"""The figures of a benchmark, as a table and as JSON."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from tests.bench.runs import Run, median


@dataclass
class Result:
    """Everything that was measured."""

    about: dict[str, str | int]
    mails: int
    """Mails in one run."""
    runs: dict[str, list[Run]] = field(default_factory=dict)
    floors: dict[str, list[float]] = field(default_factory=dict)
    """Mails per second."""
    remarks: list[str] = field(default_factory=list)

    def add_run(self, name: str, run: Run) -> None:
        """One more run of a point."""
        self.runs.setdefault(name, []).append(run)

    def add_floor(self, name: str, rate: float) -> None:
        """One more measurement of a floor, in mails per second."""
        self.floors.setdefault(name, []).append(rate)

    def as_json(self) -> dict[str, object]:
        """Every figure of every round."""
        runs = {name: [self.figures(run) for run in each] for name, each in self.runs.items()}
        return {"about": self.about, "runs": runs, "floors": self.floors, "remarks": self.remarks}

    def rate(self, run: Run) -> float:
        """Mails per second."""
        return self.mails / run.seconds

    def figures(self, run: Run) -> dict[str, float]:
        """One run in numbers; NaN where it has none."""
        return {
            "mails_per_second": self.rate(run),
            "cpu_ms_per_mail": run.cpu / self.mails * 1e3,
            "load_cpu_ms_per_mail": run.load_cpu / self.mails * 1e3,
            "peak_mb": run.peak / 1e6,
            "p50_ms": run.wait(0.5) * 1e3,
            "p99_ms": run.wait(0.99) * 1e3,
        }


def show(result: Result) -> str:
    """The table: medians of the rounds, the spread of the rounds beside them."""
    told = ", ".join(f"{key} {value}" for key, value in result.about.items())
    lines = ["", told, ""]
    head = f"{'from the wire to a ticket with three mails':44}{'mails/s':>8} {'spread':>11} {'to 1st':>7}"
    lines.append(f"{head} {'CPU ms':>7} {'load ms':>8} {'peak MB':>8} {'250 p50':>8} {'p99 ms':>7}")
    first = None
    for name, runs in result.runs.items():
        middle = median(runs)
        rate, rates = result.rate(middle), sorted(map(result.rate, runs))
        first = first or rate
        f = result.figures(middle)
        spread = f"{rates[0]:,.0f}-{rates[-1]:,.0f}"
        lines.append(
            f"{name:44}{rate:8,.0f} {spread:>11} {rate / first:7.2f} {f['cpu_ms_per_mail']:7.2f} "
            f"{f['load_cpu_ms_per_mail']:8.2f} {f['peak_mb']:8,.0f} {_ms(f['p50_ms']):>8} {_ms(f['p99_ms']):>7}"
        )
    lines += ["", f"{'floors: one part alone':44}{'mails/s':>8} {'spread':>15} {'1st point to it':>17}"]
    for name, measured in result.floors.items():
        middle_rate = statistics.median(measured)
        spread = f"{min(measured):,.0f}-{max(measured):,.0f}"
        lines.append(f"{name:44}{middle_rate:8,.0f} {spread:>15} {(first or 0) / middle_rate:17.3f}")
    return "\n".join([*lines, *result.remarks])


def _ms(value: float) -> str:
    return "" if value != value else f"{value:.1f}"
