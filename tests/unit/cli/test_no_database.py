"""The command line turns arguments into calls and results into text: what it asks a database stands elsewhere."""

from __future__ import annotations

import ast
from pathlib import Path

import mailbot.cli

FILES = sorted(Path(mailbot.cli.__file__).parent.rglob("*.py"))


def _imported(file: Path) -> set[str]:
    """Top packages that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def test_no_command_asks_a_database_by_itself() -> None:
    assert len(FILES) > 20
    assert [file.name for file in FILES if "sqlalchemy" in _imported(file)] == []
