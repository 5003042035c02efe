"""Who is known by telephone, and what he is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from mailbot.desk import requests as r
from mailbot.desk import telephone
from mailbot.desk.requests import Asked, CallOutcome, Heard
from mailbot.desk.telephone import CallerStanding, OfficeRecord, Said
from mailbot.storage.schema import outbox
from tests.bench_desk import ANNA, BASIA, Bench
from tests.flow import EWA, JAN

OPENED = datetime(2026, 11, 29, 23, 30, tzinfo=UTC)  # the 30th in Warsaw
JANS = OfficeRecord(JAN, None, JAN.login, "procedura-specjalna", OPENED)
STRANGER = OfficeRecord(None, "Ewa Lis", "ewa@obcy.example", "ogolne", OPENED)
RIGHT = Said("Jan Kowalski", "1980", JAN.login, "procedura-specjalna", "2026-11-30")
R, W, N = Heard.RIGHT, Heard.WRONG, Heard.NOT_ASKED


@pytest.mark.parametrize(
    ("said", "standing", "marks"),
    [
        (RIGHT, CallerStanding.CLEAR, (R, R, R, R)),
        (replace(RIGHT, name="kowalski JAN", login="JAN.Kowalski@WP.example"), CallerStanding.CLEAR, (R, R, R, R)),
        (replace(RIGHT, day="2026-11-28"), CallerStanding.CLEAR, (R, R, R, R)),
        (replace(RIGHT, day="2026-11-27"), CallerStanding.ASK, (R, R, R, W)),
        (replace(RIGHT, matter="ogolne"), CallerStanding.ASK, (R, R, R, W)),
        (replace(RIGHT, day=""), CallerStanding.ASK, (R, R, R, N)),
        (replace(RIGHT, day="wczoraj"), CallerStanding.ASK, (R, R, R, N)),
        (replace(RIGHT, year=""), CallerStanding.ASK, (R, N, R, R)),
        (replace(RIGHT, year="1981"), CallerStanding.ASK, (R, W, R, R)),
        (replace(RIGHT, year="1981", name="Piotr Nowak"), CallerStanding.BY_MAIL, (W, W, R, R)),
        (replace(RIGHT, name="J. Kowalski"), CallerStanding.ASK, (N, R, R, R)),
        (Said(), CallerStanding.ASK, (N, N, N, N)),
    ],
)
def test_only_who_answers_everything_right_is_known(
    said: Said, standing: CallerStanding, marks: tuple[Heard, ...]
) -> None:
    found = telephone.judge(JANS, said)
    assert (found.standing, tuple(found.now[asked] for asked in Asked)) == (standing, marks)


def test_a_name_that_may_be_right_is_spelled() -> None:
    found = telephone.judge(JANS, replace(RIGHT, name="J. Kowalski"))
    assert found.unsure == {Asked.NAME}
    assert found.wrong == frozenset()


def test_a_slip_is_forgiven_and_remembered_a_guess_is_not() -> None:
    slip = telephone.judge(JANS, replace(RIGHT, year="1981"))
    again = telephone.judge(JANS, replace(RIGHT, year="1981"), slip.wrong)
    assert again.standing is CallerStanding.ASK, "the same answer sent twice is one"
    mended = telephone.judge(JANS, RIGHT, slip.wrong)
    assert mended.standing is CallerStanding.CLEAR
    assert mended.heard[Asked.YEAR] is W, "no proof of anybody: the protocol says that it was wrong once"
    guessed = telephone.judge(JANS, replace(RIGHT, year="1982"), slip.wrong)
    assert guessed.standing is CallerStanding.BY_MAIL
    assert telephone.judge(JANS, RIGHT, guessed.wrong).standing is CallerStanding.BY_MAIL, "nothing mends two"
    assert telephone.judge(JANS, RIGHT, other_calls=2).standing is CallerStanding.BY_MAIL


def test_what_the_office_does_not_know_is_not_asked() -> None:
    assert STRANGER.askable == {Asked.NAME, Asked.LOGIN, Asked.MATTER}
    said = Said("Lis Ewa", "1990", "Ewa@obcy.example", "ogolne", "2026-11-30")
    found = telephone.judge(STRANGER, said)
    assert (found.standing, found.now[Asked.YEAR]) == (CallerStanding.CLEAR, N)
    nobody = replace(STRANGER, person=None)
    assert telephone.judge(nobody, said).standing is CallerStanding.ASK, "two questions are not enough"


def test_what_a_known_caller_is_told(bench: Bench) -> None:
    bench.letter()  # case A: granted
    told = [what for what, _ in telephone.sayable(bench.case())]
    assert told == ["came", "on-its-way"]
    bench.send()
    told = [what for what, _ in telephone.sayable(bench.case())]
    assert told == ["came", "sent", "sent", "sent", "answered"]
    bench.done(ANNA, r.Stop)
    assert telephone.sayable(bench.case()) == [("checked", None)], "of what was stopped nothing"


def test_a_question_and_a_promise(bench: Bench) -> None:
    bench.letter(EWA.login, "Nie działa formularz.", subject="Pytanie")
    bench.send()
    assert telephone.sayable(bench.case())[-1] == ("promised", bench.case().promised_at)
    bench.done(ANNA, r.Take)
    bench.done(ANNA, r.Ask, text="Który formularz?")
    assert telephone.sayable(bench.case())[-1] == ("asked", bench.case().reply_by)


def test_wrong_answers_of_a_day_are_remembered(bench: Bench) -> None:
    bench.letter()
    heard = {Asked.NAME: W, Asked.YEAR: W}
    bench.done(ANNA, r.Call, outcome=CallOutcome.BY_MAIL, heard=heard)

    def count() -> int:
        with bench.engine.connect() as connection:
            return telephone.wrong_before(connection, 1, bench.clock())

    assert count() == 2
    bench.clock.advance(hours=25)
    assert count() == 0


def test_what_did_not_leave_is_what_can_be_speeded_up(bench: Bench) -> None:
    bench.letter()
    assert telephone.stuck(bench.case()) == []
    mail = bench.mails()[0].id
    with bench.engine.begin() as connection:
        connection.execute(update(outbox).where(outbox.c.id == mail).values(state="buried", last_error="550 5.1.1"))
    assert telephone.stuck(bench.case()) == [mail]
    bench.done(BASIA, r.Stop)
    assert telephone.stuck(bench.case()) == [], "what was stopped is not hurried"


def test_a_mail_that_a_person_holds_is_not_hurried(bench: Bench) -> None:
    bench.letter()
    bench.done(BASIA, r.MailHold, mail=bench.mails()[0].id)
    assert telephone.stuck(bench.case()) == []
