"""Pages and mails as people open them: on a phone and a desk, light and dark, in Polish and English."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect
from sqlalchemy import update

from mailbot.accounts.sql import SqlDirectory
from mailbot.config import Settings, WebSettings
from mailbot.storage.database import Database
from mailbot.storage.schema import ticket
from mailbot.web.app import SERVER_OPTIONS, build, use_rules
from tests.browser.test_activation_browser import LOGIN, browser, database, width
from tests.links import NOW, SECRET, grant, notice
from tests.unit.mails.letters import RULES, VARIANTS, WRITER
from tests.unit.mails.test_write import parsed, part

__all__ = ["browser", "database"]

WIDTHS = (360, 1024)
FAULTS = (Path(__file__).parent / "faults.js").read_text(encoding="utf-8")
"""What somebody who cannot see well would stumble over: contrast (WCAG 2.2, 1.4.3), labels, headings, ids, language."""


@pytest.fixture(params=["light", "dark"])
async def page(browser: Browser, database: Database, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """A browser without JavaScript that speaks English, before a site with the shipped rules."""
    web = WebSettings(behind_tls=False, attempts_per_minute=1000)
    app = build(replace(Settings(), web=web), database, SqlDirectory(), SECRET, notice(), lambda: NOW)
    use_rules(app, RULES, notice())
    server = TestServer(app)
    await server.start_server(**SERVER_OPTIONS)
    context = await browser.new_context(
        java_script_enabled=False,
        color_scheme=request.param,
        locale="en-GB",
        base_url=str(server.make_url("/")),
    )
    yield await context.new_page()
    await context.close()
    await server.close()


async def faults(page: Page) -> list[Any]:
    """Of the open page, at every width; none sideways."""
    found: list[Any] = []
    for wide in WIDTHS:
        await page.set_viewport_size({"width": wide, "height": 800})
        found += await page.evaluate(FAULTS)
        if await width(page) > wide:
            found.append(f"scrolls sideways at {wide}")
    return found


def link(database: Database, language: str) -> str:
    """Of a letter in ``language``."""
    path = "/aktywacja/" + grant(database.engine, "ZGL0000001", LOGIN)
    with database.engine.begin() as connection:
        connection.execute(update(ticket).values(language=language))
    return path


@pytest.mark.parametrize(
    ("language", "heading", "refused", "done"),
    [
        ("pl", "Ustaw nowe hasło awaryjne", "Hasło nie zostało zmienione", "Nowe hasło awaryjne jest ustawione"),
        ("en", "Set a new emergency password", "The password was not changed", "The new emergency password is set"),
        ("uk", "Ustaw nowe hasło awaryjne", "Hasło nie zostało zmienione", "Nowe hasło awaryjne jest ustawione"),
    ],
)
async def test_the_pages_of_a_link_speak_the_language_of_the_letter(
    page: Page, database: Database, language: str, heading: str, refused: str, done: str
) -> None:
    await page.goto(link(database, language))
    title = page.get_by_role("heading", level=1)
    await expect(title).to_have_text(heading)
    assert await page.locator("html").get_attribute("lang") == ("en" if language == "en" else "pl")
    assert await faults(page) == []
    await page.locator("#haslo").fill("puesc")
    await page.locator("#powtorz").fill("inne")
    await page.get_by_role("button").click()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text(refused)
    await expect(alert).to_be_focused()
    await expect(title).to_have_text(heading)
    assert await faults(page) == []
    for field in ("#haslo", "#powtorz"):
        await page.locator(field).fill("zielony tramwaj pije herbatę")
    await page.get_by_role("button").click()
    await expect(title).to_have_text(done)
    assert await faults(page) == []


WITHOUT_A_LETTER = {"/": "Setting an emergency password", "/aktywacja/x": "does not work", "/x": "no such page"}


async def test_pages_without_a_letter_speak_the_language_of_the_browser(page: Page) -> None:
    for path, told in WITHOUT_A_LETTER.items():
        await page.goto(path)
        await expect(page.get_by_role("heading", level=1)).to_contain_text(told)
        assert await faults(page) == []


async def test_mails_can_be_read(page: Page) -> None:
    for name in ("T3", "T4-case-b", "T11-english", "T12", "T14-english", "T1"):
        await page.set_content(part(parsed(WRITER.outgoing(*VARIANTS[name]).raw), "html"))
        assert await faults(page) == [], name
    for said in ("ZGL0000001", "5 listopada 2025 r."):
        await expect(page.locator("strong", has_text=said)).to_have_css("font-weight", "700")


FAULTY = """
<h1>a</h1> <h3 id="x">b</h3> <p id="x" style="color: #999; background: #fff">c</p> <input name="f">
"""
TOLD = ("contrast 2.85: c", "no label: f", "stands twice", "left out: b", "no language", "no title", "no viewport")


async def test_what_cannot_be_read_is_a_fault(page: Page) -> None:
    await page.set_content(FAULTY)
    found = " ".join(await faults(page))
    assert [fault for fault in TOLD if fault not in found] == []
