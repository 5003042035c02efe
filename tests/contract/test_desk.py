"""Two people at one ticket at the same moment, on each engine: one of them does it, the other is told what was done."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, func, select, update

from mailbot.audit import chain
from mailbot.audit.verify import verify
from mailbot.desk import requests as r
from mailbot.desk.perform import Done
from mailbot.desk.plan import Refusal
from mailbot.desk.requests import ActionRequest
from mailbot.model.operator import Operator
from mailbot.storage.desk import audit
from mailbot.storage.schema import activation, outbox, ticket_event
from tests.bench_desk import ANNA, BASIA, CELA, SIGNED, Bench
from tests.flow import EWA, JAN


@pytest.fixture
def bench(engine: Engine) -> Bench:
    return Bench(engine, fill=True)


def at_once(*works: Callable[[], Done | Refusal]) -> list[Done | Refusal]:
    """What each came to, when all began together."""
    ready = threading.Barrier(len(works))
    found: dict[int, Done | Refusal] = {}

    def run(place: int) -> None:
        ready.wait(30)
        found[place] = works[place]()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [found[place] for place in range(len(works))]


def by(bench: Bench, who: Operator, request: ActionRequest) -> Callable[[], Done | Refusal]:
    def work() -> Done | Refusal:
        with bench.engine.begin() as connection:
            return bench.desk.perform(connection, "1", who, request, bench.clock())

    return work


@pytest.mark.parametrize("attempt", range(4))
def test_two_answers_at_once(bench: Bench, attempt: int) -> None:
    bench.question()
    seen = bench.version()
    replies = {who.name: r.Reply(version=seen, text=f"Odpowiedź: {who.name}.") for who in (ANNA, BASIA, CELA)}
    found = at_once(*(by(bench, who, replies[who.name]) for who in (ANNA, BASIA, CELA)))
    (done,) = (one for one in found if isinstance(one, Done))
    refused = [one for one in found if isinstance(one, Refusal)]
    assert [one.code for one in refused] == ["changed", "changed"]
    assert all(one.since[0].id == done.event and "Odpowiedź" in one.since[0].text for one in refused)
    assert bench.kinds() == ["T8", "T21"]


@pytest.mark.parametrize("attempt", range(4))
def test_a_stop_and_a_second_half_at_once(bench: Bench, attempt: int) -> None:
    bench.review_b()
    bench.send()
    bench.look(ANNA, BASIA)
    same = {"old_login": JAN.login, "waived": frozenset({"application"})}
    bench.done(ANNA, r.AcceptB, **same)
    seen = bench.version()
    confirm = r.ConfirmB(version=seen, reason="zgadza się", **same)
    stop = r.Stop(version=seen, reason="dzwonił właściciel")
    found = at_once(by(bench, BASIA, confirm), by(bench, CELA, stop))
    assert isinstance(found[1], Done)
    assert (bench.ticket().state, bench.ticket().desk) == ("WSTRZYMANE", "BEZPIECZENSTWO")
    with bench.engine.connect() as connection:
        links = connection.execute(select(activation.c.expires_at)).scalars().all()
    assert len(links) == int(isinstance(found[0], Done))
    assert all(end < bench.clock() for end in links)
    bench.clock.advance(days=1)
    assert not {"T2B", "T3"} & set(bench.send())


@pytest.mark.parametrize("attempt", range(3))
def test_a_letter_and_an_answer_at_once(bench: Bench, attempt: int) -> None:
    """A letter comes in the moment a ticket is closed: whichever is first, nothing is lost and the other knows."""
    bench.question()
    bench.send()
    seen = bench.version()
    ready = threading.Barrier(2)
    found: list[Done | Refusal] = []

    def close() -> None:
        ready.wait(30)
        found.append(by(bench, ANNA, r.ReplyAndClose(version=seen, text="Działa."))())

    def write() -> None:
        ready.wait(30)
        bench.letter(EWA.login, "Jeszcze coś.", subject="Re: ZGL0000001", name=f"x{attempt}")

    threads = [threading.Thread(target=work) for work in (close, write)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    events = bench.events()
    assert len(found) == 1
    if isinstance(found[0], Done):
        assert "replied-and-closed" in events
    else:
        assert found[0].code == "changed"
        assert bench.ticket().closed_at is None
    assert {"answered-by-citizen", "complaint"} & set(events)


def test_the_same_request_twice_is_done_once(bench: Bench) -> None:
    bench.question()
    request = r.Reply(version=bench.version(), text="Raz.")
    first, second = (by(bench, ANNA, request)() for _ in range(2))
    assert isinstance(first, Done)
    assert isinstance(second, Refusal)
    assert second.since[0].by == "anna"
    assert bench.kinds() == ["T8", "T21"]


def test_what_cannot_be_chained_is_not_done(bench: Bench) -> None:
    """The row of the audit chain belongs to the transaction."""
    bench.question()
    request = r.Reply(version=bench.version(), text="x")

    def broken(*_: object, **__: object) -> int:
        raise RuntimeError("no head")

    object.__setattr__(bench.desk, "record", broken)
    with pytest.raises(RuntimeError), bench.engine.begin() as connection:
        bench.desk.perform(connection, "1", ANNA, request, bench.clock())
    with bench.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(outbox)).scalar_one() == 1
        assert connection.execute(select(ticket_event.c.kind)).scalars().all() == ["opened"]


def test_what_people_do_stands_in_the_chain(bench: Bench) -> None:
    object.__setattr__(bench.desk, "record", chain.record)
    bench.review_b()
    bench.look(ANNA, BASIA)
    same = {"old_login": JAN.login, "waived": frozenset({"application"})}
    bench.done(ANNA, r.AcceptB, **same)
    done = bench.done(BASIA, r.ConfirmB, **same)
    with bench.engine.begin() as connection:
        assert list(verify(connection)) == []
        rows = connection.execute(select(audit).order_by(audit.c.seq)).all()
        assert [(row.actor, row.action) for row in rows] == [
            ("machine", "opened"),
            ("operator:anna", "application-opened"),
            ("operator:basia", "application-opened"),
            ("operator:anna", "accept-b-first"),
            ("operator:basia", "accepted"),
        ]
        assert rows[-1].after == done.event
        connection.execute(update(ticket_event).where(ticket_event.c.id == done.event).values(detail={"by": "ola"}))
        assert list(verify(connection)) != []


def test_every_kind_of_action_works_here(bench: Bench) -> None:
    """What SQLite lets pass PostgreSQL may not: merge, split, again, stop, release, end, take back."""
    bench.question()
    bench.letter(EWA.login, "Drugie pytanie o ten formularz.", subject="Drugie pytanie o formularz")
    bench.done(ANNA, r.Merge, "2", other="1")
    letter = bench.letter(EWA.login, "A to inna sprawa.", subject="Re: ZGL0000001")
    bench.done(ANNA, r.Split, letter=letter)
    bench.done(ANNA, r.Link, "3", other="1")
    bench.done(ANNA, r.Reply, "3", text="Tak.")
    bench.done(ANNA, r.TakeBack, "3")
    bench.letter(auth="fail")
    bench.done(BASIA, r.OutOfQuarantine, "4")
    bench.decide()
    bench.review_b(SIGNED)
    moves = bench.last().number
    bench.done(ANNA, r.Stop, moves)
    bench.done(BASIA, r.Release, moves)
    bench.done(ANNA, r.Stop, moves)
    bench.done(BASIA, r.Close, moves, how=r.How.REFUSED, silence=r.Silence.NOISE)
    assert bench.ticket(bench.last().id).state == "ZAMKNIETE_NEGATYWNIE"
