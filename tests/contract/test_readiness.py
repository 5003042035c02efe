"""The probe's commit, on each engine."""

from __future__ import annotations

from sqlalchemy import Engine, select

from mailbot.storage.database import Database
from mailbot.storage.schema import counter
from mailbot.web import health


async def test_a_look_is_a_commit_and_waits_for_no_ticket(engine: Engine) -> None:
    database = Database(engine)
    for _ in range(3):
        assert await health.Readiness(database, health.nothing_ails).wrong() == []
    with engine.connect() as connection:
        assert connection.execute(select(counter.c.value).where(counter.c.name == "readiness")).scalar_one() == 3
    await database.close()
