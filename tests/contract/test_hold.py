"""A stop and a click on the link at the same moment, on each engine: one of them is first, and both know which."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, insert, select, update

from mailbot.storage.database import Database
from mailbot.storage.mailbox import imap_cursor
from mailbot.storage.schema import activation as table
from mailbot.storage.schema import decision, inbox, outbox, ticket, ticket_event
from mailbot.tickets import activation, hold
from mailbot.tickets.release import Released, ReleaseRefused, release
from mailbot.workers.deliver import DeliverWorker
from tests.links import DAY, NOW, SECRET, grant, notice, open_ticket, token
from tests.office import Clock, StubRelay


def freeze(engine: Engine) -> bool:
    with engine.begin() as connection:
        return hold.freeze(connection, "ZGL0000001", NOW, {"by": "anna"})


def use(engine: Engine, token: str) -> bool:
    with engine.begin() as connection:
        link = activation.find(connection, SECRET, token, NOW)
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


def test_a_stopped_link_stays_dead_when_the_clock_is_set_back_behind_its_beginning(engine: Engine) -> None:
    token = grant(engine, "ZGL0000001")
    assert freeze(engine)
    with engine.connect() as connection:
        assert activation.find(connection, SECRET, token, NOW - timedelta(hours=2)) is None


def test_a_word_stops_what_waits_to_move_that_login_and_no_other(engine: Engine) -> None:
    """Who asks twice sends two warnings, and one is answered."""
    for number, login, new_login in (
        ("ZGL0000001", "jan@wp.example", "jan@nowa.example"),
        ("ZGL0000002", "jan@wp.example", "jan@inna.example"),
        ("ZGL0000003", "ewa@wp.example", "ewa@nowa.example"),
        ("ZGL0000004", "jan@wp.example", None),
    ):
        grant(engine, number, login, new_login=new_login)
    with engine.begin() as connection:
        connection.execute(update(table).values(expires_at=NOW + DAY))
    assert freeze(engine)
    with engine.connect() as connection:
        found = connection.execute(select(ticket.c.number).where(ticket.c.state == "WSTRZYMANE")).scalars()
        assert set(found) == {"ZGL0000001", "ZGL0000002"}


def test_whose_word_it_is_tells_the_login_that_moves(engine: Engine) -> None:
    grant(engine, "ZGL0000001", "ewa@wp.example", new_login="ewa@nowa.example")
    grant(engine, "ZGL0000002", "jan@wp.example", new_login="jan@nowa.example")
    grant(engine, "ZGL0000003", "ola@wp.example")
    numbers = ["ZGL0000001", "ZGL0000002", "ZGL0000003"]
    with engine.connect() as connection:
        found = [hold.of_login(connection, SECRET, numbers, f"{name}@wp.example") for name in ("ewa", "jan", "ola")]
        assert found == ["ZGL0000001", "ZGL0000002", None]
        assert hold.of_login(connection, SECRET, ["ZGL0000001"], "jan@wp.example") is None


def test_what_has_left_stays_told_when_a_stopped_ticket_is_ended(engine: Engine) -> None:
    grant(engine, "ZGL0000001")
    mails(engine, {"T1": "done", "T2A": "done", "T3": "queued"}, warned_at=None)
    assert freeze(engine)
    with engine.begin() as connection:
        assert hold.close(connection, "ZGL0000001", NOW, {"by": "anna"})
    assert [found[0] for found in outgoing(engine).values()] == ["done", "done", "cancelled"]


def test_security_has_a_stopped_ticket_as_a_desk_and_its_clocks_are_looked_at(engine: Engine) -> None:
    grant(engine, "ZGL0000001")
    with engine.begin() as connection:
        connection.execute(update(ticket).values(owner="anna", alarm_at=None, closed_at=NOW))
    assert freeze(engine)
    with engine.connect() as connection:
        row = connection.execute(select(ticket.c.owner, ticket.c.alarm_at, ticket.c.closed_at)).one()
    assert tuple(row) == (None, NOW, None)


def test_a_word_after_the_end_is_read_by_a_person_and_stops_nothing(engine: Engine) -> None:
    grant(engine, "ZGL0000001", new_login="jan@nowa.example")
    mails(engine, {"T1": "done", "T14": "done", "T2B": "queued", "T3": "waiting"}, warned_at=NOW)
    assert freeze(engine)
    with engine.begin() as connection:
        assert hold.close(connection, "ZGL0000001", NOW, {"by": "anna"})
    assert freeze(engine)
    assert state(engine) == ("DO_WERYFIKACJI", "BEZPIECZENSTWO", False, ["frozen", "closed", "stop-after-end"])
    assert [found[0] for found in outgoing(engine).values()] == ["done", "done", "cancelled", "cancelled"]


def test_the_end_of_one_ticket_is_none_of_another(engine: Engine) -> None:
    grant(engine, "ZGL0000002", "ewa@wp.example")
    grant(engine, "ZGL0000001")
    mails(engine, {"T1": "done", "T2A": "queued", "T3": "waiting"}, warned_at=None)
    with engine.begin() as connection:
        assert hold.freeze(connection, "ZGL0000001", NOW, {})
        assert hold.close(connection, "ZGL0000001", NOW, {})
        assert hold.freeze(connection, "ZGL0000002", NOW, {})
        found = connection.execute(select(ticket.c.state).where(ticket.c.id == 2)).scalar_one()
    assert found == "WSTRZYMANE"


def test_a_ticket_without_a_link_is_not_stopped(engine: Engine) -> None:
    with engine.begin() as connection:
        open_ticket(connection, "ZGL0000001")
    assert not freeze(engine)


def test_what_waits_is_told_for_changes_of_login_only(engine: Engine) -> None:
    grant(engine, "ZGL0000001", "a@wp.example")
    grant(engine, "ZGL0000002", "b@wp.example", new_login="b@nowa.example")
    grant(engine, "ZGL0000003", "c@wp.example", new_login="c@nowa.example")
    with engine.begin() as connection:
        hold.freeze(connection, "ZGL0000003", NOW, {})
    with engine.connect() as connection:
        assert hold.waiting(connection, NOW) == ["ZGL0000002"]
        assert hold.waiting(connection, NOW + DAY) == []


def test_who_could_not_be_heard_is_waited_for(engine: Engine) -> None:
    """Neither a message that nobody has decided nor a mailbox that nobody could look at."""
    hour = timedelta(hours=1)

    def unheard(mailbox: str = "") -> bool:
        with engine.connect() as connection:
            return hold.unheard(connection, NOW + hour, NOW + hour, mailbox)

    grant(engine, "ZGL0000001")
    assert not unheard()
    assert unheard("a@imap.example/INBOX")
    row = {"mailbox": "a@imap.example/INBOX", "uidvalidity": 1, "last_uid": 1}
    with engine.begin() as connection:
        connection.execute(insert(imap_cursor).values(**row, polled_at=NOW))
    assert unheard("a@imap.example/INBOX")
    with engine.begin() as connection:
        connection.execute(update(imap_cursor).values(polled_at=NOW + hour))
    assert not unheard("a@imap.example/INBOX")
    with engine.begin() as connection:
        connection.execute(update(imap_cursor).values(polled_at=NOW + DAY))
    assert unheard("a@imap.example/INBOX"), "by a clock that was ahead"
    for state, heard in {"queued": False, "leased": False, "buried": True, "done": True}.items():
        with engine.begin() as connection:
            connection.execute(update(inbox).values(state=state))
        assert unheard() is not heard, state
    for hours, heard in {2: True, 24: False}.items():  # behind the hold, and by a clock that was ahead
        with engine.begin() as connection:
            connection.execute(update(inbox).values(state="queued", received_at=NOW + hours * hour))
            assert hold.unheard(connection, NOW + hour, NOW + 3 * hour) is not heard, hours


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


def go_on(engine: Engine, now: datetime) -> Released | ReleaseRefused:
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
    assert go_on(engine, now) == ReleaseRefused("is not stopped")
    found = outgoing(engine)
    assert found["T2B"] == ("queued", starts)
    assert found["T3"][0] == "waiting"
    with engine.connect() as connection:
        link = activation.find(connection, SECRET, token, starts + DAY - timedelta(seconds=1))
        raws = connection.execute(select(outbox.c.raw).where(outbox.c.kind.in_(hold.HELD))).scalars().all()
    assert link is not None, "the mail holds the token it would have held"
    assert all(b"References: <b@nowa.example>\r\n <a@nowa.example>" in raw for raw in raws)


def test_a_release_begins_the_tries_anew_and_is_written_down(engine: Engine) -> None:
    grant(engine, "ZGL0000001", new_login="jan@nowa.example")
    mails(engine, {"T1": "done", "T14": "done", "T2B": "queued", "T3": "waiting"}, warned_at=NOW)
    with engine.begin() as connection:
        connection.execute(update(outbox).where(outbox.c.kind == "T2B").values(attempts=3))
    freeze(engine)
    held = select(outbox.c.state, outbox.c.attempts, outbox.c.deadline, outbox.c.last_error).where(
        outbox.c.kind.in_(hold.HELD)
    )
    with engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(held.order_by(outbox.c.id))] == [
            ("buried", 3, NOW, hold.FROZEN),
            ("buried", 0, NOW, hold.FROZEN),
        ]
    released = go_on(engine, NOW)
    assert isinstance(released, Released)
    with engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(held.order_by(outbox.c.id))] == [
            ("queued", 0, released.expires_at, None),
            ("waiting", 0, released.expires_at, None),
        ]
        told = connection.execute(select(ticket_event.c.detail).where(ticket_event.c.kind == "released")).scalar_one()
    assert told == {
        "starts": released.starts.isoformat(),
        "expires": released.expires_at.isoformat(),
        "by": "anna",
        "reason": "called back",
    }


def test_what_is_not_stopped_does_not_go_on(engine: Engine) -> None:
    assert go_on(engine, NOW) == ReleaseRefused("is not stopped"), "there is no such ticket"
    token = grant(engine, "ZGL0000001", new_login="jan@nowa.example")
    assert go_on(engine, NOW) == ReleaseRefused("is not stopped")
    assert use(engine, token)
    with engine.begin() as connection:
        connection.execute(update(ticket).values(state="WSTRZYMANE", desk="BEZPIECZENSTWO"))
    assert go_on(engine, NOW) == ReleaseRefused("is not stopped"), "its link was used"


def test_a_warning_that_was_given_up_leaves_again_and_the_rest_waits_behind_it(engine: Engine) -> None:
    grant(engine, "ZGL0000001", new_login="jan@nowa.example")
    mails(engine, {"T1": "done", "T14": "buried", "T2B": "waiting", "T3": "waiting"}, warned_at=NOW)
    freeze(engine)
    now = NOW + timedelta(hours=30)
    assert go_on(engine, now) == Released(now + timedelta(hours=4), now + timedelta(hours=28))
    assert {kind: found[0] for kind, found in outgoing(engine).items()} == {
        "T1": "done", "T14": "queued", "T2B": "waiting", "T3": "waiting",
    }  # fmt: skip


def test_nothing_goes_on_behind_a_registration_that_was_refused(engine: Engine) -> None:
    grant(engine, "ZGL0000001", new_login="jan@nowa.example")
    mails(engine, {"T1": "buried", "T14": "waiting", "T2B": "waiting", "T3": "waiting"}, warned_at=NOW)
    freeze(engine)
    refused = go_on(engine, NOW)
    assert isinstance(refused, ReleaseRefused)
    assert "mend: `mailbot outbox retry 1`" in refused.reason
    with engine.begin() as connection:
        connection.execute(update(outbox).where(outbox.c.id == 1).values(state="queued"))
    assert isinstance(go_on(engine, NOW), Released)
    assert [found[0] for found in outgoing(engine).values()] == ["queued", "waiting", "waiting", "waiting"]


@pytest.mark.parametrize("resolution", ["waiting", "done"])
async def test_the_hold_begins_behind_a_warning_that_left_once_more(engine: Engine, resolution: str) -> None:
    """Whichever mail about the new login is the next behind it."""
    grant(engine, "ZGL0000001", new_login="jan@nowa.example")
    mails(engine, {"T1": "done", "T14": "buried", "T2B": resolution, "T3": "waiting"}, warned_at=NOW)
    freeze(engine)
    clock = Clock()
    clock.now = NOW + timedelta(hours=30)
    assert go_on(engine, clock.now) == Released(clock.now + timedelta(hours=4), clock.now + timedelta(hours=28))
    database, relay = Database(engine), StubRelay()
    worker = DeliverWorker("w", database, relay, SECRET, clock, random.Random(1))
    while await worker.step():
        pass
    assert relay.sent == ["jan@wp.example"], "the warning alone"
    clock.advance(hours=4)
    while await worker.step():
        pass
    await database.close()
    assert outgoing(engine)["T3"][0] == "done"
    assert set(relay.sent[1:]) == {"jan@nowa.example"}


@pytest.mark.parametrize(("warned", "lives"), [("done", True), ("buried", False)])
def test_a_link_that_was_sent_does_not_open_before_the_hold_is_over(engine: Engine, warned: str, lives: bool) -> None:
    sent = grant(engine, "ZGL0000001", new_login="jan@nowa.example")
    mails(engine, {"T1": "done", "T14": warned, "T2B": "done", "T3": "done"}, warned_at=NOW)
    freeze(engine)
    now = NOW + timedelta(hours=5)
    released = go_on(engine, now)
    assert isinstance(released, Released)
    leaves = token(engine, "ZGL0000001")
    with engine.connect() as connection:
        assert (activation.find(connection, SECRET, sent, now) is not None) is lives
        assert activation.find(connection, SECRET, leaves, released.starts) is not None


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
    assert isinstance(go_on(engine, NOW), ReleaseRefused)
    assert state(engine)[:2] == ("WSTRZYMANE", "BEZPIECZENSTWO")


def test_two_operators_release_it_once(engine: Engine) -> None:
    grant(engine, "ZGL0000001", new_login="jan@nowa.example")
    mails(engine, {"T1": "done", "T14": "done", "T2B": "queued", "T3": "waiting"}, warned_at=NOW)
    freeze(engine)
    ready = threading.Barrier(3)
    done: list[Released | ReleaseRefused] = []

    def race() -> None:
        ready.wait(30)
        done.append(go_on(engine, NOW))

    threads = [threading.Thread(target=race) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(type(one).__name__ for one in done) == ["ReleaseRefused", "ReleaseRefused", "Released"]


def undecided(engine: Engine) -> tuple[bool, bool]:
    """For case A, for case B."""
    with engine.connect() as connection:
        case_a, case_b = (
            bool(hold.undecided(connection, SECRET, ["jan@wp.example"], moves=moves)) for moves in (False, True)
        )
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


STOPPED = ("WSTRZYMANE", "BEZPIECZENSTWO", "REVIEW", "HASLO_AWARYJNE_A", "pass:jan@wp.example", None)
STOPPED_B = (*STOPPED[:3], "HASLO_AWARYJNE_B", "pass:jan@nowa.example", "jan@wp.example")


@pytest.mark.parametrize(
    ("stopped_", "expected"),
    [
        (STOPPED, (True, True)),
        (STOPPED_B, (False, True)),
        (("DO_WERYFIKACJI", *STOPPED[1:]), (False, False)),
        (("KWARANTANNA", *STOPPED[1:]), (False, False)),
        ((STOPPED[0], "II_LINIA", *STOPPED[2:]), (False, False)),
        ((*STOPPED[:2], "RATE_LIMITED", *STOPPED[3:]), (False, False)),
        ((*STOPPED[:3], "PYTANIE", *STOPPED[4:]), (False, False)),
        ((*STOPPED[:4], "none:jan@wp.example", None), (False, False)),
        ((*STOPPED[:4], "pass:ewa@wp.example", None), (False, False)),
        ((*STOPPED_B[:5], "ewa@wp.example"), (False, False)),
    ],
)
def test_a_stopped_that_a_person_stopped_waits_for_that_person(
    engine: Engine, stopped_: tuple[str, str, str, str, str, str | None], expected: tuple[bool, bool]
) -> None:
    """Whatever else stops a ticket, and whoever else wrote, keeps nobody from his own link."""
    state, desk, outcome, category, sender, asked = stopped_
    with engine.begin() as connection:
        ticket_id = open_ticket(connection, "ZGL0000001")
        connection.execute(update(ticket).values(state=state, desk=desk, category=category))
        message = connection.execute(select(ticket.c.inbox_id).where(ticket.c.id == ticket_id)).scalar_one()
        made = {"inbox_id": message, "decided_at": NOW, "ruleset": "", "rule": "", "outcome": outcome}
        told = {"facts": {}, "notes": {}, "trace": [], "sender": sender, "asked": asked}
        connection.execute(insert(decision).values(**made, **told))
    assert undecided(engine) == expected


def test_a_link_that_was_used_before_the_stop_is_with_security_until_it_is_closed(engine: Engine) -> None:
    assert use(engine, grant(engine, "ZGL0000001", new_login="jan@nowa.example"))
    assert freeze(engine)
    assert undecided(engine) == (False, True), "its state is none of the stopped ones: the desk stops it"
    with engine.begin() as connection:
        assert hold.close(connection, "ZGL0000001", NOW, {"by": "anna"})
    assert undecided(engine) == (False, False)
    assert state(engine)[:2] == ("ZAMKNIETE_NEGATYWNIE", "")


def test_only_what_is_stopped_is_closed(engine: Engine) -> None:
    grant(engine, "ZGL0000001")
    with engine.begin() as connection:
        assert not hold.close(connection, "ZGL0000001", NOW, {})
        assert not hold.close(connection, "ZGL0000009", NOW, {})
