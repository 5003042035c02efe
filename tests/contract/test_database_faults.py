"""What a database does to us: time-outs, cut connections, clients that vanish, a full disk, a locked file."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event, func, insert, literal, select, text, update
from sqlalchemy.exc import DBAPIError

from mailbot.config import DatabaseSettings, WorkerSettings
from mailbot.errors import ConfigError, DatabaseUnavailable
from mailbot.inbox import store
from mailbot.model import Envelope, Outcome, RawMessage, Source
from mailbot.outbox import jobs
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage import database as database_module
from mailbot.storage.database import Database
from mailbot.storage.engine import connect, migrate, reading
from mailbot.storage.schema import counter, inbox, metadata
from mailbot.tickets import number
from mailbot.workers.decide import DecideWorker
from tests.citizens import HELPDESK
from tests.flow import JAN, Clock, add_accounts, mail, settings

QUICK = DatabaseSettings(lock_seconds=1, statement_seconds=1, idle_seconds=1)


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def row(name: str, value: int = 0) -> Callable[[Connection], int]:
    def work(connection: Connection) -> int:
        connection.execute(insert(counter), {"name": name, "value": value})
        return value

    return work


def large(octets: int) -> Callable[[Connection], int]:
    """A row past the column's bound."""

    def work(connection: Connection) -> int:
        connection.execute(text("INSERT INTO counter VALUES (:name, 0)"), {"name": "x" * octets})
        return octets

    return work


def names(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.execute(select(counter.c.name).order_by(counter.c.name)).scalars())


@asynccontextmanager
async def opened(engine: Engine, limits: DatabaseSettings = QUICK) -> AsyncIterator[Database]:
    """A database of its own over the tables of ``engine``, in a hurry."""
    metadata.create_all(engine)
    database = Database(connect(url_of(engine), limits))
    try:
        yield database
    finally:
        await database.close()


@contextmanager
def holding(engine: Engine, limits: DatabaseSettings) -> Iterator[Connection]:
    """Another client, in a transaction with the sequence of the ticket numbers locked, that says nothing more."""
    client = connect(url_of(engine), limits)
    connection = client.connect()
    try:
        number.lock(connection, 1)
        yield connection
    finally:
        with suppress(DBAPIError):
            connection.close()
        client.dispose()


async def test_every_session_has_limits_on_both_sides(empty_postgres: Engine) -> None:
    wanted = {
        "statement_timeout": "1min",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "30s",
        "client_connection_check_interval": "30s",
    }
    with empty_postgres.connect() as connection:
        connection.rollback()  # what a transaction set would be gone now
        assert {name: connection.execute(text(f"SHOW {name}")).scalar_one() for name in wanted} == wanted
        driver = connection.connection.driver_connection
        assert driver is not None
        ours = driver.info.get_parameters()
    assert (ours["connect_timeout"], ours["keepalives_idle"], ours["keepalives_count"]) == ("5", "7", "3")
    assert ours["tcp_user_timeout"] == "30000"


def test_what_the_url_says_stands_above_our_defaults(empty_postgres: Engine) -> None:
    engine = connect(f"{url_of(empty_postgres)}&connect_timeout=17")
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        assert driver.info.get_parameters()["connect_timeout"] == "17"
    engine.dispose()


async def test_a_statement_that_does_not_end_is_temporary(empty_postgres: Engine) -> None:
    async with opened(empty_postgres) as database:
        with pytest.raises(DatabaseUnavailable, match="QueryCanceled"):
            await database.write(lambda c: c.execute(text("SELECT pg_sleep(30)")))
        assert await database.write(row("after", 3)) == 3


async def test_a_lock_that_is_held_is_temporary_and_others_go_on(empty_postgres: Engine) -> None:
    async with opened(empty_postgres) as database:
        with holding(empty_postgres, replace(QUICK, idle_seconds=600)):
            blocked = [asyncio.create_task(database.write(lambda c: number.lock(c, 1))) for _ in range(2)]
            assert await database.write(row("mail", 1)) == 1, "mail is taken in meanwhile"
            found = await asyncio.gather(*blocked, return_exceptions=True)
            assert [type(error) for error in found] == [DatabaseUnavailable] * 2
        assert await database.write(lambda c: number.lock(c, 1)) == 1


