"""Telling of a break, on each engine."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from email import message_from_bytes

import pytest
from sqlalchemy import Engine, select, update

from mailbot.config import BreakerSettings
from mailbot.mails import thread
from mailbot.outbox import jobs
from mailbot.ruleset.model import Notice as Break
from mailbot.ruleset.model import Window
from mailbot.secret import SEALED, Hiding
from mailbot.storage import personal
from mailbot.storage.schema import outbox, ticket
from mailbot.tickets import breaker, correspondence
from tests.links import DAY, NOW, SECRET, notice, open_ticket

BREAK = Break(
    name="przerwa-o-20-znakach",
    state="published",
    published=date(2026, 3, 28),
    system="Help Desk SISC",
    title="Niedostępność",
    windows=(Window(NOW + DAY, NOW + 2 * DAY),),
    source="test",
)


def open_tickets(engine: Engine, count: int) -> None:
    with engine.begin() as connection:
        for n in range(1, count + 1):
            open_ticket(connection, f"ZGL{n:07}")
        connection.execute(update(ticket).values(state="W_TOKU", correspondent=ticket.c.number, category="OGOLNE"))
        connection.execute(update(ticket).values(correspondent=ticket.c.correspondent + "@wp.example"))


def tell(engine: Engine, *notices: Break, pace: int = 1000) -> list[int]:
    """How many were told, in each batch of each notice."""
    teller = notice()
    counts = []
    for each in notices:
        told = 0
        while True:
            with engine.begin() as connection:
                counts.append(teller.tell_break(connection, each, NOW, pace, told))
            told += counts[-1]
            if not counts[-1]:
                break
    return counts


def test_batches_reach_every_ticket_once(engine: Engine) -> None:
    open_tickets(engine, 250)
    assert tell(engine, BREAK) == [200, 50, 0]
    assert tell(engine, BREAK) == [0]
    with engine.connect() as connection:
        rows = connection.execute(select(outbox)).all()
    assert len({row.ticket_id for row in rows}) == 250
    assert {(row.slot, row.kind, row.state, row.ordinal) for row in rows} == {
        ("T12 przerwa-o-20-znakach", "T12", jobs.QUEUED, 0)
    }


def test_what_is_told_to_all_counts_for_the_breaker_and_does_not_trip_it(engine: Engine) -> None:
    open_tickets(engine, 250)
    settings = BreakerSettings(correspondents_per_hour=60, correspondents_per_day=2400)
    assert tell(engine, BREAK, pace=breaker.pace(settings)) == [200, 50, 0]
    with engine.connect() as connection:
        rows = connection.execute(select(outbox).order_by(outbox.c.due_at)).all()
    assert {row.reach for row in rows} == {"correspondent"}
    hours = Counter((row.due_at - NOW) / timedelta(hours=1) for row in rows)
    assert hours == {**dict.fromkeys(range(8), 30), 8: 10}
    assert all(row.arrived_at == row.due_at == row.deadline - DAY for row in rows)
    with engine.begin() as connection:
        assert breaker.admit(connection, [row.id for row in rows], settings, NOW) == []
        assert breaker.stopped(connection) == frozenset()


def test_the_last_word_to_an_old_login_counts_for_the_breaker(engine: Engine) -> None:
    with engine.begin() as connection:
        notice().tell(connection, open_ticket(connection, "ZGL0000001"), "jan@wp.example", NOW)
        row = connection.execute(select(outbox)).one()
        assert (row.kind, row.reach, row.arrived_at) == ("T19", "login", NOW)


def test_who_has_many_open_tickets_is_told_once_with_the_newest(engine: Engine) -> None:
    open_tickets(engine, 9)
    with engine.begin() as connection:
        connection.execute(update(ticket).where(ticket.c.id < 5).values(correspondent="Jan@wp.example"))
        connection.execute(update(ticket).where(ticket.c.id == 5).values(correspondent="jan@wp.example"))
        connection.execute(update(ticket).where(ticket.c.id == 9).values(state="ZAMKNIETE_ROZWIAZANE"))
    assert tell(engine, BREAK) == [4, 0]
    with engine.connect() as connection:
        assert connection.execute(select(outbox.c.ticket_id).order_by(outbox.c.id)).scalars().all() == [5, 6, 7, 8]


SPELLED = ("Jan@wp.example", "jan@wp.example", "ewa@wp.example", "JAN@wp.example", "ewa@wp.example")


@pytest.mark.parametrize("told_before", [False, True])
@pytest.mark.parametrize("sealed", range(len(SPELLED) + 1))
def test_while_addresses_are_sealed_everybody_is_told_once(engine: Engine, sealed: int, *, told_before: bool) -> None:
    """`mailbot key seal` has come to the first ``sealed`` tickets; the newest of each were told before, or none."""
    open_tickets(engine, len(SPELLED))
    begun = replace(SECRET, hiding=Hiding.BEGUN)
    with engine.begin() as connection:
        for n, address in enumerate(SPELLED, 1):
            connection.execute(update(ticket).where(ticket.c.id == n).values(correspondent=address))
        if told_before:
            assert notice().tell_break(connection, BREAK, NOW, 1000) == 2
        for row in connection.execute(select(ticket).where(ticket.c.id <= sealed)).all():
            hidden = personal.ticket(begun, row._mapping, None)
            connection.execute(update(ticket).where(ticket.c.id == row.id).values(hidden))
        teller = replace(notice(), secret=begun)
        assert teller.tell_break(connection, BREAK, NOW, 1000) == (0 if told_before else 2)
        assert teller.tell_break(connection, BREAK, NOW, 1000) == 0
        assert connection.execute(select(outbox.c.ticket_id).order_by(outbox.c.id)).scalars().all() == [4, 5]


def test_who_was_told_is_not_told_again_for_a_ticket_that_came_later(engine: Engine) -> None:
    open_tickets(engine, 1)
    assert tell(engine, BREAK) == [1, 0]
    with engine.begin() as connection:
        open_ticket(connection, "ZGL0000002")
        connection.execute(update(ticket).values(state="W_TOKU", correspondent="zgl0000001@wp.example"))
    assert tell(engine, BREAK) == [0]


def test_nobody_waits_behind_tickets_whose_keys_are_lost(engine: Engine) -> None:
    open_tickets(engine, 250)
    with engine.begin() as connection:
        sealed = SEALED + b"\x02" + bytes(60)
        connection.execute(update(ticket).where(ticket.c.id <= 210).values(sealed=sealed))
    assert tell(engine, BREAK) == [40, 0]


def test_a_second_notice_is_another_mail(engine: Engine) -> None:
    open_tickets(engine, 1)
    assert tell(engine, BREAK, replace(BREAK, name="druga")) == [1, 0, 1, 0]
    with engine.connect() as connection:
        raws = connection.execute(select(outbox.c.raw)).scalars().all()
    headers = [message_from_bytes(raw) for raw in raws]
    identifiers = {mail["Message-ID"] for mail in headers}
    assert len(identifiers) == 2
    assert {thread.parse(identifier) for identifier in identifiers} == {
        ("ZGL0000001", correspondence.token(SECRET, "ZGL0000001"))
    }, "an answer to it belongs to the ticket"
    assert {mail["Auto-Submitted"] for mail in headers} == {"auto-generated"}
