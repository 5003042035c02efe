"""One letter over two roads, one of which writes a line into it: one ticket, and nothing is granted twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from mailbot.model import SENTENCES, Phrase
from mailbot.storage.schema import inbox, ticket
from tests.citizens import DATE
from tests.flow import EWA, GOOD, JAN, Flow, mail, running

GRANTED = ["T1", "T2A", "T3"]
FOOTER = b"Skontrolowano przez brame pocztowa: brak zagrozen.\r\n"


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    async with running(tmp_path) as found:
        yield found


def relayed(raw: bytes, *, above: bool = False) -> bytes:
    """``raw`` as a gateway passes it on."""
    head, _, body = raw.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n" + (FOOTER + body if above else body + FOOTER)


async def numbers(flow: Flow) -> list[str]:
    return [row.number for row in await flow.rows(select(ticket.c.number).order_by(ticket.c.id))]


@pytest.mark.parametrize("above", [False, True])
@pytest.mark.parametrize("plain_first", [True, False])
async def test_a_line_of_a_gateway_grants_nothing_twice(flow: Flow, above: bool, plain_first: bool) -> None:
    copies = [mail(), relayed(mail(), above=above)]
    first, second = copies if plain_first else copies[::-1]
    outcome = await flow.answer(first)
    again = await flow.answer(second)
    if outcome == "OK_A":
        assert (again, flow.sink.kinds(), await numbers(flow)) == ("DUPLICATE", GRANTED, ["ZGL0000001"])
        assert (await flow.events())[-1] == "repeated"
    else:  # the gateway had spoiled it: its citizen is not locked out by that
        assert (outcome, again) == ("REJ_FORMAL", "OK_A")


async def test_both_at_once(flow: Flow) -> None:
    for raw in (mail(), relayed(mail())):
        await flow.take(raw)
    await flow.decide()
    await flow.deliver()
    assert (flow.sink.kinds(), await numbers(flow)) == (GRANTED, ["ZGL0000001"])


async def test_a_question_and_a_refusal_are_answered_once(flow: Flow) -> None:
    for name, subject, body in (
        ("q", "Pytanie o konto firmy", "Jak dodać pracownika?"),
        ("r", "", SENTENCES[Phrase.A]),
    ):
        raw = mail(JAN.login, body, name=name, **({"subject": subject} if subject else {}))
        first = await flow.answer(raw)
        sent = len(flow.sink.accepted)
        assert (await flow.answer(relayed(raw)), len(flow.sink.accepted)) == ("DUPLICATE", sent), first
    assert len(await numbers(flow)) == 2


@pytest.mark.parametrize("what", ["date", "subject", "late"])
async def test_another_letter_with_the_same_message_id_is_none(flow: Flow, what: str) -> None:
    """A scanner that bears one for all it sends, a client with a fault: nothing is dropped."""
    raw = mail(JAN.login, "Proszę o telefon.", subject="Pytanie")
    await flow.answer(raw)
    other = mail(JAN.login, "Proszę o telefon dziś.", subject="Inne" if what == "subject" else "Pytanie")
    if what == "date":
        other = other.replace(DATE.encode(), b"Mon, 2 Mar 2026 23:59:01 +0100")
    if what == "late":
        flow.clock.advance(days=8)
    assert await flow.answer(other) != "DUPLICATE"
    assert len(await numbers(flow)) == 2


@pytest.mark.parametrize("forged", ["none", "fail"])
async def test_a_stranger_who_knows_the_message_id_suppresses_nothing(flow: Flow, forged: str) -> None:
    assert await flow.answer(mail(auth=forged, body=f"{GOOD}\n\nPozdrawiam"), "kto@obcy.example") != "OK_A"
    assert await flow.answer(relayed(mail())) == "OK_A"
    before = flow.sink.kinds()
    later = await flow.answer(mail(auth=forged, body=f"{GOOD}\n\nJeszcze raz"), "kto@obcy.example")
    assert (later, flow.sink.kinds()) == ("QUARANTINE" if forged == "fail" else "DUPLICATE", before)
    assert await flow.answer(mail(EWA.login, f"{SENTENCES[Phrase.A]} Ewa Nowak, 1975")) == "OK_A"


async def test_a_copy_is_known_by_a_keyed_hash(flow: Flow) -> None:
    await flow.answer(mail())
    row = await flow.take(relayed(mail()))
    await flow.decide()
    found = await flow.rows(select(inbox.c.ticket_id, inbox.c.letter).order_by(inbox.c.id))
    assert [one.ticket_id for one in found] == [1, 1], row
    assert found[0].letter == found[1].letter
    assert found[0].letter.startswith("~")
