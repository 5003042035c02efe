"""What a person writes, over the wire: it waits, can be taken back, arrives as written, and its answer comes back."""

from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from mailbot.desk import requests as r
from mailbot.desk.perform import ActionPerformer, Done
from mailbot.desk.plan import Refusal
from mailbot.desk.requests import ActionRequest
from mailbot.desk.view import TicketView
from mailbot.model.operator import Operator
from mailbot.storage.desk import operator as operators
from tests.bench_desk import ANNA, BASIA, PEOPLE, row_of
from tests.flow import EWA, JAN, Flow, mail, running

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 40


async def act(flow: Flow, who: Operator, kind: type[ActionRequest], number: str = "1", **values: Any) -> Done:
    desk = ActionPerformer(flow.parts.pipeline, lambda *_, **__: 0)

    def work(connection: Any) -> Done | Refusal:
        case = desk.case(connection, number)
        assert isinstance(case, TicketView)
        request = kind(version=case.version, reason="powód", **values)
        return desk.perform(connection, number, who, request, flow.clock())

    done = await flow.parts.database.write(work)
    assert isinstance(done, Done), done
    return done


async def people(flow: Flow) -> None:
    rows = [row_of(one, flow.clock) for one in PEOPLE]
    await flow.parts.database.write(lambda c: c.execute(insert(operators), rows))


def question(body: str = "Formularz zgłoszenia nie działa.", name: str = "q", **rest: Any) -> bytes:
    return mail(EWA.login, body, subject=rest.pop("subject", "Pytanie o formularz"), name=name, **rest)


async def test_an_answer_arrives_as_it_was_written_and_its_answer_comes_back(tmp_path: Path) -> None:
    async with running(tmp_path) as flow:
        await people(flow)
        await flow.answer(question(), EWA.login)
        await act(flow, ANNA, r.Take)
        text = "formularz już działa.\n\nProszę spróbować jeszcze raz:\n1. Wyloguj się.\n2. Zaloguj się."
        await act(flow, ANNA, r.Ask, text=text, files=(r.File("instrukcja.pdf", PDF),))
        await flow.deliver()
        assert flow.sink.kinds() == ["T8"]
        flow.clock.advance(seconds=30)
        await flow.deliver()
        sent = flow.sink.accepted[-1]
        assert (sent.kind, sent.rcpt_to, sent.mail_from[:9]) == ("T22", EWA.login, "helpdesk-")
        message = message_from_bytes(sent.raw, policy=policy.default)
        assert message["In-Reply-To"] is not None
        assert message["Auto-Submitted"] == "no"
        assert "1. Wyloguj się.\n2. Zaloguj się." in sent.text.replace("\r\n", "\n")
        (file,) = list(message.iter_attachments())
        assert (file.get_filename(), file.get_content_type(), file.get_content()) == (
            "instrukcja.pdf",
            "application/pdf",
            PDF,
        )
        outcome = await flow.answer(
            question("Tak, zrobione.", "a", subject="Re: pytanie", headers={"In-Reply-To": sent.message_id}), EWA.login
        )
        assert outcome == "TICKET_UPDATE"
        row = await flow.ticket()
        assert (row.state, row.owner) == ("W_TOKU", "anna")
        await act(flow, ANNA, r.ReplyAndClose, text="Dziękujemy za wiadomość.")
        flow.clock.advance(minutes=1)
        await flow.deliver()
        assert flow.sink.kinds() == ["T8", "T22", "T21"]
        row = await flow.ticket()
        assert row.answered_at == flow.clock()


async def test_what_was_taken_back_never_leaves(tmp_path: Path) -> None:
    async with running(tmp_path) as flow:
        await people(flow)
        await flow.answer(question(), EWA.login)
        await act(flow, ANNA, r.ReplyAndClose, text="Zła odpowiedź.")
        flow.clock.advance(seconds=29)
        await flow.deliver()
        await act(flow, ANNA, r.TakeBack)
        flow.clock.advance(hours=9)
        await flow.deliver()
        assert flow.sink.kinds() == ["T8"]
        await act(flow, ANNA, r.ReplyAndClose, text="Dobra odpowiedź.")
        flow.clock.advance(minutes=1)
        await flow.deliver()
        assert [sent.kind for sent in flow.sink.accepted] == ["T8", "T21"]
        assert "Dobra" in flow.sink.accepted[-1].text


async def test_a_repeat_is_not_promised_an_answer_that_waits_for_the_citizen(tmp_path: Path) -> None:
    async with running(tmp_path) as flow:
        await people(flow)
        await flow.answer(question(), EWA.login)
        assert await flow.answer(question(name="again"), EWA.login) == "DUPLICATE"
        assert flow.sink.kinds() == ["T8", "T15"]
        await act(flow, ANNA, r.Ask, text="Który formularz?")
        flow.clock.advance(minutes=1)
        await flow.deliver()
        assert await flow.answer(question(name="once more"), EWA.login) != "DUPLICATE"
        assert (await flow.ticket("ZGL0000002")).state == "ZAREJESTROWANE"


async def test_a_link_by_hand_arrives_and_opens(tmp_path: Path) -> None:
    async with running(tmp_path) as flow:
        await people(flow)
        await flow.answer(mail(body="Proszę o zmianę hasła awaryjnego dla Jan Kowalsky, 1980"))
        await act(flow, BASIA, r.AcceptA, waived=frozenset({"name"}))
        flow.clock.advance(minutes=1)
        await flow.deliver()
        assert flow.sink.kinds() == ["T1", "T2A", "T3"]
        assert {sent.rcpt_to for sent in flow.sink.accepted} == {JAN.login}
        assert "/aktywacja/" in flow.sink.accepted[-1].text
        assert (await flow.ticket()).answered_at is not None


async def test_a_bounce_of_an_answer_comes_to_a_person(tmp_path: Path) -> None:
    async with running(tmp_path) as flow:
        await people(flow)
        await flow.answer(question(), EWA.login)
        await act(flow, ANNA, r.ReplyAndClose, text="Działa.")
        flow.clock.advance(minutes=1)
        flow.sink.answer = lambda sent: "550 5.1.1 no such user"
        await flow.deliver()
        row = await flow.ticket()
        assert (row.state, row.closed_at, row.owner) == ("DO_WERYFIKACJI", None, "anna")
        await act(flow, ANNA, r.Call, outcome=r.CallOutcome.TOLD, text="Powiedziałam.")
        await act(flow, ANNA, r.Close, how=r.How.DONE, silence=r.Silence.CALLED)
        assert set((await flow.states()).values()) == {"done", "cancelled"}