async def test_who_vanished_with_the_sequence_locked_stops_nobody(empty_postgres: Engine, tmp_path: Path) -> None:
    clock = Clock()
    chosen = replace(settings(url_of(empty_postgres), tmp_path / "key", 1), worker=WorkerSettings(batch=1))
    chosen = replace(chosen, database=DatabaseSettings(url_of(empty_postgres)))
    parts = compose.build(chosen, clock=clock, resolver=StaticResolver({}))
    add_accounts(empty_postgres)
    arrived = [RawMessage(mail(name=f"{n}"), Envelope(Source.LMTP, JAN.login, (HELPDESK,)), clock()) for n in range(2)]
    with empty_postgres.begin() as connection:
        store(connection, arrived, clock(), parts.secret)
    workers = [DecideWorker(f"worker-{n}", parts.database, parts.pipeline, clock, parts.rng) for n in range(2)]
    try:
        with holding(empty_postgres, QUICK) as vanished:
            assert await asyncio.gather(*(worker.step() for worker in workers)) == [1, 1]
            with pytest.raises(DBAPIError, match="terminat"):  # by the server, as nothing came
                vanished.execute(select(counter))
    finally:
        await parts.database.close()
    with empty_postgres.connect() as connection:
        assert set(connection.execute(select(inbox.c.state)).scalars()) == {jobs.DONE}


@pytest.mark.parametrize(
    "given", ["DateStyle=German", "DateStyle=SQL,MDY", "client_encoding=LATIN1", "client_encoding=SQL_ASCII"]
)
def test_dates_and_letters_are_read_whatever_the_server_takes_for_its_defaults(
    empty_postgres: Engine, given: str
) -> None:
    engine = connect(with_options(empty_postgres, f"-c{given}"))
    with engine.connect() as connection:
        found = connection.execute(select(func.now(), literal("zażółć 漢"))).one()
    engine.dispose()
    assert found[0].tzinfo is not None
    assert found[1] == "zażółć 漢"


def with_options(engine: Engine, more: str) -> str:
    """The address of a database, with further settings of the session."""
    options = str(engine.url.query["options"])
    return engine.url.update_query_dict({"options": f"{options} {more}"}).render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("spoil", "mend"),
    [
        ("REVOKE INSERT ON ticket FROM {clerk}", "GRANT INSERT ON ticket TO {clerk}"),
        ("REVOKE UPDATE ON counter FROM {clerk}", "GRANT UPDATE ON counter TO {clerk}"),
        ("REVOKE USAGE ON SCHEMA {schema} FROM {clerk}", "GRANT USAGE ON SCHEMA {schema} TO {clerk}"),
        ("ALTER TABLE decision RENAME TO kept", "ALTER TABLE kept RENAME TO decision"),
        ("ALTER TABLE outbox RENAME due_at TO kept", "ALTER TABLE outbox RENAME kept TO due_at"),
    ],
)
async def test_what_the_role_may_not_do_is_no_fault_of_a_mail(
    empty_postgres: Engine, tmp_path: Path, spoil: str, mend: str
) -> None:
    """However long it takes until somebody mends it: all mails are decided then."""
    clock = Clock()
    parts = compose.build(
        settings(url_of(empty_postgres), tmp_path / "key", 1), clock=clock, resolver=StaticResolver({})
    )
    add_accounts(empty_postgres)
    arrived = [RawMessage(mail(name=f"{n}"), Envelope(Source.LMTP, JAN.login, (HELPDESK,)), clock()) for n in range(2)]
    with empty_postgres.begin() as connection:
        store(connection, arrived, clock(), parts.secret)
    with clerk(empty_postgres) as (engine, run):
        database = Database(engine)
        worker = DecideWorker("worker", database, parts.pipeline, clock, parts.rng)
        try:
            run(spoil)
            for _ in range(12):
                with suppress(DatabaseUnavailable):
                    await worker.step()
                clock.now += timedelta(hours=2)
            run(mend)
            for _ in range(4):
                await worker.step()
                clock.now += timedelta(hours=2)
        finally:
            await database.close()
            await parts.database.close()
    with empty_postgres.connect() as connection:
        outcomes = set(connection.execute(select(inbox.c.state, inbox.c.outcome)).all())
    assert outcomes == {(jobs.DONE, Outcome.OK_A.value), (jobs.DONE, Outcome.DUPLICATE.value)}


