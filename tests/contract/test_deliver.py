"""What becomes of outgoing mails when servers, databases and clocks fail, on each engine."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert, select, text, update

from mailbot.delivery.smtp import Relay
from mailbot.errors import DatabaseUnavailable, PermanentError, RelayMisconfigured, RelayRefused, RelayUnavailable
from mailbot.machine import Uptime
from mailbot.mails.context import PLACEHOLDER
from mailbot.model import MailKind
from mailbot.observe import utc_now
from mailbot.outbox import jobs
from mailbot.secret import NO_KEY
from mailbot.storage.mailbox import imap_cursor
from mailbot.storage.reading import server_clock
from mailbot.storage.schema import activation, inbox, outbox, ticket, ticket_event
from mailbot.tickets import hold, sending
from mailbot.tickets.activation import find as token_of
from mailbot.workers import record
from tests.office import DAY, NOW, Office, StubRelay
from tests.relay_fake import fake_relay

BUSY = RelayUnavailable("RCPT: 451 busy", 451)
LATER: dict[str, Any] = {"state": jobs.WAITING, "ordinal": 2}


@pytest.fixture
async def office(engine: Engine) -> AsyncIterator[Office]:
    made = Office(engine)
    made.ticket()
    yield made
    await made.database.close()


def steps(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    found = [record.getMessage() for record in caplog.records if record.levelno >= level and record.name == "mailbot"]
    return [json.loads(line)["step"] for line in found if line.startswith("{")]


# -------------------------------------------------------------------------------------------- what the relay says


@pytest.mark.parametrize("answer", [b"451 4.3.0 zaj\xeaty\r\n", b"451 a\x00b\x1b[2J\r\n", b"451-a\r\n451 b\r\n"])
async def test_whatever_the_relay_says_is_recorded(office: Office, answer: bytes) -> None:
    for number in (1, 2):
        office.mail(number)
    async with fake_relay(RCPT=answer) as server:
        relay = Relay(server.settings())
        worker = office.another("w", relay)
        assert await worker.step() == 2
        assert office.state(1, 2) == [jobs.QUEUED] * 2
        assert office.row().due_at > office.clock()
        assert office.row().last_error.isprintable()
        server.says = {".": answer.replace(b"451", b"250")}
        office.clock.advance(minutes=1)
        while await worker.step():
            pass
        await relay.close()
    assert office.state(1, 2) == [jobs.DONE] * 2
    assert office.events() == ["mail-sent"] * 2


POISON = [
    UnicodeEncodeError("ascii", "ż", 0, 1, "x"),
    KeyError("x"),
    RuntimeError("x"),
    RecursionError(),
    ValueError("a\0"),
]


@pytest.mark.parametrize("poison", POISON, ids=lambda error: type(error).__name__)
async def test_one_bad_mail_harms_only_itself(office: Office, poison: Exception) -> None:
    for number in range(1, 12):
        office.mail(number)
    office.says(1, poison)
    office.says(5, poison)
    await office.deliver()
    assert len(office.relay.sent) == 9
    assert office.state(1, 5, 11) == [jobs.QUEUED, jobs.QUEUED, jobs.DONE]
    assert office.row(1).due_at > office.clock() + timedelta(seconds=20)
    assert type(poison).__name__ in office.row(1).last_error
    office.clock.advance(hours=25)
    await office.deliver()
    assert office.state(1, 5) == [jobs.BURIED] * 2
    assert office.ticket_state() == ("DO_WERYFIKACJI", "II_LINIA")


async def test_a_mail_in_doubt_goes_alone_and_last(office: Office) -> None:
    """It may be what killed the worker."""
    for number in range(1, 4):
        office.mail(number, in_doubt=int(number < 3), attempts=int(number < 3))
    assert [await office.worker.step() for _ in range(3)] == [1, 1, 1]
    assert [recipient[:2] for recipient in office.relay.sent] == ["m3", "m1", "m2"]


async def test_a_relay_that_cannot_be_reached_is_not_asked_for_each_mail(office: Office) -> None:
    for number in range(1, 11):
        office.mail(number)
    refused = RelayMisconfigured("connect: 535 no", 535, unreachable=True)
    office.relay.answers = {f"m{number}@wp.example": [refused] for number in range(1, 11)}
    await office.deliver()
    assert len(office.relay.tried) == 1, "a login refused too often is locked"
    assert {office.row(number).last_code for number in range(1, 11)} == {535}
    assert all(office.row(number).due_at > office.clock() for number in range(1, 11))


async def test_a_wrong_setting_is_told_once_and_counted_until_it_is_mended(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "mailbot")
    refused = RelayMisconfigured("RCPT: 554 5.7.1 Relay access denied", 554)
    for number in (1, 2):
        office.mail(number)
        office.says(number, refused)
    for _ in range(3):
        await office.deliver()
        office.clock.advance(hours=1)
    assert steps(caplog, logging.ERROR) == ["relay-refuses-us"]
    assert office.metric("mails_refused_us") == {"": 2}
    assert office.state(1, 2) == [jobs.QUEUED] * 2
    office.relay.answers.clear()
    await office.deliver()
    assert "relay-takes-mails-again" in steps(caplog, logging.INFO)
    assert office.metric("mails_refused_us") == {"": 0}


@pytest.mark.parametrize(("gone", "then"), [(True, jobs.QUEUED), (False, jobs.WAITING)])
async def test_only_a_mailbox_that_is_gone_lets_the_change_go_on_unwarned(
    office: Office, gone: bool, then: str
) -> None:
    """A full one may have been filled by who wants the account."""
    office.mail(1, "T14")
    office.mail(2, "T2B", **LATER, delay_seconds=4 * 3600)
    office.says(1, RelayRefused("RCPT: 552 5.2.2 full", 552, gone=gone))
    await office.deliver()
    assert office.state(1, 2) == [jobs.BURIED, then]
    assert (office.ticket_state()[0] == "DO_WERYFIKACJI") is not gone
    if gone:
        assert office.row(2).due_at == NOW + timedelta(hours=4)


@pytest.mark.parametrize("answers", [False, True], ids=["gone again", "taken"])
async def test_a_warning_that_is_tried_again_lets_nothing_overtake_the_hold(office: Office, answers: bool) -> None:
    """An operator sees a buried mail and tries it: the link behind the resolution must not be what goes next."""
    office.mail(1, "T14")
    office.mail(2, "T2B", **LATER, delay_seconds=4 * 3600)
    office.mail(3, "T3", **LATER | {"ordinal": 3})
    office.link(NOW + DAY, "new@wp.example")
    office.says(1, RelayRefused("RCPT: 550 5.1.1 no such user", 550, gone=True))
    await office.deliver()
    office.clock.advance(hours=1)
    if answers:
        office.relay.answers.clear()
    with office.engine.begin() as connection:
        sending.again(connection, 1, office.clock())
    await office.deliver()
    assert office.state(2, 3) == [jobs.QUEUED, jobs.WAITING]
    assert office.row(2).due_at == NOW + timedelta(hours=5), "the whole hold behind the warning"
    office.clock.advance(hours=4)
    await office.deliver()
    assert office.relay.sent[-2:] == ["m2@wp.example", "m3@wp.example"]


async def test_what_is_closed_for_good_does_not_leave_when_a_lease_comes_back(office: Office) -> None:
    """Its worker died over it; meanwhile the ticket was stopped and closed."""
    office.mail(1, "T2B", state=jobs.LEASED, leased_by="dead", leased_until=NOW, attempts=1)
    office.link(NOW + DAY, "new@wp.example")
    with office.engine.begin() as connection:
        assert hold.freeze(connection, "ZGL0000001", NOW, {})
        assert hold.close(connection, "ZGL0000001", NOW, {})
    office.clock.advance(minutes=6)
    await office.deliver()
    assert office.relay.sent == []
    assert office.state(1) == [jobs.CANCELLED]
    with office.engine.begin() as connection, pytest.raises(PermanentError):
        sending.again(connection, 1, office.clock())


# ---------------------------------------------------------------------------------------------- the known answer


async def test_an_answer_outlives_a_database_that_fails(office: Office) -> None:
    for number in (1, 2):
        office.mail(number)

    async def fail() -> None:
        office.relay.meanwhile = None
        office.database.failures = 50

    office.relay.meanwhile = fail
    await office.deliver()
    assert office.relay.sent == ["m1@wp.example", "m2@wp.example"], "each once"
    assert len(office.pauses) == 50
    assert office.state(1, 2) == [jobs.DONE] * 2
    assert office.row().in_doubt == 0


async def test_a_commit_whose_answer_is_lost_is_recorded_once(office: Office) -> None:
    office.mail(1)

    async def lose() -> None:
        office.database.lost_answers = 1

    office.relay.meanwhile = lose
    await office.deliver()
    assert office.events() == ["mail-sent"]


@pytest.mark.parametrize("empty_engine", ["postgresql"], indirect=True)
async def test_an_answer_outlives_a_connection_that_is_cut_at_the_commit(office: Office) -> None:
    office.mail(1)
    killer = office.engine.execution_options(isolation_level="AUTOCOMMIT")
    cuts: list[int] = []

    def cut(connection: Connection) -> None:
        if office.relay.sent and len(cuts) < 3:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            cuts.append(pid)
            with killer.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})

    event.listen(office.engine, "commit", cut)
    await office.deliver()
    event.remove(office.engine, "commit", cut)
    assert len(cuts) == 3
    assert office.relay.sent == ["m1@wp.example"]
    assert office.state(1) == [jobs.DONE]


async def test_a_lease_that_ran_out_does_not_lose_the_answer(office: Office) -> None:
    office.mail(1)
    office.mail(2, "T2A", **LATER)

    async def taken_away() -> None:
        office.clock.advance(minutes=6)
        await office.database.write(lambda c: jobs.reap(c, outbox, office.clock(), 9, in_doubt=1))
        office.relay.meanwhile = None

    office.relay.meanwhile = taken_away
    await office.deliver()
    assert office.relay.sent == ["m1@wp.example", "m2@wp.example"]
    assert office.state(1, 2) == [jobs.DONE] * 2


class Steady:
    """Seconds that have really passed."""

    def __init__(self) -> None:
        self.passed = 1000.0

    def __call__(self) -> float:
        return self.passed


async def test_a_clock_set_ahead_takes_no_mail_from_who_is_sending_it(office: Office) -> None:
    """Nor does a machine that slept; a lease later whoever still holds it is dead."""
    office.mail(1)
    steady = Steady()
    second = office.another("second", steady=steady)
    assert await second.step() == 1
    office.mail(2)

    async def set_ahead() -> None:
        office.relay.meanwhile = None
        office.clock.advance(hours=1)
        assert await second.step() == 0, "the first is sending it"

    office.relay.meanwhile = set_ahead
    assert await office.another("first", steady=steady).step() == 1
    assert office.relay.sent == ["m1@wp.example", "m2@wp.example"]
    office.mail(3)
    await office.database.write(lambda c: jobs.claim(c, outbox, "dead", office.clock(), timedelta(minutes=5), 1))
    office.clock.advance(minutes=4)
    steady.passed += 240
    assert await second.step() == 0
    office.clock.advance(minutes=2)
    steady.passed += 120
    assert await second.step() == 1
    assert office.state(1, 2, 3) == [jobs.DONE] * 3


async def test_who_slept_between_claim_and_send_sends_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """By then another may have sent it."""
    office.mail(1)
    look = sending.hindrances

    def asleep(*given: Any) -> dict[int, str | None]:
        monkeypatch.setattr(sending, "hindrances", look)
        office.clock.advance(minutes=6)
        return look(*given)

    monkeypatch.setattr(sending, "hindrances", asleep)
    await office.worker.step()
    assert office.relay.tried == []
    office.clock.advance(minutes=1)
    await office.deliver()
    assert office.relay.sent == ["m1@wp.example"]
    assert office.state(1) == [jobs.DONE]


@pytest.mark.parametrize("hours", [1, -1])
async def test_who_sleeps_in_the_middle_of_a_dialogue_does_not_end_it(office: Office, hours: int) -> None:
    """Whoever has the row by then may have sent it; a clock that was set back says nothing of the lease."""
    asked: list[bool] = []

    async def asleep() -> None:
        office.relay.meanwhile = None
        asked.append(office.relay.in_time())
        office.clock.advance(seconds=90)  # the longest that a server may take
        asked.append(office.relay.in_time())
        office.clock.advance(hours=hours)
        asked.append(office.relay.in_time())

    office.mail(1)
    office.relay.meanwhile = asleep
    await office.worker.step()
    assert asked == [True, True, False]
    assert office.relay.in_time(), "an alarm, or a probe, is nobody's lease"


async def test_small_leaps_of_the_clock_add_up(office: Office) -> None:
    steady = Steady()
    second = office.another("second", steady=steady)
    office.mail(1)
    await office.database.write(lambda c: jobs.claim(c, outbox, "first", office.clock(), timedelta(minutes=5), 1))
    for _ in range(10):
        office.clock.advance(seconds=40)
        assert await second.step() == 0
    steady.passed += 301
    office.clock.advance(seconds=301)
    assert await second.step() == 1


async def test_who_takes_rows_away_waits_for_those_who_know_the_answer(office: Office) -> None:
    office.mail(1)
    await office.database.write(lambda c: jobs.claim(c, outbox, "other", NOW, timedelta(minutes=5), 1))
    office.clock.advance(minutes=6)
    office.database.failures = 1
    with pytest.raises(DatabaseUnavailable):
        await office.worker.step()
    assert await office.worker.step() == 0
    office.clock.advance(seconds=31)
    assert await office.worker.step() == 1


async def test_a_worker_that_vanished_leaves_its_mail_in_doubt(office: Office) -> None:
    office.mail(1)
    await office.database.write(lambda c: jobs.claim(c, outbox, "dead", NOW, timedelta(minutes=5), 1))
    office.clock.advance(minutes=6)
    office.says(1, BUSY)
    await office.deliver()
    assert (office.row().state, office.row().in_doubt) == (jobs.QUEUED, 1)
    office.relay.answers.clear()
    office.clock.advance(hours=1)
    await office.deliver()
    assert (office.row().state, office.row().in_doubt) == (jobs.DONE, 0)


@pytest.mark.parametrize(
    ("took", "sent"),
    [(timedelta(seconds=90), 2), (timedelta(seconds=91), 1), (timedelta(seconds=-1), 1)],
    ids=["enough is left", "too little is left", "the clock went back"],
)
async def test_no_mail_is_begun_whose_lease_may_end_before_its_answer(
    office: Office, took: timedelta, sent: int
) -> None:
    for number in (1, 2):
        office.mail(number)

    async def slow() -> None:
        office.clock.now += took
        office.relay.meanwhile = None

    office.relay.meanwhile = slow
    assert await office.worker.step() == 2
    assert len(office.relay.sent) == sent
    assert office.row(2).state == (jobs.DONE if sent == 2 else jobs.QUEUED)
    assert office.row(2).leased_by is None, "given back"
    assert office.row(2).attempts == sent - 1
    office.clock.now = NOW + timedelta(hours=1)
    await office.deliver()
    assert office.relay.sent == ["m1@wp.example", "m2@wp.example"]


async def test_at_the_end_of_the_process_recording_is_tried_a_few_times(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2):
        office.mail(number)

    async def fail() -> None:
        office.database.failures = 1000
        office.worker.stop()

    office.relay.meanwhile = fail
    with pytest.raises(DatabaseUnavailable):
        await office.worker.step()  # the second mail cannot be given back
    assert "mail-in-doubt" in steps(caplog, logging.ERROR)
    assert len(office.pauses) == 18, "nine between ten tries, twice"
    assert 20 < sum(office.pauses[:9]) < 25
    office.database.failures = 0
    office.clock.advance(minutes=6)
    await office.another("next").step()
    assert office.row(1).in_doubt == 1 or office.row(1).state == jobs.DONE


async def test_a_process_that_must_end_records_no_longer_than_it_is_given(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long each try takes: systemd would kill it in the middle of one."""
    monkeypatch.setattr(record, "_LAST_SECONDS", 0.0)
    office.mail(1)

    async def fail() -> None:
        office.database.failures = 1000
        office.worker.stop()

    office.relay.meanwhile = fail
    await office.worker.step()
    assert office.pauses == []
    assert office.state(1) == [jobs.LEASED]


