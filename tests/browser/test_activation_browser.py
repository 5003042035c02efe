"""The citizen's page in a real browser: no JavaScript, keyboard only, a narrow phone, what a screen reader hears."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, async_playwright, expect
from sqlalchemy import insert, select

from mailbot.accounts import passwords
from mailbot.accounts.rows import column_values
from mailbot.accounts.sql import SqlDirectory
from mailbot.config import Settings, WebSettings
from mailbot.model import Account
from mailbot.storage.database import Database
from mailbot.storage.engine import connect
from mailbot.storage.schema import account, metadata
from mailbot.web.app import SERVER_OPTIONS, build
from tests.links import NOW, SECRET, grant, notice
from tests.support import program

LOGIN = "jan.kowalski@wp.example"
PASSWORD = "zielony tramwaj pije herbatę"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    engine = connect(f"sqlite:///{tmp_path}/test.db")
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(account), [column_values(Account(LOGIN, "Jan", "Kowalski", 1980))])
    made = Database(engine)
    yield made
    await made.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    path = program("chromium")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield started
        await started.close()


@pytest.fixture
async def page(browser: Browser, database: Database) -> AsyncIterator[Page]:
    """A narrow phone without JavaScript on a usable link; whatever the browser complains of fails the test."""
    web = WebSettings(behind_tls=False, attempts_per_minute=1000)
    server = TestServer(build(replace(Settings(), web=web), database, SqlDirectory(), SECRET, notice(), lambda: NOW))
    await server.start_server(**SERVER_OPTIONS)
    context = await browser.new_context(
        java_script_enabled=False, viewport={"width": 360, "height": 640}, base_url=str(server.make_url("/"))
    )
    opened = await context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("requestfailed", lambda request: complaints.append(f"{request.url} {request.failure}"))
    await opened.goto("/aktywacja/" + grant(database.engine, "ZGL0000001", LOGIN))
    yield opened
    await context.close()
    await server.close()
    # Chromium notes every answer that is not 2xx; those are ours.
    assert [c for c in complaints if "status of 4" not in c] == []


def containing(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text))


async def width(page: Page) -> int:
    measured: int = await page.evaluate("document.documentElement.scrollWidth")
    return measured


async def focused(page: Page) -> str:
    name: str = await page.evaluate("document.activeElement.name || document.activeElement.textContent.trim()")
    return name


async def tab_to(page: Page, name: str) -> None:
    for _ in range(20):
        if await focused(page) == name:
            return
        await page.keyboard.press("Tab")
    pytest.fail(f"{name} cannot be reached with the Tab key")


async def test_a_citizen_sets_the_password_with_the_keyboard_alone(page: Page, database: Database) -> None:
    await tab_to(page, "haslo")
    await page.keyboard.type(PASSWORD)
    await tab_to(page, "powtorz")
    await page.keyboard.type(PASSWORD)
    await tab_to(page, "Ustaw hasło")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Nowe hasło awaryjne jest ustawione")
    assert page.url.endswith("/aktywacja/gotowe"), "the link has left the address bar"
    with database.engine.connect() as connection:
        stored = connection.execute(select(account.c.emergency_hash)).scalar_one()
    assert passwords.verify(stored, PASSWORD)
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Nowe hasło awaryjne jest ustawione")
    await page.go_back()
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Ten link nie działa")


async def test_a_screen_reader_hears_language_title_fields_and_rules(page: Page) -> None:
    assert await page.locator("html").get_attribute("lang") == "pl"
    assert await page.title() == "Ustaw nowe hasło awaryjne – Help Desk SISC"
    await expect(page.get_by_role("main")).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_have_count(1)
    await expect(page.get_by_role("alert")).to_have_count(0)
    first = page.get_by_label("Nowe hasło awaryjne", exact=True)
    second = page.get_by_label("Powtórz nowe hasło awaryjne", exact=True)
    for field in (first, second):
        await expect(field).to_have_attribute("autocomplete", "new-password")
        await expect(field).to_have_attribute("type", "password")
    for rule in passwords.RULES:
        await expect(first).to_have_accessible_description(containing(rule))
    await expect(page.get_by_role("button", name="Ustaw hasło")).to_be_visible()


async def test_errors_are_announced_linked_and_tied_to_their_field(page: Page) -> None:
    await page.get_by_label("Nowe hasło awaryjne", exact=True).fill("krótkie")
    await page.get_by_label("Powtórz nowe hasło awaryjne").fill("inne")
    await page.get_by_role("button").press("Enter")
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("Hasło nie zostało zmienione")
    assert (await page.title()).startswith("Błąd: ")
    for label, told in (("Nowe hasło awaryjne", "za krótkie"), ("Powtórz nowe hasło awaryjne", "różnią się")):
        field = page.get_by_label(label, exact=True)
        await expect(field).to_have_attribute("aria-invalid", "true")
        await expect(field).to_have_accessible_description(containing(told))
        await expect(field).to_have_value("")
    await alert.get_by_role("link").last.press("Enter")
    assert await focused(page) == "powtorz"
    assert await width(page) == 360


@pytest.mark.parametrize("path", ["", "/aktywacja/gotowe", "/aktywacja/" + "A" * 32, "/nothing"])
async def test_no_page_scrolls_sideways_on_a_narrow_phone(page: Page, path: str) -> None:
    if path:
        await page.goto(path)
    for size in (360, 320):  # 320 is WCAG 2.2, 1.4.10
        await page.set_viewport_size({"width": size, "height": 640})
        assert await width(page) == size
    style: str = await page.evaluate("getComputedStyle(document.querySelector('header p')).fontWeight")
    assert style == "600", "the style sheet is applied under the content security policy"


async def test_what_one_touches_is_large_enough(page: Page) -> None:
    for target in (page.get_by_label("Nowe hasło awaryjne", exact=True), page.get_by_role("button")):
        box = await target.bounding_box()
        assert box is not None
        assert box["height"] >= 44


async def test_the_focus_can_be_seen(page: Page) -> None:
    await tab_to(page, "haslo")
    outline: str = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
