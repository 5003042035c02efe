"""`mailbot probe`: through everything and back, over LMTP and Dovecot. No citizen's, and nobody forges it."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, insert, select

from mailbot import probes
from mailbot.cli.probe import probe as command
from mailbot.config import ImapSettings, ListenerSettings, ProbeSettings, Settings
from mailbot.errors import ReadingFailed
from mailbot.secret import Secret
from mailbot.sender.resolver import StaticResolver
from mailbot.service import compose
from mailbot.service.supervision import MailbotService
from mailbot.storage.probes import probe
from mailbot.storage.schema import decision, inbox, outbox, ticket
from tests.flow import Flow, running, settings
from tests.integration.servers import PASSWORD, USER, dovecot, free_port
from tests.relay_fake import FakeRelay, fake_relay

WATCHER = "watch@monitoring.example"


def written(folder: Path, chosen: Settings) -> Path:
    """The settings of the command, as a file."""
    lines = [f'[database]\nurl = "{chosen.database.url}"', f'[secret]\nkey_file = "{chosen.secret.key_file}"']
    lines += [f'[probe]\naddress = "{chosen.probe.address}"', f'[lmtp]\nlisten = "{chosen.lmtp.listen}"']
    imap = chosen.imap
    if imap.host:
        lines.append(
            f'[imap]\nhost = "{imap.host}"\nport = {imap.port}\ntls = "plain"\nuser = "{imap.user}"\n'
            f'password_file = "{imap.password_file}"\nfolder = "{imap.folder}"'
        )
    file = folder / "mailbot.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@asynccontextmanager
async def office(folder: Path, relay: FakeRelay, roles: tuple[str, ...], **more: Any) -> AsyncIterator[Path]:
    """A mailbot with these roles; the file of its settings."""
    chosen = settings(f"sqlite:///{folder}/mailbot.db", folder / "key", relay.port)
    chosen = replace(chosen, lmtp=ListenerSettings(f"127.0.0.1:{free_port()}"), probe=ProbeSettings(WATCHER), **more)
    service = MailbotService(compose.build(chosen, rng=random.Random(1), resolver=StaticResolver({})), roles)
    await service.start()
    try:
        yield written(folder, chosen)
    finally:
        await service.stop()


async def run(file: Path, *arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, command, ["--config", str(file), *arguments])


async def test_it_comes_through_lmtp_and_its_answer_leaves(tmp_path: Path) -> None:
    async with fake_relay() as relay, office(tmp_path, relay, ("ingress", "worker", "delivery")) as file:
        told = await run(file, "--timeout", "60")
        assert told.exit_code == 0, told.output
        assert re.fullmatch(r"MAILBOT OK: answered after \d+\.\d s \| answered=\d+\.\d\ds;30;60\n", told.output)
        assert f"RCPT TO:<{WATCHER}>" in relay.heard
        assert "MAIL FROM:<>" in " ".join(relay.heard)
        late = await run(file, "--warn", "0", "--json")
        assert (late.exit_code, json.loads(late.output)["state"]) == (1, "warning")
    assert len(relay.mails) == 2
    assert probes.HEADER.encode() not in relay.mails[0], "who gets the answer learns no token"


async def test_it_comes_through_dovecot(tmp_path: Path) -> None:
    with dovecot() as server:
        (tmp_path / "password").write_text(PASSWORD, encoding="utf-8")
        imap = ImapSettings(
            "127.0.0.1", server.imap, "plain", user=USER, password_file=str(tmp_path / "password"), poll_seconds=2
        )
        async with fake_relay() as relay, office(tmp_path, relay, ("ingress", "worker", "delivery"), imap=imap) as file:
            text = re.sub(r"\[lmtp\]\n.*\n", "", file.read_text())
            file.write_text(text)
            told = await run(file, "--timeout", "60")
        assert told.exit_code == 0, told.output
        assert len(relay.mails) == 1


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ((), "the way in does not take it: ConnectionRefusedError"),
        (("ingress",), "was sent, and no worker has recognised it"),
        (("ingress", "worker"), "and the outgoing server has not taken its answer"),
    ],
    ids=["no way in", "no worker", "no delivery"],
)
async def test_where_it_stops_is_told(tmp_path: Path, roles: tuple[str, ...], said: str) -> None:
    async with fake_relay() as relay, office(tmp_path, relay, roles) as file:
        told = await run(file, "--timeout", "1.5")
    assert told.exit_code == 2
    assert told.output.startswith("MAILBOT CRITICAL: ")
    assert said in told.output


async def test_a_relay_that_refuses_is_told(tmp_path: Path) -> None:
    everything = ("ingress", "worker", "delivery")
    async with fake_relay(RCPT=b"550 5.7.1 no\r\n") as relay, office(tmp_path, relay, everything) as file:
        told = await run(file, "--timeout", "1.5")
    assert told.exit_code == 2
    assert "550" in told.output


@pytest.mark.parametrize("address", ["", WATCHER])
def test_what_is_not_set_is_a_setting(tmp_path: Path, address: str) -> None:
    chosen = replace(settings(f"sqlite:///{tmp_path}/x.db", tmp_path / "key", 1), probe=ProbeSettings(address))
    found = CliRunner().invoke(command, ["--config", str(written(tmp_path, chosen))])
    assert "mend: " in getattr(found.exception, "reason", "")
    assert not (tmp_path / "x.db").exists()


def announced(flow: Flow) -> str:
    with flow.parts.database.engine.begin() as connection:
        return probes.announce(connection, "helpdesk@helpdesk.example", WATCHER, flow.clock())


def raw(flow: Flow, nonce: str, secret: Secret | None = None) -> bytes:
    return probes.mail(
        secret or flow.parts.secret, nonce, "helpdesk@helpdesk.example", "helpdesk@helpdesk.example", flow.clock()
    )


async def left(flow: Flow) -> dict[str, int]:
    """Rows of what a citizen's mail leaves behind."""
    found = {}
    for table in (ticket, outbox, decision):
        ((found[table.name],),) = await flow.rows(select(func.count()).select_from(table))
    return found