# ------------------------------------------------------------------------------------------- the ticket is stopped


STOPPED = [("WSTRZYMANE", "BEZPIECZENSTWO"), ("KWARANTANNA", ""), ("DO_WERYFIKACJI", "BEZPIECZENSTWO")]


@pytest.mark.parametrize(("state", "desk"), STOPPED)
@pytest.mark.parametrize("kind", hold.HELD)
async def test_a_mail_of_a_stopped_ticket_is_not_sent(office: Office, state: str, desk: str, kind: str) -> None:
    office.do(update(ticket).values(state=state, desk=desk))
    office.mail(1, "T1")
    office.mail(2, "T14")
    office.mail(3, kind)
    await office.deliver()
    assert office.relay.sent == ["m1@wp.example", "m2@wp.example"], "a registration and a warning leave"
    assert (office.row(3).state, office.row(3).last_error) == (jobs.BURIED, hold.FROZEN)
    assert office.ticket_state() == (state, desk)


async def test_a_stop_between_claim_and_try_counts(office: Office) -> None:
    office.mail(1, "T1", ordinal=0)
    office.mail(2, "T2B")

    async def stop() -> None:
        office.do(update(ticket).values(state="WSTRZYMANE", desk="BEZPIECZENSTWO"))

    office.relay.meanwhile = stop
    await office.deliver()
    assert office.relay.tried == ["m1@wp.example"]
    assert office.row(2).last_error == hold.FROZEN


