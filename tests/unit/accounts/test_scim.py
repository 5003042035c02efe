"""A registry over SCIM: what it says, and what becomes of answers that are none."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailbot.accounts.puesc import SCHEMA
from mailbot.errors import RegistryUnavailable
from mailbot.model import Account, AccountStatus
from tests import certificates
from tests.registries import Office, office, says, unversioned, user

JAN = Account("Jan.Kowalski@wp.example", "Jan", "Kowalski", 1980, "m", pesel_hash="a" * 64, csd=True)
ZOFIA = Account("zofia@wp.example", "Zofia", "Duda", 1965, status=AccountStatus.BLOCKED, scope="rozszerzony")
KEY = "jan.kowalski@wp.example"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("registry"), (JAN, ZOFIA)) as made:
        yield made


@pytest.fixture
def there(shared: Office) -> Iterator[Office]:
    yield shared
    shared.instead = shared.behind = None


async def test_accounts_are_read_in_any_case(there: Office) -> None:
    said = await there.registry().ask([KEY, "zofia@wp.example", "nobody@wp.example", '"@wp.example'])
    assert said.accounts == {KEY: JAN, "zofia@wp.example": ZOFIA}
    assert said.knows(["nobody@wp.example"])
    assert said.find(None, "nobody@wp.example") is None
    with pytest.raises(RegistryUnavailable):
        said.find(None, "not.asked@wp.example")


def listed(*resources: Any, total: int | None = None) -> bytes:
    said = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": len(resources) if total is None else total,
        "Resources": list(resources),
    }
    return json.dumps(said).encode()


ONE = {**user(JAN), "id": "1"}
REFUSED = b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"400","scimType":"invalidFilter"}'
WRONG = {
    "400": says("400 No", REFUSED),
    "400 without SCIM": says("400 No", b"{}"),
    "500": says("500 No", b""),
    "401": says("401 No", b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"401"}'),
    "404": says("404 No", b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"404"}'),
    "garbage": says("200 OK", b"{ garbage"),
    "no octets": says("200 OK", b""),
    "html": says("200 OK", b"<html>", ("Content-Type", "text/html")),
    "no list": says("200 OK", json.dumps(ONE).encode()),
    "a list that says nothing": says("200 OK", b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"]}'),
    "a list without what it counts": says("200 OK", listed(total=1)),
    "huge": says("200 OK", b" " * 2_000_000 + listed()),
    "redirect": says("302 Found", b"", ("Location", "/v2/Users")),
    "deep": says("200 OK", b"[" * 200_000),
    "octets that are no UTF-8": says("200 OK", b"\xff\xfe"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_no_answer_never_makes_a_login_unknown(there: Office, name: str) -> None:
    there.instead = WRONG[name]
    registry = there.registry()
    said = await registry.ask([KEY])
    assert not said.knows([KEY])
    assert registry.ailing
    assert "wp.example" not in registry.ailing
    there.instead = None
    assert (await registry.ask([KEY])).knows([KEY])
    assert not registry.ailing


STRANGE = {
    "two": listed(ONE, {**ONE, "id": "2"}),
    "of many": listed(ONE, {**ONE, "id": "2"}, total=9),
    "another user": listed({**user(ZOFIA), "id": "2"}),
    "no extension": listed({k: v for k, v in ONE.items() if not k.startswith("urn:mailbot")}),
    "no year": listed({**ONE, SCHEMA: {"csd": True}}),
    "a year in words": listed({**ONE, SCHEMA: {"birthYear": "x"}}),
    "not active nor inactive": listed({k: v for k, v in ONE.items() if k != "active"}),
    "no name": listed({k: v for k, v in ONE.items() if k != "name"}),
    "no resource": listed("text"),
}


@pytest.mark.parametrize("name", STRANGE)
async def test_what_is_not_exactly_one_account_is_a_doubt(there: Office, name: str) -> None:
    there.instead = says("200 OK", STRANGE[name])
    found = (await there.registry().ask([KEY])).find(None, KEY)
    assert found is not None
    assert (found.doubtful, found.status) == (True, AccountStatus.BLOCKED)
    with pytest.raises(RegistryUnavailable):
        await there.registry().find(KEY)


async def test_a_login_that_it_refuses_to_look_up_is_a_doubt_and_does_not_wait_for_ever(there: Office) -> None:
    def refuses(environ: dict[str, Any], start: Any, answer: Any) -> Any:
        return (says("400 No", REFUSED) if "zofia" in environ["QUERY_STRING"] else answer)(environ, start)

    there.behind = refuses
    registry = there.registry()
    said = await registry.ask(["zofia@wp.example", KEY])
    assert (said.accounts["zofia@wp.example"].doubtful, said.accounts[KEY]) == (True, JAN)
    assert not registry.ailing, "who writes from such an address stops nothing"


async def test_a_slow_or_absent_registry_is_given_up_in_time(there: Office) -> None:
    over = threading.Event()

    def slow(*answer: Any) -> Any:
        over.wait(60)
        return says("500 No", b"")(*answer)

    there.instead = slow
    started = time.monotonic()
    said = await there.registry(timeout_seconds=0.2).ask([f"a{n}@wp.example" for n in range(50)])
    assert not said.asked
    assert time.monotonic() - started < 8, "fifty of them, one after the other, would take ten"
    over.set()
    await asyncio.sleep(0.3)  # its ends of the connections are closed
    said = await there.registry(url="https://127.0.0.1:9/v2").ask([KEY])
    assert not said.knows([KEY])


async def test_a_certificate_of_nobody_and_a_missing_token_are_told(there: Office, tmp_path: Path) -> None:
    registry = there.registry(ca_file="")
    assert not (await registry.ask([KEY])).asked
    assert "ssl" in registry.ailing.lower() or "certificate" in registry.ailing.lower()
    registry = there.registry(token_file=str(tmp_path / "none"))
    assert not (await registry.ask([KEY])).asked
    assert "token_file" in registry.ailing


async def test_no_proxy_of_the_environment_is_taken(there: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert (await there.registry().ask([KEY])).knows([KEY])


@pytest.mark.parametrize(("patch", "etag"), [(True, True), (True, False), (False, True), (False, False)])
async def test_password_and_login_are_changed_with_what_the_registry_can_do(
    tmp_path: Path, patch: bool, etag: bool
) -> None:
    with office(tmp_path, (JAN,), patch=patch, etag=etag) as there:
        registry = there.registry()
        found = await registry.find(KEY)
        assert found is not None
        await registry.change(found, "a new password 1", "Nowy@wp.example", "c" * 32)
        assert ("PATCH" if patch else "PUT") in {method for method, _ in there.asked}
        now = await registry.get(found.id)
        assert now is not None
        assert (now.account.login, now.last_change, now.account.pesel_hash) == ("Nowy@wp.example", "c" * 32, "a" * 64)
        assert there.resource("nowy@wp.example").password == "a new password 1"
        if etag:
            with pytest.raises(RegistryUnavailable, match="412"):
                await registry.change(found, "another one 12", None, "d" * 32)
            assert there.resource("nowy@wp.example").password == "a new password 1"


@pytest.mark.parametrize("header", [True, False])
async def test_where_there_are_versions_nothing_is_changed_without_one(tmp_path: Path, header: bool) -> None:
    with office(tmp_path, (JAN,)) as there:
        there.behind = unversioned(header=header)
        registry = there.registry()
        found = await registry.find(KEY)
        assert found is not None
        there.meddle(KEY, nick_name="Jas")
        with pytest.raises(RegistryUnavailable, match="412" if header else "says none"):
            await registry.change(found, "a new password 1", None, "c" * 32)
        assert there.resource(KEY).password is None


@pytest.mark.parametrize("counted", [True, False])
async def test_an_answer_that_is_cut_is_none(there: Office, counted: bool) -> None:
    def half(environ: dict[str, Any], start: Any, answer: Any) -> Any:
        told: list[Any] = []
        octets = b"".join(answer(environ, lambda *said: told.extend(said)))
        head = [one for one in told[1] if one[0].lower() != "content-length"]
        start(told[0], [*head, ("Content-Length", str(len(octets)))] if counted else head)
        yield octets[: len(octets) // 2]

    there.behind = half
    registry = there.registry(timeout_seconds=2)
    assert not (await registry.ask([KEY])).asked
    assert registry.ailing
    with pytest.raises(RegistryUnavailable):
        await registry.find(KEY)


async def test_a_client_certificate_stands_for_a_token(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    nobody = certificates.make(tmp_path / "other")
    with office(tmp_path, (JAN,), certificate=True) as there:
        mine = {"token_file": "", "certificate": str(tmp_path / "certificate.pem"), "key": str(tmp_path / "key.pem")}
        assert (await there.registry(**mine).ask([KEY])).accounts == {KEY: JAN}
        for wrong in (
            {"token_file": "", "certificate": "", "key": ""},
            mine | {"certificate": str(nobody.certificate), "key": str(nobody.key)},
            mine | {"key": str(nobody.key)},
        ):
            registry = there.registry(**wrong)
            assert not (await registry.ask([KEY])).asked, wrong
            assert registry.ailing
