"""What becomes of an action afterwards: who undoes it, what comes in between, and what leaves all the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from mailbot.desk import actions
from mailbot.desk import requests as r
from mailbot.desk.plan import Refusal
from mailbot.flow.pipeline import Pipeline
from mailbot.mails import thread
from mailbot.model import SENTENCES, Phrase
from mailbot.outbox import jobs
from mailbot.retention import erase
from mailbot.storage.desk import approval, operator
from mailbot.storage.schema import activation, inbox, outbox, ticket
from mailbot.tickets import sla
from tests.bench_desk import ANNA, BASIA, CELA, CONSULTANT, DOUBTFUL, NEW, SIGNED, Bench
from tests.flow import EWA, JAN

B: dict[str, Any] = {"old_login": JAN.login, "waived": frozenset({"application"})}
NOISE = {"silence": r.Silence.NOISE}


def half(b: Bench) -> None:
    b.review_b()
    b.send()
    b.look(ANNA, BASIA)
    b.done(ANNA, r.AcceptB, **B)


def look_at_clocks(b: Bench) -> None:
    with b.engine.begin() as connection:
        sla.look_at_due(connection, b.clock(), b.flow.settings.tickets, b.flow.ruleset)


def change(b: Bench, table: Any, where: Any, **values: Any) -> None:
    with b.engine.begin() as connection:
        connection.execute(update(table).where(where).values(**values))


def outcomes(b: Bench) -> list[str]:
    with b.engine.connect() as connection:
        return list(connection.execute(select(inbox.c.outcome).order_by(inbox.c.id)).scalars())


# a stop is a stop


def test_who_was_stopped_before_there_was_a_link_does_not_just_ask_again(bench: Bench) -> None:
    """The holder telephoned while a person still looked; the next application is beyond doubt."""
    bench.review_b(DOUBTFUL)
    bench.done(ANNA, r.Stop)
    bench.review_b(SIGNED, f"a.{NEW}")
    assert outcomes(bench) == ["REVIEW", "REVIEW"]
    bench.done(BASIA, r.Close, how=r.How.REFUSED, **NOISE)
    bench.review_b(SIGNED, f"b.{NEW}")
    assert outcomes(bench)[-1] == "OK_B"


def test_a_stop_of_a_change_leaves_the_holder_his_own_case_a(bench: Bench) -> None:
    bench.review_b(DOUBTFUL)
    bench.done(ANNA, r.Stop)
    bench.letter()
    assert outcomes(bench) == ["REVIEW", "OK_A"]


# an end is an end


@pytest.mark.parametrize("how", [r.How.REFUSED, r.How.UNCHANGED])
@pytest.mark.parametrize("kind", [r.Close, r.ReplyAndClose])
def test_what_ends_otherwise_than_done_leaves_no_link_alive(
    bench: Bench, kind: type[r.ActionRequest], how: r.How
) -> None:
    """Reopened in the hold, and refused by a person who believes that this was the end."""
    bench.review_b(SIGNED)
    bench.send()
    bench.done(ANNA, r.Reopen)
    if kind is r.ReplyAndClose:
        change(bench, ticket, ticket.c.id == 1, state="W_TOKU")
        found = bench.code(ANNA, kind, how=how, text="Nie zmieniamy loginu.")
    else:
        found = bench.code(ANNA, kind, how=how, **NOISE)
    assert found == "link-alive"
    bench.done(ANNA, r.Stop)
    bench.done(BASIA, r.Close, how=r.How.REFUSED, **NOISE)
    bench.clock.advance(days=1)
    assert not {"T2B", "T3"} & set(bench.send())


def test_an_end_takes_no_mail_out_of_a_row_that_goes_on(bench: Bench) -> None:
    """The old mailbox is gone, the hold goes on: the resolution must not leave without the link."""
    bench.review_b(SIGNED)
    bench.send(until="T1")
    change(bench, outbox, outbox.c.kind == "T14", state=jobs.BURIED, last_error="550 no such user")
    change(bench, outbox, outbox.c.kind == "T2B", state=jobs.QUEUED)
    bench.done(ANNA, r.Reopen)
    bench.done(ANNA, r.Close, how=r.How.DONE, **NOISE)
    assert bench.kinds(1, jobs.WAITING) == ["T3"]


# one answer


def refused_by_the_machine(b: Bench) -> None:
    """T1 has left, T5 waits for its random moment."""
    b.letter(body=f"{SENTENCES[Phrase.A]} Zupełnie Inny, 1955")
    assert b.send() == ["T1"]
    assert b.kinds(1, jobs.QUEUED) == ["T5"]
    b.done(ANNA, r.Reopen)


@pytest.mark.parametrize("undelivered", [False, True])
def test_who_gets_a_link_is_not_refused_as_well(bench: Bench, undelivered: bool) -> None:
    refused_by_the_machine(bench)
    if undelivered:
        bench.bury("T5")
    bench.done(ANNA, r.AcceptA, waived=actions.accept.deviations(bench.case(), "A"))
    bench.clock.advance(minutes=1)
    assert bench.send() == ["T2A", "T3"]
    bench.clock.advance(days=1)
    assert bench.send() == []
    assert bench.kinds(1, jobs.BURIED) == []
    (mail,) = [mail for mail in bench.mails() if mail.kind == "T5"]
    assert bench.code(ANNA, r.MailRetry, mail=mail.id) == "mail-ended"


def test_who_is_answered_by_hand_is_answered_once(bench: Bench) -> None:
    refused_by_the_machine(bench)
    bench.done(ANNA, r.RefuseGeneric)
    bench.clock.advance(days=1)
    assert bench.send() == ["T5"]


def test_a_refusal_taken_back_gives_the_machines_back(bench: Bench) -> None:
    refused_by_the_machine(bench)
    bench.done(ANNA, r.RefuseGeneric)
    bench.done(ANNA, r.TakeBack)
    assert bench.kinds(1, jobs.QUEUED) == ["T5"]
    bench.clock.advance(days=1)
    assert bench.send() == ["T5"]


def test_what_was_left_behind_comes_back_with_a_taken_back_end(bench: Bench) -> None:
    bench.question()
    bench.bury("T8")
    bench.done(ANNA, r.ReplyAndClose, text="Działa.")
    bench.done(ANNA, r.TakeBack)
    assert bench.kinds(1, jobs.BURIED) == ["T8"]


def test_what_may_have_left_is_not_taken_back(bench: Bench) -> None:
    """The server did not say whether it took it."""
    bench.question()
    bench.send()
    bench.done(ANNA, r.ReplyAndClose, text="Działa.")
    change(bench, outbox, outbox.c.kind == "T21", in_doubt=1)
    assert bench.code(ANNA, r.TakeBack) == "left-already"


# two people


@pytest.mark.parametrize("roles", [[], ["auditor"], ["admin"]])
def test_a_first_half_counts_while_its_person_works_here(bench: Bench, roles: list[str]) -> None:
    half(bench)
    change(bench, operator, operator.c.id == ANNA.id, roles=roles)
    assert bench.code(BASIA, r.ConfirmB, **B) == "no-first"


def test_the_half_of_who_left_is_not_confirmed_with_anothers(bench: Bench) -> None:
    half(bench)
    change(bench, operator, operator.c.id == ANNA.id, state="disabled")
    bench.look(CELA)
    bench.done(BASIA, r.AcceptB, **B)
    bench.done(CELA, r.ConfirmB, **B)
    with bench.engine.connect() as connection:
        wanted = select(approval.c.operator_id, approval.c.ended).order_by(approval.c.id)
        assert connection.execute(wanted).all() == [(ANNA.id, "stale"), (BASIA.id, "confirmed")]


# what was secured stays secured


def test_what_is_reopened_out_of_the_quarantine_is_back_there(bench: Bench) -> None:
    bench.letter(auth="fail")
    bench.done(BASIA, r.Close, how=r.How.UNCHANGED, **NOISE)
    bench.done(ANNA, r.Reopen)
    assert (bench.ticket().state, bench.ticket().desk) == ("KWARANTANNA", "BEZPIECZENSTWO")
    assert bench.code(ANNA, r.OutOfQuarantine) == "supervisor"


def test_what_security_ended_is_reopened_there(bench: Bench) -> None:
    bench.review_a()
    bench.done(ANNA, r.Stop)
    bench.done(BASIA, r.Close, how=r.How.REFUSED, **NOISE)
    bench.done(ANNA, r.Reopen)
    assert bench.ticket().desk == "BEZPIECZENSTWO"
    waived = actions.accept.deviations(bench.case(), "A")
    assert bench.code(ANNA, r.AcceptA, waived=waived) == "supervisor"
    assert bench.code(BASIA, r.AcceptA, waived=waived) == "stopped"


def test_what_is_being_decided_again_is_not_reopened(bench: Bench) -> None:
    bench.letter(auth="fail")
    bench.done(BASIA, r.OutOfQuarantine)
    assert bench.code(BASIA, r.Reopen) == "decided-again"
    bench.decide()
    assert bench.code(BASIA, r.Reopen) == "joined"


@pytest.mark.parametrize("left", [{"state": "disabled"}, {"roles": ["auditor"]}], ids=["left", "other work"])
def test_what_somebody_has_who_works_here_no_more_waits_for_nobody(bench: Bench, left: dict[str, Any]) -> None:
    bench.question()
    bench.done(ANNA, r.Take)
    colleague = replace(BASIA, roles=CONSULTANT)
    assert bench.code(colleague, r.Take) == "held"
    change(bench, operator, operator.c.name == "anna", **left)
    bench.done(colleague, r.Take)
    assert bench.ticket().owner == "basia"


def erased(b: Bench, number: int = 1) -> None:
    """As `mailbot retention erase --even-open` does it."""
    with b.engine.begin() as connection:
        waiting = (outbox.c.ticket_id == number, outbox.c.state.in_([jobs.QUEUED, jobs.WAITING]))
        connection.execute(update(outbox).where(*waiting).values(state=jobs.CANCELLED))
        erase.erase(connection, erase.of_tickets(connection, [number]), "shell:root", "RODO 1", b.clock())


def test_of_an_erased_matter_nothing_is_sent_or_decided_again(bench: Bench) -> None:
    """Its mails have no octets and its link no login, so nobody may think that they went out."""
    bench.letter()
    bench.send()
    erased(bench)
    bench.done(ANNA, r.Stop)
    found = bench.act(BASIA, r.Release)
    assert isinstance(found, Refusal)
    assert (found.code, "was erased" in found.values["why"]) == ("release", True)
    bench.letter(EWA.login, auth="fail")
    erased(bench, 2)
    assert bench.code(BASIA, r.OutOfQuarantine, "2") == "erased"
    bench.letter(EWA.login, "Jak złożyć zgłoszenie celne?", subject="Pytanie")
    bench.letter(EWA.login, "Dopisuję.", subject="Re: ZGL0000003")
    bench.send()
    erased(bench, 3)
    assert bench.code(BASIA, r.Split, "3", letter=bench.case("3").letters[1].inbox_id) == "erased"
    bench.done(BASIA, r.Close, "3", how=r.How.UNCHANGED, **NOISE)
    assert bench.code(BASIA, r.Reopen, "3") == "erased"
    assert [m for n in (1, 2, 3) for m in bench.kinds(n, jobs.QUEUED, jobs.WAITING)] == []
    assert [letter for letter in bench.case("2").letters if letter.kept] == []


def test_what_a_person_let_out_comes_to_a_person(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The filter had marked it, too: let out, it must not vanish as unsolicited."""
    bench.letter(auth="fail")
    assert bench.ticket().state == "KWARANTANNA"
    bench.done(BASIA, r.OutOfQuarantine)
    understand = Pipeline.understand
    monkeypatch.setattr(Pipeline, "understand", lambda flow, raw: replace(understand(flow, raw), spam=True))
    bench.decide()
    assert (bench.last().id, bench.last().state, bench.mails(2)) == (2, "DO_WERYFIKACJI", [])


