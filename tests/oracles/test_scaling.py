"""docs/scaling.md, literally: its commands make a primary with a synchronous standby and two machines, and its commands
mend what dies. Two folders and other ports stand for the machines."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import smtplib
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, func, select

from mailbot.model import SENTENCES, Phrase
from mailbot.outbox import jobs
from mailbot.storage.engine import connect
from mailbot.storage.schema import inbox, outbox, ticket
from tests.flow import RelaySink, hand_over, mail, relay_sink
from tests.integration.servers import free_port
from tests.support import ROOT, missing, program

PAGE = (ROOT / "docs" / "scaling.md").read_text("utf-8")
BLOCKS = {found[1]: found[0] for found in re.findall(r"```sh\n((?:# on \w+, as \w+: (.*)\n)[^`]*)```", PAGE)}
(SETTINGS,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
PATIENCE = 300.0
GRANTED = {"T1": 1, "T2A": 1, "T3": 1}


def citizen(n: int) -> str:
    return f"nr{n}@d{n}.example"


def letter(n: int) -> bytes:
    return mail(citizen(n), f"{SENTENCES[Phrase.A]} Jan Kowalski, 1980", name=f"nr{n}")


@dataclass
class World:
    """Four machines in one folder."""

    folder: Path
    relay: int
    db: dict[str, int] = field(default_factory=lambda: {"db1": free_port(), "db2": free_port()})
    lmtp: dict[str, int] = field(default_factory=lambda: {"mail1": free_port(), "mail2": free_port()})
    health: dict[str, int] = field(default_factory=lambda: {"mail1": free_port(), "mail2": free_port()})
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def place(self, text: str, machine: str) -> str:
        """``text`` of the page as it must be on this one machine."""
        found = {f"host={name}.helpdesk.example port=5432": f"host=127.0.0.1 port={p}" for name, p in self.db.items()}
        found |= {f"{name}.helpdesk.example:5432": f"127.0.0.1:{port}" for name, port in self.db.items()}
        found |= {f"{name}.helpdesk.example'": "127.0.0.1'" for name in self.db}
        found |= {
            "scp -rp mail1.helpdesk.example:/etc/mailbot": f"cp -rp {self.folder}/mail1",
            "scp -p mail1.helpdesk.example:/etc/mailbot": f"cp -p {self.folder}/mail1",
            "/opt/mailbot/rules": str(ROOT / "rules"),
            "/etc/mailbot": f"{self.folder}/{machine}",
            "/srv/pg": f"{self.folder}/pg",
            "port = 5432": f"port = {self.db.get(machine)}",
            "port = 25": f"port = {self.relay}",
            "0.0.0.0:2400": f"127.0.0.1:{self.lmtp.get(machine)}",
            "0.0.0.0:808": "127.0.0.1:0 # 808",
            "127.0.0.1:8090": f"127.0.0.1:{self.health.get(machine)}",
        }
        for old, new in found.items():
            text = text.replace(old, new)
        return re.sub(r"0 # 808[01]", "0", text)

    def do(self, title: str) -> str:
        """Run the block of the page with that title."""
        block = BLOCKS[title]
        where = re.match(r"# on (\w+), as (\w+)", block)
        assert where
        account: dict[str, Any] = {}
        if where[2] == "postgres" and os.geteuid() == 0:
            account = {"user": "postgres", "group": "postgres", "extra_groups": []}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.place(block, where[1])],
            cwd=self.folder / "pg" if account else ROOT, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=PATIENCE, check=False, **account,
        )  # fmt: skip
        assert done.returncode == 0, f"{title}: {done.stdout}{done.stderr}"
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        """The mails of the tests were written in March."""
        bins = sorted((str(p) for p in Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("MAILBOT_", "PG"))}
        path = os.pathsep.join([str(Path(sys.executable).parent), *bins, clean.get("PATH", "")])
        mine = {"MAILBOT_AUTHENTICATION_MAX_AGE_DAYS": "36500", "MAILBOT_DATABASE_CONNECT_SECONDS": "2"}
        return {**clean, **mine, "PATH": path, "LC_ALL": "C"}

    def mailbot(self, machine: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mailbot", *arguments, "--config", f"{self.folder}/{machine}/mailbot.toml"]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    def start(self, machine: str) -> None:
        """``systemctl start mailbot``."""
        log = self.folder / machine / "log"
        command = [sys.executable, "-m", "mailbot", "run", "--config", f"{self.folder}/{machine}/mailbot.toml"]
        with log.open("wb") as told:
            self.running[machine] = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=told, stderr=told, start_new_session=True
            )
        wait(lambda: b'"started"' in log.read_bytes(), log)

    def kill(self, machine: str) -> None:
        """The whole machine at once."""
        process = self.running.pop(machine)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def restart_standby(self) -> None:
        """Power on; the last lines of its block start it."""
        start = BLOCKS["its standby"].splitlines()
        BLOCKS["power on"] = "\n".join((start[0], *(line for line in start if line.startswith("pg_ctl"))))
        self.do("power on")

    def kill_database(self, name: str) -> None:
        """Power off."""
        file = self.folder / "pg" / name / "postmaster.pid"
        postmaster = int(file.read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in (postmaster, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        file.unlink()  # after a boot nobody has that number; here nobody may have reaped it


def counted(made: World, rows: Select[tuple[int]]) -> int:
    """In the database, wherever it is now."""
    settings = re.search(r'url = "(.*)"', (made.folder / "mail2" / "mailbot.toml").read_text())
    assert settings
    engine = connect(settings[1])
    try:
        with engine.connect() as connection:
            return connection.execute(rows).scalar_one()
    finally:
        engine.dispose()


def wait(holds: Any, log: Path | None = None) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, log.read_text("utf-8", "replace")[-4000:] if log else "it never came"
        time.sleep(0.05)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the server's user may reach."""
    program("initdb", *(str(p) for p in Path("/usr/lib/postgresql").glob("*/bin")))
    folder = Path(tempfile.mkdtemp(prefix="mailbot-scaling-"))
    folder.chmod(0o755)
    for name in ("pg", "mail1", "mail2"):
        (folder / name).mkdir()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def furnish(made: World) -> None:
    """What the page takes for granted: passwords, accounts, settings."""
    folder = made.folder
    passwords = "".join(f"*:*:*:{who}:secret-of-{who}\n" for who in ("postgres", "standby", "mailbot"))
    files = {"pg/passfile": passwords, "pg/password": "secret-of-postgres\n"}
    files |= {f"{machine}/passfile": passwords for machine in made.lmtp}
    accounts = "".join(f"{citizen(n)},Jan,Kowalski,1980\n" for n in range(100))
    files |= {"mail1/accounts.csv": f"login,given,surname,birth_year\n{accounts}"}
    files |= {f"{machine}/mailbot.toml": made.place(SETTINGS, machine) for machine in made.lmtp}
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
        (folder / name).chmod(0o600)
    if os.geteuid() == 0:
        try:
            for path in (folder / "pg", folder / "pg/passfile", folder / "pg/password"):
                shutil.chown(path, "postgres", "postgres")
        except LookupError:
            missing("the user postgres")


