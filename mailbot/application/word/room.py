"""Whether the lines of a Word letter lie on its page (ECMA-376 Part 1 §17.3.1.12, §17.3.1.38, §17.4, §17.6.11). Pure.

Each measure alone may be that of a letter, and all of them together lead off the page: margins, indents, tab stops and
columns are added up. Twentieths of a point.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mailbot.application.document import UnreadableError
from mailbot.application.word.elements import W

_PAGE, _MARGIN = 11_906, 1_417
"""Where nothing is said: A4, 25 mm."""
_LEAST = 4_500
"""Width of the text of a page: 8 cm."""
_EDGE = 250
"""How near a line may come to the edge of the page."""
_ROOM = 1_500
"""Least width of a line that is indented: words of 2.5 cm."""
_WHOLE = 5_000
"""Fiftieths of a per cent."""
_BESIDE = 600
"""How far the cells of a table reach beyond the text, by their inner margins."""


def check(roots: Sequence[Any], parts: Iterable[Any]) -> None:
    """``roots``: heads, text and feet; ``parts``: the others that indent. Raises UnreadableError."""
    sections = [section for root in roots for section in root.iter(f"{W}sectPr")]
    widths = [_width(section) for section in sections] or [(_PAGE - 2 * _MARGIN, _MARGIN, _MARGIN)]
    width, left, right = (min(found) for found in zip(*widths, strict=True))
    if width < _LEAST or min(left, right) < _EDGE:
        raise UnreadableError("Word: margins")
    outer = [ind for part in parts for ind in part.iter(f"{W}ind")]
    usual = {name: max((_number(ind, name) for ind in outer), default=0) for name in ("left", "right", "firstLine")}
    hanging = max((_number(ind, "hanging") for ind in outer), default=0)
    for paragraph in (paragraph for root in roots for paragraph in root.iter(f"{W}p")):
        ind = paragraph.find(f"{W}pPr/{W}ind")
        own = {name: _number(ind, name, usual[name]) for name in usual}
        before = _number(ind, "left") - _number(ind, "hanging", hanging)
        if sum(own.values()) > width - _ROOM or left + before < _EDGE:
            raise UnreadableError("Word: indents")
    for tab in (tab for part in (*roots, *parts) for tab in part.iter(f"{W}tab") if f"{W}pos" in tab.attrib):
        kind, at = tab.get(f"{W}val"), int(tab.get(f"{W}pos"))
        if at > (width - _ROOM if kind in ("left", "start", "num") else width + right - _EDGE):
            raise UnreadableError("Word: tab stops")
    for table in (table for root in roots for table in root.iter(f"{W}tbl")):
        _check_table(table, width)


def _check_table(table: Any, width: int) -> None:
    indent = max((int(e.get(f"{W}w", "0")) for e in table.iter(f"{W}tblInd")), default=0)
    rows = [[e for e in row.iter(f"{W}tcW") if e.get(f"{W}type") == "dxa"] for row in table.iter(f"{W}tr")]
    rows.append(list(table.iter(f"{W}gridCol")))
    shares = [e for e in table.iter(f"{W}tblW", f"{W}tcW") if e.get(f"{W}type") == "pct"]
    wide = max(sum(int(e.get(f"{W}w", "0")) for e in row) for row in rows)
    if indent + wide > width + _BESIDE or any(int(e.get(f"{W}w", "0")) > _WHOLE for e in shares):
        raise UnreadableError("Word: a table beside the page")


def _width(section: Any) -> tuple[int, int, int]:
    """Of the text of a page, and of what is left and right of it."""
    size, margins = section.find(f"{W}pgSz"), section.find(f"{W}pgMar")
    left = _number(margins, "left", _MARGIN) + _number(margins, "gutter")
    right = _number(margins, "right", _MARGIN)
    return _number(size, "w", _PAGE) - left - right, left, right


def _number(element: Any, name: str, missing: int = 0) -> int:
    """A measure by either of its names."""
    other = {"left": "start", "right": "end"}.get(name, name)
    found = None if element is None else element.get(f"{W}{name}") or element.get(f"{W}{other}")
    return int(found) if found else missing