@contextmanager
def clerk(owner: Engine) -> Iterator[tuple[Engine, Callable[[str], None]]]:
    """An engine of a role that may do what it was granted, and how its rights are changed."""
    schema = str(owner.url.query["options"]).rpartition("=")[2]
    names = {"clerk": f"clerk_{schema}", "schema": schema}

    def run(statement: str) -> None:
        with owner.begin() as connection:
            connection.execute(text(statement.format(**names)))

    run("CREATE ROLE {clerk}")
    try:
        run("GRANT USAGE ON SCHEMA {schema} TO {clerk}")
        for kind in ("TABLES", "SEQUENCES"):
            run(f"GRANT ALL ON ALL {kind} IN SCHEMA {{schema}} TO {{clerk}}")
        yield connect(with_options(owner, f"-crole={names['clerk']}")), run
    finally:
        run("DROP OWNED BY {clerk}; DROP ROLE {clerk}")


async def test_cut_connections_are_temporary_and_made_anew(empty_postgres: Engine) -> None:
    async with opened(empty_postgres) as database:
        await database.write(row("before"))

        def cut(connection: Connection) -> None:
            mine = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with empty_postgres.begin() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})
            connection.execute(text("SELECT 1"))

        with pytest.raises(DatabaseUnavailable):
            await database.write(cut)
        others = text("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        with empty_postgres.begin() as connection:
            connection.execute(others)
        assert await asyncio.gather(*(database.write(row(f"after {n}", n)) for n in range(8))) == list(range(8))
        assert len(await database.read(lambda c: list(c.execute(select(counter.c.name))))) == 9


async def test_a_server_that_only_reads_is_temporary(empty_postgres: Engine) -> None:
    """A standby before its promotion, or a primary after it lost its place."""
    async with opened(empty_postgres) as database:
        only_reads = text("SET TRANSACTION READ ONLY")
        with pytest.raises(DatabaseUnavailable, match="ReadOnly"):
            await database.write(lambda c: (c.execute(only_reads), row("lost")(c)))
        assert names(empty_postgres) == []


async def test_no_server_fails_everybody_at_once(empty_engine: Engine) -> None:
    """Not one after the other, each after a wait of its own."""
    metadata.create_all(empty_engine)
    database = Database(empty_engine, writers=1)
    tries = 0

    def refused(_connection: Connection) -> None:
        nonlocal tries
        tries += 1
        raise DatabaseUnavailable("no connection")

    event.listen(empty_engine, "begin", refused, insert=True)
    found = await asyncio.gather(*(database.write_together(_all, n) for n in range(50)), return_exceptions=True)
    event.remove(empty_engine, "begin", refused)
    await database.close()
    assert {type(error) for error in found} == {DatabaseUnavailable}
    assert tries <= 2, "the first one, and those that came meanwhile together"


def _all(connection: Connection, items: object) -> list[int]:
    raise AssertionError("never reached")


async def test_units_that_take_locks_in_opposite_orders_all_succeed(empty_postgres: Engine) -> None:
    def crossing(first: str, second: str) -> Callable[[Connection], None]:
        def work(connection: Connection) -> None:
            connection.execute(text("SET LOCAL deadlock_timeout = '50ms'"))  # the server looks after a second otherwise
            for name in (first, second):
                connection.execute(update(counter).where(counter.c.name == name).values(value=counter.c.value + 1))
                time.sleep(0.002)  # so that they do cross

        return work

    async with opened(empty_postgres, DatabaseSettings()) as database:
        for name in ("a", "b"):
            await database.write(row(name))
        units = [crossing("a", "b") if n % 2 else crossing("b", "a") for n in range(8)]
        await asyncio.gather(*(database.write(unit) for unit in units))
        assert await database.read(lambda c: list(c.execute(select(counter.c.value)).scalars())) == [8, 8]


async def test_two_workers_store_the_same_mails_in_opposite_orders(empty_postgres: Engine, tmp_path: Path) -> None:
    parts = compose.build(settings(url_of(empty_postgres), tmp_path / "key", 1), resolver=StaticResolver({}))
    envelope, now = Envelope(Source.LMTP, JAN.login, (HELPDESK,)), Clock()()
    mails = [RawMessage(mail(name=f"{n}"), envelope, now) for n in range(20)]
    try:
        for _ in range(5):
            both = [
                parts.database.write(lambda c, some=some: store(c, some, now, parts.secret))  # type: ignore[misc]
                for some in (mails, mails[::-1])
            ]
            await asyncio.gather(*both)
    finally:
        await parts.database.close()
    with empty_postgres.connect() as connection:
        assert len(connection.execute(select(inbox.c.id)).all()) == 20


async def test_two_processes_may_migrate_at_once(empty_engine: Engine) -> None:
    engines = [connect(url_of(empty_engine)) for _ in range(3)]
    await asyncio.gather(*(asyncio.to_thread(migrate, engine) for engine in engines))
    for engine in engines:
        engine.dispose()


def test_the_second_one_waits_longer_than_for_other_locks(empty_postgres: Engine) -> None:
    second = connect(url_of(empty_postgres), QUICK)
    with empty_postgres.connect() as first:
        first.execute(text("SET idle_in_transaction_session_timeout = 0"))
        first.execute(text("SELECT pg_advisory_xact_lock(4747001)"))
        thread = threading.Thread(target=migrate, args=(second,))
        thread.start()
        time.sleep(1.5 * QUICK.lock_seconds)
        waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        assert first.execute(waiting).scalar_one() == 1
        first.rollback()
    thread.join(30)
    assert not thread.is_alive()
    second.dispose()


def test_a_database_of_a_newer_program_is_refused(empty_engine: Engine) -> None:
    compose.migrate(empty_engine)
    with empty_engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("DELETE FROM schema_mark"))  # its maker says nothing of this program
    with pytest.raises(ConfigError, match=r"version 9999, this program knows them up to 0\d+; mend: run the newer"):
        migrate(empty_engine)


