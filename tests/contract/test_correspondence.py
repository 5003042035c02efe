"""Which ticket a mail belongs to, on both engines: the proven correspondent's own, by number or our Message-ID."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import Connection, Engine, insert, update

from mailbot.mails.thread import message_id
from mailbot.model import AuthResult, MailKind, State, Subject, SubjectClass, Thread, Understanding
from mailbot.ruleset.model import Calendar
from mailbot.secret import Secret
from mailbot.storage.schema import inbox, ticket
from mailbot.tickets.correspondence import Threads, mentioned, token
from tests.understood import understood

SECRET = Secret(bytes(range(32)))
CALENDAR = Calendar(time(7, 30), time(15, 30), frozenset[date](), 3, True, 7, 2)
JAN = "jan.kowalski@wp.example"
ANSWERED = datetime(2026, 11, 17, 8, 0, tzinfo=UTC)
TICKETS = {2329987: (JAN, State.ZAMKNIETE_ROZWIAZANE, ANSWERED), 2329988: ("ewa@mejl.example", State.W_TOKU, None)}


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as opened:
        for n, (correspondent, state, answered_at) in TICKETS.items():
            at = {"received_at": ANSWERED, "due_at": ANSWERED}
            row = {"id": n, "source": "lmtp", "delivery_key": str(n), "sha256": "", "size": 1, "envelope": {}}
            opened.execute(insert(inbox), {**row, **at, "state": "done"})
            values = {"id": n, "number": f"ZGL{n}", "kind": "wniosek", "category": "HASLO_AWARYJNE_A", "desk": ""}
            values |= {"state": state.value, "correspondent": correspondent, "fingerprint": "", "inbox_id": n}
            times = {"opened_at": ANSWERED, "promised_at": ANSWERED, "answered_at": answered_at}
            opened.execute(insert(ticket), {**values, **times})
        yield opened


def look(connection: Connection, u: Understanding) -> Thread | None:
    return Threads(connection, [u], SECRET, CALENDAR).look(u)


def ours(number: str, secret: Secret = SECRET, kind: MailKind = MailKind.T1) -> str:
    return message_id(kind, number, token(secret, number), "helpdesk.example")


def test_a_mail_that_names_nothing_has_no_thread(connection: Connection) -> None:
    assert look(connection, understood()) is None


@pytest.mark.parametrize("subject", ["Re: ZGL2329987 – zarejestrowaliśmy", "zgl nr 2329987", "ZGL9999999 i ZGL2329987"])
def test_the_number_leads_the_correspondent_to_his_ticket(connection: Connection, subject: str) -> None:
    found = look(connection, understood(JAN.upper(), subject=subject))
    assert found == Thread(
        own=True,
        ticket_id=2329987,
        state=State.ZAMKNIETE_ROZWIAZANE,
        category="HASLO_AWARYJNE_A",
        answered_at=ANSWERED,
        complaint_until=datetime(2026, 11, 20, 22, 59, 59, tzinfo=UTC),
    )


def test_our_message_id_leads_there_without_a_number(connection: Connection) -> None:
    for fields in ({"in_reply_to": [ours("ZGL2329987")]}, {"references": ["<a@b>", ours("ZGL2329987"), "<c@d>"]}):
        found = look(connection, understood(JAN, subject="Re: PUESC: Zmiana adresu email", **fields))
        assert found is not None
        assert found.ticket_id == 2329987


def test_a_number_in_the_letter_leads_to_an_open_ticket_of_the_writer(connection: Connection) -> None:
    ewa = understood("ewa@mejl.example", subject="Moja sprawa", text="Co ze zgłoszeniem ZGL 2329988?")
    found = look(connection, ewa)
    assert found is not None
    assert (found.ticket_id, found.in_letter) == (2329988, True)
    new = replace(ewa, subject=Subject(SubjectClass.NOWE, "NOWE"))
    assert look(connection, new) is None


def test_any_other_number_in_a_letter_is_only_told_of(connection: Connection) -> None:
    assert look(connection, understood(JAN, subject="Pytanie", text="Kolega ma ZGL2329988, a ja ZGL9999999.")) is None
    late = understood(JAN, subject="Pytanie", text="ZGL2329987 było o czym innym.")
    assert look(connection, replace(late, received_at=ANSWERED)) is not None
    assert look(connection, replace(late, received_at=ANSWERED + timedelta(days=9))) is None


def test_of_a_thousand_numbers_a_few_are_looked_up(connection: Connection) -> None:
    many = " ".join(f"ZGL{n:07d}" for n in range(1000))
    assert len(mentioned(SECRET, understood(JAN, subject=many))) == 20
    assert look(connection, understood(JAN, subject=many)) == Thread(own=False)


@pytest.mark.parametrize(
    ("state", "desk", "own", "complaint"),
    [
        (State.ZAMKNIETE_ROZWIAZANE, "", True, True),
        (State.WSTRZYMANE, "BEZPIECZENSTWO", True, False),
        (State.DO_WERYFIKACJI, "BEZPIECZENSTWO", True, False),
        (State.KWARANTANNA, "BEZPIECZENSTWO", False, False),
    ],
)
def test_what_security_has_knows_no_complaint(
    connection: Connection, state: State, desk: str, own: bool, complaint: bool
) -> None:
    connection.execute(update(ticket).where(ticket.c.id == 2329987).values(state=state.value, desk=desk))
    found = look(connection, understood(JAN, subject="ZGL2329987"))
    assert found is not None
    assert (found.own, found.complaint_until is not None) == (own, complaint)


STRANGERS = {
    "another person's number": understood(JAN, subject="ZGL2329988"),
    "a number that never was": understood(JAN, subject="ZGL9999999"),
    "a stranger": understood("obcy@zle.example", subject="Re: ZGL2329987"),
    "a stranger who has our mail": understood("obcy@zle.example", in_reply_to=[ours("ZGL2329987")]),
    "nothing vouches for the sender": understood(JAN, AuthResult.NONE, subject="ZGL2329987"),
    "the domain could not be asked": understood(JAN, AuthResult.TEMPERROR, subject="ZGL2329987"),
    "no single sender": understood(None, subject="ZGL2329987"),
}


@pytest.mark.parametrize("case", STRANGERS)
def test_everybody_else_is_told_the_same(connection: Connection, case: str) -> None:
    assert look(connection, STRANGERS[case]) == Thread(own=False)


def test_a_message_id_that_we_did_not_make_names_nothing() -> None:
    guessed = ours("ZGL2329987", Secret(bytes(32)))
    assert mentioned(SECRET, understood(in_reply_to=[guessed, "<zgl2329987.t1@helpdesk.example>"])) == ()


def test_what_is_answered_comes_before_what_is_named() -> None:
    u = understood(subject="ZGL0000009", in_reply_to=[ours("ZGL0000001")], references=[ours("ZGL0000002"), "<x@y>"])
    assert mentioned(SECRET, u) == ("ZGL0000001", "ZGL0000002", "ZGL0000009")


def test_the_token_tells_nothing_about_another_ticket() -> None:
    assert len({token(SECRET, f"ZGL{n:07d}") for n in range(1000)}) == 1000
    assert token(SECRET, "zgl0000001") == token(SECRET, "ZGL0000001")
