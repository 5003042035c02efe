"""Failure 8: an OAuth token expires and nobody is told. Both mail servers by token, and what is told without one."""

from __future__ import annotations

import logging
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from mailbot.config import ImapSettings, Settings
from mailbot.delivery.smtp import Relay
from mailbot.desk import ailments
from mailbot.errors import ConfigError, MailboxUnavailable, RelayMisconfigured, RelayUnavailable
from mailbot.ingress import imap
from mailbot.oauth import Tokens, tokens_of
from mailbot.service import doctor
from mailbot.service.supervision import MailbotService
from mailbot.storage.database import Database
from mailbot.storage.oauth import oauth
from mailbot.workers.oauth import OAuthWorker
from tests.imap_fake import FakeImap, Say
from tests.intake import NOW, clock, open_database
from tests.integration.test_readiness import ask, at_once, service
from tests.relay_fake import CUT, FakeRelay, fake_relay
from tests.token_server import TokenServer, token_server

__all__ = ["at_once", "service"]
FROM, TO, RAW = "h@office.example", "jan@wp.example", b"Subject: x\r\n\r\n"
REFUSED = b'{"error": "invalid_grant"}'


@pytest.fixture
async def server() -> AsyncIterator[TokenServer]:
    async with token_server() as running:
        yield running


@pytest.fixture
def tokens(server: TokenServer, tmp_path: Path) -> Tokens:
    (tmp_path / "secret").write_text("secret")
    return Tokens(server.settings(client_secret_file=str(tmp_path / "secret")), clock)


def age(tokens: Tokens, minutes: int = 1) -> None:
    tokens._clock = lambda: NOW + timedelta(minutes=minutes)


# ------------------------------------------------------------------------------------------------ IMAP

BEARER = b"n,a=help=2Cdesk=3D,\1host=127.0.0.1\1port=%d\1auth=Bearer access-1\1\1"
XOAUTH2 = b"user=help,desk=\1auth=Bearer access-1\1\1"


