"""Each action from the state it starts from: what becomes of the ticket, its clock, its mails; and why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from mailbot.desk import actions, refusals, words
from mailbot.desk import requests as r
from mailbot.desk.plan import Refusal
from mailbot.desk.requests import Action, ActionRequest
from mailbot.model import ApplicationCheck, ApplicationState, Defect, MailKind
from mailbot.model.operator import Operator
from mailbot.outbox import jobs
from mailbot.storage.desk import approval, desk_text, ticket_link
from mailbot.storage.schema import activation, decision, inbox, outbox, ticket, used_signature
from mailbot.tickets import sla
from tests.bench_desk import ADAM, ANNA, BASIA, CELA, DOUBTFUL, NEW, OLA, SIGNED, Bench
from tests.flow import EWA, GOOD, JAN, ZOFIA

NAME = frozenset({"name"})
UNSURE = frozenset({"application"})
B = {"old_login": JAN.login, "waived": UNSURE}


def review_a(b: Bench) -> None:
    b.review_a()
    b.send()


def review_b(b: Bench) -> None:
    b.review_b()
    b.send()


def question(b: Bench) -> None:
    b.question()
    b.send()


def asked(b: Bench) -> None:
    question(b)
    b.done(ANNA, r.Take)
    b.done(ANNA, r.Ask, text="Proszę podać nazwę formularza.")
    b.clock.advance(minutes=1)
    b.send()


def answered(b: Bench) -> None:
    question(b)
    b.done(ANNA, r.Take)
    b.done(ANNA, r.ReplyAndClose, text="Formularz już działa.")
    b.clock.advance(minutes=1)
    b.send()


def complaint(b: Bench) -> None:
    answered(b)
    b.letter(EWA.login, "Składam reklamację. Formularz nadal nie działa.", subject="Re: ZGL0000001")
    b.send()


def quarantine(b: Bench) -> None:
    b.letter(auth="fail")


def limited(b: Bench) -> None:
    for n in range(30):
        b.letter(body=f"Pytanie numer {n} o formularz", subject="Pytanie")
        if b.last().state == "WSTRZYMANE":
            return
    raise AssertionError("no limit was passed")


def granted(b: Bench) -> None:
    b.letter()


def moving(b: Bench) -> None:
    b.review_b(SIGNED)


def moving_on(b: Bench) -> None:
    """The old login was warned, and the hold goes on."""
    moving(b)
    b.send()


def stopped(b: Bench) -> None:
    moving(b)
    b.done(ANNA, r.Stop)


def half(b: Bench) -> None:
    review_b(b)
    b.look(ANNA, BASIA)
    b.done(ANNA, r.AcceptB, **B)


def undelivered(b: Bench) -> None:
    question(b)
    b.bury("T8")


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    start: Callable[[Bench], None]
    who: Operator
    kind: type[ActionRequest]
    values: dict[str, Any] = field(default_factory=dict)
    state: str = ""
    """"": as before."""
    desk: str | None = None
    owner: str | None = "same"
    mails: tuple[str, ...] = ()
    """Kinds that were written."""


ROWS = {
    "take": Row(question, ANNA, r.Take, state="W_TOKU", owner="anna"),
    "take from a colleague": Row(asked, BASIA, r.Take, owner="basia"),
    "give": Row(asked, ANNA, r.Give, {"to": "basia"}, owner="basia"),
    "put back": Row(asked, ANNA, r.PutBack, owner=None),
    "assign": Row(asked, ANNA, r.Assign, {"desk": "II_LINIA"}, desk="II_LINIA", owner=None),
    "note": Row(question, ANNA, r.Note, {"text": "Dzwonił dwa razy."}),
    "note in quarantine": Row(quarantine, BASIA, r.Note, {"text": "Znany nadawca."}),
    "reply": Row(question, ANNA, r.Reply, {"text": "Sprawdzamy."}, "W_TOKU", owner="anna", mails=("T21",)),
    "reply to what waits": Row(asked, ANNA, r.Reply, {"text": "Już wiemy."}, state="W_TOKU", mails=("T21",)),
    "reply to what is closed": Row(answered, ANNA, r.Reply, {"text": "Jeszcze jedno."}, mails=("T21",)),
    "reply to what is stopped": Row(stopped, BASIA, r.Reply, {"text": "Sprawdzamy."}, mails=("T21",)),
    "a template of the office": Row(
        question, ANNA, r.Reply, {"template": MailKind.T16}, "W_TOKU", owner="anna", mails=("T16",)
    ),
    "reply and close": Row(
        question, ANNA, r.ReplyAndClose, {"text": "Działa."}, "ZAMKNIETE_ROZWIAZANE", "", "anna", ("T21",)
    ),
    "ask": Row(question, ANNA, r.Ask, {"text": "Który formularz?"}, "OCZEKUJE_NA_KLIENTA", None, "anna", ("T22",)),
    "refuse, named": Row(
        review_a, ANNA, r.RefuseNamed, {"defects": (Defect.YEAR_MISSING,)}, "ZAMKNIETE_NEGATYWNIE", "", mails=("T4",)
    ),
    "refuse, generic": Row(review_a, ANNA, r.RefuseGeneric, {}, "ZAMKNIETE_NEGATYWNIE", "", mails=("T5",)),
    "accept A": Row(review_a, ANNA, r.AcceptA, {"waived": NAME}, "ZAMKNIETE_ROZWIAZANE", "", mails=("T2A", "T3")),
    "accept B, first": Row(review_b, ANNA, r.AcceptB, B),
    "accept B, second": Row(half, BASIA, r.ConfirmB, B, "ZAMKNIETE_ROZWIAZANE", "", mails=("T14", "T2B", "T3")),
    "withdraw B": Row(half, ANNA, r.WithdrawB),
    "withdraw B, second": Row(half, CELA, r.WithdrawB),
    "stop": Row(moving, ANNA, r.Stop, {}, "WSTRZYMANE", "BEZPIECZENSTWO", None),
    "stop without link": Row(review_b, ANNA, r.Stop, {}, "WSTRZYMANE", "BEZPIECZENSTWO", None),
    "release": Row(stopped, BASIA, r.Release, {}, "ZAMKNIETE_ROZWIAZANE", ""),
    "out of quarantine": Row(quarantine, BASIA, r.OutOfQuarantine, {}, "ZAMKNIETE_BEZ_ZMIAN", ""),
    "close, refused": Row(
        stopped, BASIA, r.Close, {"how": r.How.REFUSED, "silence": r.Silence.NOISE}, "ZAMKNIETE_NEGATYWNIE", ""
    ),
    "close, noise": Row(
        question, ANNA, r.Close, {"how": r.How.UNCHANGED, "silence": r.Silence.NOISE}, "ZAMKNIETE_BEZ_ZMIAN", ""
    ),
    "close what is in quarantine": Row(
        quarantine, BASIA, r.Close, {"how": r.How.UNCHANGED, "silence": r.Silence.NOISE}, "ZAMKNIETE_BEZ_ZMIAN", ""
    ),
    "reopen": Row(answered, ANNA, r.Reopen, {}, "PONOWNIE_OTWARTE", "I_LINIA"),
    "answer a complaint": Row(
        complaint, ANNA, r.AnswerComplaint, {"text": "Poprawiliśmy."}, "ZAMKNIETE_ROZWIAZANE", "", mails=("T23",)
    ),
    "call": Row(question, ANNA, r.Call, {"outcome": r.CallOutcome.TOLD}),
}


@pytest.mark.parametrize("name", ROWS)
def test_what_an_action_does(bench: Bench, name: str) -> None:
    row = ROWS[name]
    row.start(bench)
    before, there = bench.ticket(), len(bench.mails())
    done = bench.done(row.who, row.kind, **row.values)
    after, written = bench.ticket(), bench.mails()[there:]
    assert after.state == (row.state or before.state)
    assert after.desk == (before.desk if row.desk is None else row.desk)
    assert after.owner == (before.owner if row.owner == "same" else row.owner)
    assert tuple(mail.kind for mail in written) == row.mails
    assert done.version == bench.version() > 0
    assert bench.chained[-1] == (done.event, f"operator:{row.who.name}", bench.chained[-1][2])
    assert bool(after.closed_at) is after.state.startswith("ZAMKNIETE")


def test_every_action_has_a_row() -> None:
    elsewhere = {Action.OUT_OF_LIMIT, Action.MERGE, Action.SPLIT, Action.LINK, Action.TAKE_BACK}
    elsewhere |= {Action.MAIL_RETRY, Action.MAIL_HOLD, Action.MAIL_CANCEL}
    assert {row.kind.action for row in ROWS.values()} | elsewhere == set(Action)
    assert set(r.REQUESTS) == set(actions._WORK) == set(words.ACTIONS) == set(Action)


REFUSED: dict[str, tuple[Callable[[Bench], None], Operator, type[ActionRequest], dict[str, Any], str]] = {
    "an admin reads no letters": (question, ADAM, r.Note, {"text": "x"}, "role"),
    "an auditor changes nothing": (question, OLA, r.Take, {}, "role"),
    "another desk's": (question, replace(ANNA, desks=frozenset({"II_LINIA"})), r.Take, {}, "desk"),
    "what security stopped": (stopped, ANNA, r.Release, {}, "supervisor"),
    "what is in quarantine": (quarantine, ANNA, r.OutOfQuarantine, {}, "supervisor"),
    "without a reason": (review_a, ANNA, r.RefuseGeneric, {"reason": " "}, "reason"),
    "a colleague's": (asked, replace(ANNA, name="iga"), r.Take, {}, "held"),
    "assigned under a colleague": (asked, replace(ANNA, name="iga"), r.Assign, {"desk": "II_LINIA"}, "held"),
    "to nobody": (asked, ANNA, r.Give, {"to": "nikt"}, "colleague"),
    "to an auditor": (asked, ANNA, r.Give, {"to": "ola"}, "colleague"),
    "an empty note": (question, ANNA, r.Note, {"text": " \n"}, "empty"),
    "an empty reply": (question, ANNA, r.Reply, {"text": " "}, "empty"),
    "a template with text": (question, ANNA, r.Reply, {"text": "x", "template": MailKind.T16}, "template-alone"),
    "a link as a template": (question, ANNA, r.Reply, {"template": MailKind.T3}, "no-template"),
    "a template that is not there": (question, ANNA, r.Reply, {"template": MailKind.W1}, "no-template"),
    "an answer out of quarantine": (quarantine, BASIA, r.Reply, {"text": "Kto pisze?"}, "state"),
    "another number": (question, ANNA, r.Reply, {"text": "Jak w ZGL 7."}, "text-ticket"),
    "a PESEL": (question, ANNA, r.Reply, {"text": "PESEL 44051401359"}, "text-secret"),
    "a telephone of nobody": (question, ANNA, r.Reply, {"text": "Dzwoń: 600 100 200"}, "text-contact"),
    "a link": (question, ANNA, r.Reply, {"text": "Kliknij https://zle.example/a"}, "text-contact"),
    "a link of ours": (question, ANNA, r.Reply, {"text": "https://puesc.gov.pl/aktywacja/abc"}, "text-contact"),
    "what nobody sees": (question, ANNA, r.Reply, {"text": "a\u202eb"}, "text-invisible"),
    "a program": (question, ANNA, r.Reply, {"text": "x", "files": (r.File("a.pdf", b"MZ"),)}, "file-type"),
    "too many files": (
        question, ANNA, r.Reply, {"text": "x", "files": (r.File("a.pdf", b"%PDF-"),) * 6}, "files-limit"
    ),
    "a refusal of what is no procedure": (question, ANNA, r.RefuseGeneric, {}, "not-procedure"),
    "a refusal that names nothing": (review_a, ANNA, r.RefuseNamed, {"defects": ()}, "no-defect"),
    "a refusal without its data": (
        review_b, ANNA, r.RefuseNamed, {"defects": (Defect.APP_INCOMPLETE,), "missing": ("PESEL",)}, "which-data"
    ),
    "a refusal where a link lives": (granted, ANNA, r.RefuseGeneric, {}, "state"),
    "a deviation that nobody named": (review_a, ANNA, r.AcceptA, {}, "deviations"),
    "one that is none": (review_a, ANNA, r.AcceptA, {"waived": NAME | {"year"}}, "deviations"),
    "case B by one": (review_b, ANNA, r.AcceptA, {}, "is-case-b"),
    "case A by two": (review_a, ANNA, r.AcceptB, {"old_login": JAN.login}, "not-case-b"),
    "a second half without a first": (review_b, BASIA, r.ConfirmB, B, "no-first"),
    "both halves": (half, replace(ANNA, roles=BASIA.roles), r.ConfirmB, B, "both-halves"),
    "a second first half": (half, BASIA, r.AcceptB, B, "first-there"),
    "by who has not looked": (half, CELA, r.ConfirmB, B, "not-looked"),
    "another login": (half, BASIA, r.ConfirmB, {**B, "old_login": EWA.login}, "other-login"),
    "from a shell": (review_b, replace(ANNA, id=0), r.AcceptB, B, "no-person"),
    "nothing to stop": (question, ANNA, r.Stop, {}, "nothing-to-stop"),
    "stopped twice": (stopped, ANNA, r.Stop, {}, "stopped-already"),
    "a stopped matter answered away": (
        stopped, BASIA, r.ReplyAndClose, {"text": "Koniec."}, "state"
    ),
    "a stopped matter that ends well": (
        stopped, BASIA, r.Close, {"how": r.How.DONE, "silence": r.Silence.NOISE}, "stopped-for-good"
    ),
    "closed after no call": (
        question, ANNA, r.Close, {"how": r.How.DONE, "silence": r.Silence.CALLED}, "no-call"
    ),
    "closed after no answer": (
        question, ANNA, r.Close, {"how": r.How.DONE, "silence": r.Silence.ANSWERED}, "not-answered"
    ),
    "reopened though open": (question, ANNA, r.Reopen, {}, "state"),
    "a complaint that is none": (question, ANNA, r.AnswerComplaint, {"text": "x"}, "state"),
    "merged with itself": (question, ANNA, r.Merge, {"other": "1"}, "itself"),
    "merged with nothing": (question, ANNA, r.Merge, {"other": "ZGL 77"}, "no-ticket"),
    "the letter that opened it": (question, ANNA, r.Split, {"letter": 1}, "opening-letter"),
    "a mail of nobody": (question, ANNA, r.MailRetry, {"mail": 99}, "no-mail"),
    "a mail that left": (question, ANNA, r.MailCancel, {"mail": 1}, "mail-ended"),
    "a frozen mail": (stopped, BASIA, r.MailRetry, {"mail": 3}, "frozen"),
    "holding a mail of a living link": (moving_on, ANNA, r.MailHold, {"mail": 3}, "hold-link"),
    "holding what waits": (moving, ANNA, r.MailHold, {"mail": 3}, "waits-anyway"),
    "a mail of a living link": (moving, ANNA, r.MailCancel, {"mail": 3}, "cancel-link"),
    "the warning of a living link": (moving, ANNA, r.MailCancel, {"mail": 2}, "cancel-link"),
    "a link to take back": (granted, ANNA, r.TakeBack, {}, "hold-link"),
    "a call that is a novel": (
        question, ANNA, r.Call, {"outcome": r.CallOutcome.TOLD, "text": "x" * 2001}, "too-long"
    ),
    "nothing to take back": (question, ANNA, r.TakeBack, {}, "nothing-to-take-back"),
    "a limit that is none": (stopped, BASIA, r.OutOfLimit, {}, "not-limited"),
    "two wrong answers": (
        question, ANNA, r.Call,
        {"outcome": r.CallOutcome.TOLD, "heard": {r.Asked.NAME: r.Heard.WRONG, r.Asked.YEAR: r.Heard.WRONG}},
        "two-wrong",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_writes_nothing_and_names_the_way(bench: Bench, name: str) -> None:
    start, who, kind, values, code = REFUSED[name]
    start(bench)
    before, events, mails = bench.ticket(), bench.events(), bench.mails()
    found = bench.act(who, kind, **values)
    assert isinstance(found, Refusal)
    assert found.code == code
    assert (bench.ticket(), bench.events(), bench.mails()) == (before, events, mails)
    for language in ("pl", "en"):
        assert len(refusals.sentence(found, language)) > 10
        assert "{" not in refusals.sentence(found, language)


def test_a_question_waits_for_the_citizen_and_comes_back_to_who_asked(bench: Bench) -> None:
    asked(bench)
    bench.done(BASIA, r.Assign, desk="II_LINIA")
    bench.done(ANNA, r.Take)
    with bench.engine.begin() as connection:
        sla.look_at_due(connection, bench.clock(), bench.flow.settings.tickets, bench.flow.ruleset)
    waiting = bench.ticket()
    assert waiting.reply_by is not None
    assert waiting.alarm_at == waiting.reply_by
    assert bench.letter(EWA.login, "To formularz DS.", subject="Re: ZGL0000001") == 2
    back = bench.ticket()
    assert (back.state, back.desk, back.owner) == ("W_TOKU", "II_LINIA", "anna")
    assert bench.case().new_letter
    bench.done(ANNA, r.Note, text="przeczytane")
    assert not bench.case().new_letter


def test_a_broken_promise_ends_with_the_answer(bench: Bench) -> None:
    question(bench)
    bench.clock.advance(days=40)
    with bench.engine.begin() as connection:
        sla.look_at_due(connection, bench.clock(), bench.flow.settings.tickets, bench.flow.ruleset)
        assert connection.execute(select(ticket.c.id).where(sla.alarmed())).scalars().all() == [1]
    bench.done(ANNA, r.ReplyAndClose, text="Przepraszamy. Formularz już działa.")
    bench.clock.advance(minutes=1)
    bench.send()
    with bench.engine.begin() as connection:
        sla.look_at_due(connection, bench.clock(), bench.flow.settings.tickets, bench.flow.ruleset)
        assert connection.execute(select(ticket.c.id).where(sla.alarmed())).scalars().all() == []
    assert bench.ticket().alarm_at is None


def test_a_reopened_ticket_has_a_new_promise(bench: Bench) -> None:
    answered(bench)
    bench.clock.advance(days=40)
    bench.done(ANNA, r.Reopen)
    row = bench.ticket()
    assert row.promised_at > bench.clock()
    assert (row.alarm, row.closed_at, row.owner) == ("", None, "anna")


def test_the_refusals_of_a_person_are_those_of_the_machine(bench: Bench) -> None:
    review_a(bench)
    bench.done(ANNA, r.RefuseGeneric)
    (mail,) = [m for m in bench.mails() if m.kind == "T5"]
    refusal = bench.flow.settings.refusal
    assert refusal.delay_min_minutes * 60 <= mail.delay_seconds <= refusal.delay_max_minutes * 60
    assert mail.due_at == bench.clock() + timedelta(seconds=mail.delay_seconds)


def test_a_login_without_registration_gets_it_first(bench: Bench) -> None:
    bench.letter(body="Dzień dobry, proszę o pomoc z hasłem", subject="hasło awaryjne puesc")
    bench.send()
    bench.done(BASIA, r.Reopen)
    waived = actions.accept.deviations(bench.case(), "A")
    bench.done(ANNA, r.AcceptA, waived=waived)
    bench.clock.advance(minutes=2)
    bench.send()
    assert [m.kind for m in bench.mails() if m.kind in ("T1", "T2A", "T3")] == ["T1", "T2A", "T3"]
    assert all(m.state == jobs.DONE for m in bench.mails() if m.kind in ("T1", "T2A", "T3"))


def test_case_b_warns_first_and_keeps_the_hold(bench: Bench) -> None:
    half(bench)
    bench.done(BASIA, r.ConfirmB, **B)
    mails = {m.kind: m for m in bench.mails()}
    assert (mails["T14"].recipient, mails["T2B"].recipient, mails["T3"].recipient) == (JAN.login, NEW, NEW)
    bench.clock.advance(minutes=1)
    assert bench.send() == ["T14"]
    bench.clock.advance(hours=3, minutes=59)
    assert bench.send() == []
    bench.clock.advance(minutes=1)
    assert bench.send() == ["T2B", "T3"]
    with bench.engine.connect() as connection:
        link = connection.execute(select(activation)).one()
        assert (link.login, link.new_login) == (JAN.login, NEW)
        assert connection.execute(select(used_signature.c.ticket_id)).scalars().all() == [1]
        assert connection.execute(select(approval.c.ended, approval.c.ended_by)).one() == ("confirmed", BASIA.id)


def test_an_application_is_granted_once(bench: Bench) -> None:
    half(bench)
    bench.done(BASIA, r.ConfirmB, **B)
    bench.letter(NEW, "Proszę o zmianę hasła awaryjnego oraz zmianę adresu e-mail dla Jan Kowalski, 1980.", DOUBTFUL)


@pytest.mark.parametrize(
    "change",
    ["the account was blocked", "the holder was renamed", "the ticket was stopped"],
)
def test_the_second_person_confirms_what_the_first_saw(bench: Bench, change: str) -> None:
    half(bench)
    if change == "the ticket was stopped":
        bench.done(ANNA, r.Stop)
        assert bench.code(BASIA, r.ConfirmB, **B) == "state"
        bench.done(BASIA, r.Release)
        assert bench.ticket().state == "DO_WERYFIKACJI"
        assert bench.code(BASIA, r.ConfirmB, **B) == "no-first"
        return
    from mailbot.storage.schema import account

    values = {"status": "blocked"} if "blocked" in change else {"birth_year": 1979}
    with bench.engine.begin() as connection:
        connection.execute(update(account).where(account.c.login == JAN.login).values(values))
    assert bench.code(BASIA, r.ConfirmB, **B) in ("other-facts", "deviations")


@pytest.mark.parametrize("state", [s for s in ApplicationState if s.tried or s is ApplicationState.MALWARE])
def test_a_signature_that_does_not_fit_is_never_accepted(bench: Bench, state: ApplicationState) -> None:
    bench.review_b(replace(SIGNED, state=state, whole=False))
    bench.send()
    if bench.ticket().closed_at:
        bench.done(BASIA, r.Reopen)
    if bench.ticket().state == "KWARANTANNA":
        return
    bench.look(ANNA, BASIA)
    waived = actions.accept.deviations(bench.case(), "B")
    values = {"old_login": JAN.login, "waived": waived}
    assert bench.code(ANNA, r.AcceptB, **values) in ("", "no-report", "had-link")
    assert bench.code(BASIA, r.ConfirmB, **values) in ("broken", "no-first", "had-link")
    assert "T14" not in bench.kinds() or state.accepted


def test_notes_lie_sealed_and_never_become_a_mail(bench: Bench) -> None:
    question(bench)
    done = bench.done(ANNA, r.Note, text="Podejrzany głos")
    with bench.engine.connect() as connection:
        rows = connection.execute(select(desk_text)).all()
    assert [row.kind for row in rows] == ["note", "reason"]
    assert not any(b"Podejrzany" in row.sealed for row in rows)
    assert done.mails == ()
    assert not hasattr(r.Note(version=1, text=""), "to")


def test_a_reply_can_be_taken_back_and_the_ticket_is_as_it_was(bench: Bench) -> None:
    question(bench)
    bench.done(ANNA, r.Take)
    before = bench.ticket()
    bench.done(ANNA, r.ReplyAndClose, text="Zła odpowiedź.")
    assert bench.code(replace(ANNA, name="iga"), r.TakeBack) == "not-yours"
    bench.done(ANNA, r.TakeBack)
    after = bench.ticket()
    kept = ("state", "desk", "owner", "category", "promised_at", "standard_at", "reply_by", "closed_at", "alarm")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    bench.clock.advance(minutes=5)
    assert bench.send() == []
    assert bench.kinds(1, jobs.CANCELLED) == ["T21"]
    bench.done(ANNA, r.ReplyAndClose, text="Dobra odpowiedź.")
    bench.clock.advance(seconds=29)
    assert bench.send() == []
    bench.clock.advance(seconds=1)
    assert bench.send() == ["T21"]
    assert bench.code(ANNA, r.TakeBack) == "left-already"


def test_the_second_send_is_refused_with_the_first_ones_text(bench: Bench) -> None:
    question(bench)
    seen = bench.version()
    bench.done(ANNA, r.Reply, text="Odpowiedź Anny.")
    found = bench.act(BASIA, r.Reply, text="Odpowiedź Basi.", version=seen)
    assert isinstance(found, Refusal)
    assert found.code == "changed"
    (other,) = found.since
    assert (other.by, other.kind) == ("anna", "replied")
    assert "Odpowiedź Anny." in other.text
    assert "anna" in refusals.sentence(found, "pl")
    assert bench.kinds() == ["T8", "T21"]


def test_news_of_transport_and_clock_is_no_new_version(bench: Bench) -> None:
    bench.question()
    seen = bench.version()
    bench.send()
    bench.clock.advance(days=40)
    with bench.engine.begin() as connection:
        sla.look_at_due(connection, bench.clock(), bench.flow.settings.tickets, bench.flow.ruleset)
    assert bench.events()[1:] == ["mail-sent", "sla-breach"]
    assert bench.version() == seen


def test_two_letters_of_one_person_become_one_matter(bench: Bench) -> None:
    question(bench)
    bench.letter(EWA.login, "Jeszcze jedno pytanie o ten formularz.", subject="Drugie pytanie o formularz")
    first, second = bench.ticket(1), bench.ticket(2)
    done = bench.done(ANNA, r.Merge, "2", other="ZGL 0000001")
    assert done.told == (("into", "ZGL0000001"),)
    assert bench.ticket(2).state == "ZAMKNIETE_BEZ_ZMIAN"
    assert bench.ticket(1).promised_at == min(first.promised_at, second.promised_at)
    assert [letter.inbox_id for letter in bench.case().letters] == [1, 2]
    bench.letter(EWA.login, "Dopisuję.", subject="Re: ZGL0000002")
    assert bench.events(1)[-1] == "answered-by-citizen"
    assert bench.ticket(2).state == "ZAMKNIETE_BEZ_ZMIAN"
    assert bench.code(ANNA, r.Merge, "1", other="2") == "merge-state"


def test_the_older_one_stays_whichever_was_opened(bench: Bench) -> None:
    question(bench)
    bench.letter(EWA.login, "Jeszcze jedno pytanie o ten formularz.", subject="Drugie pytanie o formularz")
    bench.done(ANNA, r.Merge, "1", other="2")
    assert (bench.ticket(1).closed_at, bench.ticket(2).state) == (None, "ZAMKNIETE_BEZ_ZMIAN")


def test_who_does_not_see_a_ticket_merges_nothing_into_it_or_out_of_it(bench: Bench) -> None:
    question(bench)
    bench.letter(EWA.login, "Jeszcze jedno pytanie o ten formularz.", subject="Drugie pytanie o formularz")
    mine = bench.ticket(2).desk
    with bench.engine.begin() as connection:
        connection.execute(
            update(ticket).where(ticket.c.id == 1).values(desk="II_LINIA" if mine != "II_LINIA" else "I_LINIA")
        )
    here = replace(ANNA, desks=frozenset({mine}))
    assert bench.code(here, r.Merge, "2", other="1") == "no-ticket"
    bench.done(ANNA, r.Merge, "2", other="1")


@pytest.mark.parametrize("proof", ["another person", "nothing vouches"])
def test_only_what_one_proven_person_wrote_is_merged(bench: Bench, proof: str) -> None:
    question(bench)
    if proof == "another person":
        bench.letter(JAN.login, "Pytanie o formularz celny.", subject="Pytanie o formularz")
    else:
        bench.letter(EWA.login, "Pytanie o formularz celny.", subject="Pytanie o formularz", auth="none")
    assert bench.code(ANNA, r.Merge, "2", other="1") in ("other-person", "merge-state")
    bench.done(ANNA, r.Link, "2", other="1")
    with bench.engine.connect() as connection:
        assert connection.execute(select(ticket_link.c.kind)).scalars().all() == ["see"]


def test_a_letter_about_something_else_gets_a_ticket_of_its_own(bench: Bench) -> None:
    asked(bench)
    letter = bench.letter(EWA.login, "Mam też inne pytanie.", subject="Re: ZGL0000001")
    done = bench.done(ANNA, r.Split, letter=letter)
    assert done.told == (("into", "ZGL0000002"),)
    new = bench.ticket(2)
    assert (new.state, new.correspondent, new.inbox_id, new.owner) == ("W_TOKU", EWA.login, letter, "anna")
    assert new.promised_at > bench.clock()
    assert [one.inbox_id for one in bench.case("2").letters] == [letter]
    bench.letter(JAN.login, GOOD)
    assert bench.ticket(3).correspondent == JAN.login


def test_out_of_quarantine_is_decided_again_and_never_granted(bench: Bench) -> None:
    quarantine(bench)
    bench.done(BASIA, r.OutOfQuarantine)
    bench.decide()
    new = bench.ticket(2)
    assert (new.state, new.desk) == ("DO_WERYFIKACJI", "II_LINIA")
    assert bench.mails(2) == []
    case = bench.case("2")
    assert case.fact("authentication") == "none"
    assert bench.events(2) == ["opened", "came-out"]
    with bench.engine.connect() as connection:
        old = connection.execute(select(decision.c.outcome)).scalars().all()
        assert connection.execute(select(activation)).all() == []
    assert old == ["REVIEW"]
    heard = dict.fromkeys(r.Asked, r.Heard.RIGHT)
    bench.done(ANNA, r.Call, "2", outcome=r.CallOutcome.BY_MAIL, heard=heard)
    waived = actions.accept.deviations(bench.case("2"), "A")
    assert bench.code(ANNA, r.AcceptA, "2", waived=waived) == "unproven"
    assert bench.code(BASIA, r.Reopen, "1") == "joined"
    assert bench.code(ANNA, r.RefuseGeneric, "2") == "unanswerable"
    assert bench.code(ANNA, r.Reply, "2", text="Kto pisze?", to=r.To.CORRESPONDENT) == ""  # his login: of the directory


def test_what_was_forged_gets_no_answer_but_to_a_login(bench: Bench) -> None:
    bench.letter("kto.inny@obcy.example", "Proszę o hasło.", auth="fail")
    bench.done(BASIA, r.OutOfQuarantine)
    bench.decide()
    assert bench.ticket(2).state == "DO_WERYFIKACJI"
    assert bench.code(ANNA, r.Reply, "2", text="Kto pisze?") == "unanswerable"
    assert bench.code(ANNA, r.Close, "2", how=r.How.UNCHANGED, silence=r.Silence.NOISE) == ""


def test_out_of_a_limit_is_decided_as_if_there_were_none(bench: Bench) -> None:
    limited(bench)
    held = bench.last()
    bench.done(ANNA, r.OutOfLimit, held.number)
    bench.decide()
    new = bench.last()
    assert new.id > held.id
    assert new.state not in ("WSTRZYMANE", "KWARANTANNA")
    assert bench.case(new.number).fact("limit") == "no"
    assert bench.ticket(held.id).state == "ZAMKNIETE_BEZ_ZMIAN"
    with bench.engine.connect() as connection:
        rows = connection.execute(select(decision.c.inbox_id)).scalars().all()
        assert len(rows) == len(connection.execute(select(inbox.c.id)).all())


def test_a_mail_that_came_back_can_be_sent_held_and_ended(bench: Bench) -> None:
    undelivered(bench)
    (mail,) = bench.mails()
    bench.done(ANNA, r.MailRetry, mail=mail.id)
    assert bench.kinds(1, jobs.QUEUED) == ["T8"]
    bench.done(ANNA, r.MailHold, mail=mail.id)
    assert bench.code(ANNA, r.MailHold, mail=mail.id) == "held-already"
    bench.done(ANNA, r.MailCancel, mail=mail.id)
    assert bench.kinds(1, jobs.CANCELLED) == ["T8"]
    bench.done(ANNA, r.ReplyAndClose, text="Odpowiedź.")
    bench.clock.advance(minutes=1)
    assert bench.send() == ["T21"]


def test_closing_ends_what_could_not_leave(bench: Bench) -> None:
    granted(bench)
    bench.bury("T1")
    bench.clock.advance(days=2)
    bench.done(ANNA, r.Close, how=r.How.UNCHANGED, silence=r.Silence.NOISE)
    assert bench.kinds(1, jobs.CANCELLED) == ["T1", "T2A", "T3"]
    with bench.engine.begin() as connection:
        sla.look_at_due(connection, bench.clock(), bench.flow.settings.tickets, bench.flow.ruleset)
        assert connection.execute(select(ticket.c.id).where(sla.alarmed())).scalars().all() == []


def test_what_security_ended_never_leaves(bench: Bench) -> None:
    stopped(bench)
    bench.done(BASIA, r.Close, how=r.How.REFUSED, silence=r.Silence.NOISE)
    assert set(bench.kinds(1, jobs.CANCELLED)) == {"T2B", "T3"}
    bench.done(BASIA, r.Reopen)
    bench.done(BASIA, r.Stop)
    row = bench.ticket()
    assert (row.state, row.desk) == ("DO_WERYFIKACJI", "BEZPIECZENSTWO")
    assert bench.code(BASIA, r.Release) == "state"
    bench.done(BASIA, r.Close, how=r.How.REFUSED, silence=r.Silence.NOISE)
    bench.clock.advance(days=1)
    assert not {"T2B", "T3"} & set(bench.send())


def test_the_holders_word_about_an_ended_matter_comes_to_a_person(bench: Bench) -> None:
    stopped(bench)
    bench.done(BASIA, r.Close, how=r.How.REFUSED, silence=r.Silence.NOISE)
    bench.letter(JAN.login, "STOP", subject="Re: ZGL0000001")
    row = bench.ticket()
    assert (row.state, row.desk, row.closed_at) == ("DO_WERYFIKACJI", "BEZPIECZENSTWO", None)
    assert "stop-after-end" in bench.events()
    assert not set(bench.kinds(1, jobs.QUEUED, jobs.WAITING)) & {"T2B", "T3"}


def test_a_call_that_names_everything_proves_the_sender(bench: Bench) -> None:
    bench.letter(auth="none")
    waived = frozenset({"authentication", "name", "year"})
    found = actions.accept.deviations(bench.case(), "A")
    assert bench.code(ANNA, r.AcceptA, waived=found) == "unproven"
    heard = dict.fromkeys(r.Asked, r.Heard.RIGHT)
    bench.done(ANNA, r.Call, outcome=r.CallOutcome.BY_MAIL, heard=heard, text="Zgadza się.")
    assert bench.code(ANNA, r.AcceptA, waived=found) == ""
    assert found >= {"authentication"}
    assert waived


def test_a_blocked_account_gets_no_link(bench: Bench) -> None:
    bench.letter(ZOFIA.login, "Proszę o zmianę hasła awaryjnego dla Zofia Duda, 1965")
    found = actions.accept.deviations(bench.case(), "A")
    assert bench.code(ANNA, r.AcceptA, waived=found) == "account-blocked"


def test_a_preview_shows_what_is_sent_and_writes_nothing(bench: Bench) -> None:
    question(bench)
    events = bench.events()
    request = r.Reply(version=bench.version(), text="Formularz działa.\n\nDziękujemy.", to=r.To.LOGIN)
    with bench.engine.begin() as connection:
        shown = bench.desk.preview(connection, "zgl-1", ANNA, request, bench.clock())
    assert not isinstance(shown, Refusal)
    assert (bench.events(), bench.kinds()) == (events, ["T8"])
    with bench.engine.begin() as connection:
        bench.desk.perform(connection, "zgl-1", ANNA, request, bench.clock())
    assert [mail.raw for mail in bench.mails()[1:]] == [mail.raw for mail in shown]


def test_files_leave_under_plain_names(bench: Bench) -> None:
    question(bench)
    files = (
        r.File("../Żółta instrukcja.PDF", b"%PDF-1.7 x"),
        r.File("a\r\nBcc: x@y.example.png", b"\x89PNG\r\n\x1a\n"),
    )
    bench.done(ANNA, r.Reply, text="W załączniku instrukcja.", files=files)
    from email import message_from_bytes

    message = message_from_bytes(bench.mails()[-1].raw)
    names = [part.get_filename() for part in message.walk() if part.get_filename()]
    assert names == ["Zota-instrukcja.pdf", "a-Bcc-x-y-example.png"]
    assert "Bcc" not in message
    with bench.engine.connect() as connection:
        assert (
            connection.execute(select(outbox.c.recipient).order_by(outbox.c.id.desc())).scalars().first() == EWA.login
        )


@pytest.mark.parametrize("language", ["pl", "en"])
def test_every_defect_can_be_asked_about(bench: Bench, language: str) -> None:
    review_b(bench)
    with bench.engine.begin() as connection:
        connection.execute(update(ticket).values(language=language))
    done = bench.done(ANNA, r.Ask, defects=tuple(Defect), missing=("nazwisko",), text="Dziękujemy.")
    (mail,) = done.plan.mails
    assert ("surname" if language == "en" else "nazwisko") in mail.text
    assert mail.text.startswith("1. ")


def test_a_stop_is_never_too_late(bench: Bench) -> None:
    moving(bench)
    seen = bench.version()
    bench.done(BASIA, r.Note, text="dzwoni")
    assert bench.code(ANNA, r.Note, text="x", version=seen) == "changed"
    assert bench.code(ANNA, r.Stop, version=seen) == ""
    assert bench.code(ANNA, r.Stop, version=seen) == "stopped-already"


def test_a_change_by_hand_that_was_stopped_goes_on_with_its_hold(bench: Bench) -> None:
    half(bench)
    bench.done(BASIA, r.ConfirmB, **B)
    bench.clock.advance(minutes=1)
    assert bench.send() == ["T14"]
    bench.letter(JAN.login, "STOP", subject="Re: ZGL0000001")
    assert (bench.ticket().state, bench.ticket().desk) == ("WSTRZYMANE", "BEZPIECZENSTWO")
    bench.clock.advance(hours=9)
    assert not {"T2B", "T3"} & set(bench.send())
    assert bench.code(ANNA, r.Release) == "supervisor"
    bench.done(BASIA, r.Release)
    bench.send()
    assert [m.kind for m in bench.mails() if m.state == jobs.DONE and m.kind != "T1"] == ["T14", "T2B", "T3"]


def test_what_a_person_writes_is_text(bench: Bench) -> None:
    question(bench)
    bench.done(ANNA, r.Reply, text="<script>alert(1)</script> {{ zgl }} {% if x %}")
    raw = bench.mails()[-1].raw.decode()
    assert "<script>" not in raw.partition("text/html")[2]
    assert "{{ zgl }}" in raw


@pytest.mark.parametrize("why", ["forged", "ambiguous", "malware"])
def test_nothing_goes_back_into_the_quarantine(bench: Bench, why: str) -> None:
    """Whatever kept it there: a person has let it out, and a person gets it, without a mail."""
    checked = ApplicationCheck(ApplicationState.MALWARE) if why == "malware" else None
    headers = {"From": f"{EWA.login}, {JAN.login}"} if why == "ambiguous" else {}
    bench.letter(auth="fail" if why == "forged" else "pass", headers=headers, checked=checked)
    assert bench.ticket().state == "KWARANTANNA"
    bench.done(BASIA, r.OutOfQuarantine)
    bench.decide(checked)
    row = bench.ticket(2)
    assert (row.state, row.desk, bench.mails(2)) == ("DO_WERYFIKACJI", "II_LINIA", [])
    assert bench.case("2").was_quarantined
    bench.done(ANNA, r.Close, "2", how=r.How.UNCHANGED, silence=r.Silence.NOISE)


def test_what_only_doing_shows_leaves_nothing_behind(bench: Bench) -> None:
    """A refusal from deep within: the link is over, a mail of the stopped ticket is just on its way."""
    moving(bench)
    mail = bench.bury("T3")
    bench.clock.advance(days=3)
    before = (bench.ticket(), bench.events(), bench.mails())
    assert bench.code(ANNA, r.MailRetry, mail=mail) == "mail-way"
    assert (bench.ticket(), bench.events(), bench.mails()) == before
    bench.done(ANNA, r.Stop)
    with bench.engine.begin() as connection:
        leased = {"state": jobs.LEASED, "leased_by": "w", "leased_until": bench.clock()}
        connection.execute(update(outbox).where(outbox.c.kind == "T2B").values(leased))
    before = (bench.ticket(), bench.events(), bench.mails())
    assert bench.code(BASIA, r.Release) == "release"
    assert (bench.ticket(), bench.events(), bench.mails()) == before
