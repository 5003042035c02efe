"""What the operators of the demo do with ``--once``: every action of the desk, and what must come of each."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from sqlalchemy import Connection, func, select

from mailbot.audit import chain, packed, verify
from mailbot.cli.demo_desk import Ahead, Member
from mailbot.cli.demo_table import differs, mark, reason, table
from mailbot.console import acts
from mailbot.desk import dossier
from mailbot.desk.drafts import Draft
from mailbot.desk.perform import Desk, Done
from mailbot.desk.plan import Refusal
from mailbot.desk.requests import Action, Asked, Call, CallOutcome, Heard, Request
from mailbot.desk.view import LOOKED, Case
from mailbot.model import Operator
from mailbot.outbox import jobs
from mailbot.service.compose import Parts
from mailbot.storage.schema import inbox, outbox, ticket
from mailbot.tickets import number

LOOK, LATER, SEE = "look", "later", "see"
"""What stands in place of an action: the application is opened; time passes until every mail has left; nothing is done,
the ticket is as ``expect`` says."""
_TOLD = frozenset({"who", "ticket", "do", "expect", "why", "heard", "outcome"})
"""Words of an act that are no fields of its form."""
_PATIENCE = 60.0  # seconds for the mails to leave


class Play:
    """``rows``: of the inbox, by the name of the mail. A ticket is told by a mail that belongs to it now."""

    def __init__(self, parts: Parts, clock: Ahead, members: Sequence[Member], rows: Mapping[str, int]) -> None:
        self._parts, self._clock, self._rows = parts, clock, rows
        self._people = {member.operator.name: member.operator for member in members}
        self._desk = Desk(parts.pipeline, chain.record)
        self.good = True

    async def show(self, console: Console, acts: Sequence[Mapping[str, Any]]) -> None:
        """A table, a row an act."""
        shown = table("who", "ticket", "what", "then", "mails")
        with Live(shown, console=console, refresh_per_second=8, vertical_overflow="visible") as live:
            for n, told in enumerate(acts, start=1):
                result = await self.act(told)
                wrong = differs({"refused": "", "waiting": 0, **told.get("expect", {})}, result)
                self.good = self.good and not wrong
                then = result.get("refused") or result.get("state", "")
                mails = " ".join(result.get("mails", ())) or "–"
                who, zgl = told.get("who", ""), result.get("ticket", "")
                shown.add_row(who, zgl, told["do"], mark(then, wrong), mails, reason(told["why"], wrong))
                shown.title = f"What the operators do ({n} of {len(acts)})"
                live.refresh()

    async def act(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Do what ``told`` says; returns what came of it, in the words of ``expect``."""
        if told["do"] == LATER:
            return {"waiting": await self._later()}
        return await self._parts.database.write(partial(self._done, told))

    def _done(self, told: Mapping[str, Any], connection: Connection) -> dict[str, Any]:
        zgl = number_of(connection, self._rows[told["ticket"]])
        kinds: list[str] = []
        refused: Refusal | None = None
        if told["do"] != SEE:
            found = self._tried(connection, zgl, self._people[told["who"]], told)
            if isinstance(found, Done):
                rows = select(outbox.c.kind).where(outbox.c.id.in_(found.mails)).order_by(outbox.c.id)
                kinds = list(connection.execute(rows).scalars())
            else:
                refused = found
        t, o = ticket.c, outbox.c
        row = connection.execute(select(ticket).where(t.number == zgl)).one()
        left = select(o.kind).where(o.ticket_id == row.id, o.state == jobs.DONE).order_by(o.sent_at, o.id)
        sent = list(connection.execute(left).scalars())
        result = {"ticket": zgl, "state": row.state, "desk": row.desk, "owner": row.owner, "mails": kinds, "sent": sent}
        return result | {"refused": refused.code if refused else ""}

    def _tried(self, connection: Connection, zgl: str, who: Operator, told: Mapping[str, Any]) -> Done | Refusal | None:
        now, found = self._clock(), self._desk.case(connection, zgl)
        if isinstance(found, Refusal):
            return found
        if told["do"] == LOOK:
            return self._desk.look(connection, zgl, who, LOOKED, found.inbox_id, now)
        return self._desk.perform(connection, zgl, who, self._request(connection, found, told), now)

    def _request(self, connection: Connection, found: Case, told: Mapping[str, Any]) -> Request:
        """What the form of the action would ask for."""
        action = Action(told["do"])
        if action is Action.CALL:
            heard = {Asked(asked): Heard(word) for asked, word in told.get("heard", {}).items()}
            outcome = CallOutcome(told["outcome"])
            return Call(version=found.version, outcome=outcome, heard=heard, text=told["text"])
        fields = {
            name: self._value(connection, found, name, value) for name, value in told.items() if name not in _TOLD
        }
        return acts.request(action, found.version, Draft(fields))

    def _value(self, connection: Connection, found: Case, name: str, value: Any) -> tuple[str, ...]:
        """As a form sends it. A ticket is told by a mail of it, a mail of ours by its kind; a letter is the newest."""
        if name == "other":
            return (number_of(connection, self._rows[value]),)
        if name == "mail":
            return (str(max(mail.id for mail in found.mails if mail.kind == value)),)
        if name == "letter":
            return (str(found.letters[-1].inbox_id),)
        return tuple(value) if isinstance(value, list) else (value,)

    async def _later(self) -> int:
        """Put the clock forward, so that nothing can be taken back any more, and wait until all that may leave has.
        Returns how much still has not."""
        self._clock.by += timedelta(seconds=self._parts.settings.desk.take_back_seconds + 1)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                while await self._parts.database.read(_at_work):  # noqa: ASYNC110 - again and again, as a person would
                    await asyncio.sleep(0.05)
        return await self._parts.database.read(_at_work)


def number_of(connection: Connection, row: int) -> str:
    """Of the ticket that a row of the inbox belongs to now."""
    wanted = select(ticket.c.number).join(inbox, inbox.c.ticket_id == ticket.c.id).where(inbox.c.id == row)
    found: str = connection.execute(wanted).scalar_one()
    return found


def _at_work(connection: Connection) -> int:
    """Letters to be decided and mails that may leave."""
    still = (jobs.QUEUED, jobs.LEASED)
    counts = (select(func.count()).where(c.state.in_(still)).scalar_subquery() for c in (inbox.c, outbox.c))
    return sum(connection.execute(select(*counts)).one())


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
