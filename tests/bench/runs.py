"""One measured run: so many mails into a mailbot that already has so many tickets."""

from __future__ import annotations

import asyncio
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mailbot import secret
from mailbot.accounts.importing import import_file
from mailbot.storage.engine import connect, migrate
from tests.bench import lmtp, subject
from tests.bench.mails import Citizen, mail, write_accounts
from tests.integration.servers import PASSWORD, USER, Dovecot, free_port


@dataclass(frozen=True, slots=True)
class Run:
    """What one run showed."""

    seconds: float
    """From the first byte to the last ticket."""
    cpu: float
    """Seconds of the mailbot process."""
    peak: int
    """Octets."""
    load_cpu: float
    """Seconds of the load tool."""
    waits: tuple[float, ...] = ()
    """For each mail the seconds from the final dot to the 250; sorted."""

    def wait(self, share: float) -> float:
        """The wait that ``share`` of the mails did not exceed."""
        return self.waits[min(int(len(self.waits) * share), len(self.waits) - 1)] if self.waits else float("nan")


def median(runs: Sequence[Run]) -> Run:
    """The run in the middle by its seconds."""
    return next(run for run in runs if run.seconds == statistics.median_low(r.seconds for r in runs))


class Mails:
    """An endless supply: every mail is new, the citizens come round again."""

    def __init__(self, people: Sequence[Citizen], size: int) -> None:
        self._people, self._size, self._serial = people, size, 0

    def take(self, count: int) -> list[bytes]:
        """The next ``count`` mails."""
        serials = range(self._serial, self._serial + count)
        self._serial += count
        return [mail(self._people[n % len(self._people)], n, self._size) for n in serials]


def install(folder: Path, people: list[Citizen]) -> None:
    """A new mailbot in ``folder`` that knows ``people``."""
    folder.mkdir(parents=True)
    write_accounts(people, folder / "accounts.csv")
    engine = connect(f"sqlite:///{folder / 'mailbot.db'}")
    migrate(engine)
    import_file(folder / "accounts.csv", engine, secret.load(folder / "mailbot.key"), refuse=True)
    engine.dispose()


@contextmanager
def copy(folder: Path, name: str) -> Iterator[Path]:
    """A copy of an installation that nobody is using, for one run."""
    target = folder.with_name(name)
    shutil.copytree(folder, target)
    try:
        yield target
    finally:
        shutil.rmtree(target)


def over_lmtp(folder: Path, raws: list[bytes], connections: int) -> Run:
    """Send ``raws`` and wait for their tickets; raises AssertionError when one is lost, doubled or not granted."""
    port = free_port()
    with subject.running(folder, f'[lmtp]\nlisten = "127.0.0.1:{port}"\nhostname = "mailbot.localhost"\n') as bot:
        base, stored = subject.highest(bot.database)
        before, own = bot.usage(), time.process_time()
        start = time.perf_counter()
        waits = asyncio.run(lmtp.send(port, raws, "x@poczta.example", connections))
        end = bot.wait_for(base + len(raws))
        after, own = bot.usage(), time.process_time() - own
    subject.check(folder / "mailbot.db", base, stored, len(raws))
    return Run(end - start, after.cpu - before.cpu, after.peak, own, tuple(sorted(waits)))


def over_imap(folder: Path, raws: list[bytes], server: Dovecot) -> Run:
    """Put ``raws`` into the mailbox of ``server``, then start mailbot and wait for their tickets.

    The clock starts when mailbot says that it has started, so the login is in the time and Python's start is not.
    """
    inbox = server.folder / "mail" / USER
    for part in ("cur", "new", "tmp"):
        (inbox / part).mkdir(parents=True, exist_ok=True)
    for n, raw in enumerate(raws):
        (inbox / "new" / f"{n:07d}.M0P0.bench").write_bytes(raw)
    for path in (inbox, *inbox.rglob("*")):
        shutil.chown(path, (server.folder / "mail").owner(), (server.folder / "mail").group())
    password = folder / "password"
    password.write_text(PASSWORD, encoding="utf-8")
    settings = (
        f'[imap]\nhost = "127.0.0.1"\nport = {server.imaps}\ntls = "imaps"\nca_file = "{server.tls.ca}"\n'
        f'user = "{USER}"\npassword_file = "{password}"\n'
    )
    with subject.running(folder, settings) as bot:
        start, own = time.perf_counter(), time.process_time()
        end = bot.wait_for(len(raws))
        used, own = bot.usage(), time.process_time() - own
    subject.check(folder / "mailbot.db", 0, 0, len(raws))
    return Run(end - start, used.cpu, used.peak, own)