async def test_a_stop_while_the_relay_says_451_counts(office: Office) -> None:
    office.mail(1, "T2B")
    office.says(1, BUSY)

    async def stop() -> None:
        office.do(update(ticket).values(state="WSTRZYMANE", desk="BEZPIECZENSTWO"))

    office.relay.meanwhile = stop
    await office.deliver()
    assert (office.row().state, office.row().last_error) == (jobs.BURIED, hold.FROZEN)
    office.relay.answers.clear()
    office.clock.advance(hours=2)
    await office.deliver()
    assert office.relay.sent == []
    with pytest.raises(PermanentError, match="mend: `mailbot tickets release ZGL0000001`"):
        await office.database.write(lambda c: sending.again(c, 1, office.clock()))


async def _close(office: Office) -> None:
    def work(connection: Connection) -> bool:
        return hold.freeze(connection, "ZGL0000001", office.clock(), {}) and hold.close(
            connection, "ZGL0000001", office.clock(), {}
        )

    assert await office.database.write(work)


@pytest.mark.parametrize("kind", ["T2A", "T2B"])
async def test_a_ticket_that_is_closed_while_a_mail_is_in_the_hands_of_a_worker_keeps_it(
    office: Office, kind: str
) -> None:
    office.link(NOW + DAY)
    office.mail(1, kind)
    await office.database.write(lambda c: jobs.claim(c, outbox, "dead", NOW, timedelta(minutes=5), 1))
    await _close(office)
    office.clock.advance(minutes=6)
    await office.deliver()
    assert office.relay.sent == []
    with pytest.raises(PermanentError):
        await office.database.write(lambda c: sending.again(c, 1, office.clock()))


