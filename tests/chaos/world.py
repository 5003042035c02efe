"""One office under test: the program, its post, its relay, its database, and what may and may not happen to them."""

from __future__ import annotations

import asyncio
import random
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine, func, select

from mailbot.outbox import jobs
from mailbot.storage.schema import inbox, outbox
from tests.chaos.names import Names
from tests.chaos.odd_mailbox import OddMailbox
from tests.chaos.office import Office, Process
from tests.chaos.post import Letter, Post, letter
from tests.chaos.proxy import Proxy
from tests.chaos.relay import Relay
from tests.integration.servers import Dovecot
from tests.postgres import Server

LEASE = timedelta(seconds=310)
"""After this every lease of a dead process has run out."""
AGAIN = timedelta(seconds=40)
"""After this a mail that failed once is tried again."""
_CLOSED = {jobs.DONE, jobs.CANCELLED}


@dataclass
class World:
    """``wrong`` is what the campaign is for: it must stay empty."""

    office: Office
    relay: Relay
    post: Post
    engine: Engine
    rng: random.Random
    traits: frozenset[str]
    postgresql: Server | None = None
    wire: Proxy | None = None
    """Between mailbot and PostgreSQL."""
    dovecot: Dovecot | None = None
    box: OddMailbox | None = None
    line: Proxy | None = None
    """Between mailbot and the mailbox."""
    names: Names | None = None
    """The DNS, where mailbot asks it."""
    excused: dict[tuple[str, int], str] = field(default_factory=dict)
    """(Message-ID, its n-th acceptance) of which mailbot may not know, and why: another may follow."""
    wrong: list[str] = field(default_factory=list)
    fault: str = "none"
    told: int = 0
    """Statements of readyz, metrics and doctor that were compared with what was so."""
    letters: int = 0

    def write(self, count: int) -> None:
        """So many citizens write."""
        for _ in range(count):
            self.post.send(letter(self.letters))
            self.letters += 1

    def put(self, strange: Letter) -> None:
        """A letter that is none of the usual ones."""
        self.post.send(strange)

    def accuse(self, what: str) -> None:
        """Something is wrong."""
        self.wrong.append(f"[{self.fault}] {what}")

    async def until(self, holds: Callable[[], bool], seconds: float = 5.0) -> bool:
        """Whether it came to hold in time."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not await asyncio.to_thread(holds):
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(0.02)
        return True

    # What mailbot knows

    def unrecorded(self, pid: int | None = None) -> set[str]:
        """Message-IDs that are not done; of one process those that it has leased."""
        wanted = select(outbox.c.message_id).where(outbox.c.state.not_in(_CLOSED))
        if pid is not None:
            wanted = wanted.where(outbox.c.leased_by.contains(f":{pid}:"))
        with self.engine.connect() as connection:
            return set(connection.execute(wanted).scalars())

    def excuse(self, why: str, pid: int | None = None) -> None:
        """A process died or slept: of what the relay took and nobody recorded, one more acceptance may follow."""
        for message_id in self.unrecorded(pid):
            times = self.relay.times.get(message_id, 0)
            if times:
                self.excused.setdefault((message_id, times), why)

    def failed_once(self) -> int:
        """Mails that wait because a try of theirs failed."""
        waits = (outbox.c.state == jobs.QUEUED, outbox.c.last_error.is_not(None))
        with self.engine.connect() as connection:
            return int(connection.execute(select(func.count(outbox.c.id)).where(*waits)).scalar_one())

    def refused(self) -> list[int]:
        """Rows of mails that the relay refused for good."""
        waits = (outbox.c.state == jobs.BURIED, outbox.c.last_code >= 500)
        with self.engine.connect() as connection:
            return list(connection.execute(select(outbox.c.id).where(*waits)).scalars())

    async def revive(self) -> None:
        """An administrator has them tried again: the matter is mended."""
        for row in await asyncio.to_thread(self.refused):
            done = await asyncio.to_thread(self.office.command, "outbox", "retry", str(row))
            if done.returncode:
                self.accuse(f"outbox retry: {done.stderr}")

    def undone(self) -> list[tuple[str, int, str]]:
        """(table, row, state) of all work."""
        found = []
        with self.engine.connect() as connection:
            for table in (inbox, outbox):
                wanted = select(table.c.id, table.c.state).where(table.c.state.not_in(_CLOSED))
                found += [(table.name, row.id, row.state) for row in connection.execute(wanted)]
        return found

    def next_moment(self) -> datetime | None:
        """The first moment, yet to come, at which something is due or a lease ends."""
        now, found = self.office.now(), []
        with self.engine.connect() as connection:
            for table in (inbox, outbox):
                for state, moment in ((jobs.QUEUED, table.c.due_at), (jobs.LEASED, table.c.leased_until)):
                    wanted = select(func.min(moment)).where(table.c.state == state, moment > now)
                    found.append(connection.execute(wanted).scalar_one_or_none())
        return min((moment for moment in found if moment is not None), default=None)

    # Time

    async def pass_time(self, span: timedelta) -> None:
        """Let time go by, as if the machine had slept: what was under way at this instant is in the window."""
        await self.until(lambda: jobs.LEASED not in {state for _, _, state in self.undone()}, 1.5)
        self.excuse("slept")
        self.office.pass_time(span)

    # What mailbot says

    def ask(self, path: str) -> tuple[int, str]:
        """Status and text of a page; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.office.web}{path}", timeout=12) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    async def must_say(self, what: str, holds: Callable[[], bool], seconds: float = 60.0) -> None:
        """What is so must be said in time."""
        self.told += 1
        if not await self.until(holds, seconds):
            self.accuse(f"not said within {seconds:g} s: {what}")

    async def must_be_ready(self) -> None:
        """When nothing is wrong, /readyz says so."""
        await self.must_say("ready", lambda: self.ask("/readyz")[0] == 200, 120)

    async def must_not_be_ready(self, word: str) -> None:
        """While something is wrong, /readyz names it."""
        await self.must_say(f"not ready: {word}", lambda: word in self.ask("/readyz")[1])

    def metric(self, name: str, labels: str = "") -> float:
        """A number of /metrics; 0 when it is not told."""
        pattern = rf"^mailbot_{name}{re.escape(labels)} ([0-9.e+-]+)$"
        found = re.search(pattern, self.ask("/metrics")[1], re.MULTILINE)
        return float(found[1]) if found else 0.0

    # Processes

    def of(self, role: str) -> list[Process]:
        """Those that have a role."""
        return [process for process in self.office.running if role in process.roles]

    async def kill(self, process: Process) -> None:
        """``kill -9``; what its relay connections had said is heard first."""
        open_now = self.relay.connections_now() if "delivery" in process.roles else set()
        alone = len(self.of("delivery")) == 1
        await asyncio.to_thread(self.office.kill, process)
        if alone:
            await self.until(lambda: not open_now & self.relay.connections_now(), 2)
        else:
            await asyncio.sleep(0.1)
        self.excuse("killed", process.pid)

    async def start(self) -> None:
        """Start what does not run."""
        await asyncio.to_thread(self.office.start)
