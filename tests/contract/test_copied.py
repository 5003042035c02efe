"""What a start looks at before it believes that the database is that of yesterday (servers: tests/servers)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, delete, insert, select, text, update

from mailbot import copied, processes
from mailbot.audit import chain, verify
from mailbot.errors import ConfigError, DatabaseGone, DatabaseUnavailable
from mailbot.processes import Process
from mailbot.storage import origin, witness
from mailbot.storage.database import Database
from mailbot.storage.schema import counter, installation
from mailbot.storage.witness import last_commit
from mailbot.workers.audit import line
from tests.links import NOW


@pytest.fixture
def begun(engine: Engine) -> Engine:
    """An installation whose first start was a moment ago."""
    with engine.begin() as connection:
        connection.execute(insert(installation).values(id=1, key_check="", made_at=NOW))
        copied.begin(connection)
    return engine


def refused(engine: Engine, file: Path | str = "") -> str:
    try:
        with engine.begin() as connection:
            copied.refuse(connection)
            copied.refuse_behind(connection, str(file))
    except (ConfigError, DatabaseUnavailable) as error:
        return error.reason
    return ""


def acted(engine: Engine, count: int) -> None:
    with engine.begin() as connection:
        for _ in range(count):
            chain.note(connection, NOW, "shell:root", "act", "installation")


def told(engine: Engine) -> str:
    with engine.connect() as connection:
        return line(verify.head(connection), NOW) + "\n"


def test_a_head_that_was_written_out_tells_of_a_disk_that_was_put_back(begun: Engine, tmp_path: Path) -> None:
    file = tmp_path / "heads"
    assert not refused(begun, file), "there is none yet"
    acted(begun, 2)
    file.write_text(told(begun))
    acted(begun, 1)
    assert not refused(begun, file)
    newest = told(begun)
    with file.open("a") as opened:
        opened.write(newest + '{"at": "cut o')
    assert not refused(begun, file)
    with begun.begin() as connection:  # the disk of an hour ago
        connection.execute(text("DELETE FROM audit WHERE seq = 3"))
        old = connection.execute(select(chain.audit.c.hash).where(chain.audit.c.seq == 2)).scalar_one()
        connection.execute(text("UPDATE audit_head SET seq = 2, hash = :old"), {"old": old})
    assert "has not row 3 of the audit chain" in refused(begun, file)
    with begun.begin() as connection:
        chain.note(connection, NOW, "shell:root", "something else", "installation")
    assert "has not row 3 of the audit chain" in refused(begun, file), "it went on, with another row 3"
    with file.open("a") as opened:
        opened.write("\n" + told(begun))
    assert not refused(begun, file)


@pytest.mark.parametrize("empty_engine", ["postgresql"], indirect=True)
def test_where_tables_live_is_known(begun: Engine) -> None:
    with begun.connect() as connection:
        here = origin.here(connection)
    assert here is not None
    assert not refused(begun)
    for stored, why in {
        f"{here.home}0/{here.line}": "made anew from a dump",
        f"{here.home}/{here.line - 1}": "no process is left that knows",
        str(here): "",
    }.items():
        with begun.begin() as connection:
            connection.execute(update(installation).values(origin=stored))
        assert why in refused(begun)
    with begun.begin() as connection:
        connection.execute(update(installation).values(origin=f"{here.home}/{here.line - 1}"))
        processes.beat(connection, Process("mail1:7", "worker", "1", "", processes.common_now(connection)))
    assert "this one waits for it" in refused(begun)
    with begun.begin() as connection:
        assert copied.follow(connection) == here
    assert not refused(begun)


def add(name: str) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        connection.execute(insert(counter), {"name": name, "value": 0})

    return work


@pytest.mark.parametrize("empty_engine", ["postgresql"], indirect=True)
@pytest.mark.parametrize("lost", ["the row", "the last one"])
async def test_what_was_answered_for_and_is_missing_ends_the_work(begun: Engine, lost: str) -> None:
    database = Database(begun, process="mail1:7")
    try:
        await asyncio.gather(*(database.write(add(f"{n}")) for n in range(20)))
        numbers = select(last_commit.c.number)
        before = await database.read(lambda c: sorted(c.execute(numbers).scalars()))
        assert before
        await database.write(lambda c: c.execute(select(counter.c.name)).all())
        assert await database.read(lambda c: sorted(c.execute(numbers).scalars())) == before, "nothing was written"
        with begun.begin() as connection:
            older = update(last_commit).values(number=last_commit.c.number - 1)
            connection.execute(delete(last_commit) if lost == "the row" else older)
        with pytest.raises(DatabaseGone, match="not all that was committed since"):
            await database.write(add("more"))
        with pytest.raises(DatabaseGone):
            await database.read(lambda c: c.execute(select(counter.c.name)).all())
        with begun.connect() as connection:
            assert "more" not in connection.execute(select(counter.c.name)).scalars().all()
        assert "is a copy as of" in refused(begun)
    finally:
        await database.close()


@pytest.mark.parametrize("empty_engine", ["postgresql"], indirect=True)
async def test_a_commit_whose_answer_was_lost_alarms_nobody(begun: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be there or not: nobody was answered for it."""
    database = Database(begun, writers=1, process="mail1:7")
    plain, failing = witness.Witness.committed, iter([False, True, False, True])

    def committed(self: witness.Witness, number: int | None) -> None:
        if next(failing, False):
            raise ConnectionError("behind the commit")
        plain(self, number)

    monkeypatch.setattr(witness.Witness, "committed", committed)
    try:
        done = [await asyncio.gather(database.write(add(f"{n}")), return_exceptions=True) for n in range(6)]
        assert [isinstance(one, ConnectionError) for (one,) in done] == [False, True, False, True, False, False]
    finally:
        await database.close()


@pytest.mark.parametrize("empty_engine", ["postgresql"], indirect=True)
async def test_processes_that_are_gone_are_forgotten_in_time(begun: Engine) -> None:
    for name in ("mail1:7", "mail1:8"):
        database = Database(begun, process=name)
        await database.write(add(name))
        await database.close()
    with begun.begin() as connection:
        now = processes.common_now(connection)
        connection.execute(update(last_commit).values(at=text("at - interval '8 days'")))
        processes.beat(connection, Process("mail1:8", "worker", "1", "", now))
        assert connection.execute(select(last_commit.c.process)).scalars().all() == ["mail1:8"]
