"""``mailbot rules hits``: which rules decide, which only watch, and which never hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import click
from sqlalchemy import Connection, Table, func, select

from mailbot.cli import options
from mailbot.observe import utc_now
from mailbot.ruleset import loader
from mailbot.ruleset.model import Rule
from mailbot.service import compose
from mailbot.storage.engine import connect
from mailbot.storage.schema import decision, shadow_hit


@dataclass(slots=True)
class Hits:
    """What one rule did in a time."""

    rule: str
    current: bool = True
    """It stands in the rule set of now."""
    shadow: bool = False
    """There it is only watched."""
    hits: int = 0
    """Messages it decided."""
    shadow_hits: dict[str, int] = field(default_factory=dict)
    """Outcome → messages it would have decided while it was only watched."""
    last: datetime | None = None

    @property
    def never(self) -> bool:
        """It held for no message."""
        return not self.hits and not self.shadow_hits


@click.command()
@options.since("30d")
@options.config
@options.as_json
def hits(since: timedelta, config_file: Path | None, as_json: bool) -> None:
    """Count for each rule the messages it decided since then, or would have decided were it not only watched.

    First the rules of the set as it lies in the folder, in its order, then those that decided and are no longer there.
    """
    settings = compose.settings(config_file)
    rules = loader.load(compose.rules_directory(settings.rules.directory)).rules
    with connect(settings.database.url).connect() as connection:
        connection.info["reader"] = True
        found = count(connection, rules, utc_now() - since)
    for row in found:
        options.line({**asdict(row), "never": row.never}) if as_json else click.echo(_line(row))


def count(connection: Connection, rules: Sequence[Rule], since: datetime) -> list[Hits]:
    """The rules of a set in their order, then others that held since ``since`` by name."""
    found = {rule.name: Hits(rule.name, shadow=rule.shadow) for rule in rules}
    for name, _, hits, last in _counted(connection, decision, since):
        row = found.setdefault(name, Hits(name, current=False))
        row.hits += hits
        row.last = max(row.last or last, last)
    for name, outcome, hits, last in _counted(connection, shadow_hit, since):
        row = found.setdefault(name, Hits(name, current=False))
        row.shadow_hits[outcome] = hits
        row.last = max(row.last or last, last)
    gone = sorted((row for row in found.values() if not row.current), key=lambda row: row.rule)
    return [found[rule.name] for rule in rules] + gone


def _counted(connection: Connection, table: Table, since: datetime) -> list[tuple[str, str, int, datetime]]:
    c = table.c
    wanted = (
        select(c.rule, c.outcome, func.count(), func.max(c.decided_at))
        .where(c.decided_at >= since)
        .group_by(c.rule, c.outcome)
        .order_by(c.rule, c.outcome)
    )
    return [(rule, outcome, hits, last) for rule, outcome, hits, last in connection.execute(wanted)]


def _line(row: Hits) -> str:
    last = f"{row.last:%Y-%m-%d %H:%M}Z" if row.last else "never"
    watched = ", ".join(f"{outcome} {n}" for outcome, n in row.shadow_hits.items())
    notes = [
        "only watched" if row.shadow else "",
        f"would have decided: {watched}" if watched else "",
        "" if row.current else "no longer in the set",
    ]
    return f"{row.rule:32} {row.hits:8}  {last:17}  {'; '.join(note for note in notes if note)}".rstrip()
