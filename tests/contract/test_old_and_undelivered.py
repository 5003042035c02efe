"""Mail that came too long ago, and what a server cannot deliver, is for a person of the help desk."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, update

from mailbot.config import IntakeSettings
from mailbot.inbox import Cursor, MessageTraits, store, stored_digests, stored_traits, stored_uids
from mailbot.model import Envelope, RawMessage, Source
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.storage.schema import decision, inbox, outbox, ticket
from mailbot.workers.decide import DecideWorker
from tests.flow import Clock, add_accounts, mail, settings
from tests.intake import SECRET

MAILBOX = "helpdesk@imap.example/INBOX"


class Office:
    """Decides what it is given, by IMAP."""

    def __init__(self, worker: DecideWorker, parts: compose.Parts, clock: Clock) -> None:
        self.worker = worker
        self.parts = parts
        self.clock = clock
        self.uid = 0

    def raw(self, raw: bytes, *, age: timedelta = timedelta(), **about: object) -> RawMessage:
        self.uid += 1
        envelope = Envelope(Source.IMAP, mailbox=MAILBOX, uidvalidity=1, uid=self.uid)
        return RawMessage(raw, replace(envelope, **about), self.clock() - age)  # type: ignore[arg-type]

    async def decided(self, *messages: RawMessage) -> list[tuple[str, str]]:
        """Rule and desk of each."""
        ids = [
            one.inbox_id
            for one in await self.parts.database.write(lambda c: store(c, messages, self.clock(), self.parts.secret))
        ]
        while await self.worker.step():
            pass
        wanted = (
            select(decision.c.rule, func.coalesce(ticket.c.desk, ""))
            .select_from(inbox.join(decision).outerjoin(ticket, ticket.c.id == inbox.c.ticket_id))
            .where(inbox.c.id.in_(ids))
            .order_by(inbox.c.id)
        )
        return [tuple(row) for row in await self.parts.database.read(lambda c: c.execute(wanted).all())]

    async def mails(self) -> int:
        return await self.parts.database.read(
            lambda c: c.execute(select(func.count()).select_from(outbox)).scalar_one()
        )


@asynccontextmanager
async def opened(engine: Engine, folder: Path, oldest_days: int = 7) -> AsyncIterator[Office]:
    clock = Clock()
    url = engine.url.render_as_string(hide_password=False)
    chosen = replace(settings(url, folder / "key", 1), intake=IntakeSettings(oldest_days))
    parts = compose.build(chosen, clock=clock, rng=random.Random(1), resolver=StaticResolver({}))
    add_accounts(engine)
    try:
        yield Office(DecideWorker("worker", parts.database, parts.pipeline, clock, parts.rng), parts, clock)
    finally:
        await parts.database.close()


@pytest.fixture
async def office(empty_engine: Engine, tmp_path: Path) -> AsyncIterator[Office]:
    async with opened(empty_engine, tmp_path) as made:
        yield made


# --------------------------------------------------------------------------------------------------------- old arrivals


async def test_a_request_of_eight_months_ago_grants_nothing(office: Office) -> None:
    ages = [timedelta(days=240), timedelta(days=20_000)]  # an INTERNALDATE of 1971: the server has lost the date
    found = await office.decided(*(office.raw(mail(name=str(age.days)), age=age) for age in ages))
    assert found == [("old-arrival", "II_LINIA")] * 2
    assert await office.mails() == 0


async def test_a_long_weekend_is_served(office: Office) -> None:
    assert await office.decided(office.raw(mail(), age=timedelta(days=5))) == [("case-a", "")]
    assert await office.mails() == 3


async def test_the_limit_is_a_setting_and_counts_until_the_decision(empty_engine: Engine, tmp_path: Path) -> None:
    async with opened(empty_engine, tmp_path, oldest_days=2) as office:
        waiting = office.raw(mail())
        office.clock.advance(days=3)  # in the inbox, since the workers were down
        assert await office.decided(waiting) == [("old-arrival", "II_LINIA")]


async def test_a_row_that_is_tried_again_after_months_grants_nothing(office: Office) -> None:
    """`mailbot queue retry` of a mail that was buried."""
    message = office.raw(mail())
    await office.parts.database.write(lambda c: store(c, [message], office.clock(), office.parts.secret))
    await office.parts.database.write(lambda c: c.execute(update(inbox).values(state="buried")))
    office.clock.advance(days=90)
    await office.parts.database.write(lambda c: c.execute(update(inbox).values(state="queued")))
    assert await office.decided(message) == [("old-arrival", "II_LINIA")]


@pytest.mark.parametrize("rules", [mail(), mail(subject="NOWE", body="Nie działa."), mail(subject="Pytanie", body="?")])
async def test_what_may_have_been_answered_before_a_restore_is_for_a_person(office: Office, rules: bytes) -> None:
    assert await office.decided(office.raw(rules, again=True)) == [("old-arrival", "II_LINIA")]
    assert await office.mails() == 0


# ----------------------------------------------------------------------------------------------- what is not delivered

STUB = (
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nFrom: Microsoft Exchange Server\r\n{to}"
    "Subject: Retrieval using the IMAP4 protocol failed for the following message: {number}\r\n\r\n"
    'The server couldn\'t retrieve the following message:\r\n\r\nSubject: "Haslo"\r\n'
    "The message hasn't been deleted. You might be able to view it using either Outlook or Outlook Web App.\r\n"
)
NO_MAIL: Sequence[bytes] = (
    b"",
    b"\r\n\r\n",
    b"no header at all, only words\r\n",
    STUB.format(to="", number=7).encode(),
    STUB.format(to="To: <helpdesk@helpdesk.example>\r\n", number=9).encode(),
    STUB.format(to="", number=8).replace("Exchange Server", "Exchange Server <x@helpdesk.example>").encode(),
    "From: Serwer poczty\r\nSubject: Nie udało się pobrać wiadomości 4\r\n\r\nWiadomość: 4\r\n".encode(),
)


async def test_what_the_server_cannot_deliver_is_for_the_help_desk(office: Office) -> None:
    assert await office.decided(*map(office.raw, NO_MAIL)) == [("unreadable", "II_LINIA")] * len(NO_MAIL)
    assert await office.mails() == 0
    clocks = select(func.count()).select_from(ticket).where(ticket.c.alarm_at.is_not(None))
    assert await office.parts.database.read(lambda c: c.execute(clocks).scalar_one()) == len(NO_MAIL)


async def test_two_that_are_alike_are_two(office: Office) -> None:
    """Nothing is known of either: neither is a copy of the other. The same delivery again is one row."""
    note = "unreadable: the server failed to give this message 3 times"
    messages = [office.raw(b"", note=note) for _ in range(3)]
    assert await office.decided(*messages, *messages) == [("unreadable", "II_LINIA")] * 3


@pytest.mark.parametrize(
    "raw",
    [
        b"Received: from a by b; Mon, 2 Mar 2026 08:30:00 +0100\r\nSubject: x\r\n\r\nNobody wrote this.\r\n",
        mail().replace(b"From: ", b"From: kto.inny@obcy.example, ", 1),
    ],
    ids=["no From", "two senders"],
)
async def test_a_mail_that_hides_its_sender_is_still_for_security(office: Office, raw: bytes) -> None:
    """It came through an MTA, which says so: the server has not written it."""
    assert await office.decided(office.raw(raw)) == [("ambiguous-sender", "BEZPIECZENSTWO")]


# ------------------------------------------------------------------------------------------------ what is in the inbox


async def test_what_is_stored_is_found_by_place_name_and_bytes(office: Office) -> None:
    messages = [office.raw(b"%d" % n) for n in range(1200)]
    await office.parts.database.write(lambda c: store(c, messages, office.clock(), SECRET))
    cursor = Cursor(MAILBOX, 1, 0)
    await office.parts.database.write(
        lambda c: c.execute(update(inbox).where(inbox.c.id == 5).values(message_key="<a@b>"))
    )
    read = office.parts.database.read
    assert await read(lambda c: stored_uids(c, cursor, range(1, 2001))) == set(range(1, 1201))
    assert await read(lambda c: stored_uids(c, replace(cursor, uidvalidity=2), range(1, 2001))) == set()
    assert await read(lambda c: stored_digests(c, {messages[7].sha256, "0" * 64}, SECRET)) == {messages[7].sha256}
    assert await read(lambda c: stored_digests(c, set(), SECRET)) == set()
    traits = MessageTraits("<a@b>", len(messages[4].raw), office.clock())
    assert await read(lambda c: stored_traits(c, ["<a@b>", None, "<c@d>"], SECRET)) == [traits]
    assert await read(lambda c: stored_traits(c, [None], SECRET)) == []


@pytest.mark.parametrize("empty_engine", ["sqlite"], indirect=True)
async def test_no_look_for_what_is_stored_reads_the_table(office: Office) -> None:
    for condition in ("delivery_key IN ('a', 'b')", "message_key IN ('a', 'b')"):
        plan = await office.parts.database.read(
            lambda c, condition=condition: c.exec_driver_sql(
                f"EXPLAIN QUERY PLAN SELECT id FROM inbox WHERE {condition}"
            ).all()
        )
        assert all(row.detail.startswith("SEARCH") for row in plan), condition