# merge


def two_questions(b: Bench) -> None:
    b.question()
    b.letter(EWA.login, "Jeszcze jedno pytanie o ten formularz.", subject="Drugie pytanie o formularz")
    b.send()


@pytest.mark.parametrize("opened", ["1", "2"])
def test_a_letter_that_is_merged_ends_the_wait_for_the_citizen(bench: Bench, opened: str) -> None:
    bench.question()
    bench.send()
    bench.done(ANNA, r.Ask, text="Proszę podać nazwę formularza.")
    bench.clock.advance(minutes=1)
    bench.send()
    bench.letter(EWA.login, "To formularz DS, o który pytali Państwo.", subject="Formularz")
    bench.done(ANNA, r.Merge, opened, other="2" if opened == "1" else "1")
    assert (bench.ticket().state, bench.ticket().reply_by) == ("W_TOKU", None)
    bench.clock.advance(days=60)
    look_at_clocks(bench)
    assert bench.ticket().closed_at is None


def test_what_was_merged_is_merged_once(bench: Bench) -> None:
    """Its registration came back, so it is open again: a second merge would make it two."""
    two_questions(bench)
    bench.done(ANNA, r.Merge, "2", other="1")
    change(bench, outbox, outbox.c.ticket_id == 2, state=jobs.BURIED)
    change(bench, ticket, ticket.c.id == 2, state="DO_WERYFIKACJI", desk="II_LINIA", closed_at=None)
    assert bench.code(ANNA, r.Merge, "2", other="1") == "joined"
    bench.done(ANNA, r.Close, "2", how=r.How.UNCHANGED, **NOISE)


