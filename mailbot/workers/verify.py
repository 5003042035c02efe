"""Checks the files of a mail as a signed application, in processes of their own (signatures.worker).

Two pools, because two kinds of strangers' bytes are parsed: signatures first, then the application that one of them
covers. Whatever fails there gives a state that sends the mail to a person.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from mailbot.application.check import check, chosen
from mailbot.application.isolated import Readers
from mailbot.errors import ConfigError
from mailbot.flow.facts import needs_check
from mailbot.flow.pipeline import Pipeline
from mailbot.model import Understanding, View
from mailbot.observe import log_event
from mailbot.ruleset.model import Ruleset
from mailbot.signatures.report import to_json
from mailbot.signatures.worker import VERIFYING, Workers
from mailbot.text import pesel


@dataclass
class Verifier:
    """Adds ``checked`` to what was understood. An asynchronous context manager; used in one event loop only."""

    pipeline: Pipeline

    def __post_init__(self) -> None:
        settings = self.pipeline.settings
        count = settings.signatures.workers
        bounds = replace(VERIFYING, deadline=settings.signatures.deadline_seconds)
        trust = Path(settings.trust.directory).resolve() if settings.trust.directory else None
        readable = (trust,) if trust else ()
        self._signatures = Workers(
            count, {"trust": str(trust) if trust else None}, readable, self._pesel_hash, bounds=bounds
        )
        self._readers = Readers(count, settings.signatures.deadline_seconds)
        self._proof: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Have a worker ready that verifies. Raises ConfigError when the trust folder is wrong; a reader that does not
        work is told meanwhile, and its mails go to a person: the others must not wait for it."""
        await self._signatures.start()
        self._proof = asyncio.create_task(self._prove())

    async def _prove(self) -> None:
        try:
            await self._readers.prove()
        except ConfigError as error:
            log_event("reader-broken", level=logging.ERROR, reason=error.reason)

    async def close(self) -> None:
        """End the processes."""
        if self._proof is not None:
            self._proof.cancel()
            await asyncio.wait({self._proof})
        await self._signatures.close()
        await self._readers.close()

    @property
    def width(self) -> int:
        """How many mails are checked at once."""
        return self._signatures.count

    async def check(self, understood: Sequence[Understanding], rules: Ruleset) -> list[Understanding]:
        """The same, in order, each with its files checked where that is needed. Raises nothing but CancelledError.

        ``rules``: the rule set that will decide about them, whatever has been loaded since.
        """
        return list(await asyncio.gather(*(self._check(u, rules) for u in understood)))

    async def _check(self, u: Understanding, rules: Ruleset) -> Understanding:
        if not needs_check(u):
            return u
        files = [(a.filename, a.data) for a in u.message.attachments]
        reports = await self._signatures.verify_isolated(files, u.received_at, rules.signatures)
        report = chosen(reports)
        found = (
            await self._readers.judge(report.payload, rules.application_words, u.received_at)
            if report and report.payload
            else None
        )
        application = found.application if found else None
        checked = check(reports, application, u.sender.address, u.request)
        view = View(found.text, found.seen, found.pictures) if found else None
        told = tuple(to_json(one) for one in reports)
        return replace(
            u, checked=replace(checked, view=view, reports=told, read=application.data if application else {})
        )

    def _pesel_hash(self, text: str) -> str:
        return pesel.keyed_hash(self.pipeline.secret, text)
