"""The offices in which faults happen: engine, way in, roles together or apart, what kind of clock."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine

from tests.certificates import make
from tests.chaos.names import listening
from tests.chaos.odd_mailbox import OddMailbox, into
from tests.chaos.office import APART, TOGETHER, TWICE, Office, ended
from tests.chaos.post import Post, accounts, by_lmtp, by_mailbox, by_smtp
from tests.chaos.proxy import Proxy
from tests.chaos.relay import Relay, server_context
from tests.chaos.world import World
from tests.integration.servers import PASSWORD, USER, Dovecot, dovecot, free_port, own_folder
from tests.postgres import Server, server

_ACCOUNTS = 4000
_CONNECTIONS = 3  # of the MTA
DISK = 96  # MiB of the file system that holds the SQLite file
_GROUPS = {"together": TOGETHER, "apart": APART, "two machines": TWICE}


@dataclass(frozen=True, slots=True)
class Scenario:
    """``traits`` name what faults need. "leases end": the campaign can let so much time pass; where somebody sets the
    clock, mailbot does not believe that it has."""

    engine: str
    way: str
    roles: str
    clock: str = "passes"
    """passes; set (somebody sets the wall clock); spring, autumn (the night of the change is gone through)."""

    relay: str = "plain"
    """plain, or starttls."""

    @property
    def name(self) -> str:
        odd = [word for word in (self.clock, self.relay) if word not in ("passes", "plain")]
        return ", ".join((self.engine, self.way, self.roles, *odd))

    @property
    def possible(self) -> bool:
        """A DNS of its own needs port 53, and processes that see another resolv.conf than all others."""
        return self.way != "smtp" or os.geteuid() == 0

    @property
    def traits(self) -> frozenset[str]:
        own = {self.engine, self.way, self.roles, self.clock, self.relay}
        return frozenset(own if self.clock == "set" else own | {"leases end"})


SCENARIOS = (
    Scenario("sqlite", "lmtp", "together"),
    Scenario("postgresql", "lmtp", "two machines"),
    Scenario("sqlite", "mailbox", "together"),
    Scenario("sqlite", "odd mailbox", "together"),
    Scenario("postgresql", "lmtp", "apart"),
    Scenario("sqlite", "lmtp", "apart"),
    Scenario("sqlite", "smtp", "together"),
    Scenario("sqlite", "lmtp", "together", relay="starttls"),
    Scenario("postgresql", "mailbox", "apart"),
    Scenario("sqlite", "lmtp", "together", "set"),
    Scenario("postgresql", "lmtp", "two machines", "set"),
    Scenario("sqlite", "lmtp", "together", "autumn"),
    Scenario("postgresql", "lmtp", "apart", "spring"),
)
_NIGHTS = {"autumn": datetime(2026, 10, 25, 0, 0, tzinfo=UTC), "spring": datetime(2027, 3, 28, 0, 0, tzinfo=UTC)}
"""An hour before the clocks of Warsaw change."""


@contextmanager
def _small_disk(folder: Path) -> Iterator[tuple[Path, set[str]]]:
    """A file system of its own, which can be full; a folder like any other where nobody may mount one."""
    place = folder / "state"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "tmpfs", place], capture_output=True)
    try:
        yield place, set() if done.returncode else {"small disk"}
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "-l", place], check=True)


def _own_place(folder: Path) -> Path:
    """A new folder."""
    folder.mkdir()
    return folder


@asynccontextmanager
async def _wire(place: Path, behind: Server) -> AsyncIterator[Proxy]:
    """Between mailbot and PostgreSQL: Unix sockets on both sides."""
    name = ".s.PGSQL.5432"
    proxy = Proxy(lambda: asyncio.open_unix_connection(behind.folder / name))
    await proxy.listen_on_socket(place / name)
    try:
        yield proxy
    finally:
        await proxy.close()


@asynccontextmanager
async def _line(port: int, behind: Dovecot) -> AsyncIterator[Proxy]:
    """Between mailbot and the mailbox."""
    proxy = Proxy(lambda: asyncio.open_connection("127.0.0.1", behind.imap))
    await proxy.listen_on_port(port)
    try:
        yield proxy
    finally:
        await proxy.close()


def _mailbox_section(folder: Path, port: int) -> str:
    (folder / "password").write_text(PASSWORD)
    return (
        f'[imap]\nhost = "127.0.0.1"\nport = {port}\ntls = "plain"\nuser = "{USER}"\npoll_seconds = 2\n'
        f'password_file = "{folder}/password"\ndone_folder = "Processed"\ntimeout_seconds = 1\n'
    )


@asynccontextmanager
async def running(scenario: Scenario, rng: random.Random) -> AsyncIterator[World]:
    """The office, started, with accounts and an MTA that works."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(own_folder())
        state, small = stack.enter_context(_small_disk(folder))
        postgresql = wire = mailbox = line = None
        url = f"sqlite:///{state}/mailbot.db"
        direct = f"sqlite:///file:{state}/mailbot.db?mode=ro&uri=true"  # a look must not make an empty one
        if scenario.engine == "postgresql":
            postgresql = stack.enter_context(server())
            wire = await stack.enter_async_context(_wire(folder, postgresql))
            url, direct = f"postgresql+psycopg://mailbot@/postgres?host={folder}", postgresql.url
        sections = ""
        if scenario.way == "mailbox":
            mailbox, port = stack.enter_context(dovecot()), free_port()
            line = await stack.enter_async_context(_line(port, mailbox))
            sections = _mailbox_section(folder, port)
        box = OddMailbox()
        if scenario.way == "odd mailbox":
            await stack.enter_async_context(box.listening())
            sections = _mailbox_section(folder, box.port)
        names = await stack.enter_async_context(listening()) if scenario.way == "smtp" else None
        files = make(_own_place(folder / "relay")) if scenario.relay == "starttls" else None
        relay = Relay(pipelining=rng.random() < 0.5, tls=server_context(files) if files else None)
        await relay.start()
        stack.callback(relay.stop)
        night = _NIGHTS.get(scenario.clock)
        office = stack.enter_context(
            ended(
                Office(
                    folder,
                    state,
                    url,
                    _GROUPS[scenario.roles],
                    relay.port,
                    sections,
                    wall_only=scenario.clock == "set",
                    authority=files.ca if files else None,
                    nameserver=names.address if names else "",
                )
            )
        )
        if night is not None:
            office.set_clock(night - datetime.now(UTC))
        ways = {
            "lmtp": lambda: by_lmtp(office.lmtp),
            "smtp": lambda: by_smtp(office.lmtp),
            "odd mailbox": lambda: into(box, office),
        }
        post = Post(by_mailbox(mailbox) if mailbox else ways[scenario.way]())
        engine = create_engine(direct, pool_pre_ping=True)
        stack.callback(engine.dispose)
        world = World(
            office, relay, post, engine, rng, scenario.traits | small, postgresql, wire, mailbox, box, line, names
        )
        await asyncio.to_thread(_furnish, office)
        tasks = [asyncio.create_task(post.run()) for _ in range(_CONNECTIONS)]
        stack.push_async_callback(_end, tasks)
        yield world


def _furnish(office: Office) -> None:
    office.start()
    (office.folder / "accounts.csv").write_text(accounts(_ACCOUNTS), encoding="utf-8")
    done = office.command("accounts", "import", str(office.folder / "accounts.csv"))
    assert done.returncode == 0, done.stderr


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