def test_no_ticket_of_another_desk_is_merged_away(bench: Bench) -> None:
    two_questions(bench)
    change(bench, ticket, ticket.c.id == 2, desk="II_LINIA")
    first_line = replace(ANNA, desks=frozenset({"I_LINIA"}))
    assert bench.code(first_line, r.Merge, "1", other="2") == "no-ticket"
    assert bench.ticket(2).closed_at is None


# mails that a person holds or ends


@pytest.mark.parametrize("kind", [r.MailHold, r.MailCancel])
def test_a_question_that_does_not_leave_waits_for_nobody(bench: Bench, kind: type[r.ActionRequest]) -> None:
    bench.question()
    bench.send()
    done = bench.done(ANNA, r.Ask, text="Proszę podać nazwę formularza.")
    bench.done(ANNA, kind, mail=done.mails[0])
    bench.clock.advance(days=60)
    bench.send()
    look_at_clocks(bench)
    assert (bench.ticket().state, bench.ticket().closed_at) == ("W_TOKU", None)


@pytest.mark.parametrize("kind", [r.MailHold, r.MailCancel])
def test_an_answer_that_does_not_leave_ends_nothing(bench: Bench, kind: type[r.ActionRequest]) -> None:
    bench.question()
    bench.send()
    promised = bench.ticket().promised_at
    done = bench.done(ANNA, r.ReplyAndClose, text="Działa.")
    bench.done(ANNA, kind, mail=done.mails[0])
    row = bench.ticket()
    assert (row.state, row.desk, row.closed_at) == ("DO_WERYFIKACJI", "I_LINIA", None)
    assert row.promised_at == promised
    bench.clock.advance(days=60)
    look_at_clocks(bench)
    assert bench.ticket().alarm == "breach"


