"""Pieces of text with their places on a page → its lines as a person reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_GAP, _COLUMN = 0.2, 2.0
"""Ems between two runs of one line that part words, and columns."""


@dataclass(frozen=True, slots=True)
class Run:
    """Text in a place: where it begins and ends on its baseline (downwards from the top of the page), and its size."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    parted: bool | None = None
    """Whether it is written apart from what stands before it; None: the gap tells."""


def lines(runs: list[Run]) -> str:
    """Runs as lines from top to bottom, each from left to right; wide gaps are tabs, high ones empty lines."""
    found: list[list[Run]] = []
    for run in sorted(runs, key=lambda run: (run.y, run.x0)):
        if found and abs(run.y - found[-1][0].y) <= 0.4 * max(found[-1][0].size, run.size):
            found[-1].append(run)
        else:
            found.append([run])
    out: list[str] = []
    for i, line in enumerate(found):
        if i and line[0].y - found[i - 1][0].y > 2.5 * max(line[0].size, found[i - 1][0].size):
            out.append("")
        out.append(_joined(sorted(line, key=lambda run: run.x0)))
    return "\n".join(out)


def parted(line: list[Run]) -> list[list[Run]]:
    """The columns of one line."""
    found: list[list[Run]] = []
    for run in sorted(line, key=lambda run: run.x0):
        if found and run.x0 - found[-1][-1].x1 <= _COLUMN * run.size:
            found[-1].append(run)
        else:
            found.append([run])
    return found


def _joined(line: list[Run]) -> str:
    text, right = "", line[0].x0
    for run in line:
        gap = (run.x0 - right) / run.size
        if gap > _COLUMN:
            text = text.rstrip() + "\t"
        elif (gap > _GAP if run.parted is None else run.parted or gap > 2 * _GAP) and not text.endswith((" ", "\t")):
            text += " "
        text += run.text
        right = max(right, run.x1)
    return re.sub(r" {8,}", "\t", text.strip())
