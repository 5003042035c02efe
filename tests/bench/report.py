"""The figures of a benchmark, as a table and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.bench.runs import Run, median

_HEAD = ("units/s", "spread", "to 1st", "CPU ms", "load ms", "PSS MB", "wrote KB", "grew KB", "p50 ms", "p99 ms")
_WIDTHS = (9, 13, 7, 8, 8, 7, 9, 8, 8, 8)


@dataclass
class Result:
    """Everything that was measured."""

    about: dict[str, str | int]
    runs: dict[str, list[Run]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    """Of each line what one unit is."""
    floors: dict[str, list[float]] = field(default_factory=dict)
    """Mails per second."""
    calibration: list[float] = field(default_factory=list)
    """Milliseconds of a fixed piece of Python (machine.calibration), at the start of each round."""
    remarks: list[str] = field(default_factory=list)

    def add_run(self, name: str, unit: str, run: Run) -> None:
        """One more run of a line."""
        self.units[name] = unit
        self.runs.setdefault(name, []).append(run)

    def add_floor(self, name: str, rate: float) -> None:
        """One more measurement of a floor, in mails per second."""
        self.floors.setdefault(name, []).append(rate)

    def as_json(self) -> dict[str, object]:
        """Every figure of every round."""
        runs = {name: [figures(run) for run in each] for name, each in self.runs.items()}
        named = {"about": self.about, "calibration_ms": self.calibration, "units": self.units, "runs": runs}
        return {**named, "floors": self.floors, "remarks": self.remarks}


def figures(run: Run) -> dict[str, float | None]:
    """One run in numbers, of one unit where they are of one; None where it has none."""
    each = 1 / run.units
    waits = {"p50_ms": run.wait(0.5) * 1e3, "p99_ms": run.wait(0.99) * 1e3} if run.waits else {}
    return {
        "units_per_second": run.rate,
        "cpu_ms": run.cpu * each * 1e3,
        "load_cpu_ms": run.load_cpu * each * 1e3,
        "pss_mb": run.memory / 1e6 or None,
        "written_kb": run.written * each / 1e3 or None,
        "grown_kb": run.growth * each / 1e3 or None,
        "p50_ms": None,
        "p99_ms": None,
        **waits,
        **dict(run.more),
    }


def show(result: Result) -> str:
    """The tables: medians of the rounds, their spread beside them."""
    told = ", ".join(f"{key} {value}" for key, value in result.about.items())
    quick = f"{statistics.median(result.calibration):.1f} ms ({_spread(result.calibration)})"
    lines = ["", told, f"calibration: {quick}", ""]
    lines.append(f"{'a line, and its unit':44}" + "".join(f"{h:>{w}}" for h, w in zip(_HEAD, _WIDTHS, strict=True)))
    first = next((median(each).rate for each in result.runs.values()), 0.0)
    for name, each in result.runs.items():
        lines.append(_line(f"{name} ({result.units[name]})", each, first))
    if result.floors:
        lines += ["", f"{'floors: one part alone':44}{'mails/s':>9} {'spread':>13} {'1st line to it':>17}"]
    for name, rates in result.floors.items():
        middle = statistics.median(rates)
        lines.append(f"{name:44}{middle:9,.0f} {_spread(rates):>13} {first / middle:17.3f}")
    return "\n".join([*lines, *result.remarks])


def _line(name: str, runs: list[Run], first: float) -> str:
    told = [figures(run) for run in runs]

    def middle(key: str, form: str) -> str:
        found = [figure for one in told if (figure := one[key]) is not None]
        return format(statistics.median(found), form) if found else ""

    rate = statistics.median(run.rate for run in runs)
    cells = (
        f"{rate:,.0f}",
        _spread([run.rate for run in runs]),
        f"{rate / first:.2f}",
        middle("cpu_ms", ".2f"),
        middle("load_cpu_ms", ".2f"),
        middle("pss_mb", ",.0f"),
        middle("written_kb", ".1f"),
        middle("grown_kb", ".1f"),
        middle("p50_ms", ".1f"),
        middle("p99_ms", ".1f"),
    )
    more = "".join(f"  {key} {statistics.median(dict(run.more)[key] for run in runs):.2f}" for key, _ in runs[0].more)
    return f"{name:44}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, _WIDTHS, strict=True)) + more


def _spread(values: list[float]) -> str:
    form: Callable[[float], str] = lambda value: f"{value:,.0f}" if value >= 100 else f"{value:.1f}"  # noqa: E731
    return f"{form(min(values))}-{form(max(values))}"
