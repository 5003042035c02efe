"""All roles of a process, started and stopped together."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial

from aiohttp import web

from mailbot.cli import compose
from mailbot.cli.compose import Parts
from mailbot.config import ListenerSettings
from mailbot.delivery.smtp import Relay
from mailbot.ingress import smtp
from mailbot.ingress.imap import ImapReader
from mailbot.model import Source
from mailbot.observe import step
from mailbot.pipeline import Pipeline
from mailbot.tickets.notice import Notice
from mailbot.web.app import SERVER_OPTIONS, use_rules
from mailbot.web.app import build as build_web
from mailbot.workers.alarms import SECONDS, AlarmWorker
from mailbot.workers.decide import DecideWorker
from mailbot.workers.deliver import DeliverWorker
from mailbot.workers.loop import Loop
from mailbot.workers.rules import RulesKeeper
from mailbot.workers.understand import Understand
from mailbot.workers.verify import Verifier

ROLES = ("ingress", "worker", "delivery", "web")


@dataclass
class Service:
    """The chosen roles over shared parts. ``addresses`` names what listens where, once started.

    ``understand``: where mails are understood; None: in a thread.
    """

    parts: Parts
    roles: Collection[str] = ROLES
    understand: Understand | None = None
    addresses: dict[str, tuple[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._loops: list[Loop] = []
        self._relays: list[Relay] = []
        self._servers: list[asyncio.Server] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._web: web.AppRunner | None = None
        self._verifier: Verifier | None = None
        self._deciding: list[DecideWorker | AlarmWorker] = []
        self._delivering: list[DeliverWorker] = []
        self._rules: Loop | None = None
        self._name = f"{socket.gethostname()}:{os.getpid()}"

    async def start(self) -> None:
        """Start delivery and decisions first, then open the doors."""
        deliver = self._start_delivery() if "delivery" in self.roles else []
        decide = await self._start_decisions(deliver) if "worker" in self.roles else []

        def stored() -> None:
            for loop in decide:
                loop.wake()

        if "ingress" in self.roles:
            await self._start_ingress(stored)
        if "web" in self.roles and self.parts.settings.web.listen:
            await self._start_web()
        if self._deciding or self._web is not None:
            await self._start_rules()
        step("started", roles=",".join(self.roles), listening=str(self.addresses))

    async def stop(self) -> None:
        """Close the doors, finish the step at hand, stop. What waits stays in the database."""
        for server in self._servers:
            server.close()
        if self._web is not None:
            await self._web.cleanup()
        for loop in self._loops:
            loop.stop()
        for deliverer in self._delivering:
            deliverer.stop()
        loops = [t for t in self._tasks if t.get_name().startswith("loop ")]
        for task in self._tasks:
            if task not in loops:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for relay in self._relays:
            await relay.close()
        if self._verifier is not None:
            await self._verifier.close()
        await self.parts.database.close()
        step("stopped")

    def look_at_rules(self) -> None:
        """See now whether the rule set has changed."""
        if self._rules is not None:
            self._rules.wake()

    async def wait(self) -> None:
        """Until a task ends, which none should: raises what it raised."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    def _run(self, loop: Loop) -> Loop:
        self._loops.append(loop)
        self._tasks.append(asyncio.create_task(loop.run(), name=f"loop {loop.name}"))
        return loop

    def _start_delivery(self) -> list[Loop]:
        p = self.parts
        started: list[Loop] = []
        for n in range(p.settings.delivery.connections):
            relay = Relay(p.settings.delivery)
            self._relays.append(relay)
            worker = DeliverWorker(f"{self._name}:deliver-{n}", p.database, relay, p.secret, p.clock, p.rng)
            self._delivering.append(worker)
            started.append(self._run(Loop(f"deliver-{n}", worker.step)))
        return started

    async def _start_decisions(self, deliver: list[Loop]) -> list[Loop]:
        p = self.parts
        self._verifier = Verifier(p.pipeline)
        if p.settings.trust.directory:  # an empty folder or a broken list is told now, not with the first application
            await self._verifier.start()

        def mails() -> None:
            for loop in deliver:
                loop.wake()

        started = []
        others = p.settings.worker.processes if self.understand else 0
        for n in range(1 + others):  # while each process understands a batch, one more is recorded
            name = f"decide-{n}"
            worker = DecideWorker(
                f"{self._name}:{name}", p.database, p.pipeline, p.clock, p.rng, mails, self.understand, self._verifier
            )
            self._deciding.append(worker)
            started.append(self._run(Loop(name, worker.step)))
        alarms = AlarmWorker(p.database, p.pipeline, p.clock)
        self._deciding.append(alarms)
        self._run(Loop("alarms", alarms.step, SECONDS))
        return started

    async def _start_rules(self) -> None:
        p = self.parts
        keeper = RulesKeeper(self._name, p.database, p.pipeline, partial(compose.rules, p.settings), self._use, p.clock)
        await keeper.start()
        self._rules = self._run(Loop("rules", keeper.step, p.settings.rules.reload_seconds or None))

    def _use(self, pipeline: Pipeline) -> None:
        """All that holds a rule set takes that of ``pipeline``, between two steps of the event loop."""
        for worker in self._deciding:
            worker.pipeline = pipeline
        if self._web is not None:
            use_rules(self._web.app, pipeline.ruleset.contacts, self._notice(pipeline))

    def _notice(self, pipeline: Pipeline) -> Notice:
        return Notice(pipeline.writer, self.parts.secret, self.parts.settings.helpdesk.address)

    async def _start_ingress(self, stored: Callable[[], None]) -> None:
        p = self.parts
        for source, settings in ((Source.LMTP, p.settings.lmtp), (Source.SMTP, p.settings.smtp)):
            if settings.listen:
                await self._listen(source, settings, stored)
        if p.settings.imap.host:
            reader = ImapReader(p.settings.imap, p.database, p.secret, p.clock, stored)
            self._tasks.append(asyncio.create_task(reader.run(), name="imap"))

    async def _listen(self, source: Source, settings: ListenerSettings, stored: Callable[[], None]) -> None:
        p = self.parts
        # Behind our MX (LMTP) the MX chose the recipients; the open SMTP port takes mail for the helpdesk only.
        ours = frozenset({p.settings.helpdesk.address})
        recipients = ours if source is Source.SMTP else None
        server = await smtp.serve(settings, source, p.database, p.secret, p.clock, stored, recipients)
        self._servers.append(server)
        self.addresses[source.value] = server.sockets[0].getsockname()[:2]

    async def _start_web(self) -> None:
        p = self.parts
        notice = self._notice(p.pipeline)
        app = build_web(p.settings, p.database, p.directory, p.secret, notice, p.clock)
        use_rules(app, p.pipeline.ruleset.contacts, notice)
        self._web = web.AppRunner(app, **SERVER_OPTIONS)
        await self._web.setup()
        host, port = smtp.listen_address(p.settings.web.listen)
        site = web.TCPSite(self._web, host, port)
        await site.start()
        self.addresses["web"] = self._web.addresses[0][:2]
