"""``mailbot tickets export``: every ticket as a line for another program."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from mailbot.cli import options
from mailbot.cli.ticket_text import shown
from mailbot.model import State
from mailbot.observe import utc_now

COLUMNS = (
    *("number", "kind", "category", "state", "desk", "owner", "service", "classification", "language"),
    *("correspondent", "opened_at", "promised_at", "answered_at", "closed_at", "reply_by", "alarm"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet reckons instead of showing it."""


@click.command()
@click.option("--format", "form", type=click.Choice(("jsonl", "csv")), default="jsonl", show_default=True)
@click.option("--since", type=options.Span(), help="Only those opened so lately: 30d, 12h.")
@click.option(
    "--state", "states", multiple=True, type=click.Choice([state.value for state in State]), help="Repeatable."
)
@options.config
def export(form: str, since: timedelta | None, states: tuple[str, ...], config_file: Path | None) -> None:
    """Write every ticket to stdout: JSON lines, or CSV with a head (RFC 4180, UTF-8); in the order of their numbers."""
    from mailbot.installation import reading_addresses  # not for --help
    from mailbot.service import compose
    from mailbot.storage.reading import read_only
    from mailbot.tickets import listing

    begin = utc_now() - since if since else None
    chosen = compose.settings(config_file)
    with read_only(chosen.database.url) as connection, reading_addresses(connection, chosen) as key:
        rows = map(_told, listing.every(connection, key, states, begin))
        if form == "jsonl":
            for row in rows:
                options.line(row)
            return
        writer = csv.writer(sys.stdout, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        writer.writerows([_cell(row[name]) for name in COLUMNS] for row in rows)


def _told(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: row[name] for name in COLUMNS} | {"correspondent": shown(row["correspondent"] or "")}


def _cell(value: Any) -> str:
    """A cell that no spreadsheet reckons."""
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value or "").replace("\0", "")
    return f"'{text}" if text.startswith(_FORMULA) else text
