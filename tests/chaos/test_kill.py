"""A ``kill -9`` between any two steps neither loses nor doubles (docs/flow.md, what happens at a crash).

For every step a mailbot is killed at that very step, started anew later, and must then have done everything exactly
once. Only a mail that the relay had taken and that was not yet recorded may leave twice, with the same bytes.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import smtplib
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, func, select, text

from mailbot.model import SENTENCES, Phrase
from mailbot.outbox import jobs
from mailbot.storage.engine import connect, migrate
from mailbot.storage.schema import counter, inbox, outbox, ticket
from tests.flow import EWA, RelaySink, add_accounts, hand_over, mail, relay_sink
from tests.intake import until
from tests.postgres import cluster
from tests.support import ROOT

_GRANTED = mail(name="granted")
MAILS = (
    (_GRANTED, "jan.kowalski@wp.example"),
    (mail(EWA.login, SENTENCES[Phrase.A], name="formal"), EWA.login),
    (b"X-Virus-Scanned: by another relay\r\n" + _GRANTED, "jan.kowalski@wp.example"),
)
OUTCOMES = ["DUPLICATE", "OK_A", "REJ_FORMAL"]
LATER = 3600
"""Seconds by which the clock is ahead at the second start: every lease has run out."""
LANES = 2
_AROUND = ("COMMIT", "KEYS", "250", "EHLO", "MAIL", "RCPT", "DATA", "content", "QUIT")
KINDS = (*(f"{moment} {what}" for what in _AROUND for moment in ("before", "after")), "accepted")
"""The kinds of steps (tests.chaos.victim)."""


@dataclass
class Helper:
    """Runs mailbots, one after the other (tests.chaos.victim)."""

    process: asyncio.subprocess.Process

    async def start(self, order: dict[str, object]) -> int | None:
        """Start a mailbot; returns the port it listens on, None when it died before."""
        self._say(json.dumps(order))
        line = await self._hear()
        return int(line.split()[1]) if line.startswith("listening") else None

    async def ended(self) -> None:
        """Until the mailbot is gone."""
        while await self._hear() != "ended":
            pass

    def stop(self) -> None:
        """Ask the mailbot to end."""
        self._say("stop")

    def _say(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n".encode())

    async def _hear(self) -> str:
        assert self.process.stdout
        async with asyncio.timeout(300):
            line = (await self.process.stdout.readline()).decode().strip()
        assert line, "the helper is gone"
        if line.startswith("killed"):
            self.label = line.removeprefix("killed ")
        return line

    label = ""


@asynccontextmanager
async def helper() -> AsyncIterator[Helper]:
    """A helper of our own."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "tests.chaos.victim")
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
    try:
        yield Helper(process)
    finally:
        assert process.stdin
        process.stdin.close()  # at the end of its input a mailbot stops, and the helper too
        await process.communicate()


@dataclass
class Campaign:
    """What all runs of one engine have in common, and what they found."""

    fresh: Callable[[int], str]
    """Makes an empty database with the accounts for run n and returns its URL."""
    folder: Path
    points: Counter[str] = field(default_factory=Counter)
    """How often a kill fell on each label."""
    doubled: int = 0
    runs: int = 0

    async def lane(self, kinds: Iterator[str], numbers: Callable[[], Iterable[int]]) -> None:
        """Take a kind of step and die at the first, the second ... until a run is not killed any more."""
        async with helper() as mailbots:
            for kind in kinds:
                for n in numbers():
                    mailbots.label = ""
                    try:
                        async with relay_sink() as sink:
                            await self._run(mailbots, sink, kind, n)
                    except Exception as error:
                        error.add_note(f"killed at step {n} {kind}" if mailbots.label else "not killed")
                        raise
                    if not mailbots.label:
                        break
                    self.points[mailbots.label] += 1

    async def _run(self, mailbots: Helper, sink: RelaySink, kind: str, n: int) -> None:
        self.runs += 1
        order = {"url": self.fresh(self.runs), "key_file": str(self.folder / "key"), "relay": sink.port}
        order |= {"label": kind, "last": n, "offset": 0}
        engine = create_engine(str(order["url"]))
        unheard = list(MAILS)
        try:
            await self._until_done_or_dead(mailbots, engine, order, unheard)
            unsure: set[str] = set()
            if mailbots.label:
                await until(lambda: not sink.open)  # what the relay had heard when the mailbot died
                await until(lambda: _alone(engine))
                there = {sent.message_id for sent in sink.accepted}
                unsure = there & _unrecorded(engine)
                await self._until_done_or_dead(mailbots, engine, {**order, "label": "", "offset": LATER}, unheard)
            _check_database(engine)
            _check_mails(sink, unsure)
            self.doubled += len(unsure)
        finally:
            engine.dispose()

    async def _until_done_or_dead(
        self, mailbots: Helper, engine: Engine, order: dict[str, object], unheard: list[tuple[bytes, str]]
    ) -> None:
        port = await mailbots.start(order)
        end = asyncio.create_task(mailbots.ended())
        if port is not None:
            await asyncio.to_thread(_feed, port, unheard)
            await until(lambda: end.done() or (not unheard and _done(engine)))
            if not end.done():
                mailbots.stop()
        await end