async def test_a_file_that_another_program_locks_is_temporary(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/test.db")
    async with opened(engine) as database:
        with engine.begin() as backup:  # BEGIN IMMEDIATE
            backup.execute(select(counter))
            with pytest.raises(DatabaseUnavailable, match="locked"):
                await database.write(row("refused"))
            assert await database.read(lambda c: list(c.execute(select(counter.c.name)))) == []
        assert await database.write(row("taken", 2)) == 2
    engine.dispose()


async def test_a_full_disk_is_temporary_and_its_end_is_enough(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/test.db")
    async with opened(engine) as database:
        pages = await database.read(lambda c: c.execute(text("PRAGMA page_count")).scalar_one())

        def room(more: int) -> Callable[[Connection], None]:
            return lambda connection: connection.execute(text(f"PRAGMA max_page_count={pages + more}")) and None

        await database.write(room(2))
        with pytest.raises(DatabaseUnavailable, match="full"):
            await database.write(large(40_000))
        await database.write(room(1000))
        assert await database.write(large(40_000)) == 40_000
        assert [len(name) for name in names(engine)] == [40_000]
    engine.dispose()


async def test_one_mail_too_large_for_the_disk_leaves_room_for_others(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/test.db")
    async with opened(engine) as database:
        pages = await database.read(lambda c: c.execute(text("PRAGMA page_count")).scalar_one())
        await database.write(lambda c: c.execute(text(f"PRAGMA max_page_count={pages + 4}")))
        sizes = (10, 100_000, 20, 30)
        found = await asyncio.gather(*(database.write(large(n)) for n in sizes), return_exceptions=True)
        assert [answer if isinstance(answer, int) else type(answer) for answer in found] == [
            *(10, DatabaseUnavailable),
            *(20, 30),
        ]
    engine.dispose()


def test_leases_are_short_against_time_outs() -> None:
    """A worker that waits for a lock and then for a statement still holds its rows."""
    limits, worker = DatabaseSettings(), WorkerSettings()
    assert timedelta(seconds=limits.lock_seconds + limits.statement_seconds) < timedelta(seconds=worker.lease_seconds)


async def test_a_writer_without_memory_goes_on(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it runs out: while it works, while it says what became of it, even twice."""
    lacking = 0

    def scarce(whole: Callable[..., object]) -> Callable[..., object]:
        def act(*arguments: object) -> object:
            nonlocal lacking
            if lacking:
                lacking -= 1
                raise MemoryError
            return whole(*arguments)

        return act

    monkeypatch.setattr(database_module, "_answer", scarce(database_module._answer))
    monkeypatch.setattr(Database, "_commit", scarce(Database._commit))
    database = Database(engine, writers=1)
    assert await database.write(row("a")) == 0
    for times in (1, 2, 3):
        lacking = times
        with suppress(MemoryError):
            await asyncio.wait_for(database.write(row(f"b{times}")), 10)
        assert not lacking
        assert await asyncio.wait_for(database.write(row(f"c{times}", 1)), 10) == 1
    await database.close()