async def test_nothing_of_it_is_a_citizens(tmp_path: Path) -> None:
    async with running(tmp_path) as flow:
        nonce = announced(flow)
        assert await flow.answer(raw(flow, nonce)) == "NO_REPLY"
        assert await left(flow) == {"ticket": 0, "outbox": 0, "decision": 0}
        ((state,),) = await flow.rows(select(probe.c.decided_at.is_not(None)))
        assert state


FORGED: dict[str, Callable[[Flow, str], bytes]] = {
    "no token": lambda flow, nonce: raw(flow, nonce).replace(b"X-Mailbot-Probe", b"X-Other"),
    "another key": lambda flow, nonce: raw(flow, nonce, Secret(b"x" * 32)),
    "a number that was not announced": lambda flow, _: raw(flow, "0" * 32),
    "two of them": lambda flow, nonce: (
        b"X-Mailbot-Probe: x\r\n".replace(b"x", b"0" * 32 + b"." + b"0" * 64, 1) + raw(flow, nonce)
    ),
    "in the body": lambda flow, nonce: re.sub(
        rb"(X-Mailbot-Probe: \S+\r\n)(.*)", rb"\2\r\n\1", raw(flow, nonce), flags=re.DOTALL
    ),
}


@pytest.mark.parametrize("how", FORGED)
async def test_a_forged_one_is_a_mail_like_any_other(tmp_path: Path, how: str) -> None:
    async with running(tmp_path) as flow:
        nonce = announced(flow)
        await flow.answer(FORGED[how](flow, nonce))
        assert (await left(flow))["decision"] == 1
        ((waits,),) = await flow.rows(select(probe.c.decided_at.is_(None)))
        assert waits


async def test_a_token_counts_once_and_not_for_long(tmp_path: Path) -> None:
    async with running(tmp_path) as flow:
        nonce, late = announced(flow), announced(flow)
        first = raw(flow, nonce)
        await flow.answer(first)
        await flow.answer(first.replace(b"Subject: ", b"Subject: again "))
        assert (await left(flow))["decision"] == 1, "who saw the token sends a mail like any other"
        flow.clock.advance(hours=2)
        await flow.answer(raw(flow, late))
        assert (await left(flow))["decision"] == 2


async def test_one_that_cannot_be_understood_opens_no_ticket(tmp_path: Path) -> None:
    async with running(tmp_path) as flow:

        async def broken(_: object) -> list[Any]:
            raise ReadingFailed("killed")

        flow.decider._understand = broken
        nonce = announced(flow)
        await flow.take(raw(flow, nonce))
        for _ in range(10):
            await flow.decider.step()
            flow.clock.advance(minutes=5)
        assert await left(flow) == {"ticket": 0, "outbox": 0, "decision": 0}
        ((failure, state),) = await flow.rows(
            select(probe.c.failure, inbox.c.state).select_from(probe.join(inbox, inbox.c.id == probe.c.inbox_id))
        )
        assert "could not read" in failure
        assert state == "done"


async def test_old_ones_are_forgotten(tmp_path: Path) -> None:
    async with running(tmp_path) as flow:
        old = {"nonce": "a", "sent_at": flow.clock() - timedelta(days=31), "recipient": "", "answer": b""}
        await flow.parts.database.write(lambda c: c.execute(insert(probe), old) and None)
        nonce = announced(flow)
        assert [row[0] for row in await flow.rows(select(probe.c.nonce))] == [nonce]
