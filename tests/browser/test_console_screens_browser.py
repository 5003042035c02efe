"""Telephone, oversight, rules and audit in a browser: on a phone, by keyboard, without JavaScript, under axe-core."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import insert

from mailbot.audit import chain
from mailbot.console import audit as screen
from mailbot.console import pages
from mailbot.storage.mailbox import imap_cursor
from mailbot.storage.schema import ruleset_load
from tests.browser.test_activation_browser import browser, tab_to, width
from tests.browser.test_console_browser import WIDTHS, faults, flow, opened
from tests.flow import EWA, Flow, mail

__all__ = ["browser", "flow"]

SCREENS = {
    "olek": ("/telephone", "/telephone?q=1", "/telephone?q=99", "/telephone/ZGL0000001", "/oversight"),
    "ada": ("/oversight", "/rules"),
    "oskar": ("/audit", "/audit?on=x&actor=anna", "/audit/verify", "/rules", "/oversight"),
}


async def _fill(flow: Flow) -> None:
    """What makes the pages as full as they get."""
    await flow.answer(mail())
    now = flow.clock()
    long = "skrzynka-o-nazwie-" * 12
    rows = (
        insert(imap_cursor).values(mailbox=long, uidvalidity=1, last_uid=1, polled_at=now),
        insert(ruleset_load).values(at=now, process=long, mistakes=f"rules/{long}.yaml:1:1: x: y\nz"),
    )
    for row in rows:
        await flow.parts.database.write(lambda c, row=row: c.execute(row))
    await flow.parts.database.write(lambda c: chain.take_over(c, 100))
    await flow.parts.database.write(lambda c: chain.note(c, now, f"operator:{'x' * 100}", "login", "y" * 100))


@pytest.mark.parametrize("who", SCREENS)
async def test_nobody_stumbles(browser: Browser, flow: Flow, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Polish by day on a phone and on a desk, English by night."""
    await _fill(flow)
    async with opened(browser, flow, who, bypass_csp=True) as page:
        for language, scheme in (("pl", "light"), ("en", "dark")):
            monkeypatch.setattr(pages, "reader", lambda _request, language=language: language)
            await page.emulate_media(color_scheme=scheme)
            for path in SCREENS[who]:
                await page.goto(path)
                for wide in WIDTHS:
                    await page.set_viewport_size({"width": wide, "height": 800})
                    assert await width(page) <= wide, (path, wide)
                assert await faults(page) == [], path


async def test_what_the_forms_answer_is_as_good(browser: Browser, flow: Flow, tmp_path: Path) -> None:
    await _fill(flow)
    (tmp_path / "list.eml").write_bytes(mail())
    async with opened(browser, flow, "ada", bypass_csp=True, viewport={"width": 360, "height": 800}) as page:
        await page.goto("/rules")
        await page.get_by_label("Plik maila").set_input_files(tmp_path / "list.eml")
        for label, value in (("Login", EWA.login), ("Imię", "Ewa"), ("Nazwisko", "Nowak"), ("Rok urodzenia", "1975")):
            await page.get_by_label(label, exact=True).fill(value)
        await page.get_by_role("button", name="Wyjaśnij").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Co stałoby się z mailem")
        assert await width(page) <= 360
        assert await faults(page) == []
        await page.goto("/rules")
        await page.get_by_role("button", name="Porównaj zestawy").click()
        await expect(page.get_by_role("status")).to_contain_text("inaczej: 0")
        assert await faults(page) == []


async def test_a_call_by_keyboard_and_without_javascript(browser: Browser, flow: Flow) -> None:
    async with opened(browser, flow, java_script_enabled=False, viewport={"width": 360, "height": 640}) as page:
        await page.goto("/telephone")
        await tab_to(page, "q")
        await page.keyboard.type("zgl 1")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Nie mów tego dzwoniącemu.")).to_be_visible()
        await tab_to(page, "ZGL0000001: zadaj pytania")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/telephone/ZGL0000001")
        for name, value in (("name", "Ewa Nowak"), ("year", "1974"), ("login", EWA.login)):
            await tab_to(page, name)
            await page.keyboard.type(value)
        await page.get_by_label("O co prosił").select_option("ogolne")
        await page.get_by_label("Kiedy napisał").fill(f"{flow.clock():%Y-%m-%d}")
        await page.get_by_role("button", name="Porównaj").click()
        await expect(page.get_by_label("Rok urodzenia")).to_have_accessible_description("✗ nie zgadza się")
        await expect(page.get_by_text("Co wolno powiedzieć")).to_have_count(0)
        await page.get_by_label("Rok urodzenia").fill("1975")
        await page.get_by_role("button", name="Porównaj").click()
        await expect(page.get_by_role("heading", name="Co wolno powiedzieć")).to_be_visible()
        assert await width(page) <= 360
        await page.get_by_label("Notatka dla zespołu").fill("pytała o termin")
        await page.get_by_role("button", name="Zapisz rozmowę").click()
        await expect(page.get_by_role("status")).to_contain_text("rozmowa zapisana")


async def test_the_chain_is_verified_to_its_end_by_itself(
    browser: Browser, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "_PORTION", 2)
    await _fill(flow)
    async with opened(browser, flow, "oskar") as page:
        await page.goto("/audit")
        await page.get_by_role("button", name="Sprawdź").click()
        await expect(page.get_by_text("są w porządku")).to_be_visible()
        async with page.expect_download() as download:
            await page.goto("/audit")
            await page.get_by_role("button", name="Pobierz plik").click()
        assert (await download.value).suggested_filename == "audit-1.ndjson"
