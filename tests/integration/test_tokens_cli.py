"""``mailbot tokens`` and ``mailbot api`` as an administrator uses them, what doctor says, the port of ``run``."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, select, update

from mailbot.cli import cli
from mailbot.config import ApiSettings, Settings, load
from mailbot.errors import ConfigError
from mailbot.observe import utc_now
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose, descriptors, doctor_api
from mailbot.service.supervision import Service
from mailbot.storage.engine import connect
from mailbot.storage.tokens import api_token
from tests.flow import settings


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mailbot.toml").write_text('[api]\nlisten = "127.0.0.1:8082"\n')
    made = connect(f"sqlite:///{tmp_path}/mailbot.db")
    compose.migrate(made)
    return made


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def test_tokens_come_and_go(engine: Engine) -> None:
    added = invoke("tokens", "add", "csd", "--role", "consultant", "--desk", "II_LINIA", "--days", "30")
    assert added.exit_code == 0, added.output
    token = added.stdout.strip()
    assert len(token) == 51, "the token alone, for $(…)"
    with engine.connect() as connection:
        row = connection.execute(select(api_token)).mappings().one()
    assert token not in repr(dict(row))
    listed = invoke("tokens", "list", "--json")
    assert json.loads(listed.output)["desks"] == ["II_LINIA"]
    assert not {"token_hash", "id"} & set(json.loads(listed.output))
    assert token not in listed.output
    assert "active" in invoke("tokens", "list").output
    assert invoke("tokens", "revoke", "csd").output == "csd: revoked\n"
    assert invoke("tokens", "revoke", "csd").exit_code == 0, "it is, whoever asks again"
    assert "revoked" in invoke("tokens", "list").output


@pytest.mark.parametrize(
    "wrong",
    [
        ("csd", "--role", "admin"),
        ("csd",),
        ("CSD", "--role", "auditor"),
        ("api:csd", "--role", "auditor"),
        ("csd\n", "--role", "auditor"),
        ("csd", "--role", "auditor", "--days", "0"),
        ("csd", "--role", "auditor", "--days", "10000"),
        ("csd", "--role", "auditor", "--desk", "X"),
        ("csd", "--role", "auditor", "--desk", ""),
    ],
)
def test_what_is_no_token(engine: Engine, wrong: tuple[str, ...]) -> None:
    refused = invoke("tokens", "add", *wrong)
    assert refused.exit_code != 0
    assert "mend:" in refused.output or "Error: " in refused.output
    assert invoke("tokens", "list").output == ""
    assert invoke("tokens", "revoke", "csd").exit_code == 1


def test_doctor_says_who_may_ask(engine: Engine) -> None:
    chosen = load(Path("mailbot.toml"), {})
    with pytest.raises(ConfigError, match="no token opens it"):
        doctor_api.look(chosen)
    invoke("tokens", "add", "csd", "--role", "consultant")
    assert "1 tokens" in doctor_api.look(chosen)
    with engine.begin() as connection:
        connection.execute(update(api_token).values(expires_at=utc_now() + timedelta(days=3)))
    with pytest.raises(ConfigError, match="end soon: csd"):
        doctor_api.look(chosen)
    invoke("tokens", "revoke", "csd")
    with pytest.raises(ConfigError, match="no token opens it"):
        doctor_api.look(chosen)


@pytest.mark.parametrize("listen", ["0.0.0.0:8082", "10.0.0.1:8082", "[::]:8082", ":8082", "api.example:8082"])
def test_no_token_goes_over_the_wire_in_clear(listen: str) -> None:
    with pytest.raises(ConfigError, match=r"\[api\] listen: tokens would go"):
        load(None, {"MAILBOT_API_LISTEN": listen})
    assert load(None, {"MAILBOT_API_LISTEN": listen, "MAILBOT_API_BEHIND_TLS": "true"}).api.listen == listen
    assert load(None, {"MAILBOT_API_LISTEN": "[::1]:8082"}).api.behind_tls is False


def test_the_document_is_printed() -> None:
    assert json.loads(invoke("api", "schema").output)["openapi"] == "3.1.0"


def test_it_is_off_and_its_descriptors_are_counted() -> None:
    assert Settings().api.listen == ""
    before = descriptors.reserve(Settings(), ("console",))
    assert before == descriptors.reserve(Settings(api=ApiSettings("127.0.0.1:0")), ("console",)) == 0


async def test_mailbot_run_serves_it(tmp_path: Path) -> None:
    """With the console's role, whether or not there is a console; and not with another role."""
    chosen = settings(f"sqlite:///{tmp_path}/mailbot.db", tmp_path / "key", 1)
    chosen = replace(chosen, api=ApiSettings("127.0.0.1:0"), console=replace(chosen.console, listen=""))
    built = compose.build(chosen, rng=random.Random(1), resolver=StaticResolver({}))
    service = Service(built, ("console",))
    await service.start()
    try:
        assert set(service.addresses) == {"api"}
        host, port = service.addresses["api"]
        async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}/api/v1/tickets") as answer:
            assert (answer.status, answer.headers.get("Server")) == (401, None)
        await asyncio.sleep(0)
    finally:
        await service.stop()
