"""The numbers of pages in a Word file, the only fields that a plain letter has (ECMA-376 Part 1 §17.16.5)."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from mailbot.application.document import UnreadableError
from mailbot.application.word.elements import W, name_of

_INSTRUCTION = re.compile(r"\s*(?:PAGE|NUMPAGES)(?:\s+\\\*\s+(?:Arabic|MERGEFORMAT))*\s*")
_KNOWN = frozenset(("rPr", "fldChar", "instrText", "t"))


def count_pages(root: Any) -> None:
    """Write "1" in the place of each such field of ``root``. Raises UnreadableError for another field."""
    for field in list(root.iter(f"{W}fldSimple")):
        _check(field.get(f"{W}instr", ""), field)
        field.tag = f"{W}r"
        _write(field)
    for paragraph in root.iter(f"{W}p"):
        _in_runs(paragraph)


def _in_runs(paragraph: Any) -> None:
    """A field of several runs: it begins, says what it is, shows something, ends."""
    begun, instruction = False, ""
    for run in list(paragraph):
        marks = [mark.get(f"{W}fldCharType") for mark in run.iter(f"{W}fldChar")]
        if not begun and not marks:
            continue
        if len(marks) > 1 or (marks == ["begin"]) == begun or not _KNOWN.issuperset(map(name_of, run)):
            raise UnreadableError("a field within another thing")
        begun = True
        instruction += "".join(part.text or "" for part in run.iter(f"{W}instrText"))
        if marks == ["end"]:
            _check(instruction, run)
            _write(run)
            begun, instruction = False, ""
            continue
        _check(None, run)
        paragraph.remove(run)
    if begun:
        raise UnreadableError("a field without its end")


def _check(instruction: str | None, shown: Any) -> None:
    if instruction is not None and _INSTRUCTION.fullmatch(instruction) is None:
        raise UnreadableError("a field")
    if not all(re.fullmatch(r"\d{0,3}", text.text or "") for text in shown.iter(f"{W}t")):
        raise UnreadableError("a field that shows words")


def _write(run: Any) -> None:
    for part in list(run):
        run.remove(part)
    run.attrib.clear()
    etree.SubElement(run, f"{W}t").text = "1"