@pytest.mark.parametrize(
    ("offers", "mechanism", "said", "after"),
    [
        ("AUTH=XOAUTH2", "XOAUTH2", XOAUTH2, ""),
        ("AUTH=OAUTHBEARER AUTH=XOAUTH2", "OAUTHBEARER", BEARER, "AQ=="),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
async def test_8_imap_by_token(
    tokens: Tokens, offers: str, mechanism: str, said: bytes, after: str, at_once: bool
) -> None:
    fake = FakeImap(capabilities=f"IMAP4rev1 IDLE MOVE {offers}{' SASL-IR' if at_once else ''}")
    async with fake.listening():
        chosen = ImapSettings("127.0.0.1", fake.port, "plain", user="help,desk=")
        assert "can be opened" in await imap.probe(chosen, tokens=tokens)
        fake.refusal = "[AUTHENTICATIONFAILED] no"
        with pytest.raises(MailboxUnavailable, match="AUTHENTICATIONFAILED"):
            await imap.probe(chosen, tokens=tokens)
        wanted = b64encode(said % fake.port if b"%d" in said else said)
    assert {command.split()[1] for command in fake.asked("AUTHENTICATE")} == {mechanism}
    assert all(len(command.split()) == 2 + at_once for command in fake.asked("AUTHENTICATE"))
    assert fake.literals == [wanted, wanted, after.encode()]


async def test_8_imap_refuses_the_token_and_the_next_login_has_another(tokens: Tokens, server: TokenServer) -> None:
    fake = FakeImap(refusal="[AUTHENTICATIONFAILED] no")
    async with fake.listening():
        chosen = ImapSettings("127.0.0.1", fake.port, "plain", user="h")
        with pytest.raises(MailboxUnavailable, match="AUTHENTICATIONFAILED"):
            await imap.probe(chosen, tokens=tokens)
        age(tokens)
        with pytest.raises(MailboxUnavailable, match="AUTHENTICATIONFAILED"):
            await imap.probe(chosen, tokens=tokens)
        fake.refusal = None
        await imap.probe(chosen, tokens=tokens)
        first, again, second = fake.asked("AUTHENTICATE")
        assert (first == again, first == second) == (True, False)
        server.says = [(400, REFUSED)]
        with pytest.raises(MailboxUnavailable, match="invalid_grant; mend:"):
            await imap.probe(chosen, tokens=Tokens(tokens._settings, clock))


# ------------------------------------------------------------------------------------------------ SMTP


def offering(methods: str) -> bytes:
    return f"250-relay.example\r\n250-SMTPUTF8\r\n250 AUTH {methods}\r\n".encode()


def authenticated(fake: FakeRelay) -> list[str]:
    return [line for line in fake.heard if line.split()[0] not in ("EHLO", "MAIL", "RCPT", "DATA", "QUIT")]


@pytest.mark.parametrize("methods", ["LOGIN XOAUTH2", "XOAUTH2 OAUTHBEARER"])
async def test_8_smtp_by_token(tokens: Tokens, methods: str) -> None:
    async with fake_relay(EHLO=offering(methods), AUTH=b"235 2.7.0 welcome\r\n") as fake:
        relay = Relay(fake.settings(user="h"), tokens=tokens)
        await relay.send(FROM, TO, RAW)
        await relay.close()
    (line,) = authenticated(fake)
    _, mechanism, said = line.split()
    assert mechanism == ("OAUTHBEARER" if "OAUTHBEARER" in methods else "XOAUTH2")
    assert b"\1auth=Bearer access-1\1\1" in b64decode(said)


async def test_8_a_token_longer_than_a_line_of_smtp_follows_on_its_own(tokens: Tokens, server: TokenServer) -> None:
    server.more = {"access_token": "a" * 3000}
    async with fake_relay(EHLO=offering("XOAUTH2"), AUTH=b"334 \r\n") as fake:
        said = b64encode(b"user=h\1auth=Bearer " + b"a" * 3000 + b"\1\1").decode()
        fake.says[said.upper()] = b"235 2.7.0 welcome\r\n"
        relay = Relay(fake.settings(user="h"), tokens=tokens)
        await relay.send(FROM, TO, RAW)
        await relay.close()
    assert authenticated(fake) == ["AUTH XOAUTH2", said]


async def test_8_smtp_refuses_the_token_and_the_mail_waits(tokens: Tokens) -> None:
    await tokens.access()
    age(tokens)
    async with fake_relay(
        EHLO=offering("OAUTHBEARER"), AUTH=b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n", **{"AQ==": b"535 5.7.8 no\r\n"}
    ) as fake:
        relay = Relay(fake.settings(user="h"), tokens=tokens)
        with pytest.raises(RelayMisconfigured) as caught:
            await relay.send(FROM, TO, RAW)
        assert caught.value.code == 535
        assert caught.value.unreachable
        fake.says["AUTH"] = b"235 2.7.0 welcome\r\n"
        await relay.send(FROM, TO, RAW)
        await relay.close()
    first, answer, second = authenticated(fake)
    assert answer == "AQ=="
    assert first != second


async def test_8_a_server_that_cuts_at_the_token_gets_another(tokens: Tokens) -> None:
    await tokens.access()
    age(tokens)
    async with fake_relay(EHLO=offering("XOAUTH2"), AUTH=CUT) as fake:
        for _ in range(2):
            with pytest.raises(RelayUnavailable):
                await Relay(fake.settings(user="h"), tokens=tokens).send(FROM, TO, RAW)
    first, second = authenticated(fake)
    assert first != second
    server = FakeImap(script=[Say("AUTHENTICATE", b"* BYE\r\n", "cut")] * 2)
    age(tokens, 2)
    async with server.listening():
        for _ in range(2):
            with pytest.raises(MailboxUnavailable):
                await imap.probe(ImapSettings("127.0.0.1", server.port, "plain", user="h"), tokens=tokens)
    first, second = server.asked("AUTHENTICATE")
    assert first != second


async def test_8_a_server_that_says_the_token_again_does_not_put_it_into_the_log(
    tokens: Tokens, server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "t0ken" * 100
    server.more = {"access_token": secret}
    said = b64encode(f"user=h\1auth=Bearer {secret}\1\1".encode()).decode()
    found = []
    async with fake_relay(EHLO=offering("XOAUTH2"), AUTH=f"535 5.7.8 {secret} {said}\r\n".encode()) as fake:
        with pytest.raises(RelayMisconfigured) as refused:
            await Relay(fake.settings(user="h"), tokens=tokens).send(FROM, TO, RAW)
        found.append(refused.value.reason)
    for answer in (f"%t NO {secret} {said}\r\n", f"{said} BAD {said}\r\n"):
        imap_server = FakeImap(script=[Say("AUTHENTICATE", answer.encode())])
        async with imap_server.listening():
            with pytest.raises(MailboxUnavailable) as caught:
                await imap.probe(ImapSettings("127.0.0.1", imap_server.port, "plain", user="h"), tokens=tokens)
            found.append(caught.value.reason)
    told = "\n".join([*found, caplog.text])
    assert "t0kent0ken" not in told
    assert said[20:60] not in told


async def test_8_a_server_that_takes_no_token_is_not_shown_one(tokens: Tokens) -> None:
    async with fake_relay(EHLO=offering("PLAIN LOGIN")) as fake:
        with pytest.raises(RelayMisconfigured, match="takes no OAuth"):
            await Relay(fake.settings(user="h"), tokens=tokens).send(FROM, TO, RAW)
    assert authenticated(fake) == []


@pytest.mark.parametrize(("says", "kind"), [((400, REFUSED), RelayMisconfigured), ((503, b""), RelayUnavailable)])
async def test_8_without_a_token_the_mail_waits(
    tokens: Tokens, server: TokenServer, says: tuple[int, bytes], kind: type[RelayUnavailable]
) -> None:
    server.says = [says]
    async with fake_relay() as fake:
        with pytest.raises(RelayUnavailable) as caught:
            await Relay(fake.settings(user="h"), tokens=tokens).send(FROM, TO, RAW)
    assert type(caught.value) is kind
    assert caught.value.unreachable
    assert fake.connections == 0


# ------------------------------------------------------------------------------------------------ what is told


async def told(database: Database, after: timedelta = timedelta()) -> list[str]:
    found = await database.read(lambda c: ailments.examine(c, NOW + after, Settings()))
    return [one.code for one in found]


async def test_8_everybody_is_told(tokens: Tokens, server: TokenServer, tmp_path: Path) -> None:
    server.says = [(400, REFUSED)]
    async with open_database(tmp_path) as database:
        worker = OAuthWorker("a", tokens, database, clock)
        await worker.step()
        assert await told(database) == ["oauth-no-token"]
        (tmp_path / "secret").write_text("new")
        await worker.step()
        assert await told(database) == []


async def test_8_a_server_that_is_away_is_told_when_it_stays_away(
    tokens: Tokens, server: TokenServer, tmp_path: Path
) -> None:
    server.says = [(503, b"")]
    async with open_database(tmp_path) as database:
        await OAuthWorker("a", tokens, database, clock).step()
        assert await told(database) == []
        row = {"process": "b", "checked_at": NOW, "failing_since": NOW - timedelta(minutes=16), "refused": 0}
        await database.write(lambda c: c.execute(insert(oauth), row) and None)
        assert await told(database) == ["oauth-no-token"]
        assert await told(database, timedelta(minutes=11)) == []  # nobody said it since


@pytest.mark.parametrize(("days", "codes"), [(90, []), (14, []), (13, ["oauth-ends"]), (-1, ["oauth-ends"])])
async def test_8_the_end_is_told_14_days_before(
    tokens: Tokens, tmp_path: Path, days: int, codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens._settings = replace(tokens._settings, secret_expires=f"{NOW + timedelta(days=days + 1):%Y-%m-%d}")
    monkeypatch.setattr(doctor, "utc_now", clock)
    async with open_database(tmp_path) as database:
        await OAuthWorker("a", tokens, database, clock).step()
        assert await told(database) == codes
        (gauge,) = [one for one in ailments.GAUGES if one.name == "oauth_token_days"]
        left = await database.read(lambda c: gauge.look(c, NOW))
        assert left is not None
        assert days <= left <= days + 1
    if codes:
        with pytest.raises(ConfigError, match="ends on 2026-"):
            await doctor._oauth(tokens)
    else:
        assert "a token was issued; the secret" in await doctor._oauth(tokens)


async def test_8_who_is_refused_is_not_ready(service: MailbotService, server: TokenServer, tmp_path: Path) -> None:
    (tmp_path / "oauth").write_text("secret")
    chosen = server.settings(client_secret_file=str(tmp_path / "oauth"))
    service.parts = replace(service.parts, settings=replace(service.parts.settings, oauth=chosen))
    server.says = [(400, REFUSED)]
    ours = tokens_of(service.parts.settings)
    assert ours is not None
    await OAuthWorker("a", ours, service.parts.database, service.parts.clock).step()
    assert await ask(service, "/readyz") == (503, "not ready: oauth\n")
    text = (await ask(service, "/statusz"))[1]
    assert "oauth-no-token: the OAuth token server refuses mailbot" in text
