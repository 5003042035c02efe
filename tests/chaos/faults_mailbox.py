"""A mailbox that is cut off, silent, restarted, or numbered anew."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path

from sqlalchemy import distinct, func, select

from mailbot.storage.schema import inbox
from tests.chaos.faults import fault
from tests.chaos.office import TOGETHER, Office, ended
from tests.chaos.world import World


@fault("mailbox: connection cut", "mailbox", weight=20)
async def cut(world: World) -> None:
    """Wherever it is: between the commit and the move, too."""
    assert world.line
    world.write(3)
    await asyncio.sleep(world.rng.uniform(0, 0.4))
    world.line.cut()


@fault("mailbox: half-open", "mailbox", weight=10)
async def half_open(world: World) -> None:
    """The connection is forgotten on the way; nobody says so."""
    assert world.line
    world.write(2)
    await asyncio.sleep(world.rng.uniform(0, 0.2))
    world.line.silence()
    await asyncio.sleep(1.3)
    world.line.cut()
    world.line.speak()


@fault("mailbox: refused", "mailbox", weight=8)
async def refused(world: World) -> None:
    """Nobody answers at its port."""
    assert world.line
    world.line.refuses = True
    world.line.cut()
    try:
        world.write(2)
        await world.must_say(
            "when it was looked at", lambda: "mailbot_imap_poll_age_seconds{" in world.ask("/metrics")[1]
        )
    finally:
        world.line.refuses = False


@fault("mailbox: server restarted", "mailbox", weight=4)
async def restarted(world: World) -> None:
    """With BYE where it says one."""
    assert world.dovecot
    world.write(2)
    await asyncio.sleep(world.rng.uniform(0, 0.3))
    await asyncio.to_thread(world.dovecot.stop)
    await asyncio.to_thread(world.dovecot.start)


@fault("mailbox: numbered anew", "mailbox", weight=4)
async def numbered_anew(world: World) -> None:
    """Its UIDVALIDITY is lost: what is read again has no second effect."""
    assert world.dovecot
    world.write(2)
    await asyncio.to_thread(world.dovecot.stop)
    await asyncio.to_thread(_forget_numbers, world.dovecot.folder / "mail")
    await asyncio.to_thread(world.dovecot.start)


@fault("mailbox: put back from its backup", "mailbox", weight=2)
async def put_back(world: World) -> None:
    """Its UIDVALIDITY is the same, and UIDs are given a second time: what bears them is other mail."""
    server = world.dovecot
    assert server
    mails, kept = server.folder / "mail", server.folder / "kept"
    if not await world.until(lambda: world.post.empty and not _untaken(world), 60):
        return  # what the server itself loses is nobody's fault
    for source, target in ((mails, kept), (kept, mails)):
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(_carry, source, target)
        await asyncio.to_thread(server.start)
        world.write(world.rng.randint(1, 5))
        if target is kept and not await world.until(lambda: world.post.empty and not _untaken(world), 60):
            world.accuse("what came since the backup was not taken")


def _untaken(world: World) -> int:
    """Letters that were put into the mailbox and are in no row."""
    with world.engine.connect() as connection:
        there = connection.execute(select(func.count(distinct(inbox.c.sha256)))).scalar_one()
    return len({letter.sha256 for letter in world.post.accepted}) - int(there)


def _carry(source: Path, target: Path) -> None:
    """As a backup does: owners and times stay."""
    if target.exists():
        shutil.rmtree(target)
    subprocess.run(["cp", "-a", source, target], check=True)


@fault("mailbox: a second installation", "mailbox", weight=2)
async def second_installation(world: World) -> None:
    """With a database of its own: it says so, and takes nothing."""
    world.told += 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = world.office
        second = Office(folder, folder, f"sqlite:///{folder}/other.db", TOGETHER, first.relay, first.sections)
        with ended(second):
            second.set_clock(first.offset)
            await asyncio.to_thread(second.start)
            (process,) = second.running
            world.write(2)
            if not await world.until(lambda: b'"imap-claimed"' in process.log.read_bytes(), 120):
                world.accuse("a second installation did not see that the mailbox is taken")
            with sqlite3.connect(folder / "other.db") as other:
                if other.execute("SELECT count(*) FROM inbox").fetchone() != (0,):
                    world.accuse("a second installation took mail")


def _forget_numbers(mail: Path) -> None:
    for name in ("dovecot-uidlist*", "dovecot-uidvalidity*", "dovecot.index*"):
        for file in mail.rglob(name):
            file.unlink()


@fault("mailbox: the same letter twice", "mailbox", weight=6)
async def twice(world: World) -> None:
    """The MTA did not hear the first 250."""
    if world.post.accepted:
        world.put(world.rng.choice(world.post.accepted))
    world.write(1)
    await asyncio.sleep(0.2)
