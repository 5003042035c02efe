"""What the operators of the demo do with ``--once``: every action of the desk, and what must come of each."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from mailbot.audit import chain, packed, verify
from mailbot.cli.demo_desk import Ahead, Member
from mailbot.cli.demo_table import differs, growing, mark, reason, table
from mailbot.desk import dossier
from mailbot.desk.perform import ActionPerformer
from mailbot.service.compose import Parts
from mailbot.tickets import number
from mailbot.trial import acts
from mailbot.trial.acts import ActRunner

_PATIENCE = 60.0  # seconds for the mails to leave


class Play:
    """Plays what fixtures/desk.yaml tells. ``rows``: as of trial.acts.ActRunner."""

    def __init__(self, parts: Parts, clock: Ahead, members: Sequence[Member], rows: Mapping[str, int]) -> None:
        people = {member.operator.name: member.operator for member in members}
        self._parts, self._clock = parts, clock
        self._stage = ActRunner(ActionPerformer(parts.pipeline, chain.record), people, rows, clock)
        self.good = True

    async def show(self, console: Console, every: Sequence[Mapping[str, Any]]) -> None:
        """A table, a row an act."""
        shown = table("who", "ticket", "what", "then", "mails")
        with growing(shown, console) as live:
            for n, told in enumerate(every, start=1):
                result = await self.act(told)
                wrong = differs({"refused": "", "waiting": 0, **told.get("expect", {})}, result)
                self.good = self.good and not wrong
                then = result.get("refused") or result.get("state", "")
                mails = " ".join(result.get("mails", ())) or "–"
                who, zgl = told.get("who", ""), result.get("ticket", "")
                shown.add_row(who, zgl, told["do"], mark(then, wrong), mails, reason(told["why"], wrong))
                shown.title = f"What the operators do ({n} of {len(every)})"
                live.refresh()

    async def act(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Do what ``told`` says; returns what came of it, in the words of ``expect``."""
        if told["do"] == acts.LATER:
            return {"waiting": await self._later()}
        return await self._parts.database.write(partial(self._stage.done, told=told))

    async def _later(self) -> int:
        """Put the clock forward, so that nothing can be taken back any more, and wait until all that may leave has.
        Returns how much still has not. What was let out is decided before: a change of login waits for unread letters,
        and would then wait for half a minute more."""
        await self._none(acts.undecided)
        self._clock.by += timedelta(seconds=self._parts.settings.desk.take_back_seconds + 1)
        return await self._none(acts.at_work)

    async def _none(self, count: Callable[[Any], int]) -> int:
        """Wait until there is none of these, but not for ever; returns how many there are."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                while await self._parts.database.read(count):  # noqa: ASYNC110 - again and again, as a person would
                    await asyncio.sleep(0.05)
        return await self._parts.database.read(count)


def proven(parts: Parts, zgl: str, file: Path) -> tuple[str, int]:
    """Verify the whole audit chain, then write the dossier of ticket ``zgl`` and verify that. Returns what was found in
    words, and how much is wrong."""
    engine, now, by = parts.database.engine, parts.clock(), chain.shell("demo")
    with engine.begin() as connection:
        while chain.take_over(connection, 500):
            pass
    with engine.begin() as connection:
        wrong, rows = len(list(verify.verify(connection))), verify.head(connection).seq
    with engine.begin() as connection:
        ticket_id = dossier.take_over(connection, number.read(zgl) or "")
        assert ticket_id is not None
        data, digest = dossier.make(connection, parts.secret, ticket_id, now)
        dossier.note(connection, ticket_id, digest, now, by, {"by": "demo"})
    file.write_bytes(data)
    broken = len(list(packed.verify(data)))
    told = f"audit chain:     {rows} rows, {wrong or 'nothing'} wrong\n"
    return told + f"dossier:         {file}, {broken or 'nothing'} wrong", wrong + broken
