"""A rule file changes under a running service: the next mail is decided, and answered, by the new rules."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import select

from mailbot.config import RulesSettings, Settings, WebSettings
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.service.doctor import examine
from mailbot.service.supervision import MailbotService
from mailbot.storage.schema import decision, ruleset_load
from tests.flow import EWA, JAN, RelaySink, add_accounts, hand_over, mail, relay_sink, settings
from tests.support import ROOT

OLD, NEW = "33 483 20 55", "33 111 22 33"


@dataclass
class Running:
    """A service, the folder of its rules, and its relay."""

    service: MailbotService
    folder: Path
    sink: RelaySink

    async def registration(self, name: str, sender: str = JAN.login) -> str:
        """The text of the T1 that a mail gets."""
        before = len(self.sink.accepted)
        port = self.service.addresses["lmtp"][1]
        await asyncio.to_thread(hand_over, port, mail(sender, name=name), sender)
        await until(lambda: len(self.sink.accepted) > before)
        assert self.sink.accepted[before].kind == "T1"
        return self.sink.accepted[before].text

    async def change(self, old: str, new: str, loads: int) -> None:
        """Change the telephone, tell the service, and wait until so many sets were taken or refused."""
        file = self.folder / "contacts.yaml"
        written = self.folder.parent / file.name
        written.write_text(file.read_text().replace(old, new))
        written.replace(file)  # a look at half of it would be a load more
        self.service.look_at_rules()
        await until(lambda: len(self.loads()) == loads)

    def loads(self) -> list[tuple[str | None, bool]]:
        """Hash, and whether it was refused."""
        with self.service.parts.database.engine.connect() as connection:
            rows = connection.execute(select(ruleset_load).order_by(ruleset_load.c.id)).all()
        return [(row.hash, row.mistakes is not None) for row in rows]

    def decided_by(self) -> list[str]:
        """The hashes of the rule sets that decided, in the order of the mails."""
        wanted = select(decision.c.ruleset).order_by(decision.c.inbox_id)
        with self.service.parts.database.engine.connect() as connection:
            return list(connection.execute(wanted).scalars())

    async def page(self) -> str:
        """The entrance of the citizen's pages."""
        host, port = self.service.addresses["web"]
        async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}/") as answer:
            return await answer.text()


async def until(holds: Callable[[], bool]) -> None:
    """The limit only keeps a broken test from hanging."""
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110  # many things are waited for, none has an event
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(tmp_path: Path, seconds: float) -> AsyncIterator[tuple[Running, Settings]]:
    folder = Path(shutil.copytree(ROOT / "rules", tmp_path / "rules"))
    async with relay_sink() as sink:
        chosen = settings(f"sqlite:///{tmp_path}/mailbot.db", tmp_path / "key", sink.port)
        web = WebSettings("127.0.0.1:0", public_url="http://127.0.0.1:1", behind_tls=False)
        chosen = replace(chosen, rules=RulesSettings(str(folder), seconds), web=web)
        parts = compose.build(chosen, rng=random.Random(1), resolver=StaticResolver({}))
        add_accounts(parts.database.engine)
        service = MailbotService(parts)
        await service.start()
        try:
            yield Running(service, folder, sink), chosen
        finally:
            await service.stop()


@pytest.mark.parametrize("seconds", [0, 0.05], ids=["when told", "by itself"])
async def test_rules_change_while_mail_comes_in(tmp_path: Path, seconds: float) -> None:
    async with running(tmp_path, seconds) as (office, chosen):
        first = office.loads()
        assert OLD in await office.registration("before")
        assert OLD in await office.page()

        await office.change(OLD, "nobody knows", loads=2)
        assert OLD in await office.registration("refused", EWA.login)
        found = {finding.what: finding for finding in await examine(chosen)}["active rules"]
        assert not found.works
        assert "contacts.yaml" in found.detail

        await office.change("nobody knows", NEW, loads=3)
        assert NEW in await office.registration("mended", "kto.inny@obcy.example")
        assert NEW in await office.page()
        found = {finding.what: finding for finding in await examine(chosen)}["active rules"]
        assert found.works

        old, (nothing, refused), (new, taken) = office.loads()
        assert [old] == first
        assert (nothing, refused, taken) == (None, True, False)
        assert office.decided_by() == [old[0], old[0], new]
        assert str(new)[:12] in found.detail
