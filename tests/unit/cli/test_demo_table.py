"""The tables of the demo."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from mailbot.cli.demo_table import growing, table


@pytest.mark.parametrize("terminal", [True, False])
def test_what_follows_a_table_begins_a_line_of_its_own(terminal: bool) -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=terminal, width=80)
    shown = table("mail")
    with growing(shown, console):
        shown.add_row("one", "why")
    console.print("behind it")
    (line,) = (line for line in written.getvalue().splitlines() if "behind it" in line)
    assert "┘" not in line
