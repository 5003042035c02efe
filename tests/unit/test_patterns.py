"""Patterns must mean the same on every Python we support."""

from __future__ import annotations

import re

from tests.support import ROOT

# Python before 3.11.5 runs possessive groups and atomic groups wrongly (CPython gh-101955): a From header with an
# unbalanced quote matched on Debian 12. A possessive quantifier behind a single character or a class is right.
_WRONG = re.compile(r"\)(?:\*\+|\+\+|\?\+|\}\+)|\(\?>")


def test_no_pattern_uses_what_debian_s_python_runs_wrongly() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in sorted((ROOT / "mailbot").rglob("*.py"))
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if _WRONG.search(line)
    ]
    assert found == []
