"""Two processes that decide about the same things at once (PostgreSQL: SQLite has one writer)."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.exc import OperationalError

from mailbot.config import WorkerSettings
from mailbot.inbox import store
from mailbot.model import Envelope, RawMessage, Source
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage.schema import activation, counter, inbox, outbox, ticket, ticket_event
from mailbot.workers.decide import DecideWorker
from tests.citizens import HELPDESK
from tests.flow import EWA, GOOD, JAN, Clock, add_accounts, mail, settings

PAIRS = 12


def _pair(n: int) -> tuple[bytes, bytes]:
    """Even: one message over two relays, of which one adds a line to what is granted. Odd: one request sent twice."""
    sender, body = (JAN.login, f"{GOOD}\n\nSprawa {n}") if n % 4 < 2 else (EWA.login, f"Sprawa {n}")
    first = mail(sender, body, name=f"pair {n}")
    line = b"Skontrolowano: brak zagrozen.\r\n" * (n % 4 == 0)
    return first, b"X-Relay: two\r\n" + first + line if n % 2 == 0 else mail(sender, body, name=f"pair {n}, again")


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


def two_mailbots(postgres: Engine, folder: Path, clock: Clock, batch: int) -> list[compose.Parts]:
    url = postgres.url.render_as_string(hide_password=False)
    chosen = replace(settings(url, folder / "key", 1), worker=WorkerSettings(batch=batch))
    return [compose.build(chosen, clock=clock, rng=random.Random(n), resolver=StaticResolver({})) for n in range(2)]


def put(parts: compose.Parts, raws: list[bytes], clock: Clock) -> None:
    envelope = Envelope(Source.LMTP, JAN.login, (HELPDESK,))
    with parts.database.engine.begin() as connection:
        store(connection, [RawMessage(raw, envelope, clock()) for raw in raws], clock(), parts.secret)


async def test_workers_that_stop_and_join_the_same_tickets_never_wait_for_each_other_in_a_ring(
    empty_postgres: Engine, tmp_path: Path
) -> None:
    """Whoever records holds the counter before anything else, so the order of the rows behind it does not matter."""
    clock = Clock()
    built = two_mailbots(empty_postgres, tmp_path, clock, batch=4)
    add_accounts(empty_postgres)
    workers = [DecideWorker(f"w{n}", p.database, p.pipeline, clock, p.rng) for n, p in enumerate(built)]
    put(built[0], [mail(), mail(EWA.login, "Proszę o zmianę hasła awaryjnego dla Ewa Nowak, 1975", name="e")], clock)
    assert await workers[0].step() == 2
    with empty_postgres.begin() as connection:  # both change a login
        connection.execute(update(activation).values(new_login="kto@nowa.example"))
    people = [(JAN.login, "ZGL0000001"), (EWA.login, "ZGL0000002")]
    mails = [
        mail(sender, f"STOP {n}", subject=f"Re: {number}", name=f"{number} {n}")
        for n in range(8)
        for sender, number in (people if n % 2 else people[::-1])
    ]
    put(built[0], mails, clock)

    async def work(worker: DecideWorker) -> int:
        done = 0
        while taken := await worker.step():
            done += taken
        return done

    try:
        assert sum(await asyncio.gather(*map(work, workers))) == len(mails)
    finally:
        for parts in built:
            await parts.database.close()
    with empty_postgres.connect() as connection:
        assert set(connection.execute(select(inbox.c.outcome).offset(2).order_by(inbox.c.id)).scalars()) == {
            "TICKET_UPDATE"
        }
        assert set(connection.execute(select(ticket.c.state)).scalars()) == {"WSTRZYMANE"}
        frozen = ticket_event.c.kind == "frozen"
        assert connection.execute(select(func.count()).where(frozen)).scalar_one() == len(mails)


def _until_somebody_waits(engine: Engine) -> None:
    """For a lock, in this schema's database."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        with engine.connect() as connection:
            if connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one():
                return
    raise AssertionError("nobody waits")


async def test_a_deadlock_with_somebody_else_is_temporary(empty_postgres: Engine, tmp_path: Path) -> None:
    clock = Clock()
    parts, other = two_mailbots(empty_postgres, tmp_path, clock, batch=4)
    add_accounts(empty_postgres)
    worker = DecideWorker("w", parts.database, parts.pipeline, clock, parts.rng)
    try:
        put(parts, [mail(name="a")], clock)
        await worker.step()
        put(parts, [mail(JAN.login, "Skąd to?", subject="Re: ZGL0000001", name="b"), mail(EWA.login, name="c")], clock)
        with empty_postgres.begin() as connection:  # another holds the ticket and wants the counter
            connection.execute(update(ticket).values(answered_at=clock()))
            step = asyncio.create_task(worker.step())
            await asyncio.to_thread(_until_somebody_waits, other.database.engine)
            number = select(counter.c.value).where(counter.c.name == "ticket").with_for_update()
            with suppress(OperationalError):  # the server ends one of the two, and which of them is its choice
                await asyncio.to_thread(connection.execute, number)
        await step  # where it was ended it went again
        while await worker.step():
            pass
    finally:
        for one in (parts, other):
            await one.database.close()
    with empty_postgres.connect() as connection:
        assert set(connection.execute(select(inbox.c.state)).scalars()) == {"done"}
