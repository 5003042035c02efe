"""The way into the console in a real browser, without JavaScript, on a narrow telephone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pyotp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, ViewportSize, async_playwright, expect

from mailbot.config import OidcSettings
from mailbot.console import login
from mailbot.operators import people
from mailbot.service.compose import Parts
from tests.browser.test_activation_browser import ARGUMENTS
from tests.browser.test_console_browser import faults
from tests.consoles import desk
from tests.flow import Clock
from tests.integration.test_console_oidc import Liar
from tests.logins import PASSWORD, person
from tests.support import program

NARROW: ViewportSize = {"width": 360, "height": 640}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    path = program("chromium")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield started
        await started.close()


async def _page(browser: Browser) -> Page:
    context = await browser.new_context(java_script_enabled=False, viewport=NARROW, locale="pl-PL")
    return await context.new_page()


async def test_from_the_temporary_password_to_the_second_day(parts: tuple[Parts, Clock], browser: Browser) -> None:
    made, clock = parts
    with made.database.engine.begin() as c:
        temporary = people.add(c, "shell:root", person("olek"), clock())
    page = await _page(browser)
    async with TestServer(login.build(desk(made))) as server:
        await page.goto(str(server.make_url("/todo?mine=1")))
        await page.get_by_label("Nazwa").fill("olek")
        await page.get_by_label("Hasło").fill(temporary or "")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("img", name="Kod QR klucza")).to_be_visible()
        box = await page.locator(".qr svg").bounding_box()
        assert box is not None
        assert 150 < box["width"] < 360
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360
        totp = pyotp.TOTP(re.sub(r"\s", "", await page.locator("code").inner_text()))
        await page.get_by_label("Nowe hasło", exact=True).fill(PASSWORD)
        await page.get_by_label("Nowe hasło jeszcze raz").fill(PASSWORD)
        await page.get_by_label("Kod z aplikacji").fill(totp.at(clock()))
        await page.get_by_role("button", name="Zapisz i zaloguj").click()
        await expect(page.locator(".codes li")).to_have_count(10)
        await page.get_by_role("button", name="Mam je, dalej").click()
        await expect(page).to_have_url(re.compile(r"/todo\?mine=1$"))

        clock.now += timedelta(days=1)
        await page.goto(str(server.make_url("/todo?mine=0")))
        await expect(page).to_have_url(re.compile("/login"))
        await page.get_by_label("Nazwa").fill("olek")
        await page.get_by_label("Hasło").fill("wrong")
        await page.get_by_role("button", name="Zaloguj").click()
        await expect(page.get_by_role("alert")).to_contain_text("Nazwa lub hasło się nie zgadza")
        await page.get_by_label("Hasło").fill(PASSWORD)
        await page.get_by_role("button", name="Zaloguj").click()
        await page.get_by_label("Kod z aplikacji").fill(totp.at(clock()))
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(re.compile(r"/todo\?mine=0$"))
        await page.get_by_role("button", name="Wyloguj").click()
        await expect(page).to_have_url(re.compile("/login$"))
        await page.go_back()
        await expect(page).to_have_url(re.compile("/login"))


async def test_back_from_a_provider_on_another_site_the_strict_cookie_is_there(
    parts: tuple[Parts, Clock], browser: Browser
) -> None:
    made, clock = parts
    liar = Liar(clock)

    async def authorize(request: web.Request) -> web.Response:
        query = liar.authorize(str(request.url))
        back = request.query["redirect_uri"]
        raise web.HTTPFound(f"{back}?code={query['code']}&state={query['state']}")

    provider = web.Application()
    provider.add_routes([*liar.routes(), web.get("/authorize", authorize)])
    async with TestServer(provider, host="localhost") as there, TestServer(web.Application()) as spare:
        liar.issuer = f"http://localhost:{there.port}"
        port = spare.port
        await spare.close()
        console = replace(made.settings.console, public_url=f"http://127.0.0.1:{port}")
        settings = replace(made.settings, console=console, oidc=OidcSettings(liar.issuer, "console", label="SSO"))
        with made.database.engine.begin() as c:
            people.add(c, "shell:root", person("olek"), clock(), people.subject(liar.issuer, "4711"))
        async with TestServer(login.build(desk(replace(made, settings=settings))), port=port):
            page = await _page(browser)
            await page.goto(f"http://127.0.0.1:{port}/todo?mine=1")
            await page.get_by_role("button", name="Zaloguj przez SSO").click()
            await expect(page).to_have_url(re.compile(r"/todo\?mine=1$"))
            await expect(page.get_by_text("Olek Wójcik")).to_be_visible()
            found = {cookie["name"]: cookie["sameSite"] for cookie in await page.context.cookies()}
            assert found["desk"] == "Strict"
            assert "desk-oidc" not in found


@pytest.mark.parametrize(("scheme", "locale"), [("light", "pl-PL"), ("dark", "en-GB")])
async def test_nobody_stumbles_at_the_login(
    parts: tuple[Parts, Clock], browser: Browser, scheme: Literal["light", "dark"], locale: str
) -> None:
    """axe-core finds nothing on any page of the way in, good or wrong."""
    made, clock = parts
    settings = replace(made.settings, oidc=OidcSettings("https://sso.example", "console"))
    with made.database.engine.begin() as c:
        temporary = people.add(c, "shell:root", replace(person("olek"), language=locale[:2]), clock()) or ""
    context = await browser.new_context(color_scheme=scheme, locale=locale, bypass_csp=True, viewport=NARROW)
    page = await context.new_page()
    async with TestServer(login.build(desk(replace(made, settings=settings)))) as server:
        here = str(server.make_url("/")).rstrip("/")

        async def clean() -> None:
            assert await faults(page) == [], page.url
            assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]

        async def submit(**fields: str) -> None:
            for name, value in fields.items():
                await page.locator(f"form.narrow input[name={name}]:not([readonly])").first.fill(value)
            await page.locator("form.narrow button").first.click()

        await page.goto(here + "/login")
        await clean()
        await submit(name="olek", password="wrong")
        await clean()
        await submit(name="olek", password=temporary)
        await clean()
        await submit(password="olek", repeat="x", code="1")
        await clean()
        totp = pyotp.TOTP(re.sub(r"\s", "", await page.locator("p > code").inner_text()))
        await submit(password=PASSWORD, repeat=PASSWORD, code=totp.at(clock()))
        await clean()
        await page.goto(here + "/account")
        await clean()
        await submit(old="x", password="x", repeat="y", code="1")
        await clean()
        await context.clear_cookies()
        await page.goto(here + "/login")
        await submit(name="olek", password=PASSWORD)
        await clean()
        await submit(code="000000")
        await clean()
        await page.goto(here + "/login/oidc/back")
        await clean()
