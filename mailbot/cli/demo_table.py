"""The tables of the demo: what happened, and what should have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Column, Table


def table(*columns: str) -> Table:
    """Narrow ``columns``, and a wide one that says why."""
    return Table(*(Column(name, no_wrap=True) for name in columns), Column("why", ratio=1), expand=True)


@contextmanager
def growing(shown: Table, console: Console) -> Iterator[Live]:
    """``shown``, drawn anew with each refresh; what follows it begins a line of its own, in a file as well."""
    with Live(shown, console=console, refresh_per_second=8, vertical_overflow="visible") as live:
        yield live
    if not console.is_terminal:
        console.line()


def differs(expected: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """What of ``expected`` is otherwise, in words; "": nothing."""
    both = [key for key in expected if key in result and result[key] != expected[key]]
    return "; ".join(f"{key}: expected {expected[key]}, is {result[key]}" for key in both)


def mark(word: str, wrong: str) -> str:
    """``word`` with its verdict."""
    return f"[red]✗ {word}[/]" if wrong else f"[green]✓[/] {word}"


def reason(why: str, wrong: str) -> str:
    """``why``, behind what was expected in vain."""
    return f"[red]{wrong}[/] {why}" if wrong else why