def test_an_answer_to_an_older_letter_is_none_to_a_newer_one(bench: Bench) -> None:
    bench.question()
    bench.send()
    bench.done(ANNA, r.ReplyAndClose, text="Działa.")
    bench.clock.advance(minutes=1)
    bench.send()
    bench.clock.advance(minutes=1)
    bench.letter(EWA.login, "Składam reklamację. Formularz nadal nie działa.", subject="Re: ZGL0000001")
    assert bench.code(ANNA, r.Close, how=r.How.DONE, silence=r.Silence.ANSWERED) == "not-answered"
    bench.done(ANNA, r.Call, outcome=r.CallOutcome.BY_MAIL)
    bench.clock.advance(minutes=1)
    bench.done(ANNA, r.Reply, text="Sprawdzamy.")
    bench.clock.advance(minutes=1)
    bench.send()
    assert bench.code(ANNA, r.Close, how=r.How.DONE, silence=r.Silence.ANSWERED) == ""


# who was written to may answer


def test_the_login_that_a_person_wrote_to_may_answer(bench: Bench) -> None:
    """Case B that a person looks at: the old login is asked, and its answer belongs to the ticket."""
    bench.review_b(DOUBTFUL)
    bench.send()
    bench.done(ANNA, r.Take)
    bench.done(ANNA, r.Ask, text="Czy prosili Państwo o zmianę loginu?", to=r.To.LOGIN)
    bench.clock.advance(minutes=1)
    bench.send()
    question = bench.mails()[-1]
    assert question.recipient == JAN.login
    assert NEW.encode() not in question.raw
    headers = {"In-Reply-To": question.message_id}
    bench.letter(JAN.login, "Nie, to nie ja.", subject="Re: pytanie", headers=headers)
    assert bench.events()[-1] == "answered-by-citizen"
    assert (bench.ticket().state, bench.ticket().owner) == ("W_TOKU", "anna")
    assert bench.last().id == 1
    bench.letter(EWA.login, "A ja tak.", subject="Re: pytanie", headers=headers)
    assert bench.events().count("answered-by-citizen") == 1


