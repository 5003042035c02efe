"""Database: commits in groups, answers one by one; on each engine."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from sqlalchemy import Connection, Engine, event, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from mailbot.errors import DatabaseUnavailable
from mailbot.storage.database import Database
from mailbot.storage.engine import connect, reading
from mailbot.storage.schema import counter
from tests.intake import until

_PATIENCE = 30


def add(name: str, value: int = 0) -> Callable[[Connection], int]:
    """Work that writes a row and returns ``value``."""

    def work(connection: Connection) -> int:
        connection.execute(insert(counter), {"name": name, "value": value})
        return value

    return work


def names(engine: Engine) -> list[str]:
    """What is committed, as any other client sees it."""
    with reading(engine) as connection:
        return list(connection.execute(select(counter.c.name).order_by(counter.c.name)).scalars())


@pytest.fixture
async def database(engine: Engine) -> AsyncIterator[Database]:
    made = Database(engine, writers=1)
    yield made
    await made.close()


class Held:
    """Keeps the writer busy, so that what comes meanwhile waits together."""

    def __init__(self, database: Database) -> None:
        self._entered, self._go = threading.Event(), threading.Event()
        self._task = asyncio.create_task(database.write(self._work))

    def _work(self, _connection: Connection) -> None:
        self._entered.set()
        assert self._go.wait(_PATIENCE)

    async def __aenter__(self) -> None:
        await until(self._entered.is_set)

    async def __aexit__(self, *_error: object) -> None:
        await asyncio.sleep(0)  # every task has handed its work over
        self._go.set()
        await self._task


async def test_what_waits_together_is_committed_together(database: Database) -> None:
    commits: list[Connection] = []
    event.listen(database.engine, "commit", commits.append)
    async with Held(database):
        tasks = [asyncio.create_task(database.write(add(f"{n:02}", n))) for n in range(20)]
    assert await asyncio.gather(*tasks) == list(range(20)), "each caller gets its own result"
    # On PostgreSQL different units take locks in different orders, so each has a transaction of its own.
    assert len(commits) == (2 if database.engine.dialect.name == "sqlite" else 21)
    assert names(database.engine) == [f"{n:02}" for n in range(20)]


async def test_equal_work_is_committed_together(database: Database) -> None:
    def many(connection: Connection, items: Sequence[str]) -> list[str]:
        connection.execute(insert(counter), [{"name": item, "value": 0} for item in items])
        return [item.upper() for item in items]

    commits: list[Connection] = []
    event.listen(database.engine, "commit", commits.append)
    letters = list("abcdefgh")
    async with Held(database):
        tasks = [asyncio.create_task(database.write_together(many, letter)) for letter in letters]
    assert await asyncio.gather(*tasks) == [letter.upper() for letter in letters]
    assert len(commits) == 2


async def test_a_failing_unit_harms_only_itself(database: Database) -> None:
    def fails(connection: Connection) -> int:
        add("half done")(connection)
        raise ValueError("of this unit")

    async with Held(database):
        work = [add("a", 1), fails, add("b", 2), add("a", 3), add("c", 4)]
        tasks = [asyncio.create_task(database.write(unit)) for unit in work]
    good, bad, other, twice, last = await asyncio.gather(*tasks, return_exceptions=True)
    assert (good, other, last) == (1, 2, 4)
    assert isinstance(bad, ValueError), "an exception of the work comes as it is"
    assert isinstance(twice, IntegrityError), "the fault of the work: trying it again cannot help"
    assert names(database.engine) == ["a", "b", "c"]


async def test_nothing_is_answered_before_the_commit(database: Database) -> None:
    entered, go = threading.Event(), threading.Event()

    def committing(_connection: Connection) -> None:
        entered.set()
        assert go.wait(_PATIENCE)

    event.listen(database.engine, "commit", committing)
    task = asyncio.create_task(database.write(add("a")))
    await until(entered.is_set)
    await asyncio.sleep(0)
    assert not task.done()
    go.set()
    await task
    assert names(database.engine) == ["a"]


async def test_a_commit_that_fails_is_temporary_and_leaves_nothing(database: Database) -> None:
    def full(_connection: Connection) -> None:
        raise OSError("no space left on device")

    event.listen(database.engine, "commit", full)
    with pytest.raises(OSError, match="no space"):
        await database.write(add("a"))
    event.remove(database.engine, "commit", full)
    assert names(database.engine) == []
    await database.write(add("b"))
    assert names(database.engine) == ["b"]


async def test_a_reader_is_translated_too_and_writes_nothing(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        await database.read(lambda c: c.execute(text("SELECT * FROM no_such_table")))
    assert await database.read(add("a", 7)) == 7
    assert names(database.engine) == []


async def test_who_reads_does_not_wait_for_who_writes(database: Database) -> None:
    await database.write(add("a"))
    async with Held(database):
        assert await database.read(lambda c: list(c.execute(select(counter.c.name)).scalars())) == ["a"]


async def test_a_caller_that_goes_away_does_not_stop_the_work(database: Database) -> None:
    async with Held(database):
        task = asyncio.create_task(database.write(add("a")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await database.write(add("b"))
    assert names(database.engine) == ["a", "b"]


@pytest.mark.parametrize("writers", [1, 3])
async def test_closing_finishes_what_waits(engine: Engine, writers: int) -> None:
    if engine.dialect.name == "sqlite" and writers > 1:
        pytest.skip("SQLite has one writer")
    database = Database(engine, writers=writers)
    tasks = [asyncio.create_task(database.write(add(f"{n:03}"))) for n in range(300)]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*tasks)
    assert len(names(engine)) == 300


@pytest.mark.parametrize("empty_engine", ["sqlite"], indirect=True)
async def test_a_glance_that_fails_leaves_nothing_behind(database: Database) -> None:
    """Neither a number that the next connection may give once more, nor a reader among the writers' connections."""
    version, tries = (
        database.version(),
        iter([OperationalError("", {}, sqlite3.OperationalError("database is locked"))]),
    )

    def fails_once(connection: Connection) -> int:
        for error in tries:
            raise error
        return connection.execute(select(text("1"))).scalar_one()

    assert await database.glance(fails_once) == 1
    gc.collect()
    with reading(database.engine) as one, reading(database.engine) as two:
        waits = [c.execute(text("PRAGMA busy_timeout")).scalar_one() for c in (one, two)]
    assert all(waits)
    with database.engine.connect() as one, database.engine.connect() as two:
        assert [c.info.get("reader") for c in (one, two)] == [None, None]
    assert await database.write(add("a")) == 0
    assert database.version() not in (None, version)
    await database.write(add("b"))
    assert database.version() not in (None, version)


@pytest.mark.parametrize(("given", "kept"), [("off", "on"), ("local", "local"), ("remote_apply", "remote_apply")])
def test_no_default_of_a_server_answers_for_what_is_not_on_the_disk(
    empty_postgres: Engine, given: str, kept: str
) -> None:
    chosen = f"{empty_postgres.url.query['options']} -csynchronous_commit={given}"
    engine = connect(empty_postgres.url.update_query_dict({"options": chosen}).render_as_string(hide_password=False))
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == kept
    engine.dispose()