async def test_a_ticket_that_is_closed_between_claim_and_try_keeps_its_mail(office: Office) -> None:
    office.link(NOW + DAY)
    office.mail(1, "T1", ordinal=0)
    office.mail(2, "T2B")

    async def close() -> None:
        office.relay.meanwhile = None
        await _close(office)

    office.relay.meanwhile = close
    await office.deliver()
    assert office.relay.tried == ["m1@wp.example"]
    assert (office.row(2).state, office.row(2).last_error) == (jobs.CANCELLED, hold.FROZEN)


async def test_a_mail_that_was_given_up_never_leaves_a_closed_ticket(office: Office) -> None:
    office.link(NOW + DAY)
    office.mail(1, "T2B", state=jobs.BURIED, last_error="not sent within the promise")
    await _close(office)
    with pytest.raises(PermanentError, match="never leave"):
        await office.database.write(lambda c: sending.again(c, 1, office.clock()))


async def test_a_stopped_mail_that_may_have_left_says_so(office: Office) -> None:
    office.mail(1, "T2B")
    office.says(1, RelayUnavailable("end of DATA: cut", in_doubt=True))

    async def stop() -> None:
        office.do(update(ticket).values(state="WSTRZYMANE", desk="BEZPIECZENSTWO"))

    office.relay.meanwhile = stop
    await office.deliver()
    assert (office.row().last_error, office.row().in_doubt) == (hold.FROZEN, 1)


async def test_a_stop_as_the_relay_says_451_keeps_both_mails(office: Office) -> None:
    office.link(NOW + DAY, new_login="new@b.example")
    office.mail(1, "T2B")
    office.mail(2, "T3", **LATER)
    office.says(1, BUSY)

    async def stop() -> None:
        await office.database.write(lambda c: hold.freeze(c, "ZGL0000001", office.clock(), {"by": "operator"}))

    office.relay.meanwhile = stop
    await office.deliver()
    assert [office.row(n).last_error for n in (1, 2)] == [hold.FROZEN] * 2, "what `release` lets go"
    assert office.ticket_state() == ("WSTRZYMANE", "BEZPIECZENSTWO")


@pytest.mark.parametrize(("state", "desk"), STOPPED)
async def test_a_mail_that_is_given_up_takes_no_ticket_out_of_the_hands_it_is_in(
    office: Office, state: str, desk: str
) -> None:
    office.do(update(ticket).values(state=state, desk=desk))
    office.mail(1, "T1")
    office.says(1, RelayRefused("RCPT: 550 no such user", 550))
    await office.deliver()
    assert (office.row().state, office.ticket_state()) == (jobs.BURIED, (state, desk))


async def test_an_operator_tries_nothing_again_that_must_not_leave(office: Office) -> None:
    frozen: dict[str, Any] = {"state": jobs.BURIED, "last_error": hold.FROZEN}
    office.mail(1, "T2B", **frozen)
    office.mail(2, "T3", state=jobs.BURIED, last_error="451")
    office.mail(3, "T1", state=jobs.WAITING)
    cases = {1: "is stopped", 2: "expired", 3: "not buried", 9: "not buried"}
    for number, why in cases.items():
        with pytest.raises(PermanentError, match=why):
            await office.database.write(lambda c, n=number: sending.again(c, n, NOW))  # type: ignore[misc]
    assert office.state(1, 2, 3) == [jobs.BURIED, jobs.BURIED, jobs.WAITING]


LINKS = {"none": None, "expired": NOW, "used": NOW + DAY, "alive": NOW + DAY}


@pytest.mark.parametrize("link", LINKS)
async def test_a_dead_link_is_not_sent(office: Office, link: str) -> None:
    expires_at = LINKS[link]
    if expires_at is not None:
        office.link(expires_at)
    if link == "used":
        office.do(update(activation).values(used_at=NOW))
    office.mail(1, "T3")
    await office.deliver()
    if link == "alive":
        assert office.state(1) == [jobs.DONE]
    else:
        assert (office.row().state, office.row().last_error) == (jobs.BURIED, sending.DEAD_LINK)
        assert office.ticket_state()[0] == "DO_WERYFIKACJI"


# ---------------------------------------------------------------------------------------------- order and deadlines


