"""All roles of a process, started and stopped together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import NoReturn

from sqlalchemy import Connection, select

from mailbot import __version__, copied, processes
from mailbot.config import ListenerSettings
from mailbot.delivery import webhook
from mailbot.delivery.smtp import Relay
from mailbot.delivery.webhook import Receiver
from mailbot.errors import DatabaseGone, MailbotError, TemporaryError
from mailbot.flow.pipeline import Pipeline
from mailbot.ingress import smtp
from mailbot.ingress.imap import ImapReader
from mailbot.ingress.standing import Standing
from mailbot.installation import agree
from mailbot.machine import own_name, uptime
from mailbot.model import Source
from mailbot.oauth import tokens_of
from mailbot.observe import failure, log_event
from mailbot.room import Room, give_back
from mailbot.service import compose, descriptors
from mailbot.service.compose import Parts
from mailbot.service.pages import OpenPorts, listening, notices
from mailbot.service.places import ROLES
from mailbot.storage.keys import KeyStore
from mailbot.storage.mailbox import imap_cursor
from mailbot.storage.reading import server_clock
from mailbot.workers import audit, breaker, oauth, retention
from mailbot.workers.alarms import SECONDS, AlarmWorker
from mailbot.workers.audit import AuditWorker
from mailbot.workers.breaker import BreakerWorker
from mailbot.workers.csd import CsdWorker
from mailbot.workers.decide import DecideWorker
from mailbot.workers.deliver import DeliverWorker
from mailbot.workers.held import Lane
from mailbot.workers.loop import Loop
from mailbot.workers.oauth import OAuthWorker
from mailbot.workers.retention import RetentionWorker
from mailbot.workers.rules import RulesKeeper
from mailbot.workers.understand import Processes, Understand
from mailbot.workers.verify import Verifier

_PATIENCE = 300.0  # seconds a loop may go on without doing well, more than its slowest step takes
_CHECKS = 5.0  # seconds between two looks for signed files left by a process that is gone; else it is woken


class TaskEnded(TemporaryError):
    """A task that should go on for ever came to an end: the process must be started anew."""


@dataclass
class MailbotService:
    """The chosen roles over shared parts. ``addresses`` names what listens where, once started.

    ``understand``: where mails are understood; None: in a thread.
    """

    parts: Parts
    roles: Collection[str] = ROLES
    understand: Understand | None = None
    addresses: dict[str, tuple[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._loops: list[Loop] = []
        self._relays: list[Relay | Receiver] = []
        self._servers: list[asyncio.Server] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._pages = OpenPorts(self.parts, self.ailing)
        self._started_at = self.parts.clock()
        self._verifier: Verifier | None = None
        self._deciding: list[DecideWorker | AlarmWorker | RetentionWorker] = []
        self._delivering: list[DeliverWorker | CsdWorker] = []
        self._sender: DeliverWorker | None = None
        self._rules: Loop | None = None
        self._reader: ImapReader | None = None
        self._standing: dict[str, Standing] = {}
        self._name = own_name()
        self._holder = f"{secrets.token_hex(4)}/{self._name}"
        """As which rows are leased: two machines that are copies of each other may have one name."""
        self._rules_differ = False
        self._room = Room()  # for the mails of all workers that decide

    def _enter(self, connection: Connection) -> None:
        copied.refuse(connection)
        copied.refuse_behind(connection, self.parts.settings.audit.head_file)
        processes.enter(connection, self._me(connection))
        agree(connection, self.parts.secret)
        copied.begin(connection)

    async def start(self) -> None:
        """Start delivery and decisions first, then open the doors."""
        await asyncio.to_thread(copied.refuse_two, self.parts.database.engine)
        await self.parts.database.write(self._enter)
        citizens = descriptors.reserve(self.parts.settings, self.roles)
        give_back()
        self._tasks.append(asyncio.create_task(self._watch(), name="database"))
        self._tasks.append(asyncio.create_task(self._stay_true(), name="addresses"))
        deliver = self._start_delivery() if "delivery" in self.roles else []
        decide = await self._start_decisions(deliver) if "worker" in self.roles else []

        def stored() -> None:
            for loop in decide:
                loop.wake()

        tokens = tokens_of(self.parts.settings)
        if tokens is not None and {"ingress", "delivery"} & set(self.roles):
            watch = OAuthWorker(self._name, tokens, self.parts.database, self.parts.clock)
            self._run(Loop("oauth", watch.step, oauth.SECONDS))
        if "ingress" in self.roles:
            await self._start_ingress(stored)
        await self._pages.open(self.roles, citizens)
        self.addresses |= self._pages.addresses
        await self._start_rules()
        self._run(Loop("presence", self._beat, processes.BEAT))
        log_event("started", roles=",".join(self.roles), listening=str(self.addresses))

    async def stop(self) -> None:
        """Close the doors, finish the step at hand, stop. What waits stays in the database."""
        for server in self._servers:
            server.close()
        await self._pages.close()
        for loop in self._loops:
            loop.stop()
        for deliverer in self._delivering:
            deliverer.stop()
        loops = [t for t in self._tasks if t.get_name().startswith("loop ")]
        for task in self._tasks:
            if task not in loops:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._sender is not None:
            with contextlib.suppress(MailbotError):
                await self._sender.close()
        for relay in self._relays:
            await relay.close()
        if self._verifier is not None:
            await self._verifier.close()
        with contextlib.suppress(MailbotError):
            await self.parts.database.write(lambda c: processes.leave(c, self._name))
        await self.parts.database.close()
        log_event("stopped")

    def look_at_rules(self) -> None:
        """See now whether the rule set has changed."""
        if self._rules is not None:
            self._rules.wake()

    async def wait(self) -> NoReturn:
        """For ever, or until a task ends, which none should (listeners alone have none): raises TaskEnded."""
        for_ever = asyncio.get_running_loop().create_future()
        done, _ = await asyncio.wait([for_ever, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        names = ", ".join(sorted(task.get_name() for task in done if isinstance(task, asyncio.Task)))
        for task in done:
            try:
                task.result()
            except MailbotError as error:
                failure("task-ended", error, level=logging.CRITICAL, task=names, reason=error.reason)
                raise
            except BaseException as error:
                failure("task-ended", error, level=logging.CRITICAL, task=names)
                raise TaskEnded(f"{names}: failed; the log tells where") from error
        log_event("task-ended", level=logging.CRITICAL, task=names)
        raise TaskEnded(f"{names}: ended, and must not")

    async def ailing(self) -> list[str]:
        """Which parts of this process do not work just now. Raises DatabaseUnavailable."""
        found = [f"worker {loop.name}" for loop in self._loops if loop.silent() > _PATIENCE]
        found += [task.get_name() for task in self._tasks if task.done()]
        if isinstance(self.understand, Processes) and not self.understand.works():
            found.append("understanding")
        found += [name for name, standing in self._standing.items() if standing.failing() > _PATIENCE]
        found += ["rules"] if self._rules_differ else []
        if self.parts.registry is not None and self.parts.registry.ailing:
            found.append("registry")
        found += ["scanner"] * any(isinstance(one, DecideWorker) and bool(one.scans.away) for one in self._deciding)
        tokens = tokens_of(self.parts.settings)
        if tokens is not None and tokens.standing.refused:
            found.append("oauth")
        imap = self.parts.settings.imap
        if "ingress" in self.roles and imap.host:
            looked = select(imap_cursor.c.polled_at).where(imap_cursor.c.mailbox == imap.mailbox)
            looked_at = await self.parts.database.read(lambda c: c.execute(looked).scalar_one_or_none())
            # the row may be of another process, which reads while this one stands by, or of last year
            age = self.parts.clock() - max(looked_at or self._started_at, self._started_at)
            if age.total_seconds() > 3 * imap.poll_seconds + imap.timeout_seconds:
                found.append("imap")
        return found

    def stuck(self) -> list[str]:
        """Which parts of this process have not got on for so long that only a new start helps."""
        patience = max(_PATIENCE, 2 * self.parts.settings.worker.lease_seconds)
        found = [f"worker {loop.name}" for loop in self._loops if loop.stuck() > patience]
        imap = self.parts.settings.imap
        slowest = 2 * patience + imap.poll_seconds + 10 * imap.timeout_seconds  # a back-off, then a slow login
        if self._reader is not None and time.monotonic() - self._reader.moved > slowest:
            found.append("imap")
        return found

    async def _watch(self) -> None:
        try:
            await self.parts.database.watch()
        except DatabaseGone as error:
            log_event("database-gone", level=logging.CRITICAL, reason=error.reason)
            raise

    async def _stay_true(self) -> None:
        """`mailbot key seal` is refused while we give signs of life; but a machine may sleep, and wake up again. And
        before a database is put back every machine is stopped; but one may be forgotten."""
        while True:
            await asyncio.sleep(processes.BEAT)
            with contextlib.suppress(TemporaryError):
                await self.parts.database.read(self._agree)

    def _agree(self, connection: Connection) -> None:
        agree(connection, self.parts.secret)
        copied.refuse_put_back(connection)

    def _me(self, connection: Connection) -> processes.Process:
        p, now = self.parts, server_clock(connection) or self.parts.clock()
        return processes.Process(self._name, ",".join(self.roles), __version__, p.pipeline.ruleset.hash, now)

    async def _beat(self) -> int:
        """Tell the other machines that we are here, and hear whether their rule set is ours."""
        mine = self.parts.pipeline.ruleset.hash
        known, line = await self.parts.database.write(self._signs)
        if line is not None:
            log_event("database-took-over", level=logging.WARNING, line=line)
        differ = known not in (None, mine, self.parts.pipeline.ruleset.hash)
        if differ != self._rules_differ:
            level = logging.ERROR if differ else logging.INFO
            log_event("rules-differ" if differ else "rules-agree", level=level, here=mine, in_force=known)
            self._rules_differ = differ
        return 0

    def _signs(self, connection: Connection) -> tuple[str | None, int | None]:
        followed = copied.follow(connection)
        known = processes.beat(connection, self._me(connection), self.parts.clock())
        return known, followed and followed.line

    async def _with_rules_in_force(self, step: Callable[[], Awaitable[int]]) -> int:
        """Mail waits for whoever has the rule set in force."""
        return 0 if self._rules_differ else await step()

    def _run(self, loop: Loop) -> Loop:
        self._loops.append(loop)
        self._tasks.append(asyncio.create_task(loop.run(), name=f"loop {loop.name}"))
        return loop

    def _start_delivery(self) -> list[Loop]:
        p = self.parts
        started: list[Loop] = []
        mailbox = p.settings.imap.mailbox if p.settings.imap.host else ""
        latecomers = timedelta(minutes=p.settings.case_b.latecomers_minutes)
        relays = [
            Relay(p.settings.delivery, tokens=tokens_of(p.settings)) for _ in range(p.settings.delivery.connections)
        ]
        self._relays += relays
        first = DeliverWorker(
            *(f"{self._holder}:deliver", p.database, relays[0], p.secret, p.clock, p.rng),
            latecomers=latecomers,
            mailbox=mailbox,
            limits=p.settings.breaker,
            steady=time.monotonic,
            common=server_clock,
            uptime=uptime,
        )
        self._delivering.append(first)
        self._sender = first
        for n, worker in enumerate([first, *(first.beside(relay) for relay in relays[1:])]):
            started.append(self._run(Loop(f"deliver-{n}", worker.step)))
        self._run(Loop("breaker", BreakerWorker(p.settings, p.database, p.clock).step, breaker.SECONDS))
        if p.settings.csd.url:
            self._start_csd()
        return started

    def _start_csd(self) -> None:
        p, chosen = self.parts, self.parts.settings.csd
        webhook.secrets(chosen)
        webhook.trust(chosen)
        receiver = Receiver(chosen, p.clock)
        self._relays.append(receiver)
        worker = CsdWorker(f"{self._holder}:csd", p.database, receiver, p.clock, p.rng, chosen.timeout_seconds)
        self._delivering.append(worker)
        self._run(Loop("csd", worker.step))

    async def _start_decisions(self, deliver: list[Loop]) -> list[Loop]:
        p = self.parts
        self._verifier = Verifier(p.pipeline)
        if p.settings.trust.directory:  # an empty folder or a broken list is told now, not with the first application
            await self._verifier.start()

        def mails() -> None:
            for loop in deliver:
                loop.wake()

        checks = self._run(Loop("check", self._decider("check", mails, Lane.CHECKS), _CHECKS))
        others = p.settings.worker.processes if self.understand else 0
        started = []
        for n in range(1 + others):  # while each process understands a batch, one more is recorded
            step = self._decider(f"decide-{n}", mails, Lane.QUICK, checks.wake)
            started.append(self._run(Loop(f"decide-{n}", step)))
        alarms = AlarmWorker(p.database, p.pipeline, p.clock)
        self._deciding.append(alarms)
        self._run(Loop("alarms", alarms.step, SECONDS))
        self._start_registry()
        if isinstance(p.secret.store, KeyStore):
            keeper = RetentionWorker(p.database, p.pipeline, p.secret.store, p.clock)
            self._deciding.append(keeper)
            step = partial(self._with_rules_in_force, keeper.step)
            self._run(Loop("retention", step, retention.SECONDS))
        self._run(Loop("audit", AuditWorker(p.settings, p.database, p.clock).step, audit.SECONDS))
        return started

    def _decider(
        self, name: str, on_mail: Callable[[], None], lane: Lane, on_check: Callable[[], None] = lambda: None
    ) -> Callable[[], Awaitable[int]]:
        """The step of one more worker that decides."""
        p = self.parts
        worker = DecideWorker(
            f"{self._holder}:{name}",
            p.database,
            p.pipeline,
            p.clock,
            p.rng,
            on_mail,
            self.understand,
            self._verifier,
            p.registry,
            time.monotonic,
            lane,
            on_check,
            self._room,
        )
        self._deciding.append(worker)
        return partial(self._with_rules_in_force, worker.step)

    def _start_registry(self) -> None:
        """Looks whether the registry on another machine is there, and for changes whose end nobody saw."""
        changes = compose.changes(self.parts)
        if changes is not None:
            pipeline = self._deciding[0]
            step = partial(changes.step, lambda: notices(self.parts, pipeline.pipeline))
            self._run(Loop("registry", step, changes.SECONDS))

    async def _start_rules(self) -> None:
        p = self.parts
        load = partial(compose.rules, p.settings)
        keeper = RulesKeeper(self._name, p.database, p.pipeline, load, self._use, p.clock, seen=p.rules_seen)
        await keeper.start()
        self._rules = self._run(Loop("rules", keeper.step, p.settings.rules.reload_seconds or None))

    def _use(self, pipeline: Pipeline) -> None:
        """All that holds a rule set takes that of ``pipeline``, between two steps of the event loop."""
        self.parts = replace(self.parts, pipeline=pipeline)
        self._rules_differ = False  # it came into force with this
        for worker in self._deciding:
            worker.pipeline = pipeline
        self._pages.use(pipeline)

    async def _start_ingress(self, stored: Callable[[], None]) -> None:
        p, room = self.parts, Room()
        for source, settings in ((Source.LMTP, p.settings.lmtp), (Source.SMTP, p.settings.smtp)):
            if settings.listen:
                await self._listen(source, settings, stored, room)
        if p.settings.imap.host:
            oldest = timedelta(days=p.settings.intake.oldest_days)
            tokens = tokens_of(p.settings)
            self._reader = ImapReader(
                p.settings.imap, p.database, p.secret, p.clock, stored, oldest=oldest, tokens=tokens
            )
            self._tasks.append(asyncio.create_task(self._reader.run(), name="imap"))

    async def _listen(self, source: Source, settings: ListenerSettings, stored: Callable[[], None], room: Room) -> None:
        p = self.parts
        # Behind our MX (LMTP) the MX chose the recipients; the open SMTP port takes mail for the helpdesk only.
        ours = frozenset({p.settings.helpdesk.address})
        recipients = ours if source is Source.SMTP else None
        self._standing[source.value] = standing = Standing()
        with listening(source.value, settings.listen):
            server = await smtp.serve(
                settings, source, p.database, p.secret, p.clock, stored, recipients, room, standing
            )
        self._servers.append(server)
        self.addresses[source.value] = server.sockets[0].getsockname()[:2]
