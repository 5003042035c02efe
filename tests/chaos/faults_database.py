"""A database that is locked, gone, cut off or full."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import psycopg

from tests.chaos.faults import fault
from tests.chaos.world import World


def _file(world: World) -> Path:
    return world.office.state / "mailbot.db"


@fault("SQLite: locked", "sqlite", weight=6)
async def locked(world: World) -> None:
    """Another program keeps the file for longer than lock_seconds."""
    world.write(2)
    other = sqlite3.connect(_file(world), isolation_level=None, timeout=10, check_same_thread=False)
    with closing(other):
        await asyncio.to_thread(other.execute, "BEGIN EXCLUSIVE")
        try:
            await world.must_not_be_ready("database")
        finally:
            other.rollback()


@fault("SQLite: locked for a moment", "sqlite", weight=10)
async def locked_for_a_moment(world: World) -> None:
    """Nobody needs to notice."""
    world.write(2)
    other = sqlite3.connect(_file(world), isolation_level=None, timeout=10, check_same_thread=False)
    with closing(other):
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        await asyncio.sleep(world.rng.uniform(0.05, 0.4))
        other.rollback()


def _fill(ballast: Path) -> None:
    """Until there is no room for one octet more."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(65536))


@fault("SQLite: disk full", "sqlite", "small disk", weight=6)
async def disk_full(world: World) -> None:
    """Not one octet more; mail is answered 4xx and comes again."""
    ballast = world.office.state / "ballast"
    try:
        await asyncio.to_thread(_fill, ballast)
        world.write(2)
        await world.must_not_be_ready("disk")
    finally:
        ballast.unlink()


@fault("SQLite: disk nearly full", "sqlite", "small disk", weight=8)
async def nearly_full(world: World) -> None:
    """Some transactions fit, others end in the middle, as may the copy of the log into the file."""
    ballast = world.office.state / "ballast"
    try:
        await asyncio.to_thread(_fill, ballast)
        with ballast.open("r+b") as file:
            file.truncate(max(0, ballast.stat().st_size - world.rng.choice((4, 16, 64, 256, 1024)) * 1024))
        world.write(6)
        await asyncio.sleep(world.rng.uniform(0.1, 0.6))
        await asyncio.to_thread(_checkpoint, world)
        await asyncio.sleep(0.2)
    finally:
        ballast.unlink()


