"""A browser at the login of the console, without a browser, and the fixtures of every test of that login."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from aiohttp import ClientResponse, CookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher
from sqlalchemy import select, update

from mailbot.accounts import passwords
from mailbot.console import login
from mailbot.console.session import Late, nothing_kept
from mailbot.http.listener import SERVER_OPTIONS
from mailbot.model import Operator, Role
from mailbot.operators import factors, people
from mailbot.operators import login as steps
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.service.compose import Parts
from mailbot.storage.database import Database
from mailbot.storage.desk import audit, operator
from mailbot.storage.engine import connect
from mailbot.storage.schema import metadata
from tests.consoles import desk
from tests.flow import Clock, settings

PASSWORD = "zielony tramwaj pije herbatę"


@dataclass
class Browser:
    """One browser: its cookies, the page it sees."""

    client: TestClient[web.Request, web.Application]
    parts: Parts
    clock: Clock
    page: str = ""
    secret: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str) -> ClientResponse:
        return await self._seen(await self.client.get(path, allow_redirects=False, headers=self.headers))

    async def post(self, path: str, **fields: str) -> ClientResponse:
        """With the hidden fields of the page that is seen."""
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', self.page))
        return await self.send(path, **hidden | fields)

    async def send(self, path: str, **fields: str) -> ClientResponse:
        sent = await self.client.post(path, data=fields, allow_redirects=False, headers=self.headers)
        return await self._seen(sent)

    async def _seen(self, answer: ClientResponse) -> ClientResponse:
        self.page = await answer.text()
        return answer

    async def name_and_password(
        self, name: str = "anna", password: str = PASSWORD, where: str = "/login"
    ) -> ClientResponse:
        await self.get(where)
        return await self.post("/login", name=name, password=password)

    def code(self) -> str:
        return pyotp.TOTP(self.secret).at(self.clock())

    async def log_in(self, where: str = "/login") -> ClientResponse:
        answer = await self.name_and_password(where=where)
        await self.get(answer.headers["Location"])
        self.clock.now += timedelta(seconds=30)  # the code before was used
        return await self.post("/login/code", code=self.code())

    def plant(self, token: str) -> None:
        """Put a session's cookie in the place of the one there is."""
        self.client.session.cookie_jar.update_cookies({"desk": token}, self.client.make_url("/"))

    def cookie(self, name: str = "desk") -> str | None:
        found = self.client.session.cookie_jar.filter_cookies(self.client.make_url("/")).get(name)
        return None if found is None else found.value


@asynccontextmanager
async def browsing(parts: Parts, clock: Clock, late: Late = nothing_kept) -> AsyncIterator[Browser]:
    server = TestServer(login.build(desk(parts), late))
    await server.start_server(**SERVER_OPTIONS)
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        yield Browser(client, parts, clock)


def person(name: str, display: str = "Olek Wójcik", *roles: Role) -> Operator:
    return Operator(0, name, display, frozenset(roles or (Role.SUPERVISOR,)), frozenset(), "pl")


def active(browser: Browser, name: str = "anna", *roles: Role) -> str:
    key, now = browser.parts.secret, browser.clock()
    with browser.parts.database.engine.begin() as c:
        people.add(c, "shell:root", person(name, "Anna Nowak", *roles or (Role.CONSULTANT,)), now)
        row = people.named(c, name)
        assert row is not None
        sealed = factors.new_secret(key, row["id"])
        kept = passwords.hash_password(PASSWORD)
        values = {"state": people.ACTIVE, "password_hash": kept, "totp": sealed}
        c.execute(update(operator).where(operator.c.id == row["id"]).values(values))
        return factors.opened(key, row["id"], sealed)


def rows(browser: Browser) -> list[tuple[str, str, str]]:
    with browser.parts.database.engine.connect() as c:
        found = [(r.actor, r.action, r.reason) for r in c.execute(select(audit).order_by(audit.c.seq))]
    assert found.pop(0)[1] == "operator-added"
    return found


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """Rules and key, read once for all tests."""
    folder = tmp_path_factory.mktemp("parts")
    made = compose.build(settings(f"sqlite:///{folder}/test.db", folder / "key", 1), resolver=StaticResolver({}))
    yield made
    asyncio.run(made.database.close())


@pytest.fixture
async def parts(built: Parts, tmp_path: Path) -> AsyncIterator[tuple[Parts, Clock]]:
    """The same over an empty database, with a clock that stands."""
    clock = Clock()
    engine = connect(f"sqlite:///{tmp_path}/test.db")
    metadata.create_all(engine)
    database = Database(engine)
    yield replace(built, database=database, clock=clock), clock
    await database.close()


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What makes a guess dear makes a test slow."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    steps.nobody.cache_clear()
    yield
    steps.nobody.cache_clear()
