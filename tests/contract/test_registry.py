"""Changes in a registry on another machine, by two machines at once, on each engine: each is done and told once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, select, update

from mailbot.accounts import passwords
from mailbot.accounts.puesc import ScimResource
from mailbot.accounts.scim import ScimRegistry
from mailbot.errors import RegistryUnavailable
from mailbot.model import Account
from mailbot.registry import SILENCE, RegistryChanges, doubt
from mailbot.secret import SEALED
from mailbot.storage.database import Database
from mailbot.storage.engine import connect
from mailbot.storage.registry import registry_change
from mailbot.storage.schema import activation, outbox, ticket, ticket_event
from mailbot.text import address
from mailbot.tickets import activation as links
from mailbot.tickets import hold
from mailbot.tickets.activation import Activation, LinkLost
from tests.links import DAY, NOW, SECRET, grant, notice
from tests.office import Clock

OLD, NEW = "jan@wp.example", "jan@nowa.example"
ZGL = "ZGL0000001"
WORDS = ("dobre slowo numer jeden", "dobre slowo numer dwa")


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@dataclass
class Office:
    """A registry of one account, which does what it is asked for the version that it has. ``mute``: does it, and is
    silent from then on."""

    there: ScimResource = field(
        default_factory=lambda: ScimResource("1", Account(OLD, "Jan", "Kowalski", 1980), "1", "", {})
    )
    password: str = ""
    done: int = 0
    mute: bool = False
    ailing: str = ""
    away: bool = False

    async def _asked(self) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise RegistryUnavailable("away")

    async def means(self) -> None:
        await self._asked()

    async def find(self, key: str) -> ScimResource | None:
        await self._asked()
        return self.there if address.login_key(self.there.account.login) == key else None

    async def get(self, resource_id: str) -> ScimResource | None:
        await self._asked()
        return self.there if resource_id == self.there.id else None

    async def change(
        self, found: ScimResource, password: str, new_login: str | None, change_id: str, _until: object
    ) -> None:
        await self._asked()
        if found.version != self.there.version:
            raise RegistryUnavailable("412")
        account = replace(self.there.account, login=new_login or self.there.account.login)
        self.there = ScimResource("1", account, str(int(found.version) + 1), change_id, {})
        self.password, self.done, self.away = password, self.done + 1, self.mute
        await self._asked()


@dataclass
class Machines:
    """Two machines with one database and one registry."""

    engine: Engine
    office: Office
    changes: Sequence[RegistryChanges]
    clock: Clock

    def link(self) -> Activation:
        with self.engine.connect() as connection:
            row = connection.execute(select(activation)).one()
        return Activation(row.id, row.ticket_id, row.login, row.new_login, row.expires_at)

    def rows(self, wanted: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(wanted).scalars())

    def told(self) -> int:
        return self.rows(select(outbox.c.kind)).count("T19")

    def used(self) -> int:
        return self.rows(select(ticket_event.c.kind)).count("activation-used")

    async def click(self, machine: int) -> None:
        word = WORDS[machine]
        hashed = await asyncio.to_thread(passwords.hash_password, word)
        await self.changes[machine].set(self.link(), word, hashed, notice())


@asynccontextmanager
async def machines(engine: Engine, new_login: str | None = NEW) -> AsyncIterator[Machines]:
    grant(engine, ZGL, OLD, new_login=new_login)
    office, clock = Office(), Clock()
    clock.now = NOW + timedelta(minutes=1)
    url = engine.url.render_as_string(hide_password=False)
    databases = [Database(connect(url)) for _ in range(2)]
    changes = [RegistryChanges(one, cast(ScimRegistry, office), clock, SECRET) for one in databases]
    try:
        yield Machines(engine, office, changes, clock)
    finally:
        for database in databases:
            await database.close()


async def outcomes(*work: Awaitable[Any]) -> list[Any]:
    return await asyncio.wait_for(asyncio.gather(*work, return_exceptions=True), 60)


@pytest.mark.parametrize("attempt", range(2))
@pytest.mark.parametrize("new_login", [None, NEW], ids=["case-a", "case-b"])
async def test_two_clicks_at_once(engine: Engine, new_login: str | None, attempt: int) -> None:
    async with machines(engine, new_login) as two:
        found = await outcomes(*(two.click(n) for n in range(2)))
        assert all(one is None or isinstance(one, (LinkLost, RegistryUnavailable)) for one in found), found
        won = [WORDS[n] for n in range(2) if found[n] is None]
        assert len(won) <= 1, "who is told that it is set is told the truth"
        assert not won or two.office.password == won[0]
        two.clock.now += timedelta(minutes=2)
        await two.changes[0].look(notice())
        assert (two.used(), two.told()) == (1, int(new_login is not None))
        assert two.rows(select(registry_change.c.change_id)) == []


@pytest.mark.parametrize("attempt", range(2))
async def test_a_lost_answer_is_settled_once_by_whoever_looks_or_clicks(engine: Engine, attempt: int) -> None:
    async with machines(engine) as two:
        two.office.mute = True
        with pytest.raises(RegistryUnavailable):
            await two.click(0)
        two.office.mute = two.office.away = False
        two.clock.now += timedelta(minutes=2)
        found = await outcomes(two.changes[0].look(notice()), two.changes[1].look(notice()), two.click(0))
        assert [one for one in found if isinstance(one, Exception) and not isinstance(one, LinkLost)] == []
        assert (two.office.done, two.used(), two.told()) == (1, 1, 1)
        assert two.rows(select(registry_change.c.change_id)) == []


@pytest.mark.parametrize("attempt", range(2))
async def test_a_stop_and_a_click_at_once(engine: Engine, attempt: int) -> None:
    """What was done is told and looked at; what was stopped in time is not asked for."""
    async with machines(engine) as two:
        stop = two.changes[1].database.write(lambda c: hold.freeze(c, ZGL, two.clock.now, {"by": "anna"}))
        clicked, stopped = await outcomes(two.click(0), stop)
        assert stopped is True
        assert (clicked is None) == (two.used() == 1 == two.told() == two.office.done), clicked
        if clicked is not None:
            assert isinstance(clicked, RegistryUnavailable), clicked
            assert (two.office.done, two.told()) == (0, 0)


async def test_what_may_have_moved_before_a_restore_is_settled_once(engine: Engine) -> None:
    async with machines(engine) as two:
        account = replace(two.office.there.account, login=NEW)
        two.office.there = replace(two.office.there, account=account, last_change="a" * 32)
        await outcomes(*(one.database.write(lambda c: doubt(c, SECRET, two.clock.now)) for one in two.changes))
        two.clock.now += timedelta(minutes=2)
        found = await outcomes(*(one.look(notice()) for one in two.changes))
        assert sorted(found) == [0, 1]
        assert (two.used(), two.told()) == (1, 1)


async def test_of_pairs_that_may_have_moved_the_last_is_asked_for_and_none_that_has(engine: Engine) -> None:
    grant(engine, ZGL, OLD, new_login=NEW)
    grant(engine, "ZGL0000002", OLD, new_login=NEW)
    grant(engine, "ZGL0000003", "ewa@wp.example", new_login="ewa@nowa.example")
    grant(engine, "ZGL0000004", "ewa@wp.example", new_login="ewa@inna.example")
    grant(engine, "ZGL0000005", "adam@wp.example")
    with engine.begin() as connection:
        links.use_up(connection, 4, 4, NOW)
        assert (doubt(connection, SECRET, NOW), doubt(connection, SECRET, NOW)) == (1, 0)
        assert connection.execute(select(registry_change.c.activation_id)).scalars().all() == [2]


UNOPENED = SEALED + b"\x02" + bytes(60)
"""Under a key that is not in the store."""


async def test_after_a_restore_a_link_whose_key_is_gone_stops_its_ticket_and_no_other(engine: Engine) -> None:
    grant(engine, ZGL, OLD, new_login=NEW)
    grant(engine, "ZGL0000002", "ewa@wp.example", new_login="ewa@nowa.example")
    with engine.begin() as connection:
        connection.execute(update(activation).where(activation.c.ticket_id == 1).values(sealed=UNOPENED))
        assert doubt(connection, SECRET, NOW) == 1
        assert connection.execute(select(registry_change.c.activation_id)).scalars().all() == [2]
        asked = select(ticket.c.state, ticket.c.desk).order_by(ticket.c.id)
        assert connection.execute(asked).first() == ("WSTRZYMANE", "BEZPIECZENSTWO")


async def test_a_change_whose_key_is_gone_holds_no_other_and_is_told_to_a_person(engine: Engine) -> None:
    async with machines(engine) as two:
        two.office.mute = True
        with pytest.raises(RegistryUnavailable):
            await two.click(0)
        grant(engine, "ZGL0000002", "ewa@wp.example", new_login="ewa@nowa.example")
        await outcomes(two.changes[0].database.write(lambda c: doubt(c, SECRET, two.clock.now)))
        with engine.begin() as connection:
            connection.execute(update(activation).where(activation.c.ticket_id == 2).values(sealed=UNOPENED))
            later = update(registry_change).where(registry_change.c.resource_id != "")
            connection.execute(later.values(asked_at=two.clock.now))
        two.office.mute = two.office.away = False
        two.clock.now += DAY + timedelta(minutes=2)
        await outcomes(two.changes[0].step(notice))
        assert (two.used(), two.told()) == (1, 1), "the one behind it is settled"
        assert two.rows(select(ticket_event.c.kind).where(ticket_event.c.ticket_id == 2)).count(SILENCE) == 1


async def test_a_silence_is_told_to_a_person_once(engine: Engine) -> None:
    async with machines(engine) as two:
        two.office.mute = True
        with pytest.raises(RegistryUnavailable):
            await two.click(0)
        two.clock.now += DAY + timedelta(minutes=2)
        for _ in range(2):
            assert await outcomes(*(one.step(notice) for one in two.changes)) == [0, 0]
        assert two.rows(select(ticket_event.c.kind)).count(SILENCE) == 1
        two.office.mute = two.office.away = False
        await outcomes(*(one.step(notice) for one in two.changes))
        assert (two.used(), two.told()) == (1, 1)
