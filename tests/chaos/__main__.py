"""``python -m tests.chaos --seed N --faults N``: the long form of the campaign."""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import count, islice
from pathlib import Path

from tests.chaos.campaign import Result, run
from tests.chaos.report import line, table
from tests.chaos.scenario import SCENARIOS, Scenario

_EACH = 50  # faults in one office, before another is set up
_CLEAN_UP = 120  # seconds that the last offices may need to drain


def main() -> int:
    """Exit code 1 when something was lost, doubled, stuck, or told wrong."""
    chosen = _arguments()
    deadline = time.monotonic() + chosen.minutes * 60 - _CLEAN_UP
    scenarios = [one for one in SCENARIOS if chosen.scenario in one.name and one.possible]
    each = min(_EACH, math.ceil(chosen.faults / len(scenarios)))
    offices = islice(_offices(scenarios, chosen.seed), math.ceil(chosen.faults / each))
    results: list[Result] = []
    with ProcessPoolExecutor(chosen.lanes) as lanes:
        for result in lanes.map(partial(_run, each=each, deadline=deadline, fault=chosen.fault), offices):
            if not result.faults and not result.wrong:  # there was no time left
                continue
            results.append(result)
            print(line(result), flush=True)
            if result.wrong and chosen.logs:
                chosen.logs.mkdir(parents=True, exist_ok=True)
                (chosen.logs / f"{len(results)}.log").write_text(f"{line(result)}\n{result.log}")
    print(table(results, chosen.seed))
    return int(any(result.wrong for result in results))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=2000, help="of all scenarios together")
    parser.add_argument("--minutes", type=float, default=60, help="the longest it may take")
    parser.add_argument("--lanes", type=int, default=2, help="offices side by side")
    parser.add_argument("--scenario", default="", help="only those whose name contains this")
    parser.add_argument("--fault", default="", help="only those whose name contains this")
    parser.add_argument("--logs", type=Path, help="folder for the logs of what went wrong")
    return parser.parse_args()


def _offices(scenarios: list[Scenario], seed: int) -> Iterator[tuple[Scenario, str]]:
    """One of each, then again with other random numbers."""
    for again in count():
        for scenario in scenarios:
            yield scenario, f"{seed}.{again}"


def _run(office: tuple[Scenario, str], each: int, deadline: float, fault: str) -> Result:
    scenario, seed = office
    if time.monotonic() > deadline:
        return Result(scenario.name)
    try:
        return asyncio.run(run(scenario, seed, each, deadline, fault))
    except Exception:  # the others go on
        return Result(scenario.name, wrong=[traceback.format_exc()])


if __name__ == "__main__":
    sys.exit(main())