async def test_after_a_long_outage_the_first_451_does_not_bury(office: Office) -> None:
    office.mail(1)
    office.mail(2, "T2A", **LATER)
    office.says(1, BUSY)
    office.clock.advance(hours=30)
    await office.deliver()
    assert office.state(1) == [jobs.QUEUED]
    for _ in range(4):
        office.clock.advance(hours=1)
        await office.deliver()
    assert office.state(1, 2) == [jobs.BURIED, jobs.WAITING]
    assert office.ticket_state() == ("DO_WERYFIKACJI", "II_LINIA")
    await office.database.write(lambda c: sending.again(c, 1, office.clock()))
    await office.deliver()
    assert office.state(1) == [jobs.QUEUED], "tried again for hours"
    office.relay.answers.clear()
    office.clock.advance(minutes=1)
    await office.deliver()
    assert office.relay.sent == ["m1@wp.example", "m2@wp.example"]


async def test_a_later_mail_of_the_ticket_lets_nothing_go_before_its_time(office: Office) -> None:
    office.mail(1, "T1")
    office.mail(2, "T2A", **LATER)
    office.mail(3, "T13")
    office.says(1, BUSY)
    await office.deliver()
    assert office.state(1, 2, 3) == [jobs.QUEUED, jobs.WAITING, jobs.DONE]


@pytest.mark.parametrize("resolution", [jobs.QUEUED, jobs.LEASED, jobs.BURIED])
async def test_a_warning_that_is_tried_again_lets_no_link_overtake_the_resolution(
    office: Office, resolution: str
) -> None:
    """It was refused, so the hold has begun; then an operator tried it once more."""
    office.link(NOW + DAY, new_login="new@b.example")
    office.mail(1, "T14", ordinal=2, state=jobs.BURIED, last_error="550")
    office.mail(2, "T2B", ordinal=3, state=resolution, due_at=NOW + timedelta(hours=4), delay_seconds=4 * 3600)
    office.do(update(outbox).where(outbox.c.id == 2).values(leased_by="other", leased_until=NOW + DAY))
    office.mail(3, "T3", ordinal=4, state=jobs.WAITING)
    await office.database.write(lambda c: sending.again(c, 1, NOW))
    await office.deliver()
    assert office.relay.sent == ["m1@wp.example"]
    assert office.state(1, 2, 3) == [jobs.DONE, resolution, jobs.WAITING]


async def test_how_long_a_mail_is_overdue_grows_with_every_try(office: Office) -> None:
    office.mail(1)
    office.mail(2, due_at=NOW + timedelta(hours=6))
    office.says(1, BUSY)
    for _ in range(3):
        await office.deliver()
        office.clock.advance(minutes=30)
    assert office.metric("mails_overdue_seconds")["queued"] == 90 * 60


# ------------------------------------------------------------------------------------------------------- the clock


async def test_a_clock_set_back_holds_no_mail_for_long(office: Office) -> None:
    office.mail(1)  # tried before
    office.mail(2)  # in the hands of a worker that died
    office.mail(3, "T5", due_at=NOW + timedelta(minutes=50), delay_seconds=3000)  # meant to wait
    office.mail(4, "T2B", due_at=NOW + timedelta(hours=4), delay_seconds=4 * 3600)
    office.mail(5, due_at=NOW + timedelta(hours=1))  # written an hour ago
    office.says(1, BUSY)
    office.clock.now = NOW + timedelta(hours=1)
    office.do(update(outbox).where(outbox.c.id > 1).values(state=jobs.WAITING))
    await office.deliver()
    office.do(update(outbox).where(outbox.c.id > 1).values(state=jobs.QUEUED))
    lease = {"state": jobs.LEASED, "leased_by": "dead", "leased_until": office.clock() + timedelta(minutes=5)}
    office.do(update(outbox).where(outbox.c.id == 2).values(**lease))
    office.clock.now = NOW
    office.relay.answers.clear()
    await office.deliver()
    assert office.state(1, 2, 5) == [jobs.DONE, jobs.LEASED, jobs.DONE], "the worker of the second may live"
    office.clock.advance(minutes=6)
    await office.deliver()
    assert office.state(2, 3, 4) == [jobs.DONE, jobs.QUEUED, jobs.QUEUED]
    assert [office.row(n).due_at - NOW for n in (3, 4)] == [timedelta(minutes=50), timedelta(hours=4)]


# ------------------------------------------------------------------------------------ what answers, who was not heard


ANSWER = {
    *("T2A", "T2B", "T4", "T5", "T7", "T11", "T13", "T16", "T17", "T20", "T21", "T23"),
    *("W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8", "W9"),
}
"""Mails that answer the citizen (procedure §3.4, E13)."""


async def test_the_time_for_a_complaint_begins_with_an_answer_that_is_none_to_a_complaint(office: Office) -> None:
    assert {kind.value for kind in sending.ANSWERS} == ANSWER
    office.link(NOW + DAY)
    kinds = sorted(MailKind, key=lambda kind: kind is not MailKind.T3)  # the link is that of the first ticket
    for number, kind in enumerate(kinds, start=1):
        if number > 1:
            office.ticket(number)
        office.mail(number, kind, of=number)
    await office.deliver()
    assert len(office.relay.sent) == len(MailKind)
    with office.engine.connect() as connection:
        begun = select(outbox.c.kind).join(ticket).where(ticket.c.answered_at == NOW)
        assert set(connection.execute(begun).scalars()) == ANSWER - {"T23"}


HOLD = timedelta(hours=4)


