"""Conversations over real sockets: threads, complaints, floods and machines. Time moves only when told."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from mailbot.clocks import WARSAW
from mailbot.storage.schema import inbox, outbox, ticket
from tests.channels import ANNA, CHANNELS, PIOTR, SOLVED, TAKEN, WAITS, bare, with_profiles, write
from tests.flow import EWA, GOOD, JAN, STRANGER, Flow, mail

STRAY = "ktos@obcy.example"


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    async with with_profiles(tmp_path) as whole:
        yield whole


# ------------------------------------------------------------------------------------------------- threads, complaints


async def test_an_answer_by_our_message_id_joins_its_ticket_and_nobody_elses(flow: Flow) -> None:
    await write(flow, PIOTR.login, "NOWE", "Błąd 500 w SENT.")
    ours = flow.sink.accepted[0].message_id
    answer = ("Re: sprawa", "Dodaję, że tylko w przeglądarce Edge.")
    assert await write(flow, PIOTR.login, *answer, "own", In_Reply_To=ours) == "TICKET_UPDATE"
    assert await write(flow, PIOTR.login, *answer, "later", References=f"<a@b.example> {ours}") == "TICKET_UPDATE"
    assert await flow.events() == ["opened", "mail-sent", "answered-by-citizen", "answered-by-citizen"]
    assert await write(flow, STRANGER, *answer, "stranger", In_Reply_To=ours) == "ZGL_FOREIGN"
    assert await flow.rows(select(ticket.c.number)) == [("ZGL0000001",), ("ZGL0000002",)]
    forged = re.sub(r"\.[0-9a-f]{16}@", ".0123456789abcdef@", ours)
    assert await write(flow, ANNA.login, *answer, "forged", In_Reply_To=forged) == "GENERAL", "no number, no token"


async def test_a_foreign_number_and_one_that_never_was_get_the_same_octets(flow: Flow) -> None:
    await write(flow, PIOTR.login, "NOWE", "Błąd 500 w SENT.")
    ours = flow.sink.accepted[0].message_id
    cases = {
        "foreign": ("Re: ZGL0000001", STRANGER, "pass", ours),
        "never": ("Re: ZGL9999999", STRANGER, "pass", "<x@obcy.example>"),
        "own, not proven": ("Re: ZGL0000001", PIOTR.login, "none", ours),
    }
    for name, (subject, sender, auth, reply) in cases.items():
        text = "Proszę o odpowiedź na ten adres."
        assert await write(flow, sender, subject, text, name, auth=auth, In_Reply_To=reply) == "ZGL_FOREIGN"
    answers = flow.sink.accepted[1:]
    assert [sent.kind for sent in answers] == ["T1"] * len(cases)
    assert len({bare(sent) for sent in answers}) == 1
    assert not any(b"ZGL0000001" in sent.raw or b"ZGL9999999" in sent.raw for sent in answers)
    assert (await flow.ticket()).state == TAKEN
    assert await flow.events() == ["opened", "mail-sent"]


async def test_the_answer_that_a_ticket_waits_for(flow: Flow) -> None:
    await write(flow, STRANGER, "NOWE", "Mam pytanie o cło.")
    assert (await flow.ticket()).state == WAITS
    assert await write(flow, STRANGER, "Re: ZGL0000001", "Chodzi o paczkę z Chin.", "second") == "TICKET_UPDATE"
    found = await flow.ticket()
    assert (found.state, found.desk) == ("W_TOKU", "I_LINIA")
    assert flow.sink.kinds() == ["T6"], "an answer is joined without a word"


@pytest.mark.parametrize(
    ("day", "hour", "outcome", "kinds", "state"),
    [
        (23, (23, 59), "COMPLAINT_OK", ["T9"], "PONOWNIE_OTWARTE"),
        (24, (0, 0), "COMPLAINT_LATE", ["T10"], SOLVED),
    ],
)
async def test_the_last_minute_of_a_complaint(
    flow: Flow, day: int, hour: tuple[int, int], outcome: str, kinds: list[str], state: str
) -> None:
    await flow.answer(mail())
    flow.clock.now = datetime(2026, 11, day, *hour, tzinfo=WARSAW)
    body = "Rozwiązanie nie działa, link wygasł."
    assert await write(flow, JAN.login, "Reklamacja ZGL0000001", body, "complaint") == outcome
    assert flow.sink.kinds()[3:] == kinds
    found = await flow.ticket()
    assert (found.state, found.desk) == (state, "II_LINIA" if state == "PONOWNIE_OTWARTE" else "")
    assert await flow.rows(select(ticket.c.number)) == [("ZGL0000001",)]


async def test_the_time_for_a_complaint_begins_when_the_answer_was_accepted(flow: Flow) -> None:
    flow.sink.answer = lambda sent: "451 4.3.0 busy" if sent.kind == "T2A" else None
    await flow.answer(mail())
    assert (await flow.ticket()).answered_at is None
    flow.clock.advance(hours=5)
    flow.sink.answer = lambda sent: None
    await flow.deliver()
    assert (await flow.ticket()).answered_at == flow.clock.now


async def test_a_reopened_ticket_takes_further_words_in_silence(flow: Flow) -> None:
    await flow.answer(mail())
    flow.clock.advance(hours=2)
    assert await write(flow, JAN.login, "ZGL0000001", "Nie rozumiem kroku 2.", "why") == "COMPLAINT_OK"
    assert await write(flow, JAN.login, "ZGL0000001", "Dodam, że używam telefonu.", "more") == "TICKET_UPDATE"
    assert await write(flow, JAN.login, "ZGL0000001", "Dziękuję!", "thanks") == "TICKET_UPDATE"
    assert flow.sink.kinds()[3:] == ["T9"]
    assert (await flow.ticket()).state == "PONOWNIE_OTWARTE"


async def test_thanks_that_come_together_with_a_complaint_do_not_close_the_ticket_again(flow: Flow) -> None:
    await flow.answer(mail())
    for name, subject, body in (("why", "Reklamacja ZGL0000001", "Link wygasł."), ("bye", "ZGL0000001", "Dziękuję!")):
        await flow.take(mail(JAN.login, body, subject=subject, name=name))
    assert await flow.decider.step() == 2
    found = await flow.ticket()
    assert (found.state, found.desk, found.closed_at) == ("PONOWNIE_OTWARTE", "II_LINIA", None)
    assert await flow.rows(select(inbox.c.outcome)) == [("OK_A",), ("COMPLAINT_OK",), ("TICKET_UPDATE",)]


async def test_what_is_in_quarantine_is_nobodys_ticket(flow: Flow) -> None:
    assert await write(flow, JAN.login, "NOWE", "Mam pytanie.", auth="fail") == "QUARANTINE"
    assert await write(flow, JAN.login, "Re: ZGL0000001", "Mam pytanie.", "own") == "ZGL_FOREIGN"
    assert (await flow.ticket()).state == "KWARANTANNA"
    assert flow.sink.kinds() == ["T1"], "his mail is registered, not buried in silence with the forged one"


ANSWERED = ("deletion", "case 4", "three wrong passwords", "a question of the list")


@pytest.mark.parametrize("name", ANSWERED)
async def test_who_asks_on_after_the_answer_of_a_machine_comes_to_a_person(flow: Flow, name: str) -> None:
    told = CHANNELS[name]
    await write(flow, told.sender, told.subject, told.body)
    sent = flow.sink.accepted[0]
    flow.clock.advance(days=1)
    answer = (f"Re: {sent.ticket}", "Nie o to chodziło, proszę o telefon.", "on")
    assert await write(flow, told.sender, *answer, In_Reply_To=sent.message_id) == "COMPLAINT_OK"
    found = await flow.ticket()
    assert (found.state, found.desk) == ("PONOWNIE_OTWARTE", "II_LINIA")
    assert flow.sink.kinds() == [told.mails, "T9"]


async def test_a_correction_after_a_formal_refusal_comes_to_a_person(flow: Flow) -> None:
    await flow.answer(mail(body=GOOD.replace(", 1980", "")))
    assert flow.sink.kinds() == ["T1", "T4"]
    assert await write(flow, JAN.login, "Re: ZGL0000001", "Przesyłam brakujący rok: 1980", "year") == "COMPLAINT_OK"
    assert (await flow.ticket()).state == "PONOWNIE_OTWARTE"


# ----------------------------------------------------------------------------------------------------- floods and loops


async def flood(flow: Flow, count: int, name: str) -> None:
    """So many different mails of one sender, before anything is decided."""
    for n in range(count):
        await flow.take(
            mail(STRAY, f"Pytanie numer {n} {name}.", subject=f"Sprawa {n} {name}", name=f"{name}{n}"), STRAY
        )


async def test_a_flood_harms_nobody_else_and_is_told_once_a_day(flow: Flow) -> None:
    await flood(flow, 60, "a")
    body = GOOD.replace("Jan Kowalski, 1980", "Ewa Nowak, 1975")
    assert await flow.answer(mail(EWA.login, body, name="ewa"), EWA.login) == "OK_A"
    assert [sent.kind for sent in flow.sink.accepted if sent.rcpt_to == EWA.login] == ["T1", "T2A", "T3"]
    assert [sent.kind for sent in flow.sink.accepted if sent.rcpt_to == STRAY] == ["T6"] * 5 + ["T18"]
    held = await flow.rows(select(ticket.c.id).where(ticket.c.state == "WSTRZYMANE"))
    assert len(held) == 1, "what is over the limit waits in one ticket"
    over = await flow.rows(select(inbox.c.ticket_id).where(inbox.c.outcome == "RATE_LIMITED"))
    assert over == [held[0]] * 55

    flow.clock.advance(minutes=30)
    await flood(flow, 5, "b")
    await flow.decide()
    await flow.deliver()
    assert flow.sink.kinds().count("T18") == 1, "once a day"

    flow.clock.advance(hours=24)
    await flood(flow, 7, "c")
    await flow.decide()
    await flow.deliver()
    assert flow.sink.kinds().count("T18") == 2


async def test_a_forged_flood_takes_nothing_from_the_citizen(flow: Flow) -> None:
    for n in range(12):
        forged = mail(body=f"{n}", subject="Sprawa", name=f"{n}", auth="none" if n % 2 else "fail")
        await flow.take(forged, JAN.login)
    assert await flow.answer(mail()) == "OK_A"


async def test_a_forged_flood_in_the_name_of_a_firm_takes_nothing_from_its_people(flow: Flow) -> None:
    for n in range(30):
        sender = f"pracownik{n}@profil.example"
        await flow.take(mail(sender, f"{n}", subject="Sprawa", name=f"{n}", auth="none"), sender)
    assert await write(flow, ANNA.login, "NOWE", "Błąd 500 w SENT.", "anna") == "NEW_OK"


LOOPS = {
    "T6": (STRANGER, "NOWE", "Mam pytanie."),
    "T8": (PIOTR.login, "NOWE", "Mam pytanie."),
    "T11": (PIOTR.login, "Konto", "Proszę o usunięcie konta."),
    "T1": (PIOTR.login, "Re: ZGL9999999", "Co z moją sprawą?"),
    "T17": (STRANGER, "Nie mogę założyć konta", "System pisze, że PESEL już istnieje."),
}


@pytest.mark.parametrize("kind", LOOPS)
@pytest.mark.parametrize(("title", "most"), [("Re: {}", 2), ("Automat", 5)], ids=["names the ticket", "names nothing"])
async def test_a_machine_that_answers_each_mail_comes_to_an_end(flow: Flow, kind: str, title: str, most: int) -> None:
    """One that keeps our subject, as machines do, ends at once; one that keeps nothing is ended by limits.yaml."""
    sender, subject, body = LOOPS[kind]
    await write(flow, sender, subject, body)
    assert flow.sink.kinds() == [kind]
    answered = 0
    while answered < len(flow.sink.accepted) < 20:
        sent = flow.sink.accepted[answered]
        answered += 1
        await write(flow, sender, title.format(sent.ticket), f"{sent.text}\n{answered}", f"echo {answered}")
        flow.clock.advance(minutes=20)
    assert len(flow.sink.accepted) - 1 <= most
    assert await flow.rows(select(outbox.c.state).where(outbox.c.state != "done")) == []
