"""The desk in a real browser: without JavaScript, by keyboard alone, on a narrow phone, what a screen reader meets."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import update

from mailbot.storage.schema import ticket
from tests.browser.test_activation_browser import browser, width
from tests.citizens import build
from tests.consoles import console, hire
from tests.flow import EWA, Flow, mail, running

__all__ = ["browser"]

VENDOR = Path(__file__).parent / "vendor"
AXE = (VENDOR / "axe.min.js").read_text(encoding="utf-8")
WIDTHS = (360, 1280)
PAGES = (
    "/todo",
    "/tickets/ZGL0000001",
    "/tickets/ZGL0000002",
    "/search?q=ewa@mejl.example",
    *(f"/tickets/ZGL0000001/do/{action}" for action in ("ask", "reply-and-close", "close", "assign", "merge")),
)


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    """Two open tickets: Ewa's question, late, and a forged mail with a file."""
    async with running(tmp_path) as made:
        hire(made.parts)
        await made.answer(mail(EWA.login, "Dzień dobry, mam pytanie.", subject="Pytanie", name="q"), EWA.login)
        entry = {
            "id": "f",
            "sender": "zly@zle.example",
            "subject": "Plik",
            "body": "<b>W załączniku</b>",
            "headers": {},
        }
        files = [("bardzo długa nazwa pliku, która nie mieści się na telefonie.pdf", "application/pdf", b"%PDF-1.7")]
        raw = build({**entry, "auth": "fail", "html_only": True}, "utf8-qp", files)
        await made.answer(raw, "zly@zle.example")
        with made.parts.database.engine.begin() as connection:
            connection.execute(update(ticket).where(ticket.c.id == 1).values(promised_at=made.clock()))
        made.clock.advance(hours=1)
        yield made


@asynccontextmanager
async def opened(browser: Browser, flow: Flow, who: str = "anna", **options: Any) -> AsyncIterator[Page]:
    """A page of the console; whatever the browser complains of fails the test."""
    async with console(flow.parts) as client:
        url = str(client.make_url("/"))
        context = await browser.new_context(base_url=url, **{"viewport": {"width": 1280, "height": 900}, **options})
        await context.add_cookies([{"name": "who", "value": who, "url": url}])
        page = await context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(f"{request.url} {request.failure}"))
        yield page
        await context.close()
        assert [c for c in complaints if not re.search("status of 4|Status Error Code 4|ERR_ABORTED", c)] == []


def test_axe_is_the_published_file() -> None:
    digest = hashlib.sha256((VENDOR / "axe.min.js").read_bytes()).hexdigest()
    assert digest in (VENDOR / "README.md").read_text(encoding="utf-8")
    assert "Mozilla Public License" in (VENDOR / "axe.LICENSE").read_text(encoding="utf-8")


async def faults(page: Page) -> list[str]:
    await page.evaluate(AXE)
    found = await page.evaluate("axe.run(document)")
    return [f"{v['id']}: {node['html'][:200]}" for v in found["violations"] for node in v["nodes"]]


@pytest.mark.parametrize(("who", "scheme"), [("olek", "light"), ("eve", "dark"), ("oskar", "light")])
async def test_nobody_stumbles(browser: Browser, flow: Flow, who: str, scheme: str) -> None:
    """axe-core finds nothing, and nothing is sideways, in both languages, on a phone and on a desk."""
    async with opened(browser, flow, who, color_scheme=scheme, bypass_csp=True) as page:
        for path in PAGES if who != "oskar" else PAGES[:4]:
            await page.goto(path)
            for wide in WIDTHS:
                await page.set_viewport_size({"width": wide, "height": 800})
                assert await width(page) <= wide, (path, wide)
            assert await faults(page) == [], path


async def test_everything_works_without_javascript(browser: Browser, flow: Flow) -> None:
    async with opened(browser, flow, java_script_enabled=False, viewport={"width": 360, "height": 640}) as page:
        await page.goto("/todo")
        await page.get_by_role("link", name="ZGL0000001").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("ZGL0000001")
        await page.get_by_role("button", name="Weź").click()
        await expect(page.get_by_text("Kto prowadzi: anna")).to_be_visible()
        await page.get_by_label("Treść dla zespołu").fill("oddzwonić po 15")
        await page.get_by_role("button", name="Zapisz notatkę").click()
        await expect(page.locator(".wrote-note")).to_contain_text("oddzwonić po 15")
        await expect(page.get_by_role("status").first).to_contain_text("Zrobione: Zapisz notatkę")
        await page.get_by_label("Treść dla klienta").fill(
            "Dzień dobry,\n\nproszę spróbować jeszcze raz.\n\n  1. pierwszy krok"
        )
        await page.get_by_role("button", name="Zachowaj na później").first.click()
        await page.reload()
        await expect(page.get_by_label("Treść dla klienta")).to_have_value(
            "Dzień dobry,\n\nproszę spróbować jeszcze raz.\n\n  1. pierwszy krok"
        )
        await page.get_by_role("button", name="Zobacz, co dostanie klient").click()
        await expect(page.locator(".mail")).to_contain_text("proszę spróbować jeszcze raz.")
        await page.get_by_role("button", name="Wyślij odpowiedź klientowi").click()
        await expect(page.locator(".undo")).to_contain_text("możesz go cofnąć")
        await page.get_by_role("button", name="Cofnij").click()
        await expect(page.locator(".timeline")).to_contain_text("cofnięto wysłanie")
        await page.get_by_role("link", name="Do zrobienia").click()
        await page.get_by_label("Szukaj").fill("zgl-2")
        await page.get_by_role("button", name="Znajdź").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("ZGL0000002")


