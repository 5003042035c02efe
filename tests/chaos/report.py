"""The campaign as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.chaos.campaign import Result
from tests.chaos.invariants import UNHEARD

_HEAD = (
    "| scenario | faults | letters | mails | told | again: answer not heard | again: killed or slept "
    "| lost, doubled, stuck, told wrong | s |"
)


def line(result: Result) -> str:
    """For who watches."""
    return f"{result.scenario}: {result.faults.total()} faults, {result.seconds:.0f} s, {result.wrong or 'well'}"


def table(results: Sequence[Result], seed: int) -> str:
    """Markdown: a line for each scenario and their sum, then how often each fault was made."""
    whole, of = Result("all"), {result.scenario: Result(result.scenario) for result in results}
    for result in results:
        of[result.scenario] += result
        whole += result
    lines = [f"seed {seed}, {whole.faults.total()} faults", "", _HEAD, "|---" * 9 + "|"]
    lines += [_row(result) for result in (*of.values(), whole)]
    kinds = "; ".join(f"{name} {times}" for name, times in sorted(whole.faults.items()))
    return "\n".join([*lines, "", f"Faults: {kinds}.", *whole.wrong])


def _row(r: Result) -> str:
    unheard = r.doubled[UNHEARD]
    died = Counter(r.doubled).total() - unheard - r.doubled[""]
    cells = (r.scenario, r.faults.total(), r.letters, r.mails, r.told, unheard, died, len(r.wrong), round(r.seconds))
    return f"| {' | '.join(map(str, cells))} |"
