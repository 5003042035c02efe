"""An office's golden cases, decided by the real flow."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from mailbot.accounts import memory
from mailbot.accounts.memory import MemoryDirectory
from mailbot.config import Settings
from mailbot.model import RawMessage
from mailbot.observe import utc_now
from mailbot.sender.resolver import StaticResolver
from mailbot.trial import cases, history
from mailbot.trial.cases import Case, Mismatch, Surroundings
from mailbot.trial.simulator import Trial, arrival, blank, chosen, open_trial, readable


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of one case."""

    case: Case
    rule: str
    title: str
    wrong: tuple[Mismatch, ...]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        told = {"case": str(self.case.mail), "passed": not self.wrong, "rule": self.rule}
        return {**told, "wrong": [asdict(one) for one in self.wrong], "seconds": round(self.seconds, 6)}


async def today(settings: Settings, asked: Case) -> dict[str, Any]:
    """What becomes of the mail of a case as things are."""
    around = cases.surroundings(asked.mail, asked.mail.parent)
    with blank() as connection:
        async with _open(settings, around) as trial:
            came, _ = await _decide(trial, asked, connection)
    return came


async def decided(settings: Settings, folder: Path) -> list[CaseResult]:
    """The cases of a folder; those with the same surroundings share a flow."""
    found: dict[Surroundings, list[Case]] = defaultdict(list)
    for one in cases.read(folder, settings.helpdesk.address):
        found[cases.surroundings(one.mail, folder)].append(one)
    results: list[CaseResult] = []
    with blank() as connection:
        for around, together in found.items():
            async with _open(settings, around) as trial:
                results += [await _try(trial, one, connection) for one in together]
    return sorted(results, key=lambda result: result.case.mail)


def _open(settings: Settings, around: Surroundings) -> Any:
    settings = chosen(settings, None, around.trust, None)
    accounts = memory.load(around.accounts, utc_now().year) if around.accounts else MemoryDirectory(())
    resolver = StaticResolver.read(around.dns) if around.dns else StaticResolver({})
    return open_trial(settings, accounts, resolver)


async def _try(trial: Trial, one: Case, connection: Connection) -> CaseResult:
    started = time.perf_counter()
    came, mails = await _decide(trial, one, connection)
    titles = {rule.name: rule.title for rule in trial.flow.ruleset.rules}
    wrong = tuple(cases.compare(one, came, mails))
    return CaseResult(one, came["rule"], titles.get(came["rule"], ""), wrong, time.perf_counter() - started)


async def _decide(trial: Trial, one: Case, empty: Connection) -> tuple[dict[str, Any], str]:
    """What explain says of the mail, and all that its mails say."""
    own = one.mail.with_suffix(cases.STATE)
    trial = replace(trial, vouched=one.vouched)
    if not own.is_file():
        return await _after(trial, one, empty)
    past = history.read(own, trial.flow.ruleset.categories)
    with blank() as connection:
        await history.fill(trial, connection, past)
        return await _after(trial, one, connection)


async def _after(trial: Trial, one: Case, connection: Connection) -> tuple[dict[str, Any], str]:
    octets = await asyncio.to_thread(one.mail.read_bytes)
    raw = RawMessage(octets, one.envelope, one.received or arrival(octets) or utc_now())
    now = one.now or raw.received_at
    u = await trial.checked(trial.read(raw), connection, now)
    came = trial.report(trial.flow.assess(u, trial.flow.lookup(connection, [u], now)))
    mails = trial.mails(raw, u, connection, now)
    return came, "\n".join(line for mail in mails for line in readable(mail.decode("utf-8")))
