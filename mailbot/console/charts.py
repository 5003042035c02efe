"""Charts as geometry: numbers in, rectangles out; templates/charts.html draws them as SVG with a table beside. Pure.

Nothing is told by colour alone: the second part of a bar is hatched, and every number stands in the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 600
"""Units of the drawing; the page scales it."""
_TALL = 120
_LABELS = 20
"""Height of the line of labels below columns."""
_ROW = 26
_NAMES = 150
"""Width of the names before bars."""
_GAP = 0.15
"""Of a column's place, on each side."""


@dataclass(frozen=True, slots=True)
class Rect:
    """One bar, or a part of one. part: its place among the parts."""

    x: float
    y: float
    width: float
    height: float
    part: int = 0


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing of ``height`` by WIDTH. marks: (x, y, text, anchor) of labels. rows: what it shows, for the table."""

    height: float
    rects: tuple[Rect, ...]
    marks: tuple[tuple[float, float, str, str], ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def empty(self) -> bool:
        """There is nothing to draw."""
        return not self.rects

    @property
    def parts(self) -> frozenset[int]:
        """The parts that are drawn."""
        return frozenset(rect.part for rect in self.rects)


def columns(rows: Sequence[tuple[str, int]]) -> Chart:
    """One column for each (label, number), the highest as high as there is room."""
    top = max((value for _, value in rows), default=0)
    step = WIDTH / max(len(rows), 1)
    rects, marks = [], []
    for place, (label, value) in enumerate(rows):
        left = place * step
        height = _TALL * value / top if top else 0.0
        if value:
            rects.append(_rect(left + step * _GAP, _TALL - height + _LABELS, step * (1 - 2 * _GAP), height))
            marks.append((round(left + step / 2, 1), round(_TALL - height + _LABELS - 4, 1), str(value), "middle"))
        marks.append((round(left + step / 2, 1), _TALL + 2.0 * _LABELS - 4, label, "middle"))
    table = tuple((label, (value,)) for label, value in rows)
    return Chart(_TALL + 2.0 * _LABELS, tuple(rects), tuple(marks), table)


def bars(rows: Sequence[tuple[str, Sequence[int]]]) -> Chart:
    """One bar from left to right for each (label, parts), the longest as long as there is room."""
    top = max((sum(parts) for _, parts in rows), default=0)
    room = WIDTH - _NAMES - 60
    rects, marks = [], []
    for place, (label, parts) in enumerate(rows):
        x, y = float(_NAMES), float(place * _ROW)
        for part, value in enumerate(parts):
            width = room * value / top if top else 0.0
            if value:
                rects.append(_rect(x, y + 4, width, _ROW - 8, part))
            x += width
        marks.append((_NAMES - 8.0, y + _ROW / 2 + 4, label, "end"))
        marks.append((round(x + 6, 1), y + _ROW / 2 + 4, str(sum(parts)), "start"))
    return Chart(
        float(max(len(rows), 1) * _ROW),
        tuple(rects),
        tuple(marks),
        tuple((label, tuple(parts)) for label, parts in rows),
    )


def _rect(x: float, y: float, width: float, height: float, part: int = 0) -> Rect:
    return Rect(round(x, 1), round(y, 1), round(width, 1), round(height, 1), part)
