"""Somebody who knows docs/operator.md alone sits down at the desk of the demo: every step is done as the page says it.

With MAILBOT_PICTURES set, the pictures of the page are taken on the way; without it they stay as they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from sqlalchemy import select

from mailbot.cli import demo
from mailbot.cli.demo import Fed
from mailbot.cli.demo_desk import Member
from mailbot.model.operator import Role
from mailbot.storage import personal
from mailbot.storage.schema import ticket
from tests.browser.test_activation_browser import browser
from tests.demos import only
from tests.docs.walk import PICTURES, Step, walks

__all__ = ["browser"]

NEEDED = (
    *("001-wp-webmail", "010-onet-webmail", "051-half-of-double-surname", "099-nowe"),
    *("b02-trusted-pdf", "b13-no-word-of-the-issuer"),
)
"""Mails that the steps, and the letters of fixtures/desk.yaml, are about."""
ENDS = {
    "h.lis@spedycja.example": "ZAMKNIETE_ROZWIAZANE",
    "tomasz.borkowski@skrzynka.example": "ZAMKNIETE_ROZWIAZANE",
    "stanislaw.marzec@onet.example": "WSTRZYMANE",
    "ignacy.baran@nowa.example": "ZAMKNIETE_NEGATYWNIE",
    "pawel.sowa@nowa.example": "ZAMKNIETE_ROZWIAZANE",
}
"""Who asked → the state of the ticket when the page is read to its end."""
SIZE = {"width": 960, "height": 560}
CLIPPED = {"case.png": "#why", "signature.png": ".report", "telephone.png": "h1", "application.png": "h1"}
"""Picture → what stands at its top."""


class Reader:
    """Does what the page says."""

    def __init__(self, page: Page, member: Member, fed: Fed) -> None:
        self.page, self.member, self.fed = page, member, fed

    async def follow(self, steps: Sequence[Step]) -> None:
        for step in steps:
            try:
                await getattr(self, f"_{step.verb}".translate(str.maketrans("łóć", "loc")))(step)
            except Exception as error:
                error.add_note(f"{step} at {self.page.url}: {await self.page.locator('main').inner_text()}")
                raise

    async def _kliknij(self, step: Step) -> None:
        named = [self.page.get_by_role(role, name=step.at) for role in ("button", "link")]
        await self._one(named[0].or_(named[1])).click()

    async def _zgloszenie(self, step: Step) -> None:
        await self.page.get_by_role("row").filter(has_text=step.at).get_by_role("link").click()

    async def _zaznacz(self, step: Step) -> None:
        await (await self._field(step.at)).check()

    async def _zobaczysz(self, step: Step) -> None:
        await expect(self._one(self.page.get_by_text(step.at))).to_be_visible()

    async def _wpisz(self, step: Step) -> None:
        await (await self._field(step.at)).fill(step.what)

    async def _wybierz(self, step: Step) -> None:
        await (await self._field(step.at)).select_option(step.what)

    async def _own(self, step: Step) -> None:
        code = self.member.codes[0]
        mine = {"swoją nazwę": self.member.operator.name, "swoje hasło": self.member.password, "sześć cyfr": code}
        await (await self._field(step.at)).fill(mine[step.what])

    async def _wroc(self, _step: Step) -> None:
        await self.page.go_back()

    async def _picture(self, step: Step) -> None:
        if not os.environ.get("MAILBOT_PICTURES"):
            return
        await self.page.evaluate("document.activeElement.blur()")
        top = self.page.locator(CLIPPED.get(step.at, "body")).first
        await top.evaluate("element => element.scrollIntoView()")
        await self.page.screenshot(path=PICTURES / step.at)

    async def _field(self, label: str) -> Locator:
        """As the page names it: whole, or its beginning."""
        await self.page.wait_for_load_state()
        whole = self.page.get_by_label(label, exact=True)
        return whole if await whole.count() else self.page.get_by_label(label)

    @staticmethod
    def _one(found: Locator) -> Locator:
        return found.first


async def test_the_page_is_enough(browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """REVIEW, complaint, STOP, case B and a call are brought to their end."""
    only(monkeypatch, NEEDED)
    ended: dict[str, str] = {}

    async def read(fed: Fed) -> bool:
        readers = {}
        for member in fed.members:
            address = fed.parts.settings.console.public_url
            context = await browser.new_context(base_url=address, viewport=SIZE, locale="pl-PL")  # type: ignore[arg-type]
            page = await context.new_page()
            page.set_default_timeout(30_000)
            await page.goto("/")
            role = "przełożony" if Role.SUPERVISOR in member.operator.roles else "konsultant"
            readers[role] = Reader(page, member, fed)
        for title, steps in walks().items():
            who = re.search(r"\((\w+)\)$", title)
            for role in (who[1],) if who else readers:
                await readers[role].follow(steps)
        rows = await fed.parts.database.read(lambda c: c.execute(select(ticket)).all())
        whose = personal.told(fed.parts.secret, rows)
        ended.update({whose[row.id].address: row.state for row in rows})
        return True

    assert await demo.run(tmp_path, (0, 0), read)
    assert {address: ended[address] for address in ENDS} == ENDS
