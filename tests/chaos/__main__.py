"""``python -m tests.chaos --seed N --faults N``: the long form of the campaign."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

from tests.chaos.campaign import Result, run
from tests.chaos.report import table
from tests.chaos.scenario import SCENARIOS

_CLEAN_UP = 120  # seconds that the last scenario may need to drain


def main() -> int:
    """Exit code 1 when something was lost, doubled, stuck, or told wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=2000, help="of all scenarios together")
    parser.add_argument("--minutes", type=float, default=60, help="the longest it may take")
    parser.add_argument("--scenario", default="", help="only those whose name contains this")
    parser.add_argument("--fault", default="", help="only those whose name contains this")
    parser.add_argument("--logs", type=Path, help="folder for the logs of what went wrong")
    chosen = parser.parse_args()
    deadline = time.monotonic() + chosen.minutes * 60 - _CLEAN_UP
    scenarios = [scenario for scenario in SCENARIOS if chosen.scenario in scenario.name]
    results: list[Result] = []
    for scenario in scenarios:
        share = -(-chosen.faults // len(scenarios))
        results.append(asyncio.run(run(scenario, chosen.seed, share, deadline, lambda name: chosen.fault in name)))
        last = results[-1]
        print(
            f"{last.scenario}: {last.faults.total()} faults, {last.seconds:.0f} s, {last.wrong or 'well'}", flush=True
        )
        if last.wrong and chosen.logs:
            chosen.logs.mkdir(parents=True, exist_ok=True)
            (chosen.logs / f"{last.scenario.replace(', ', '-').replace(' ', '-')}.log").write_text(last.log)
        if time.monotonic() > deadline:
            break
    print(table(results, chosen.seed))
    return int(any(result.wrong for result in results))


if __name__ == "__main__":
    sys.exit(main())
