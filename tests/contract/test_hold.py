"""A stop and a click on the link at the same moment, on each engine: one of them is first, and both know which."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, insert, select, update

from mailbot.storage.schema import activation as table
from mailbot.storage.schema import outbox, ticket, ticket_event
from mailbot.tickets import activation, hold
from mailbot.tickets.release import Refused, Released, release
from tests.links import DAY, NOW, grant, notice


def freeze(engine: Engine) -> bool:
    with engine.begin() as connection:
        return hold.freeze(connection, "ZGL0000001", NOW, {"by": "anna"})


def use(engine: Engine, token: str) -> bool:
    with engine.begin() as connection:
        link = activation.find(connection, token, NOW)
        return link is not None and activation.use(connection, link, NOW)


def state(engine: Engine) -> tuple[str, str, bool, list[str]]:
    with engine.connect() as connection:
        row = connection.execute(select(ticket.c.state, ticket.c.desk)).one()
        used = connection.execute(select(table.c.used_at)).scalar_one() is not None
        events = connection.execute(select(ticket_event.c.kind).order_by(ticket_event.c.id)).scalars().all()
    return row.state, row.desk, used, list(events)


def test_stopped_before_it_was_used(engine: Engine) -> None:
    token = grant(engine, "ZGL0000001")
    assert freeze(engine)
    assert not use(engine, token)
    assert state(engine) == ("WSTRZYMANE", "BEZPIECZENSTWO", False, ["frozen"])


def test_used_before_it_was_stopped(engine: Engine) -> None:
    token = grant(engine, "ZGL0000001")
    assert use(engine, token)
    assert freeze(engine)
    assert state(engine) == ("DO_WERYFIKACJI", "BEZPIECZENSTWO", True, ["activation-used", "stop-too-late"])


@pytest.mark.parametrize("attempt", range(5))
def test_both_at_once(engine: Engine, attempt: int) -> None:
    token = grant(engine, "ZGL0000001")
    ready = threading.Barrier(2)
    used: list[bool] = []

    def race(work: Callable[[], bool]) -> None:
        ready.wait(30)
        used.append(work())

    threads = [
        threading.Thread(target=race, args=(lambda: use(engine, token),)),
        threading.Thread(target=race, args=(lambda: not freeze(engine),)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(used) == 2
    found = state(engine)
    if any(used):
        assert found == ("DO_WERYFIKACJI", "BEZPIECZENSTWO", True, ["activation-used", "stop-too-late"])
    else:
        assert found == ("WSTRZYMANE", "BEZPIECZENSTWO", False, ["frozen"])


def test_what_waits_is_told_for_changes_of_login_only(engine: Engine) -> None:
    grant(engine, "ZGL0000001", "a@wp.example")
    grant(engine, "ZGL0000002", "b@wp.example", new_login="b@nowa.example")
    grant(engine, "ZGL0000003", "c@wp.example", new_login="c@nowa.example")
    with engine.begin() as connection:
        hold.freeze(connection, "ZGL0000003", NOW, {})
    with engine.connect() as connection:
        assert hold.waiting(connection, NOW) == ["ZGL0000002"]
        assert hold.waiting(connection, NOW + DAY) == []


def mails(engine: Engine, states: dict[str, str], *, warned_at: datetime | None) -> None:
    """The mails of case B in the outbox, each written before the ticket was stopped."""
    with engine.begin() as connection:
        for ordinal, (kind, mail_state) in enumerate(states.items(), start=1):
            connection.execute(
                insert(outbox).values(
                    ticket_id=1,
                    slot=kind,
                    kind=kind,
                    ordinal=ordinal,
                    recipient="jan@wp.example" if kind == "T14" else "jan@nowa.example",
                    return_path="",
                    message_id=f"<{kind}@helpdesk.example>",
                    raw=b"In-Reply-To: <a@nowa.example>\r\nReferences: <b@nowa.example>\r\n <a@nowa.example>\r\n\r\n",
                    state=mail_state,
                    due_at=NOW,
                    deadline=NOW,
                    delay_seconds=4 * 3600 if kind == "T2B" else 0,
                    sent_at=warned_at if mail_state == "done" else None,
                )
            )


def go_on(engine: Engine, now: datetime) -> Released | Refused:
    with engine.begin() as connection:
        return release(connection, "ZGL0000001", now, DAY, notice(), {"by": "anna", "reason": "called back"})


def outgoing(engine: Engine) -> dict[str, tuple[str, datetime]]:
    with engine.connect() as connection:
        rows = connection.execute(select(outbox.c.kind, outbox.c.state, outbox.c.due_at).order_by(outbox.c.ordinal))
        return {row.kind: (row.state, row.due_at) for row in rows}


def test_a_release_keeps_the_hold_and_writes_the_mails_anew(engine: Engine) -> None:
    token = grant(engine, "ZGL0000001", new_login="jan@nowa.example")
    warned_at, now = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    mails(engine, {"T1": "done", "T14": "done", "T2B": "queued", "T3": "waiting"}, warned_at=warned_at)
    assert freeze(engine)
    starts = warned_at + timedelta(hours=4)
    assert go_on(engine, now) == Released(starts, starts + DAY)
    assert go_on(engine, now) == Refused("is not stopped")
    found = outgoing(engine)
    assert found["T2B"] == ("queued", starts)
    assert found["T3"][0] == "waiting"
    with engine.connect() as connection:
        link = activation.find(connection, token, starts + DAY - timedelta(seconds=1))
        raws = connection.execute(select(outbox.c.raw).where(outbox.c.kind.in_(hold.HELD))).scalars().all()
    assert link is not None, "the mail holds the token it would have held"
    assert all(b"References: <b@nowa.example>\r\n <a@nowa.example>" in raw for raw in raws)


def test_a_warning_that_was_given_up_leaves_again_and_the_rest_waits_behind_it(engine: Engine) -> None:
    grant(engine, "ZGL0000001", new_login="jan@nowa.example")
    mails(engine, {"T1": "done", "T14": "buried", "T2B": "waiting", "T3": "waiting"}, warned_at=NOW)
    freeze(engine)
    now = NOW + timedelta(hours=30)
    assert go_on(engine, now) == Released(now + timedelta(hours=4), now + timedelta(hours=28))
    assert {kind: found[0] for kind, found in outgoing(engine).items()} == {
        "T1": "done", "T14": "queued", "T2B": "waiting", "T3": "waiting",
    }  # fmt: skip


def test_an_answer_to_a_later_mail_holds_nothing_up(engine: Engine) -> None:
    """It has an order of its own, and nothing that was written before waits behind it."""
    grant(engine, "ZGL0000001", new_login="jan@nowa.example")
    states = {"T1": "done", "T14": "done", "T2B": "queued", "T3": "waiting", "W1": "queued"}
    mails(engine, states, warned_at=NOW)
    with engine.begin() as connection:
        connection.execute(update(outbox).where(outbox.c.kind == "W1").values(ordinal=1))
    freeze(engine)
    assert isinstance(go_on(engine, NOW), Released)
    assert {kind: found[0] for kind, found in outgoing(engine).items()} == states


def test_a_mail_in_the_hands_of_a_worker_must_come_back_first(engine: Engine) -> None:
    grant(engine, "ZGL0000001", new_login="jan@nowa.example")
    mails(engine, {"T1": "done", "T14": "done", "T2B": "leased", "T3": "waiting"}, warned_at=NOW)
    freeze(engine)
    assert isinstance(go_on(engine, NOW), Refused)
    assert state(engine)[:2] == ("WSTRZYMANE", "BEZPIECZENSTWO")


def test_two_operators_release_it_once(engine: Engine) -> None:
    grant(engine, "ZGL0000001", new_login="jan@nowa.example")
    mails(engine, {"T1": "done", "T14": "done", "T2B": "queued", "T3": "waiting"}, warned_at=NOW)
    freeze(engine)
    ready = threading.Barrier(3)
    done: list[Released | Refused] = []

    def race() -> None:
        ready.wait(30)
        done.append(go_on(engine, NOW))

    threads = [threading.Thread(target=race) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(type(one).__name__ for one in done) == ["Refused", "Refused", "Released"]


def undecided(engine: Engine) -> tuple[bool, bool]:
    """For case A, for case B."""
    with engine.connect() as connection:
        case_a, case_b = (hold.undecided(connection, "jan@wp.example", moves=moves) for moves in (False, True))
    return case_a, case_b


@pytest.mark.parametrize(
    ("new_login", "stopped"), [(None, (True, True)), ("jan@nowa.example", (False, True))], ids=["case A", "case B"]
)
def test_a_stopped_login_waits_for_a_person(engine: Engine, new_login: str | None, stopped: tuple[bool, bool]) -> None:
    grant(engine, "ZGL0000001", new_login=new_login)
    assert undecided(engine) == (False, False)
    freeze(engine)
    assert undecided(engine) == stopped
    with engine.begin() as connection:
        assert hold.close(connection, "ZGL0000001", NOW, {"by": "anna"})
    assert undecided(engine) == (False, False)
    assert state(engine)[:2] == ("ZAMKNIETE_NEGATYWNIE", "")


def test_only_what_is_stopped_is_closed(engine: Engine) -> None:
    grant(engine, "ZGL0000001")
    with engine.begin() as connection:
        assert not hold.close(connection, "ZGL0000001", NOW, {})
        assert not hold.close(connection, "ZGL0000009", NOW, {})