@pytest.mark.parametrize(
    ("kind", "state", "received", "waits"),
    [
        ("T2B", "queued", HOLD, True),
        ("T2B", "leased", timedelta(), True),
        ("T2B", "queued", HOLD + timedelta(seconds=1), False),
        ("T2B", "done", timedelta(), False),
        ("T2B", "buried", timedelta(), True),
        ("T2B", "buried", -timedelta(seconds=1), False),
        ("T2B", "buried", HOLD + timedelta(seconds=1), False),
        ("T2A", "queued", timedelta(), False),
        ("T1", "queued", timedelta(), False),
    ],
)
async def test_the_change_waits_for_the_messages_of_the_hold(
    office: Office, kind: str, state: str, received: timedelta, waits: bool
) -> None:
    """Of the hold itself: not those of the time in which the mail is tried again."""
    office.link(NOW + DAY, "new@wp.example" if kind == "T2B" else None)
    office.mail(1, kind, due_at=NOW + HOLD)
    office.do(update(inbox).values(state=state, received_at=NOW + received))
    office.clock.advance(hours=5)
    await office.deliver()
    assert office.state(1) == [jobs.QUEUED if waits else jobs.DONE]
    if not waits:
        return
    assert "before the end of the hold is not decided" in office.row().last_error
    assert office.relay.tried == []
    assert office.row().first_due_at == NOW + HOLD
    office.do(update(inbox).values(received_at=NOW + HOLD + timedelta(seconds=1)))
    office.clock.advance(minutes=10)
    await office.deliver()
    assert office.state(1) == [jobs.DONE]


@pytest.mark.parametrize(("kind", "waits"), [("T2B", True), ("T2A", False), ("T14", False)])
async def test_after_a_start_the_change_waits_for_latecomers(office: Office, kind: str, waits: bool) -> None:
    office.link(NOW + DAY)
    office.mail(1, kind)
    office.worker = office.another("w", latecomers=timedelta(minutes=10))
    await office.deliver()
    assert office.state(1) == [jobs.QUEUED if waits else jobs.DONE]
    if waits:
        assert "was not there for a while" in office.row().last_error
        office.clock.advance(minutes=10)
        await office.deliver()
        assert office.state(1) == [jobs.DONE]


async def test_a_clock_that_was_ahead_for_a_moment_ends_no_hold(office: Office) -> None:
    """What was tried by it and put off seems due when it is right again; the hold is what was promised."""
    office.worker = office.another("w", latecomers=timedelta(minutes=70))
    office.link(NOW + 5 * DAY, "new@wp.example")
    office.mail(1, "T2B", due_at=NOW + 2 * DAY, delay_seconds=2 * 86400, deadline=NOW + 5 * DAY)
    await office.deliver()
    office.clock.advance(days=3)
    await office.deliver()
    assert (office.state(1), office.row().attempts) == ([jobs.QUEUED], 1)
    office.clock.advance(days=-3)
    for hours, looks in ((0, 12), (43, 12), (5, 24)):  # at its beginning, shortly before its end, and behind it
        assert office.state(1) == [jobs.QUEUED], office.clock()
        office.clock.advance(hours=hours)
        for _ in range(looks):  # till the latecomers are here, and for one more try
            await office.deliver()
            office.clock.advance(minutes=10)
    assert office.state(1) == [jobs.DONE]


async def test_what_a_clock_that_was_ahead_gave_up_is_not_tried_again_before_the_hold_is_over(office: Office) -> None:
    """By it the link had ended: an operator sees a buried mail, and that the link lives."""
    office.link(NOW + 3 * DAY, "new@wp.example")
    office.mail(1, "T2B", due_at=NOW + 2 * DAY, delay_seconds=2 * 86400, deadline=NOW + 3 * DAY)
    office.clock.advance(days=10)
    await office.deliver()
    assert (office.state(1), office.row().last_error) == ([jobs.BURIED], sending.DEAD_LINK)
    office.clock.advance(days=-10)
    office.do(update(ticket).values(state="ZAMKNIETE_ROZWIAZANE", desk=""))
    with office.engine.begin() as connection:
        sending.again(connection, 1, office.clock())
    await office.deliver()
    assert office.state(1) == [jobs.QUEUED]
    office.clock.advance(days=2)
    await office.deliver()
    assert office.state(1) == [jobs.DONE]


@pytest.mark.parametrize("gone", [False, True])
async def test_a_clock_that_was_behind_when_the_warning_left_shortens_no_hold(office: Office, gone: bool) -> None:
    """A machine begins with a clock that is hours behind, and asks for the time a minute later."""
    passed = Steady()

    async def pass_by(hours: float) -> None:
        office.clock.advance(hours=hours)
        passed.passed += hours * 3600
        await office.deliver()

    office.worker = office.another("w", uptime=lambda: Uptime("this boot", int(passed())))
    office.link(NOW + 5 * DAY, "new@wp.example")
    office.mail(1, "T14", ordinal=2)
    office.mail(2, "T2B", ordinal=3, state="waiting", delay_seconds=2 * 86400, deadline=NOW + 5 * DAY)
    if gone:
        office.says(1, RelayRefused("550 no such user", 550, gone=True))
    await office.deliver()
    office.clock.advance(hours=5)
    await pass_by(43)
    for _ in range(9):  # it is tried now
        assert (office.state(2), office.relay.tried) == ([jobs.QUEUED], ["m1@wp.example"])
        await pass_by(0.5)
    assert "the clock was set" in office.row(2).last_error
    await pass_by(0.5)
    await pass_by(0.5)
    assert office.state(2) == [jobs.DONE]


async def test_a_clock_that_is_behind_the_link_itself_ends_no_hold(office: Office) -> None:
    """The machine began anew since, so nothing else tells."""
    boots = iter(f"boot {n}" for n in range(99))
    office.worker = office.another("w", uptime=lambda: Uptime(next(boots), 5))
    office.link(NOW + 5 * DAY, "new@wp.example")
    office.mail(1, "T14", ordinal=2, due_at=NOW - 9 * DAY)
    office.mail(2, "T2B", ordinal=3, state="waiting", delay_seconds=2 * 86400, deadline=NOW + 5 * DAY)
    office.clock.advance(days=-7)
    await office.deliver()
    office.clock.advance(days=7, hours=47)
    await office.deliver()
    assert office.state(1, 2) == [jobs.DONE, jobs.QUEUED]
    office.clock.advance(hours=2)
    await office.deliver()
    assert office.state(2) == [jobs.DONE]


