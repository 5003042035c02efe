"""Two processes that decide about the same things at once (PostgreSQL: SQLite has one writer)."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select

from mailbot.cli import compose
from mailbot.config import WorkerSettings
from mailbot.inbox import store
from mailbot.model import Envelope, RawMessage, Source
from mailbot.sender.resolver import StaticResolver
from mailbot.storage.schema import counter, inbox, outbox, ticket
from mailbot.workers.decide import DecideWorker
from tests.citizens import HELPDESK
from tests.flow import EWA, GOOD, JAN, Clock, add_accounts, mail, settings

PAIRS = 12


def _pair(n: int) -> tuple[bytes, bytes]:
    """Even: one message over two relays. Odd: one request sent twice."""
    sender, body = (JAN.login, f"{GOOD}\n\nSprawa {n}") if n % 4 < 2 else (EWA.login, f"Sprawa {n}")
    first = mail(sender, body, name=f"pair {n}")
    return first, b"X-Relay: two\r\n" + first if n % 2 == 0 else mail(sender, body, name=f"pair {n}, again")


async def test_copies_that_are_decided_at_once_open_one_ticket(empty_postgres: Engine, tmp_path: Path) -> None:
    clock = Clock()
    url = empty_postgres.url.render_as_string(hide_password=False)
    chosen = replace(settings(url, tmp_path / "key", 1), worker=WorkerSettings(batch=1))
    built = [compose.build(chosen, clock=clock, rng=random.Random(n), resolver=StaticResolver({})) for n in range(2)]
    add_accounts(empty_postgres)
    envelope = Envelope(Source.LMTP, JAN.login, (HELPDESK,))
    arrived = [  # so far apart that no limit is reached
        RawMessage(raw, envelope, clock() + timedelta(hours=6 * n)) for n in range(PAIRS) for raw in _pair(n)
    ]
    with empty_postgres.begin() as connection:
        store(connection, arrived, clock(), built[0].secret)

    async def work(n: int) -> int:
        worker = DecideWorker(f"worker-{n}", built[n].database, built[n].pipeline, clock, built[n].rng)
        done = 0
        while taken := await worker.step():
            done += taken
        return done

    try:
        shares = await asyncio.gather(work(0), work(1))
    finally:
        for parts in built:
            await parts.database.close()
    assert sum(shares) == 2 * PAIRS
    assert all(shares), "both took part"
    with empty_postgres.connect() as connection:
        outcomes = Counter(connection.execute(select(inbox.c.outcome)).scalars())
        assert outcomes == {"OK_A": PAIRS // 2, "REJ_FORMAL": PAIRS // 2, "DUPLICATE": PAIRS}
        assert sorted(connection.execute(select(ticket.c.id)).scalars()) == list(range(1, PAIRS + 1))
        assert connection.execute(select(counter.c.value)).scalar_one() == PAIRS + 1
        per_ticket = connection.execute(select(func.count(inbox.c.id)).group_by(inbox.c.ticket_id)).scalars()
        assert set(per_ticket) == {2}
        kinds = Counter(connection.execute(select(outbox.c.kind)).scalars())
        assert (kinds["T3"], kinds["T4"], kinds["T15"]) == (PAIRS // 2, PAIRS // 2, PAIRS // 2)