# links side by side


def test_of_two_tickets_of_one_login_one_link_lives(bench: Bench) -> None:
    bench.review_a()
    half_b(bench, "2")
    bench.done(ANNA, r.AcceptA, "1", waived=frozenset({"name"}))
    bench.done(BASIA, r.ConfirmB, "2", **B)
    with bench.engine.connect() as connection:
        alive = connection.execute(
            select(activation.c.ticket_id).where(activation.c.expires_at > bench.clock())
        ).scalars()
        assert list(alive) == [2]


def half_b(b: Bench, number: str) -> None:
    b.review_b()
    b.look(ANNA, BASIA, number=number)
    b.done(ANNA, r.AcceptB, number, **B)


# a restore, a link, a call


def test_an_answer_after_a_restore_is_no_copy_of_the_one_that_left(bench: Bench) -> None:
    """The database forgets a mail that left: a mailbox drops what bears the same Message-ID."""
    bench.question()
    bench.done(ANNA, r.Reply, text="Proszę spróbować jeszcze raz.")
    (left,) = [mail for mail in bench.mails() if mail.kind == "T21"]
    with bench.engine.begin() as connection:
        connection.execute(delete(outbox).where(outbox.c.id == left.id))
    bench.clock.advance(hours=1)
    bench.done(ANNA, r.Reply, text="Proszę spróbować jutro.")
    (anew,) = [mail for mail in bench.mails() if mail.kind == "T21"]
    assert anew.message_id != left.message_id
    assert thread.parse(anew.message_id) == thread.parse(left.message_id), "the same ticket, by the same token"


def test_nothing_is_asked_while_a_link_lives(bench: Bench) -> None:
    """The time for the answer would pass and end the ticket, link and all."""
    bench.review_b(SIGNED)
    bench.done(ANNA, r.Reopen)
    change(bench, ticket, ticket.c.id == 1, state="W_TOKU")
    assert bench.code(ANNA, r.Ask, text="Czy to Państwa adres?") == "link-alive"


def test_a_call_answers_no_letter_that_came_behind_it(bench: Bench) -> None:
    bench.question()
    bench.done(ANNA, r.Call, outcome=r.CallOutcome.TOLD, heard={}, text="Wyjaśnione.")
    bench.clock.advance(hours=1)
    bench.letter(EWA.login, "Jednak nadal nie działa.", subject="Re: ZGL0000001")
    called = {"how": r.How.DONE, "silence": r.Silence.CALLED}
    assert bench.code(ANNA, r.Close, **called) == "no-call"
    bench.done(ANNA, r.Call, outcome=r.CallOutcome.TOLD, heard={}, text="Wyjaśnione znowu.")
    bench.done(ANNA, r.Close, **called)
