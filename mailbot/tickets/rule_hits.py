"""What each rule did: the messages it decided, and those it would have decided were it not only watched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Table, func, select

from mailbot.ruleset.model import Rule
from mailbot.storage.schema import decision, shadow_hit


@dataclass(slots=True)
class RuleHits:
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


def count(connection: Connection, rules: Sequence[Rule], since: datetime) -> list[RuleHits]:
    """The rules of a set in their order, then others that held since ``since`` by name."""
    found = {rule.name: RuleHits(rule.name, shadow=rule.shadow) for rule in rules}
    for name, _, hits, last in _counted(connection, decision, since):
        row = found.setdefault(name, RuleHits(name, current=False))
        row.hits += hits
        row.last = max(row.last or last, last)
    for name, outcome, hits, last in _counted(connection, shadow_hit, since):
        row = found.setdefault(name, RuleHits(name, current=False))
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
