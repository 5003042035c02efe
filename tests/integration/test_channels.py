"""Every channel beside the special procedure over real sockets: the ticket, the mails, and what they do not tell."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email import message_from_bytes
from pathlib import Path

import pytest

from mailbot.storage import personal
from tests.channels import ANNA, CHANNELS, PIOTR, bare, with_profiles, write
from tests.flow import JAN, STRANGER, ZOFIA, Flow


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    async with with_profiles(tmp_path) as whole:
        yield whole


@pytest.mark.parametrize("name", CHANNELS)
async def test_channel(flow: Flow, name: str) -> None:
    told = CHANNELS[name]
    assert await write(flow, told.sender, told.subject, told.body) == told.outcome
    found = await flow.ticket()
    assert (found.category, found.state, found.desk, found.kind) == (told.category, told.state, told.desk, told.kind)
    assert (found.service, found.classification) == told.csd
    assert (personal.whose(flow.parts.secret, found).address, found.language) == (told.sender, told.language)
    assert " ".join(flow.sink.kinds()) == told.mails
    assert {sent.rcpt_to for sent in flow.sink.accepted} <= {told.sender}
    for sent in flow.sink.accepted:
        assert told.says in " ".join(sent.text.split())
        assert message_from_bytes(sent.raw)["Content-Language"] == told.language


async def test_t11_is_the_same_for_every_account_and_for_none(flow: Flow) -> None:
    writers = (PIOTR.login, ANNA.login, ZOFIA.login, STRANGER)
    for n, sender in enumerate(writers):
        assert await write(flow, sender, "Usuń konto", "Proszę o usunięcie konta.", f"{n}") == "DELETE_INFO"
    assert flow.sink.kinds() == ["T11"] * len(writers)
    assert len({bare(sent) for sent in flow.sink.accepted}) == 1


async def test_t6_is_the_same_for_login_and_stranger(flow: Flow) -> None:
    for n, (sender, auth) in enumerate([(JAN.login, "pass"), (STRANGER, "pass"), (ZOFIA.login, "pass")]):
        assert await write(flow, sender, "NOWE", "Mam pytanie.", f"{n}", auth=auth) == "MORE"
    assert len({bare(sent) for sent in flow.sink.accepted}) == 1


async def test_a_pesel_in_the_subject_is_not_repeated(flow: Flow) -> None:
    assert await write(flow, PIOTR.login, "NOWE – konto osoby 80010112340", "Nie widzę danych.") == "NEW_OK"
    (sent,) = flow.sink.accepted
    assert sent.kind == "T8"
    assert "[PESEL]" in sent.text
    assert b"80010112340" not in sent.raw
