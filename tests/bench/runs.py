"""One measured run of mailbot: so many mails on one road, from the first byte until the last effect is committed."""

from __future__ import annotations

import asyncio
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlalchemy import Engine, select

from mailbot.storage.engine import reading
from mailbot.storage.schema import outbox
from tests.bench import lmtp, machine, subject
from tests.bench.installation import Installation
from tests.bench.mails import Citizen, mail
from tests.bench.relay import Sink
from tests.bench.subject import Mailbot
from tests.citizens import Attachment
from tests.integration.servers import PASSWORD, USER, Dovecot, free_port

ENVELOPE_FROM = "x@poczta.example"


@dataclass(frozen=True, slots=True)
class Run:
    """What one run showed. ``units``: what a figure is told for one of: tickets, or mails sent."""

    units: int
    seconds: float
    """From the first byte to the last effect."""
    cpu: float
    """Seconds of what is measured."""
    load_cpu: float = 0.0
    """Seconds of the load tool."""
    memory: int = 0
    """Octets, PSS, the most that was seen."""
    written: int = 0
    """Octets that went to the disk."""
    growth: int = 0
    """Octets of the database."""
    waits: tuple[float, ...] = ()
    """For each mail the seconds from the final dot to the 250; sorted."""
    more: tuple[tuple[str, float], ...] = ()
    """What only this road tells: name and figure."""

    @property
    def rate(self) -> float:
        """Units a second."""
        return self.units / self.seconds

    def wait(self, share: float) -> float:
        """The wait that ``share`` of the mails did not exceed."""
        return quantile(self.waits, share) if self.waits else float("nan")


def quantile(values: Sequence[float], share: float) -> float:
    """Of sorted ``values`` that which ``share`` of them does not exceed."""
    return values[min(int(len(values) * share), len(values) - 1)]


def median(runs: Sequence[Run]) -> Run:
    """The run in the middle by its seconds."""
    return next(run for run in runs if run.seconds == statistics.median_low(r.seconds for r in runs))


class Mails:
    """An endless supply: every mail is new, the citizens come round again."""

    def __init__(self, people: Sequence[Citizen], size: int) -> None:
        self._people, self._size, self._serial = people, size, 0

    def take(self, count: int, files: Sequence[Attachment] = ()) -> list[bytes]:
        """The next ``count`` mails."""
        serials = range(self._serial, self._serial + count)
        self._serial += count
        return [mail(self._people[n % len(self._people)], n, self._size, files) for n in serials]


@dataclass
class Measured:
    """What ``measuring`` has seen when its block is over."""

    run: Run


@contextmanager
def measuring(bot: Mailbot, where: Installation, units: int) -> Iterator[Measured]:
    """The use of ``bot`` during the block."""
    measured = Measured(Run(units, 0.0, 0.0))
    size, before, own = where.size(bot.engine), bot.usage(), time.process_time()
    with machine.watched(bot.pids) as peak:
        begun = time.perf_counter()
        yield measured
        seconds = time.perf_counter() - begun
    used, own = bot.usage() - before, time.process_time() - own
    measured.run = replace(
        measured.run,
        seconds=seconds,
        cpu=used.cpu,
        load_cpu=own,
        memory=peak.octets,
        written=used.written,
        growth=where.size(bot.engine) - size,
    )


def listening(port: int, kind: str = "lmtp", more: str = "") -> str:
    """The section of a listener."""
    return f'[{kind}]\nlisten = "127.0.0.1:{port}"\nhostname = "mailbot.localhost"\n{more}'


def relaying(port: int) -> str:
    """The section of the relay."""
    return f'[delivery]\nhost = "127.0.0.1"\nport = {port}\n'


def over_lmtp(where: Installation, raws: list[bytes], connections: int, sink: Sink | None = None) -> Run:
    """Send ``raws`` and wait for their tickets; with ``sink`` until it has their three mails and this is recorded.

    Raises AssertionError when one is lost, doubled or not granted.
    """
    port = free_port()
    roles = ("ingress", "worker", "delivery") if sink else ("ingress", "worker")
    with subject.running(where, listening(port) + (relaying(sink.port) if sink else ""), roles) as bot:
        base, stored = subject.highest(bot.engine)
        before = subject.sent(bot.engine)
        with measuring(bot, where, len(raws)) as measured:
            waits = asyncio.run(lmtp.send(port, raws, ENVELOPE_FROM, connections))
            bot.wait(base + len(raws), subject.last_ticket)
            if sink:
                bot.wait(before + 3 * len(raws), subject.sent)
        subject.check(bot.engine, base, stored, len(raws), delivered=sink is not None)
    return replace(measured.run, waits=tuple(sorted(waits)), more=(("start_s", bot.started),))


def decided(where: Installation, raws: list[bytes], connections: int) -> Run:
    """Send ``raws`` by LMTP and wait until each is decided, whatever comes out."""
    port = free_port()
    with subject.running(where, listening(port)) as bot, measuring(bot, where, len(raws)) as measured:
        waits = asyncio.run(lmtp.send(port, raws, ENVELOPE_FROM, connections))
        bot.wait(len(raws), subject.decided)
    return replace(measured.run, waits=tuple(sorted(waits)))


def backlog(where: Installation, port: int) -> Run:
    """Send what the outbox of an installation holds to the relay on ``port``."""
    engine = where.engine()
    with reading(engine) as connection:
        mails = len(connection.execute(select(outbox.c.id)).all())
    engine.dispose()
    with subject.running(where, relaying(port), ("delivery",)) as bot:
        begun = bot.usage().cpu  # until it said that it works: nearly all of it Python's start
        with measuring(bot, where, mails) as measured:
            bot.wait(mails, subject.sent)
        groups = _moments(bot.engine)
    return replace(measured.run, more=(("recorded_together", mails / groups), ("start_cpu_s", begun)))


def _moments(engine: Engine) -> int:
    """Different moments at which acceptances were recorded: at most one a commit."""
    with reading(engine) as connection:
        return len(set(connection.execute(select(outbox.c.sent_at)).scalars()))


def over_imap(where: Installation, raws: list[bytes], server: Dovecot) -> Run:
    """Put ``raws`` into the mailbox of ``server``, then start mailbot and wait for their tickets.

    The clock starts when mailbot says that it has started, so the login is in the time and Python's start is not.
    """
    fill(server, raws)
    password = where.folder / "password"
    password.write_text(PASSWORD, encoding="utf-8")
    settings = (
        f'[imap]\nhost = "127.0.0.1"\nport = {server.imaps}\ntls = "imaps"\nca_file = "{server.tls.ca}"\n'
        f'user = "{USER}"\npassword_file = "{password}"\n'
    )
    with subject.running(where, settings) as bot:
        with measuring(bot, where, len(raws)) as measured:
            bot.wait(len(raws), subject.last_ticket)
        subject.check(bot.engine, 0, 0, len(raws))
    return measured.run


def fill(server: Dovecot, raws: Sequence[bytes]) -> None:
    """Put ``raws`` into the INBOX of ``server`` as files of its Maildir."""
    inbox = server.folder / "mail" / USER
    for part in ("cur", "new", "tmp"):
        (inbox / part).mkdir(parents=True, exist_ok=True)
    for n, raw in enumerate(raws):
        (inbox / "new" / f"{n:07d}.M0P0.bench").write_bytes(raw)
    for path in (inbox, *inbox.rglob("*")):
        shutil.chown(path, (server.folder / "mail").owner(), (server.folder / "mail").group())