@pytest.mark.parametrize(
    ("kind", "hours", "waits"),
    [("T14", 24, True), ("T2B", 24, True), ("T2B", -24, True), ("T2A", 24, False), ("T14", 0.01, False)],
)
async def test_a_machine_with_a_clock_of_its_own_begins_and_ends_no_hold(
    office: Office, kind: str, hours: float, waits: bool
) -> None:
    """Of two machines: with one a day ahead the hold would be over before its time."""
    office.link(NOW + 3 * DAY)
    office.mail(1, kind)
    office.worker = office.another("w", common=lambda _: office.clock() - timedelta(hours=hours))
    await office.deliver()
    assert office.state(1) == [jobs.QUEUED if waits else jobs.DONE]
    if waits:
        assert "the clock of this machine is not that of the database's server" in office.row().last_error
        office.worker = office.another("w", common=lambda _: office.clock())
        office.clock.advance(minutes=10)
        await office.deliver()
        assert office.state(1) == [jobs.DONE]


def test_the_clock_of_all_machines_is_that_of_the_server(engine: Engine) -> None:
    with engine.connect() as connection:
        common = server_clock(connection)
    assert (common is None) is (engine.dialect.name == "sqlite")
    assert common is None or abs(common - utc_now()) < timedelta(minutes=5)


async def test_the_change_waits_until_the_mailbox_was_looked_at_behind_the_hold(office: Office) -> None:
    office.link(NOW + DAY, "new@wp.example")
    office.mail(1, "T2B")
    office.worker = office.another("w", mailbox="a@imap.example/INBOX")
    await office.deliver()
    assert office.state(1) == [jobs.QUEUED]
    row = {"mailbox": "a@imap.example/INBOX", "uidvalidity": 1, "last_uid": 1, "polled_at": NOW}
    office.do(insert(imap_cursor).values(**row))
    office.clock.advance(minutes=10)
    await office.deliver()
    assert office.state(1) == [jobs.DONE]


async def test_only_what_a_worker_has_taken_is_tried_for_the_first_time(office: Office) -> None:
    office.mail(1)
    office.mail(2, attempts=1, state=jobs.WAITING, due_at=NOW, deadline=NOW)
    await office.deliver()
    assert (office.row(2).first_due_at, office.row(2).deadline) == (None, NOW)


async def test_the_first_try_sets_when_it_was_due_and_leaves_time_for_more(office: Office) -> None:
    """A later one sets neither; a promise that holds longer stays."""
    kept = NOW + timedelta(hours=4)
    office.mail(1, due_at=NOW - DAY, deadline=NOW)
    office.mail(2, deadline=kept + timedelta(seconds=1))
    office.mail(3, deadline=NOW + timedelta(hours=1), attempts=1, first_due_at=NOW - DAY)
    for number in (1, 2, 3):
        office.says(number, BUSY)
    await office.deliver()
    told = [(office.row(n).first_due_at, office.row(n).deadline) for n in (1, 2, 3)]
    assert told == [(NOW - DAY, kept), (NOW, kept + timedelta(seconds=1)), (NOW - DAY, NOW + timedelta(hours=1))]


async def test_a_mail_is_tried_until_its_promise_is_broken_and_no_moment_later(office: Office) -> None:
    office.mail(1, deadline=NOW + timedelta(seconds=10), attempts=6)
    office.says(1, RelayUnavailable("RCPT: 451 busy", 451, in_doubt=True))
    await office.deliver()
    assert (office.row().state, office.row().due_at) == (jobs.QUEUED, NOW + timedelta(seconds=10))
    assert (office.row().last_error, office.row().last_code, office.row().in_doubt) == ("RCPT: 451 busy", 451, 1)
    office.says(1, BUSY)
    office.clock.advance(seconds=10)
    await office.deliver()
    told = office.row()
    assert (told.state, told.last_error) == (jobs.BURIED, "not sent within the promise: RCPT: 451 busy")
    assert (told.last_code, told.in_doubt) == (451, 1), "what was doubtful once stays so"
    assert office.events() == ["mail-undeliverable"]
    with office.engine.connect() as connection:
        assert connection.execute(select(ticket.c.alarm_at, ticket.c.closed_at)).one() == (office.clock(), None)


async def test_what_was_accepted_is_written_down(office: Office) -> None:
    office.mail(1, in_doubt=1, refused_us=1, last_error="451")
    await office.deliver()
    told = office.row()
    assert (told.sent_at, told.last_code, told.in_doubt, told.refused_us, told.last_error) == (NOW, 250, 0, 0, None)
    with office.engine.connect() as connection:
        row = connection.execute(select(ticket_event.c.ticket_id, ticket_event.c.at, ticket_event.c.detail)).one()
    assert row == (1, NOW, {"kind": "T1", "answer": "250 2.0.0 taken"})


@pytest.mark.parametrize(
    ("answer", "state", "step", "noted"),
    [
        (RelayUnavailable("451 busy", 451), "OTWARTE", "mail-postponed", None),
        (RelayRefused("550 no", 550), "OTWARTE", "mail-refused", "mail-undeliverable"),
        (RelayRefused("550 gone", 550, gone=True), "OTWARTE", "mail-refused", "mail-undeliverable"),
        (None, "WSTRZYMANE", "mail-held", "mail-held"),
    ],
    ids=["451", "550", "gone", "stopped"],
)
async def test_what_became_of_a_try_is_in_the_log_and_in_the_case(
    office: Office, caplog: pytest.LogCaptureFixture, answer: Exception | None, state: str, step: str, noted: str | None
) -> None:
    caplog.set_level(logging.INFO, "mailbot")
    kind = "T14" if isinstance(answer, RelayRefused) and answer.gone else "T2A"
    office.ticket(2, state)
    office.mail(1, kind, of=2)
    if answer:
        office.says(1, answer)
    await office.worker.step()
    assert step in steps(caplog, logging.INFO)
    with office.engine.connect() as connection:
        told = connection.execute(select(ticket_event.c.kind, ticket_event.c.detail)).all()
    assert [(what, detail["kind"]) for what, detail in told] == ([(noted, kind)] if noted else [])


