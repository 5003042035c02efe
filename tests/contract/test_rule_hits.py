"""What ``mailbot rules hits`` counts, on each engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count as numbers

from sqlalchemy import Engine, insert

from mailbot.model import Desk, Outcome, State
from mailbot.ruleset.model import Rule
from mailbot.storage.schema import decision, inbox, shadow_hit
from mailbot.tickets.rule_hits import RuleHits, count

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
DAY = timedelta(days=1)
_ids = numbers(1)


def rule(name: str, *, shadow: bool = False) -> Rule:
    return Rule(name, None, name, {}, Outcome.REVIEW, None, State.DO_WERYFIKACJI, Desk.NOBODY, (), shadow)


def decided(engine: Engine, name: str, at: datetime, outcome: str = "REVIEW", **watched: str) -> None:
    """A message that a rule decided, and what watched rules would have done."""
    number = next(_ids)
    arrived = {"source": "lmtp", "sha256": "", "size": 1, "envelope": {}, "received_at": at, "due_at": at}
    told = {"ruleset": "0", "facts": {}, "notes": {}, "trace": []}
    with engine.begin() as connection:
        connection.execute(insert(inbox).values(id=number, delivery_key=str(number), state="done", **arrived))
        values = {"inbox_id": number, "decided_at": at}
        connection.execute(insert(decision).values(**values, **told, rule=name, outcome=outcome))
        for other, instead in watched.items():
            connection.execute(insert(shadow_hit).values(**values, rule=other, outcome=instead))


def test_every_rule_of_the_set_and_those_that_are_gone(engine: Engine) -> None:
    rules = [rule("last"), rule("watched", shadow=True), rule("idle"), rule("first")]
    decided(engine, "first", NOW - 40 * DAY)
    decided(engine, "first", NOW - 3 * DAY, watched="NEW_OK")
    decided(engine, "first", NOW - 2 * DAY, outcome="NO_REPLY", watched="NEW_OK", dropped="MORE")
    decided(engine, "last", NOW - DAY, watched="MORE")
    decided(engine, "gone", NOW - 30 * DAY)
    with engine.connect() as connection:
        found = count(connection, rules, NOW - 30 * DAY)
    assert found == [
        RuleHits("last", hits=1, last=NOW - DAY),
        RuleHits("watched", shadow=True, shadow_hits={"MORE": 1, "NEW_OK": 2}, last=NOW - DAY),
        RuleHits("idle"),
        RuleHits("first", hits=2, last=NOW - 2 * DAY),
        RuleHits("dropped", current=False, shadow_hits={"MORE": 1}, last=NOW - 2 * DAY),
        RuleHits("gone", current=False, hits=1, last=NOW - 30 * DAY),
    ]
    assert [row.rule for row in found if row.never] == ["idle"]


def test_a_rule_that_was_watched_before_it_decides(engine: Engine) -> None:
    decided(engine, "other", NOW - 2 * DAY, new="NEW_OK")
    decided(engine, "new", NOW - DAY)
    with engine.connect() as connection:
        found = count(connection, [rule("new")], NOW - 7 * DAY)
    assert found[0] == RuleHits("new", hits=1, shadow_hits={"NEW_OK": 1}, last=NOW - DAY)
