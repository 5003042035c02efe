"""Case B on the page of its ticket: the signature in words, four sources side by side, the picture, two people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData
from lxml import html
from sqlalchemy import select

from mailbot.model import ApplicationState, View
from mailbot.signatures.report import (
    Format,
    Indication,
    Integrity,
    Kind,
    Reason,
    Scope,
    SignatureReport,
    SignerIdentity,
    SubIndication,
    Trust,
    Verdict,
    to_json,
)
from mailbot.storage.schema import application_view, ticket_event
from mailbot.tickets import view
from tests.consoles import TOKEN, console, hire
from tests.flow import JAN
from tests.integration.test_case_b import GOOD, NEW, CaseB, case_b
from tests.integration.test_console_case import ZGL, Client, page, version

PNG = b"\x89PNG\r\n\x1a\n picture"
PESEL = "44051401359"
REPORT = SignatureReport(
    file="wniosek.pdf",
    format=Format.PADES,
    verdict=Verdict.MANUAL,
    indication=Indication.INDETERMINATE,
    sub_indication=SubIndication.TRY_LATER,
    integrity=Integrity.OK,
    scope=Scope.FULL,
    trust=Trust.UNKNOWN_REVOCATION,
    kind=Kind.QUALIFIED,
    signer=SignerIdentity("Jan", "Kowalska", "certificate", pesel_masked="*******1359", pesel_hash="f" * 64),
    reasons=(Reason("REVOCATION_STALE", "Lista CRL albo odpowiedź OCSP wystawcy jest zbyt stara. Pobierz nową."),),
    received_at=datetime(2026, 11, 20, tzinfo=UTC),
    claimed_time=datetime(2026, 11, 19, 9, 30, tzinfo=UTC),
    trust_snapshot="PL 812 2026-11-18",
)
DOUBTED = replace(
    GOOD,
    state=ApplicationState.DOUBT,
    whole=True,
    view=View(f"Wniosek PESEL {PESEL}", "Wniosek", (PNG, PNG)),
    reports=(to_json(REPORT),),
    read={"given": "Jan", "surname": "Kowalski", "old_login": JAN.login, "new_email": "inny@nowa.example"},
)


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[CaseB]:
    async with case_b(tmp_path) as made:
        hire(made.parts)
        made.verifier.answer = DOUBTED
        assert await made.ask() == "REVIEW"
        yield made


@pytest.fixture
async def client(flow: CaseB) -> AsyncIterator[Client]:
    async with console(flow.parts) as made:
        yield made


def row(text: str, name: str) -> list[str]:
    """The cells of one line of the comparison."""
    cells = html.fromstring(text).xpath(f"//table[@class='compare']//tr[th='{name}']/td")
    return [" ".join(cell.text_content().split()) for cell in cells]


async def test_the_signature_is_told_in_words(client: Client) -> None:
    text = await page(client)
    (report,) = html.fromstring(text).xpath("//div[@class='report']")
    told = " ".join(report.text_content().split())
    for words in (
        "Podpis w pliku wniosek.pdf",
        "oceni człowiek",
        "Jan Kowalska",
        "kwalifikowany",
        "cały plik; zgadza się z treścią",
        "nie wiadomo, czy unieważniony (lista: PL 812 2026-11-18)",
        "według podpisującego",
        "Lista CRL albo odpowiedź OCSP wystawcy jest zbyt stara.",
    ):
        assert words in told, told
    assert "1359" not in text, "not even a part of the number"
    assert "f" * 64 not in text
    english = await page(client, who="eve")
    assert "Why it is not accepted" in english
    assert '<li lang="pl">' in english, "the reason stays Polish, and says so"


async def test_what_differs_is_marked_by_more_than_a_colour(client: Client) -> None:
    text = await page(client)
    assert row(text, "imię i nazwisko") == [
        "Jan Kowalski = zgodne",
        "Jan Kowalski = zgodne",
        "Jan Kowalska ≠ różni się",
        "Jan Kowalski wzór",
    ]
    assert row(text, "rok urodzenia")[0] == "1980 = zgodne"
    assert row(text, "login")[1:] == [f"{JAN.login} = zgodne", "–", f"{JAN.login} wzór"]
    assert row(text, "nowy adres")[:2] == [f"{NEW} wzór", "inny@nowa.example ≠ różni się"]
    masked = row(await page(client, who="oskar"), "imię i nazwisko")
    assert masked[0] == "J. K. = zgodne"


async def test_the_picture_is_opened_by_a_button_that_writes_it_down(flow: CaseB, client: Client) -> None:
    place = f"{ZGL}/letters/1/application"
    for path in (place, f"{place}/page-1.png"):
        await page(client, path, status=404)
    answer = await client.post(place, data=FormData([("csrf", TOKEN)]), allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, place)
    text = await page(client, place)
    assert PESEL not in text
    assert text.count("<img") == 2
    picture = await client.get(f"{place}/page-1.png")
    assert (picture.content_type, await picture.read()) == ("image/png", PNG)
    for name in ("checked.json", "text.txt", "page-9.png"):
        assert (await client.get(f"{place}/{name}")).status == 404
    looked = await flow.rows(select(ticket_event.c.detail).where(ticket_event.c.kind == "application-opened"))
    assert [one.detail["by"] for one in looked] == ["anna"]
    await page(client, place, "olek", 404)
    await page(client, place, "oskar", 403)


async def test_what_is_kept_of_the_report_has_no_number(flow: CaseB) -> None:
    kept = await flow.parts.database.read(lambda c: view.checked(c, flow.parts.secret, 1))
    assert kept is not None
    assert "pesel" not in str(kept.reports)
    sealed = [one.sealed for one in await flow.rows(select(application_view.c.sealed))]
    assert all(b"Kowalska" not in one for one in sealed)


async def test_two_people_accept_and_the_hold_is_kept(flow: CaseB, client: Client) -> None:
    assert "Najpierw obejrzyj wniosek" in await page(client, f"{ZGL}/do/accept-b")
    for who in ("anna", "olek"):
        data = FormData([("csrf", TOKEN)])
        await client.post(f"{ZGL}/letters/1/application", data=data, cookies={"who": who}, allow_redirects=False)
    deviating = html.fromstring(await page(client, f"{ZGL}/do/accept-b")).xpath("//input[@name='waived']/@value")

    async def half(who: str, action: str, **more: Any) -> tuple[int, str]:
        at = version(await page(client, who=who))
        fields = [("csrf", TOKEN), ("version", at), ("old_login", JAN.login), ("reason", "zadzwoniono, to on")]
        fields += [("waived", one) for one in deviating] + [(name, str(value)) for name, value in more.items()]
        answer = await client.post(
            f"{ZGL}/do/{action}", data=FormData(fields), cookies={"who": who}, allow_redirects=False
        )
        return answer.status, await answer.text()

    status, text = await half("anna", "accept-b", step="send")
    assert status == 303, text
    assert "Pierwsza osoba (anna" in await page(client, who="olek")
    assert "zadzwoniono, to on" in await page(client, f"{ZGL}/do/confirm-b", "olek"), "what the first one says"
    assert (await half("anna", "confirm-b", step="preview"))[0] in (403, 422), "not both halves"
    assert flow.sink.kinds()[-1] != "T14"
    status, text = await half("olek", "confirm-b", step="preview")
    assert status == 200, text
    mails = html.fromstring(text).xpath("//article[@class='mail']/@aria-label")
    assert mails[-3:] == ["ostrzeżenie dla dotychczasowego loginu", "rozwiązanie (B)", "link aktywacyjny"]
    digest = html.fromstring(text).xpath("string(//input[@name='digest']/@value)")
    status, text = await half("olek", "confirm-b", step="send", digest=digest)
    assert status == 303, text
    flow.clock.advance(minutes=1)
    await flow.deliver()
    assert flow.sink.kinds()[-1] == "T14"
    assert "T3" not in flow.sink.kinds()