@pytest.fixture
async def world(place: Path) -> AsyncIterator[tuple[World, RelaySink]]:
    async with relay_sink() as sink:
        made = World(place, sink.port)
        furnish(made)
        try:
            yield made, sink
        finally:
            for machine in tuple(made.running):
                made.kill(machine)
            for name in made.db:
                with suppress(OSError, IndexError):
                    made.kill_database(name)


async def test_the_page_leads_from_one_machine_to_two_and_through_the_death_of_each(
    world: tuple[World, RelaySink],
) -> None:
    made, sink = world

    def to(n: int, machine: str) -> bool:
        """Whether the machine answered for it; an MTA waits no longer either."""
        try:
            hand_over(made.lmtp[machine], letter(n), citizen(n))
        except (OSError, smtplib.SMTPException):
            return False
        return True

    async def send(numbers: range, *machines: str) -> None:
        """As an MX with two next hops: again and again until somebody answers for it."""
        for n in numbers:
            deadline = time.monotonic() + PATIENCE
            while not any([await asyncio.to_thread(to, n, machine) for machine in machines[:1]]):
                assert time.monotonic() < deadline, n
                machines = (*machines[1:], machines[0])
                await asyncio.sleep(0.2)
            machines = (*machines[1:], machines[0])

    async def answered(count: int) -> None:
        """And recorded: a mail that only the relay knows of may leave twice when a machine dies."""
        await asyncio.to_thread(wait, lambda: len(sink.accepted) >= 3 * count, made.folder / "mail2" / "log")
        sent = select(func.count()).where(outbox.c.state == jobs.DONE)
        await asyncio.to_thread(wait, lambda: counted(made, sent) >= 3 * count)

    def make() -> None:
        for title in ("a new server", "its standby", "from now on nothing is committed that db2 has not",
                      "the first start makes the key", "the same key and the same rules"):  # fmt: skip
            made.do(title)
        for machine in made.lmtp:
            made.start(machine)

    await asyncio.to_thread(make)
    await send(range(6), "mail1", "mail2")
    await answered(6)
    told = await asyncio.to_thread(made.mailbot, "mail2", "doctor")
    machines = next(line for line in told.stdout.splitlines() if "machines" in line)
    assert machines.count("ingress,worker,delivery,web,console") == 2, told.stdout
    assert "key" in told.stdout

    made.kill_database("db2")
    waiting = asyncio.create_task(send(range(6, 7), "mail1"))
    await asyncio.sleep(1)
    assert not waiting.done(), "nobody answers for a mail that one machine alone has"
    await asyncio.to_thread(made.do, "go on without db2")
    await waiting
    await asyncio.to_thread(made.restart_standby)
    await asyncio.to_thread(made.do, "from now on nothing is committed that db2 has not")
    await send(range(7, 8), "mail2")
    await answered(8)

    made.kill_database("db1")
    sending = asyncio.create_task(send(range(8, 12), "mail1", "mail2"))
    await asyncio.sleep(1)
    assert not sending.done(), "nobody answers for a mail that is nowhere"
    await asyncio.to_thread(made.do, "take over")
    await sending
    await answered(12)

    made.kill("mail1")
    await send(range(12, 16), "mail1", "mail2")
    await answered(16)
    (made.folder / "mail1" / "mailbot.key").write_bytes(b"f" * 32)
    refused = await asyncio.to_thread(made.mailbot, "mail1", "run")
    assert (refused.returncode, "is not the key of this database" in refused.stderr) == (78, True)
    shutil.copy(made.folder / "mail2" / "mailbot.key", made.folder / "mail1" / "mailbot.key")
    with (made.folder / "mail1" / "rules" / "contacts.yaml").open("a") as file:
        file.write("# other\n")
    refused = await asyncio.to_thread(made.mailbot, "mail1", "run", "--role", "delivery")
    assert (refused.returncode, "mailbot rules adopt" in refused.stderr) == (78, True)

    await asyncio.sleep(1)  # what was doubled would come now
    kinds: dict[str, Counter[str]] = {}
    for sent in sink.accepted:
        kinds.setdefault(sent.rcpt_to, Counter())[sent.kind] += 1
    assert kinds == {citizen(n): GRANTED for n in range(16)}
    assert [counted(made, select(func.count()).select_from(t)) for t in (inbox, ticket, outbox)] == [16, 16, 48]
