"""``mailbot rules hits``: which rules decide, which only watch, and which never hold."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailbot.cli import options
from mailbot.observe import utc_now

if TYPE_CHECKING:
    from mailbot.tickets.rule_hits import RuleHits


@click.command()
@options.since("30d")
@options.config
@options.as_json
def hits(since: timedelta, config_file: Path | None, as_json: bool) -> None:
    """Count for each rule the messages it decided since then, or would have decided were it not only watched.

    First the rules of the set as it lies in the folder, in its order, then those that decided and are no longer there.
    """
    from mailbot.ruleset import loader  # not for --help
    from mailbot.service import compose
    from mailbot.storage.reading import read_only
    from mailbot.tickets.rule_hits import count

    settings = compose.settings(config_file)
    rules = loader.load(compose.rules_directory(settings.rules.directory)).rules
    with read_only(settings.database.url) as connection:
        found = count(connection, rules, utc_now() - since)
    for row in found:
        options.line({**asdict(row), "never": row.never}) if as_json else click.echo(_line(row))


def _line(row: RuleHits) -> str:
    last = f"{row.last:%Y-%m-%d %H:%M}Z" if row.last else "never"
    watched = ", ".join(f"{outcome} {n}" for outcome, n in row.shadow_hits.items())
    notes = [
        "only watched" if row.shadow else "",
        f"would have decided: {watched}" if watched else "",
        "" if row.current else "no longer in the set",
    ]
    return f"{row.rule:32} {row.hits:8}  {last:17}  {'; '.join(note for note in notes if note)}".rstrip()
