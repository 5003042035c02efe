"""Machines that answer each mail, over real sockets: how many mails leave, whatever they do. Time moves when told."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from mailbot.config import BreakerSettings
from mailbot.storage.schema import outbox
from mailbot.tickets import breaker
from mailbot.tickets.breaker import Reach
from tests.citizens import AUTHSERV_ID, HELPDESK
from tests.flow import JAN, STRANGER, Flow, Sent, mail, running

OTHER = "pomoc@drugi.example"
SMALL = BreakerSettings(strangers_per_hour=20, strangers_per_day=30)
MARKS = re.compile(rb"(?im)^(Auto-Submitted|X-Auto-Response-Suppress|X-Loop|Precedence): .*\r\n(?:[ \t].*\r\n)*")


def bridged(sent: Sent, *, plain: bool) -> bytes:
    """A mail of one mailbot as the MX of the other hands it over. ``plain``: some relay took away what tells that a
    machine wrote it."""
    host = sent.raw.partition(b"From: ")[2].partition(b"\r\n")[0].rpartition(b"@")[2].rstrip(b">")
    proof = b"Authentication-Results: %s; dmarc=pass header.from=%s\r\n" % (AUTHSERV_ID.encode(), host)
    passed = (
        b"Received: from x.example (x.example [192.0.2.1])\r\n\tby %s (Postfix) with ESMTPS id A1\r\n"
        % AUTHSERV_ID.encode()
    )
    head = passed + b"\tfor <x@y.example>; Fri, 20 Nov 2026 12:00:00 +0100\r\n"
    return proof + head + (MARKS.sub(b"", sent.raw) if plain else sent.raw)


@pytest.mark.parametrize(("plain", "most"), [(False, 1), (True, 2)], ids=["as they are", "their marks taken away"])
async def test_two_mailbots_face_to_face(tmp_path: Path, plain: bool, most: int) -> None:
    """A letter in the name of one begins it. Without what tells a machine the number of the ticket ends it."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    async with running(tmp_path / "a") as one, running(tmp_path / "b", helpdesk=OTHER) as two:
        await one.answer(mail(OTHER, "Mam pytanie.", subject="NOWE"), OTHER)
        done = {id(one): 0, id(two): 0}
        for _ in range(60):
            for here, there, address in ((one, two, OTHER), (two, one, HELPDESK)):
                fresh = here.sink.accepted[done[id(here)] :]
                done[id(here)] += len(fresh)
                for sent in fresh:
                    sender = HELPDESK if here is one else OTHER
                    await there.answer(bridged(sent, plain=plain), sender if plain else sent.mail_from, address)
        assert max(len(one.sink.accepted), len(two.sink.accepted)) <= most


async def robot(flow: Flow, address: Callable[[int], str], answers: int) -> None:
    """A machine without headers that answers each mail it gets with ``answers`` of its own, each from a new address."""
    n, seen = 1, 0
    await flow.answer(mail(address(0), "Mam pytanie 0.", subject="NOWE", name="0"), address(0))
    while seen < len(flow.sink.accepted) and n < 120:
        seen += 1
        for _ in range(answers):
            body = f"Odpowiedź {n}."
            await flow.take(mail(address(n), body, subject=f"Automat {n}", name=f"{n}"), address(n))
            n += 1
        await flow.decide()
        await flow.deliver()


async def test_a_robot_without_headers_at_one_address_fades_out(tmp_path: Path) -> None:
    """Six mails a day for a week: 40 are answered, whatever the other limits of a day forget."""
    async with running(tmp_path) as flow:
        for n in range(42):
            await flow.answer(mail(STRANGER, f"Echo {n}.", subject=f"Automat {n}", name=f"{n}"), STRANGER)
            flow.clock.advance(hours=4)
        assert len(flow.sink.accepted) == 40


async def test_a_robot_with_a_new_address_for_each_answer(tmp_path: Path) -> None:
    """Its domain gets 60 mails in an hour (the ladder), 288 before."""
    async with running(tmp_path) as flow:
        await robot(flow, lambda n: f"robot{n}@robot.example", 3)
        assert len(flow.sink.accepted) == 60
        assert await flow.rows(select(outbox.c.state).distinct()) == [("done",)], "the rest waits for a person"


async def test_a_robot_with_a_new_subdomain_for_each_answer(tmp_path: Path) -> None:
    """As one domain: whoever has it makes as many as he likes."""
    async with running(tmp_path) as flow:
        await robot(flow, lambda n: f"robot@r{n}.x{n}.robot.example", 3)
        assert len(flow.sink.accepted) == 60
        assert await flow.parts.database.read(breaker.stopped) == frozenset()


async def test_a_robot_with_a_new_domain_for_each_answer_trips_the_breaker(tmp_path: Path) -> None:
    """20 mails leave, 20 more when a person has let go what waits, and a citizen hardly notices."""
    async with running(tmp_path, breaker=SMALL) as flow:
        await robot(flow, lambda n: f"robot@r{n}.example", 3)
        assert len(flow.sink.accepted) == 20
        assert await flow.parts.database.read(breaker.stopped) == {Reach.STRANGER}
        assert await flow.answer(mail(), JAN.login) == "OK_A"
        assert [sent.kind for sent in flow.sink.accepted[20:]] == ["T1", "T2A", "T3"]
        waiting = len(await flow.rows(select(outbox.c.id).where(outbox.c.state == "queued")))
        assert waiting, "nothing is lost"

        now = flow.clock()
        await flow.parts.database.write(lambda c: breaker.lift(c, list(Reach), "shell:test", "looked", now))
        await flow.deliver()
        assert len(flow.sink.accepted) == min(23 + waiting, 43)


async def test_a_bot_that_bounces_each_mail_gets_no_answer(tmp_path: Path) -> None:
    """Delivery status notifications, well formed and not: 3 mails leave, those of the citizen."""
    async with running(tmp_path) as flow:
        await flow.answer(mail(), JAN.login)
        for seen in range(3):
            sent = flow.sink.accepted[seen]
            for sender, subject in (
                ("MAILER-DAEMON@wp.example", "Undelivered Mail Returned to Sender"),
                ("postmaster@wp.example", "Delivery Status Notification (Failure)"),
            ):
                raw = mail(sender, sent.text, subject=subject, name=f"{seen}{subject}")
                await flow.answer(raw, "", sent.mail_from or HELPDESK)
        assert len(flow.sink.accepted) == 3


async def test_what_waits_over_the_end_of_the_breaker_is_in_time(tmp_path: Path) -> None:
    """A flood that a person looks at after a night: its mails are not given up for their promise."""
    async with running(tmp_path, breaker=SMALL) as flow:
        await robot(flow, lambda n: f"robot@r{n}.example", 2)
        flow.clock.advance(hours=30)
        now = flow.clock()
        await flow.parts.database.write(lambda c: breaker.lift(c, [Reach.STRANGER], "shell:test", "looked", now))
        await flow.deliver()
        assert await flow.rows(select(outbox.c.id).where(outbox.c.state == "buried")) == []
