"""Everybody works on the same tickets at once (PostgreSQL): nobody waits for ever, nobody's work is lost."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection, Engine, insert, select

from mailbot.accounts.rows import column_values
from mailbot.config import WorkerSettings
from mailbot.delivery.smtp import Relay
from mailbot.flow.facts import needs_check
from mailbot.inbox import store
from mailbot.model import (
    REQUIRED_SUBJECT,
    SENTENCES,
    Account,
    Applicant,
    ApplicationCheck,
    Envelope,
    Phrase,
    RawMessage,
    Source,
    Understanding,
)
from mailbot.outbox import jobs
from mailbot.ruleset.model import SignatureRules
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage.database import Database
from mailbot.storage.schema import account, inbox, ticket
from mailbot.tickets import hold, sla
from mailbot.workers.alarms import AlarmWorker
from mailbot.workers.decide import DecideWorker
from mailbot.workers.deliver import DeliverWorker
from tests.citizens import HELPDESK, build
from tests.flow import EWA, JAN, Clock, add_accounts, mail, relay_sink, settings
from tests.integration.test_case_b import GOOD, Stub

ROUNDS, CHANGES = 6, 8
Step = Callable[[], Awaitable[object]]
HOLDERS = [Account(f"jan{n}@wp.example", "Jan", "Kowalski", 1960 + n, "m") for n in range(CHANGES)]


class PerSender(Stub):
    """Each application is of the account that the sender's number names."""

    async def check(self, understood: Sequence[Understanding], rules: SignatureRules) -> list[Understanding]:
        return [replace(u, checked=_checked(str(u.sender.address))) if needs_check(u) else u for u in understood]


def _checked(sender: str) -> ApplicationCheck:
    number = int(sender[1 : sender.index("@")])
    holder = HOLDERS[number]
    applicant = Applicant("JAN", "KOWALSKI", holder.birth_year, None)
    digests = {"payload_sha256": f"{number:064}", "signature_sha256": f"{number:064}"}
    return replace(GOOD, old_login=holder.login, applicant=applicant, **digests)


def _change(n: int) -> bytes:
    """A case B request from an address of its own."""
    entry = {"id": f"b{n}", "sender": f"n{n}@nowa{n}.example", "subject": REQUIRED_SUBJECT, "auth": "pass"}
    body = f"{SENTENCES[Phrase.B]} Jan Kowalski, {HOLDERS[n].birth_year}"
    signed = [("wniosek.pdf", "application/pdf", b"%PDF-1.7 signed")]
    return build({**entry, "body": body, "html_only": False, "headers": {}}, "utf8-qp", signed)


def _mails(n: int) -> list[bytes]:
    """Repeats, the holders' words about their tickets (each of them stops his), somebody else's requests."""
    words = [
        mail(holder.login, "Co to jest?", subject=f"Re: ZGL{ticket_id:07d}", name=f"about {ticket_id} {n}")
        for ticket_id, holder in enumerate(HOLDERS, start=1)
    ]
    return [*words[n % 2 :: 2], mail(EWA.login, f"Sprawa {n}", name=f"ewa {n}"), b"X-Relay: two\r\n" + _change(n)]


async def test_workers_operators_and_alarms_on_the_same_tickets(empty_postgres: Engine, tmp_path: Path) -> None:
    """The server looks for a deadlock at once, so that each one shows."""
    clock = Clock()
    url = empty_postgres.url.render_as_string(hide_password=False).replace(
        "options=", "options=-cdeadlock_timeout%3D20ms%20"
    )
    async with relay_sink() as sink:
        chosen = replace(settings(url, tmp_path / "key", sink.port), worker=WorkerSettings(batch=3))
        parts = compose.build(chosen, clock=clock, rng=random.Random(1), resolver=StaticResolver({}))
        add_accounts(empty_postgres)
        with empty_postgres.begin() as connection:
            connection.execute(insert(account), [column_values(holder) for holder in HOLDERS])
        database, relays = parts.database, [Relay(chosen.delivery) for _ in range(2)]
        deciders = [
            DecideWorker(f"decide-{n}", database, parts.pipeline, clock, parts.rng, verifier=PerSender(parts.pipeline))
            for n in range(2)
        ]
        senders = [
            DeliverWorker(f"deliver-{n}", database, relay, parts.secret, clock, parts.rng)
            for n, relay in enumerate(relays)
        ]
        alarms = AlarmWorker(database, parts.pipeline, clock)
        numbers = [f"ZGL{n:07d}" for n in range(1, CHANGES + 1)]
        envelope = Envelope(Source.LMTP, JAN.login, (HELPDESK,))

        async def take(mails: list[bytes]) -> None:
            arrived = [RawMessage(raw, envelope, clock()) for raw in mails]
            await database.write(lambda c: store(c, arrived, clock(), parts.secret))

        try:
            await take([_change(n) for n in range(CHANGES)])
            while await deciders[0].step():
                pass
            for n in range(ROUNDS):
                await take(_mails(n))
                steps: list[Step] = [_operator(database, order, clock) for order in (numbers, numbers[::-1]) * 2]
                steps += [*(d.step for d in deciders), *(s.step for s in senders), alarms.step]
                await asyncio.gather(*(step() for step in steps))  # no step raises
                clock.advance(hours=1)
            while await deciders[0].step() or await senders[0].step():
                pass
        finally:
            for relay in relays:
                await relay.close()
            await database.close()
    with empty_postgres.connect() as connection:
        states = Counter(connection.execute(select(inbox.c.state)).scalars())
        assert states == {jobs.DONE: CHANGES + ROUNDS * (CHANGES // 2 + 2)}
        stopped = connection.execute(select(ticket.c.state).where(ticket.c.number.in_(numbers))).scalars()
        assert Counter(stopped) == {"WSTRZYMANE": CHANGES}
        tickets = sorted(connection.execute(select(ticket.c.id)).scalars())
        assert tickets == list(range(1, len(tickets) + 1)), "no number is lost"


def _operator(database: Database, numbers: list[str], clock: Clock) -> Step:
    """Stops and releases tickets in one transaction, in an order of his own, and has all clocks looked at."""

    async def work() -> None:
        def all_of_them(connection: Connection) -> None:
            for number in numbers:
                hold.freeze(connection, number, clock(), {})
            sla.look_again(connection, clock())

        await database.write(all_of_them)

    return work
