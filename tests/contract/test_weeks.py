"""Weeks that begin an index, on each engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, insert

from mailbot.service import compose
from mailbot.storage import weeks
from mailbot.storage.schema import decision, inbox

NOW = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
WEEK = timedelta(weeks=1)
LAST = weeks.week(NOW)


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ((), ()),
        ((LAST - 1,), ()),
        ((LAST, LAST, LAST), (LAST,)),
        ((0, LAST - 5, LAST, LAST + 2, LAST + 2, LAST + 9000), (LAST, LAST + 2, LAST + 9000)),
    ],
)
def test_each_week_that_there_is_from_a_moment_on(
    engine: Engine, there: tuple[int, ...], found: tuple[int, ...]
) -> None:
    with engine.begin() as connection:
        arrived = {"source": "lmtp", "sha256": "", "size": 1, "envelope": {}, "received_at": NOW, "state": "done"}
        words = {"decided_at": NOW, "ruleset": "", "rule": "", "outcome": "", "facts": {}, "notes": {}, "trace": []}
        for n, week in enumerate(there, 1):
            connection.execute(insert(inbox).values(id=n, delivery_key=f"{n}", due_at=NOW, **arrived))
            connection.execute(insert(decision).values(inbox_id=n, week=week, **words))
        assert weeks.since(connection, decision.c.week, NOW) == [weeks.UNKNOWN, *found]


def test_weeks_follow_each_other() -> None:
    assert weeks.week(NOW + WEEK) == LAST + 1
    assert {weeks.week(NOW + timedelta(days=n)) for n in range(7)} in ({LAST}, {LAST, LAST + 1})
    assert weeks.week(datetime(1960, 1, 1, tzinfo=UTC)) == weeks.UNKNOWN


@pytest.mark.parametrize("empty_engine", ["sqlite"], indirect=True)
def test_years_of_rows_are_not_gone_through(empty_engine: Engine) -> None:
    """The index is looked into once for each week."""
    compose.migrate(empty_engine)
    wanted = str(weeks._there(decision.c.week).compile(dialect=empty_engine.dialect))
    with empty_engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {wanted}", (LAST,)).all()
    looks = [row[3] for row in plan if "decision" in row[3]]
    assert len(looks) == 2
    assert all(look.startswith("SEARCH") for look in looks), looks
