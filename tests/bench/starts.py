"""How soon it is there: the start of `mailbot run`, and of a command, beside an empty Python."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial

from tests.bench.runs import Run
from tests.support import ROOT

_TIMES = 5


def starts() -> Mapping[str, tuple[str, Callable[[], Run]]]:
    """Name → what one unit is, and the run."""
    return {
        "an empty Python": ("start", partial(_started, "-I", "-S", "-c", "pass")),
        "mailbot --help": ("start", partial(_started, "-m", "mailbot", "--help")),
    }


def _started(*arguments: str) -> Run:
    before, begun = _used(), time.perf_counter()
    for _ in range(_TIMES):
        subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return Run(_TIMES, time.perf_counter() - begun, _used() - before)


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
