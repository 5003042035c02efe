"""How much of one sender, domain or login is decided by a machine: on both engines, by the moment of arrival."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import Connection, Engine, insert, update

from mailbot.model import AuthResult, Decision, Desk, MailKind, Outcome, State
from mailbot.ruleset.model import Limit, Limits
from mailbot.secret import NO_KEY
from mailbot.storage.schema import decision, inbox, ticket
from mailbot.tickets.rate_limits import Arrivals, CountedFor, columns, counted_for
from tests.understood import understood

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LIMITS = Limits(Limit(3, 1), Limit(5, 1), frozenset({"poczta.example"}), Limit(2, 24), Limit(4, 24))
JAN = CountedFor("pass:jan@firma.example", "firma.example", None)
REFUSED = Decision(
    "r", Outcome.REJ_GENERIC, "OGOLNE", State.ZAMKNIETE_NEGATYWNIE, Desk.NOBODY, (MailKind.T5,), (), (), "hash"
)
SILENT = replace(REFUSED, outcome=Outcome.TICKET_UPDATE, mails=())


class Past:
    """Decisions that were made before."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._ids = count(1)

    def add(
        self, source: CountedFor, made: Decision, minutes_ago: float, times: int = 1, ticket_id: int | None = None
    ) -> None:
        """``times`` mails of ``source``."""
        at = NOW - timedelta(minutes=minutes_ago)
        for _ in range(times):
            n = next(self._ids)
            row = {"id": n, "source": "lmtp", "delivery_key": str(n), "sha256": "", "size": 1, "envelope": {}}
            row |= {"received_at": at, "state": "done", "due_at": at, "ticket_id": None}
            self.connection.execute(insert(inbox), row)
            if ticket_id is not None:
                self._open(ticket_id, n, at)
            made_at = {
                "inbox_id": n,
                "decided_at": NOW,
                "ruleset": "",
                "rule": "r",
                "facts": {},
                "notes": {},
                "trace": [],
            }
            values = {**made_at, "outcome": made.outcome.value, **columns(source, made, at)}
            self.connection.execute(insert(decision), values)

    def _open(self, ticket_id: int, inbox_id: int, at: datetime) -> None:
        values = {"id": ticket_id, "number": f"ZGL{ticket_id:07d}", "kind": "", "category": "", "desk": ""}
        values |= {"state": State.WSTRZYMANE.value, "fingerprint": "", "opened_at": at, "promised_at": at}
        self.connection.execute(insert(ticket), {**values, "inbox_id": inbox_id})
        self.connection.execute(inbox.update().where(inbox.c.id == inbox_id).values(ticket_id=ticket_id))

    def over(self, source: CountedFor) -> str:
        """The word for one more mail of ``source`` now."""
        return Arrivals(self.connection, [source], NOW, LIMITS).over(source)


@pytest.fixture
def past(engine: Engine) -> Iterator[Past]:
    with engine.begin() as connection:
        yield Past(connection)


def test_the_mail_after_the_last_allowed_one_is_over(past: Past) -> None:
    past.add(JAN, SILENT, 10, times=2)
    assert past.over(JAN) == "no"
    past.add(JAN, SILENT, 59)
    assert past.over(JAN) == "sender"


def test_only_the_time_of_the_limit_counts(past: Past) -> None:
    past.add(JAN, SILENT, 61, times=50)
    assert past.over(JAN) == "no"


@pytest.mark.parametrize("days", [0, 6, 6.9, -1, -30, -4000])
def test_what_counts_is_found_in_whatever_week_it_came(past: Past, days: float) -> None:
    """Also by a clock that was ahead, and set back since."""
    wide = replace(LIMITS, per_sender=Limit(3, 168))
    past.add(JAN, SILENT, days * 24 * 60, times=2)
    assert Arrivals(past.connection, [JAN], NOW, wide).over(JAN) == "no"
    past.add(JAN, SILENT, days * 24 * 60)
    assert Arrivals(past.connection, [JAN], NOW, wide).over(JAN) == "sender"


