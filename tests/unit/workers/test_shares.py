"""What the steps of one batch may take together is less than its lease, and who hangs is given up in his share."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from mailbot.config import AccountsSettings, ScannerSettings, Settings, SignatureSettings, WorkerSettings
from mailbot.model import Understanding
from mailbot.ruleset.model import SignatureRules
from mailbot.storage.schema import inbox
from mailbot.workers import shares
from mailbot.workers.decide import DecideWorker
from tests.integration.test_case_b import CaseB, Stub, case_b


def test_together_they_are_less_than_a_lease() -> None:
    parts = (shares.ROOM, shares.UNDERSTAND, shares.SCAN, shares.REGISTRY, shares.VERIFY)
    assert 1 - sum(parts) == shares.LEFT
    assert shares.LEFT >= 1 / 16
    assert all(part > 0 for part in parts)


def test_what_is_set_by_default_fits_into_the_shares() -> None:
    lease = WorkerSettings().lease_seconds
    assert WorkerSettings().deadline_seconds <= shares.seconds(shares.UNDERSTAND, lease)
    assert ScannerSettings().timeout_seconds <= shares.seconds(shares.SCAN, lease)
    assert AccountsSettings().timeout_seconds <= shares.seconds(shares.REGISTRY, lease)
    # signatures first, then the application that one of them covers
    assert 2 * SignatureSettings().deadline_seconds <= shares.seconds(shares.VERIFY, lease)
    assert Settings().worker == WorkerSettings()


class Hanging(Stub):
    """Never ends at the mails of some senders."""

    at: tuple[str, ...] = ()
    width = 1

    async def check(self, understood: Sequence[Understanding], rules: SignatureRules) -> list[Understanding]:
        if understood[0].sender.address in self.at:
            await asyncio.Event().wait()
        return await super().check(understood, rules)


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[CaseB]:
    async with case_b(tmp_path) as made:
        yield made


async def test_a_check_that_never_ends_goes_to_a_person_and_holds_no_other(flow: CaseB) -> None:
    p = flow.parts
    quick = replace(p.pipeline.settings, worker=replace(p.pipeline.settings.worker, lease_seconds=1, attempts=2))
    pipeline = replace(p.pipeline, settings=quick)
    verifier = Hanging(pipeline)
    verifier.at = ("zly@nowa.example",)
    worker = DecideWorker("w", p.database, pipeline, flow.clock, random.Random(1), verifier=verifier)
    flow.decider = worker
    assert await flow.ask("a", "zly@nowa.example") == "None"
    await flow.ask("b", "dobry@nowa.example")
    flow.clock.advance(minutes=5)
    await flow.decide()
    found = [tuple(row) for row in await flow.rows(select(inbox.c.outcome, inbox.c.attempts).order_by(inbox.c.id))]
    assert [outcome for outcome, _ in found] == ["REVIEW", "OK_B"]
    assert found[0][1] == 2