def _checkpoint(world: World) -> None:
    with suppress(sqlite3.Error), closing(sqlite3.connect(_file(world), timeout=2)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@fault("SQLite: nothing may be written any more", "sqlite", "leases end", weight=4)
async def read_only(world: World) -> None:
    """File and folder are made read-only. What runs has them open; what starts says why not."""
    file = _file(world)
    world.write(2)
    process = world.rng.choice(world.office.running)
    await asyncio.to_thread(world.office.terminate, process)
    places = [file.parent, *file.parent.glob("mailbot*")]
    modes = [place.stat().st_mode for place in places]
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    try:
        world.write(1)
        again = world.office.spawn(process.roles)
        code = await asyncio.to_thread(world.office.gone, again)
        world.told += 1
        if code not in (75, 78) or "readonly" not in again.log.read_text().replace("read-only", "readonly"):
            world.accuse(f"a start on what is read-only: exit code {code}: {again.log.read_text()[-1000:]}")
    finally:
        for place, mode in zip(places, modes, strict=True):
            if place.exists():
                place.chmod(mode)
    await world.start()


@fault("SQLite: its log of changes is deleted while it stands still", "sqlite", "leases end", weight=3)
async def log_deleted(world: World) -> None:
    """As a tidy person does: every process says so and ends with 78; what was answered for is there."""
    processes = list(world.office.running)
    world.write(2)
    await asyncio.sleep(world.rng.uniform(0, 0.3))
    for process in processes:
        os.kill(process.pid, signal.SIGSTOP)
    for name in ("-wal", "-shm"):
        _file(world).with_name(_file(world).name + name).unlink(missing_ok=True)
    for process in processes:
        os.kill(process.pid, signal.SIGCONT)
    for process in processes:
        code = await asyncio.to_thread(world.office.gone, process)
        world.told += 1
        if code != 78 or b'"database-gone"' not in process.log.read_bytes():
            world.accuse(f"{process.roles}: exit code {code} without its log of changes")
    world.engine.dispose()  # what looks through it would look into the log that is gone
    await asyncio.to_thread(world.excuse, "killed")
    await world.start()


@fault("SQLite: the file is moved away", "sqlite", "leases end", weight=2)
async def moved(world: World) -> None:
    """It is answered 4xx, every process ends with 78, none begins anew; the file is put back."""
    file, kept = _file(world), world.office.state / "kept"
    names = [name for name in ("", "-wal", "-shm") if file.with_name(file.name + name).exists()]
    world.write(1)
    processes = list(world.office.running)
    for name in names:
        file.with_name(file.name + name).rename(kept.with_name(kept.name + name))
    world.write(1)
    for process in processes:
        code = await asyncio.to_thread(world.office.gone, process)
        world.told += 1
        if code != 78 or b'"database-gone"' not in process.log.read_bytes():
            world.accuse(f"{process.roles}: exit code {code} without its database")
    again = world.office.spawn(processes[0].roles)
    code = await asyncio.to_thread(world.office.gone, again)
    if code != 78:
        world.accuse(f"a start without the database: exit code {code}")
    for name in names:
        kept.with_name(kept.name + name).rename(file.with_name(file.name + name))
    await asyncio.to_thread(world.excuse, "killed")
    await world.start()


def _admin(world: World) -> psycopg.Connection:
    """A connection of an administrator, beside the wire."""
    assert world.postgresql
    return psycopg.connect(host=str(world.postgresql.folder), user="mailbot", dbname="postgres", autocommit=True)


_OTHERS = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"


@fault("PostgreSQL: connections ended by the server", "postgresql", "leases end", weight=15)
async def terminated(world: World) -> None:
    """pg_terminate_backend for all of them, in the middle of whatever they do."""
    world.write(3)
    await asyncio.sleep(world.rng.uniform(0, 0.3))

    def end() -> None:
        with _admin(world) as admin:
            admin.execute(f"SELECT pg_terminate_backend(pid) {_OTHERS}")  # type: ignore[arg-type]

    await asyncio.to_thread(end)


@fault("PostgreSQL: connections cut", "postgresql", "leases end", weight=20)
async def cut(world: World) -> None:
    """In the middle of an octet, and once more."""
    assert world.wire
    world.write(3)
    for _ in range(2):
        await asyncio.sleep(world.rng.uniform(0, 0.2))
        world.wire.cut()


@fault("PostgreSQL: connections silent, then cut", "postgresql", "leases end", weight=6)
async def silent(world: World) -> None:
    """What was committed is not answered for."""
    assert world.wire
    world.write(3)
    await asyncio.sleep(world.rng.uniform(0, 0.2))
    world.wire.silence()
    await asyncio.sleep(world.rng.uniform(0.1, 0.6))
    world.wire.cut()
    world.wire.speak()


@fault("PostgreSQL: unreachable", "postgresql", "leases end", weight=5)
async def unreachable(world: World) -> None:
    """No new connection, and the old ones are gone."""
    assert world.wire
    world.write(2)
    world.wire.refuses = True
    world.wire.cut()
    try:
        await world.must_not_be_ready("database")
    finally:
        world.wire.refuses = False


@fault("PostgreSQL: stopped as by a power cut", "postgresql", "leases end", weight=5)
async def stopped(world: World) -> None:
    """It comes again and recovers."""
    assert world.postgresql
    world.write(3)
    await asyncio.sleep(world.rng.uniform(0, 0.3))
    await asyncio.to_thread(world.postgresql.stop)
    try:
        await world.must_not_be_ready("database")
    finally:
        await asyncio.to_thread(world.postgresql.start)


@fault("PostgreSQL: a client vanished with locks", "postgresql", "leases end", weight=5)
async def vanished(world: World) -> None:
    """It holds the sequence of ticket numbers until the server ends it."""
    world.write(2)
    assert world.postgresql
    holder = psycopg.connect(host=str(world.postgresql.folder), user="mailbot", dbname="postgres")
    holder.execute("SET idle_in_transaction_session_timeout = '1s'")
    holder.commit()
    holder.execute("SELECT * FROM counter WHERE name = 'ticket' FOR UPDATE")
    await asyncio.sleep(1.2)
    holder.close()