def _feed(port: int, unheard: list[tuple[bytes, str]]) -> None:
    """Deliver as an MTA does: a mail is off the queue when its 250 was heard and not before."""
    while unheard:
        try:
            hand_over(port, *unheard[0])
        except (OSError, smtplib.SMTPException):
            return  # tried again when there is somebody to talk to
        unheard.pop(0)


def _alone(engine: Engine) -> bool:
    """The dead mailbot's transactions are over (PostgreSQL notices a lost client on its own)."""
    if engine.dialect.name == "sqlite":
        return True
    with engine.connect() as connection:
        others = text("SELECT count(*) FROM pg_stat_activity WHERE application_name = :me AND pid <> pg_backend_pid()")
        return not connection.execute(others, {"me": engine.url.query["application_name"]}).scalar_one()


def _done(engine: Engine) -> bool:
    with engine.connect() as connection:
        decided = connection.execute(select(inbox.c.state)).scalars().all()
        sent = connection.execute(select(outbox.c.state)).scalars().all()
    return len(decided) >= len(MAILS) and {*decided, *sent} <= {jobs.DONE, jobs.BURIED}


def _unrecorded(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(select(outbox.c.message_id).where(outbox.c.state != jobs.DONE)).scalars())


def _check_database(engine: Engine) -> None:
    with engine.connect() as connection:
        states = {*_column(connection, inbox.c.state), *_column(connection, outbox.c.state)}
        assert states == {jobs.DONE}
        assert sorted(map(str, _column(connection, inbox.c.outcome))) == OUTCOMES
        assert sorted(map(str, _column(connection, ticket.c.number))) == ["ZGL0000001", "ZGL0000002"]
        assert connection.execute(select(counter.c.value).where(counter.c.name == "ticket")).scalar_one() == 3
        assert connection.execute(select(func.count(outbox.c.id))).scalar_one() == 5


def _column(connection: Connection, column: object) -> list[object]:
    return list(connection.execute(select(column)).scalars())  # type: ignore[call-overload]


def _check_mails(sink: RelaySink, unsure: set[str]) -> None:
    first: dict[str, bytes] = {}
    doubled = set()
    order: dict[str, list[str]] = {}
    for sent in sink.accepted:
        kinds = order.setdefault(sent.ticket, [])
        if sent.message_id in first:
            assert first[sent.message_id] == sent.raw, f"{sent.message_id} twice, with other bytes"
            assert kinds[-1] == sent.kind, f"{sent.message_id} again after its successor"
            assert sent.message_id not in doubled, f"{sent.message_id} three times"
            doubled.add(sent.message_id)
            continue
        first[sent.message_id] = sent.raw
        kinds.append(sent.kind)
    assert sorted(order.values()) == [["T1", "T2A", "T3"], ["T1", "T4"]]
    assert doubled == unsure, "a mail left twice that was recorded, or one not recorded was given up"


async def _run_all(campaign: Campaign, numbers: Callable[[], Iterable[int]]) -> None:
    kinds = iter(KINDS)
    async with asyncio.TaskGroup() as group:
        for _ in range(LANES):
            group.create_task(campaign.lane(kinds, numbers))
    print(f"\n{sum(campaign.points.values())} kills, {campaign.doubled} mails of which nobody knew:")
    for label, times in sorted(campaign.points.items()):
        print(f"  {times:3} {label}")
    assert set(campaign.points) == set(KINDS), "a kind of step was never met"
    assert campaign.doubled > 0, "no kill fell between the relay's 250 and our record"


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    """An engine, for a while."""
    engine = connect(url)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.mark.timeout(1800)
async def test_every_step_on_sqlite(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    with opened(f"sqlite:///{empty}") as engine:
        migrate(engine)
        add_accounts(engine)

    def fresh(n: int) -> str:
        shutil.copy(empty, tmp_path / f"{n}.db")
        return f"sqlite:///{tmp_path}/{n}.db"

    campaign = Campaign(fresh, tmp_path)
    await _run_all(campaign, lambda: count(1))


@pytest.mark.timeout(1800)
async def test_some_steps_on_postgresql(tmp_path: Path) -> None:
    with cluster() as server:

        def fresh(n: int) -> str:
            with opened(server) as engine, engine.begin() as connection:
                connection.execute(text(f"CREATE SCHEMA run_{n}"))
            url = f"{server}&options=-csearch_path%3Drun_{n}&application_name=run_{n}"
            with opened(url) as engine:
                migrate(engine)
                add_accounts(engine)
            return url

        campaign = Campaign(fresh, tmp_path)
        await _run_all(campaign, lambda: (1,))
