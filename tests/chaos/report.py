"""The campaign as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.chaos.campaign import Result

_HEAD = (
    "| scenario | faults | letters | mails | told | again, answer not received | again, killed or slept "
    "| lost, doubled, stuck, told wrong | s |"
)


def table(results: Sequence[Result], seed: int) -> str:
    """Markdown: a line for each scenario, then how often each fault was made."""
    lines = [f"seed {seed}, {sum(r.faults.total() for r in results)} faults", "", _HEAD, "|---" * 9 + "|"]
    for r in results:
        unheard = r.doubled["the answer was not received"]
        died = r.doubled.total() - unheard - r.doubled[""]
        cells = (
            r.scenario,
            r.faults.total(),
            r.letters,
            r.mails,
            r.told,
            unheard,
            died,
            len(r.wrong),
            round(r.seconds),
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    made: Counter[str] = Counter()
    for r in results:
        made.update(r.faults)
    lines += ["", "| fault | times |", "|---|---|", *(f"| {name} | {times} |" for name, times in sorted(made.items()))]
    return "\n".join([*lines, *(f"\n{r.scenario}: {what}" for r in results for what in r.wrong)])
