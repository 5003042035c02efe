"""docs/failures.md: 22 failures, each with tests that exist."""

from __future__ import annotations

import re

import pytest

from tests.support import ROOT

_ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
ROWS = [(int(n), name, tests) for n, name, tests in _ROW.findall((ROOT / "docs" / "failures.md").read_text("utf-8"))]


def test_there_are_22() -> None:
    assert [n for n, _, _ in ROWS] == list(range(1, 23))


@pytest.mark.parametrize(("name", "tests"), [row[1:] for row in ROWS], ids=[f"{n} {name}" for n, name, _ in ROWS])
def test_failure(name: str, tests: str) -> None:
    named = re.findall(r"`([^`:]+)(?:::(\w+))?`", tests)
    assert named, name
    for file, function in named:
        text = (ROOT / file).read_text("utf-8")
        assert re.search(rf"(?m)^(async )?def {function or 'test_'}", text), f"{file}: {function}"