def test_what_the_release_before_this_one_wrote_counts(past: Past) -> None:
    past.add(JAN, SILENT, 10, times=3)
    past.connection.execute(update(decision).values(week=0))
    assert past.over(JAN) == "sender"


def test_forged_mails_do_not_use_up_what_the_citizen_may_send(past: Past) -> None:
    past.add(replace(JAN, sender="none:jan@firma.example", domain="?firma.example"), SILENT, 5, times=50)
    assert past.over(JAN) == "no"


def test_a_domain_shares_one_limit(past: Past) -> None:
    for n in range(5):
        past.add(CountedFor(f"pass:p{n}@firma.example", "firma.example", None), SILENT, 5)
    assert past.over(CountedFor("pass:new@firma.example", "firma.example", None)) == "domain"
    assert past.over(CountedFor("pass:new@other.example", "other.example", None)) == "no"


def test_what_one_sends_over_his_limit_takes_nothing_from_his_domain(past: Past) -> None:
    held = replace(REFUSED, outcome=Outcome.RATE_LIMITED, mails=(MailKind.T18,))
    past.add(JAN, held, 5, times=20)
    colleague = CountedFor("pass:ewa@firma.example", "firma.example", None)
    assert past.over(JAN) == "sender"
    assert past.over(colleague) == "no"
    arrivals = Arrivals(past.connection, [JAN, colleague], NOW, LIMITS)
    for _ in range(9):
        arrivals.add(JAN, held, 1)
    assert arrivals.over(colleague) == "no"


def test_a_day_of_refusals(past: Past) -> None:
    past.add(JAN, REFUSED, 23 * 60, times=2)
    assert past.over(JAN) == "failures"
    assert past.over(replace(JAN, sender="pass:ewa@firma.example")) == "no"


def test_refusals_about_one_login_count_whoever_asks(past: Past) -> None:
    for n in range(2):
        past.add(CountedFor(f"pass:thief{n}@x{n}.example", None, "jan@firma.example"), REFUSED, 60 * n + 1)
    assert past.over(CountedFor("pass:thief9@y.example", None, "jan@firma.example")) == "login"
    assert past.over(CountedFor("pass:thief9@y.example", None, "ewa@firma.example")) == "no"


def test_a_loop_ends_by_the_answers_of_a_day(past: Past) -> None:
    answered = replace(SILENT, outcome=Outcome.MORE, mails=(MailKind.T6,))
    past.add(JAN, answered, 20 * 60, times=4)
    assert past.over(JAN) == "answers"


def test_what_was_over_a_limit_is_no_answer_that_keeps_it_over(past: Past) -> None:
    held = replace(REFUSED, outcome=Outcome.RATE_LIMITED, mails=(MailKind.T18,))
    past.add(JAN, held, 120, times=10)
    assert past.over(JAN) == "no"
    arrivals = Arrivals(past.connection, [JAN], NOW, replace(LIMITS, per_sender=Limit(9, 1)))
    for _ in range(4):
        arrivals.add(JAN, held, 1)
    assert arrivals.over(JAN) == "no"


def test_a_batch_counts_itself(past: Past) -> None:
    arrivals = Arrivals(past.connection, [JAN], NOW, LIMITS)
    words = []
    for _ in range(5):
        words.append(arrivals.over(JAN))
        arrivals.add(JAN, SILENT, None)
    assert words == ["no", "no", "no", "sender", "sender"]


def test_machines_and_quarantine_count_for_nobody(past: Past) -> None:
    for outcome in (Outcome.NO_REPLY, Outcome.QUARANTINE):
        past.add(JAN, replace(SILENT, outcome=outcome), 1, times=9)
    assert past.over(JAN) == "no"
    assert past.over(CountedFor()) == "no"