async def test_the_keyboard_is_enough(browser: Browser, flow: Flow) -> None:
    async with opened(browser, flow) as page:
        await page.goto("/todo")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        await page.keyboard.press("j")
        assert await page.evaluate("document.activeElement.id") == "row-ZGL0000001"
        await page.keyboard.press("j")
        assert await page.evaluate("document.activeElement.id") == "row-ZGL0000002"
        await page.keyboard.press("k")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/tickets/ZGL0000001")
        await page.keyboard.press("n")
        await page.keyboard.type("jnr? notatka")
        await expect(page.locator("#note-text")).to_have_value("jnr? notatka")
        await page.locator("#note-text").blur()
        await page.keyboard.press("r")
        assert await page.evaluate("document.activeElement.id") == "reply-text"
        await page.locator("#reply-text").blur()
        await page.keyboard.press("Shift+?")
        await expect(page.locator("#keys")).to_have_attribute("open", "")


async def test_what_is_typed_is_kept_as_it_is_typed(browser: Browser, flow: Flow) -> None:
    async with opened(browser, flow) as page:
        await page.goto("/tickets/ZGL0000001")
        async with page.expect_request_finished(lambda request: "dobry" in (request.post_data or "")):
            await page.locator("#reply-text").press_sequentially("Dzień dobry")  # its beginning may be kept alone first
        await expect(page.locator("#reply-kept")).to_contain_text("szkic zapisany")
        await page.goto("/tickets/ZGL0000002")
        await page.goto("/tickets/ZGL0000001")
        await expect(page.locator("#reply-text")).to_have_value("Dzień dobry")


async def test_a_draft_that_is_not_kept_says_so(browser: Browser, flow: Flow) -> None:
    async with opened(browser, flow) as page:
        await page.goto("/tickets/ZGL0000001")
        await page.route("**/do/reply/draft", lambda route: route.fulfill(status=403, body=""))
        await page.locator("#reply-text").press_sequentially("Dzień")
        await expect(page.locator("#reply-kept")).to_contain_text("NIE zapisano")
        await page.unroute("**/do/reply/draft")
        await page.locator("#reply-text").press_sequentially(" dobry")
        await expect(page.locator("#reply-kept")).to_contain_text("szkic zapisany")


async def test_the_list_refreshes_itself_and_keeps_the_focus(browser: Browser, flow: Flow) -> None:
    async with opened(browser, flow) as page:
        await page.goto("/todo")
        await page.keyboard.press("j")
        told = await page.locator("#told").text_content()
        await flow.answer(mail("x@nowy.example", "Pytanie", subject="Nowa", name="n"), "x@nowy.example")
        await page.evaluate("htmx.trigger('#list', 'refresh')")
        await expect(page.locator("#row-ZGL0000003")).to_be_visible()
        assert await page.evaluate("document.activeElement.id") == "row-ZGL0000001"
        assert await page.locator("#told").text_content() != told, "a screen reader hears that there is more"


async def test_letters_reach_nobody(browser: Browser, flow: Flow) -> None:
    """What a stranger's HTML wants to fetch or run is neither fetched nor run."""
    body = "<html><body><script>window.hit=1</script><img src='https://zle.example/a.png' onerror='window.hit=1'>Treść"
    raw = mail("x@nowy.example", body, subject="<img src=x onerror=hit=1>", name="h")
    await flow.answer(raw.replace(b"text/plain", b"text/html"), "x@nowy.example")
    async with opened(browser, flow) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        for path in ("/todo", "/tickets/ZGL0000003"):
            await page.goto(path)
            assert await page.evaluate("window.hit") is None
        await page.locator("summary", has_text="HTML").click()
        assert await page.evaluate("window.hit") is None
        assert all("127.0.0.1" in url or url.startswith("data:") for url in asked)