async def test_a_mail_that_a_person_ended_keeps_none_behind_it(office: Office) -> None:
    office.mail(1)
    office.mail(2, ordinal=2, state=jobs.CANCELLED)
    office.mail(3, state=jobs.WAITING, ordinal=3)
    await office.deliver()
    assert office.relay.sent == ["m1@wp.example", "m3@wp.example"]


async def test_the_link_is_put_into_its_mail_alone(office: Office) -> None:
    sent: list[bytes] = []

    class Keeping(StubRelay):
        async def send(self, return_path: str, recipient: str, raw: bytes) -> str:
            sent.append(raw)
            return await super().send(return_path, recipient, raw)

    office.link(NOW + DAY)
    for number, kind in ((1, "T2A"), (2, "T3")):
        office.mail(number, kind, raw=f"x {PLACEHOLDER}\r\n".encode())
    office.worker = office.another("w", Keeping())
    await office.deliver()
    assert sent[0] == f"x {PLACEHOLDER}\r\n".encode()
    assert PLACEHOLDER.encode() not in sent[1]
    with office.engine.connect() as connection:
        found = token_of(connection, NO_KEY, sent[1][2:-2].decode(), NOW)
        assert found is not None
        assert found.ticket_id == 1


# --------------------------------------------------------------------------------------- what must not leave, again


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("kind", ["T1", "T2A", "T2B", "T3", "T14"])
async def test_what_promises_a_dead_link_is_hindered(office: Office, kind: str, link: str) -> None:
    """A resolution without a link promises none: it says that the portal was asked."""
    if (expires_at := LINKS[link]) is not None:
        office.link(expires_at)
    if link == "used":
        office.do(update(activation).values(used_at=NOW))
    office.mail(1, kind)
    dead = {"T3": {"none", "expired", "used"}, "T2A": {"expired", "used"}, "T2B": {"expired", "used"}}.get(kind, set())
    with office.engine.connect() as connection:
        assert sending.hindrance(connection, 1, NOW) == (sending.DEAD_LINK if link in dead else None)


AGAIN = {
    "frozen": ({"last_error": hold.FROZEN}, {}, "ZGL0000001 is stopped; mend: `mailbot tickets release ZGL0000001`"),
    "stopped": ({"kind": "T2A"}, {"state": "WSTRZYMANE"}, "ZGL0000001 is stopped; mend"),
    "frozen, of a ticket that was closed": (
        {"last_error": hold.FROZEN},
        {"state": "ZAMKNIETE_NEGATYWNIE"},
        "ZGL0000001 was stopped and is closed; its mails never leave",
    ),
    "ended": ({"state": jobs.CANCELLED}, {}, "a person ended it, alone or with ZGL0000001; it never leaves"),
    "ended by the desk of security": (
        {"state": jobs.CANCELLED},
        {"desk": "BEZPIECZENSTWO"},
        "a person ended it, alone or with ZGL0000001; it never leaves",
    ),
    "on its way": ({"state": jobs.LEASED}, {}, "is not buried"),
    "sent": ({"state": jobs.DONE}, {}, "is not buried"),
    "dead link": ({"kind": "T3"}, {}, "has expired; mend: help the citizen by telephone"),
    "dead link of a refusal": ({"kind": "T3"}, {"state": "ZAMKNIETE_NEGATYWNIE"}, "has expired; mend: help"),
    "given up": ({}, {}, ""),
    "given up, of a refusal": ({"kind": "T5"}, {"state": "ZAMKNIETE_NEGATYWNIE"}, ""),
}


@pytest.mark.parametrize("name", AGAIN)
async def test_what_an_operator_may_try_again(office: Office, name: str) -> None:
    of_mail, of_ticket, why = AGAIN[name]
    office.mail(1, **{"state": jobs.BURIED, "attempts": 7, **of_mail})
    if of_ticket:
        office.do(update(ticket).values(**of_ticket))
    before = office.row()
    with pytest.raises(PermanentError, match=why) if why else nullcontext(), office.engine.begin() as connection:
        sending.again(connection, 1, NOW + timedelta(minutes=1))
    now = office.row()
    assert now == before if why else (now.state, now.attempts, now.due_at - NOW) == (jobs.QUEUED, 0, timedelta(0, 60))


async def test_what_refuses_us_is_told_the_latest_due_first(office: Office) -> None:
    told: list[dict[str, Any]] = [
        {"refused_us": 1, "due_at": NOW, "last_error": "554 first"},
        {"refused_us": 1, "due_at": NOW + DAY, "last_error": "554 last"},
        {"refused_us": 0, "last_error": "451 busy"},
        {"refused_us": 1, "last_error": "554 over", "state": jobs.BURIED},
    ]
    for number, values in enumerate(told, start=1):
        office.mail(number, **values)
    with office.engine.connect() as connection:
        assert list(sending.refused_us(connection)) == ["554 last", "554 first"]
        assert all("raw" not in row for row in jobs.listed(connection, outbox, None, 9))


async def test_each_time_that_the_server_begins_to_refuse_us_is_told(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "mailbot")
    for number in (1, 2):
        office.mail(number)
        office.says(number, RelayMisconfigured("RCPT: 554 5.7.1 Relay access denied", 554))
        await office.deliver()
        office.relay.answers.clear()
        office.clock.advance(hours=1)
        await office.deliver()
    again = [step for step in steps(caplog, logging.INFO) if step.startswith("relay")]
    assert again == ["relay-refuses-us", "relay-takes-mails-again"] * 2


async def test_what_is_given_up_and_what_could_not_be_tried_are_errors(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "mailbot")
    for number in (1, 2, 3):
        office.mail(number)
    office.says(1, RelayUnavailable("RCPT: 451", 451))
    office.says(2, KeyError("x"))
    await office.deliver()
    assert steps(caplog, logging.ERROR) == ["mail-not-sent"]
    caplog.clear()
    office.clock.advance(hours=25)
    await office.deliver()
    assert steps(caplog, logging.ERROR).count("mail-given-up") == 2