def test_what_is_held_gathers_in_one_ticket_until_a_person_has_seen_it(past: Past) -> None:
    held = replace(SILENT, outcome=Outcome.RATE_LIMITED)
    past.add(JAN, held, 3 * 60, ticket_id=7)
    arrivals = Arrivals(past.connection, [JAN], NOW, LIMITS)
    assert arrivals.held_ticket(JAN) == 7
    assert arrivals.held_ticket(replace(JAN, sender="pass:ewa@firma.example")) is None
    past.connection.execute(ticket.update().values(state=State.ZAMKNIETE_BEZ_ZMIAN.value))
    assert arrivals.held_ticket(JAN) is None


@pytest.mark.parametrize(
    ("sender", "proof", "asked", "wanted"),
    [
        ("Jan@Firma.example", AuthResult.PASS, "jan@firma.example", JAN),
        ("jan@poczta.example", AuthResult.PASS, None, CountedFor("pass:jan@poczta.example")),
        ("jan@firma.example", AuthResult.NONE, None, CountedFor("none:jan@firma.example", "?firma.example")),
        (
            "new@firma.example",
            AuthResult.PASS,
            "old@x.example",
            CountedFor("pass:new@firma.example", "firma.example", "old@x.example"),
        ),
        ("jan@firma.example", AuthResult.FAIL, None, CountedFor()),
        # whoever has a domain has all below it, but nobody has a public suffix
        ("jan@a.b.firma.example", AuthResult.PASS, None, CountedFor("pass:jan@a.b.firma.example", "firma.example")),
        ("jan@x1.firma.com.pl", AuthResult.NONE, None, CountedFor("none:jan@x1.firma.com.pl", "?firma.com.pl")),
        ("jan@mf.gov.pl", AuthResult.PASS, None, CountedFor("pass:jan@mf.gov.pl", "mf.gov.pl")),
        ("jan@com.pl", AuthResult.PASS, None, CountedFor("pass:jan@com.pl", "com.pl")),
        ("jan@sub.poczta.example", AuthResult.PASS, None, CountedFor("pass:jan@sub.poczta.example", "poczta.example")),
        (None, AuthResult.NONE, None, CountedFor()),
    ],
)
def test_whom_a_message_counts_for(
    sender: str | None, proof: AuthResult, asked: str | None, wanted: CountedFor
) -> None:
    assert counted_for(understood(sender, proof), asked, LIMITS, NO_KEY) == wanted


NOBODY = CountedFor("none:jan@firma.example", "?firma.example", None)
ANSWERED = replace(REFUSED, outcome=Outcome.MORE, mails=(MailKind.T6,))


def test_whom_nothing_vouches_for_is_answered_once_a_day_where_the_envelope_agrees(past: Past) -> None:
    def answer(source: CountedFor, *, agrees: bool = True) -> str:
        return Arrivals(past.connection, [source], NOW, LIMITS).answer(source, agrees=agrees)

    assert (answer(NOBODY), answer(NOBODY, agrees=False), answer(JAN, agrees=False)) == ("open", "shut", "open")
    past.add(NOBODY, ANSWERED, 24 * 60 + 1)
    assert answer(NOBODY) == "open"
    past.add(NOBODY, ANSWERED, 23 * 60)
    assert (answer(NOBODY), answer(JAN)) == ("shut", "open")


def test_the_installation_answers_few_of_them(past: Past) -> None:
    few = replace(LIMITS, unvouched=Limit(3, 24))
    other = CountedFor("temperror:ewa@inna.example", None, None)
    past.add(JAN, ANSWERED, 5, times=9)
    past.add(NOBODY, SILENT, 5, times=9)
    past.add(NOBODY, ANSWERED, 5, times=2)
    arrivals = Arrivals(past.connection, [other], NOW, few)
    assert arrivals.answer(other, agrees=True) == "open"
    arrivals.add(CountedFor("none:a@b.example", None, None), ANSWERED, 1)
    assert arrivals.answer(other, agrees=True) == "shut"
