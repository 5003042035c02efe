"""Failure 8 against a real Dovecot, which asks the token server about each token (RFC 7662)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailbot.config import ImapSettings
from mailbot.errors import MailboxUnavailable
from mailbot.ingress import imap
from mailbot.ingress.imap_client import ImapConnection
from mailbot.ingress.imap_protocol import CommandRefused
from mailbot.oauth import Tokens
from tests.intake import SECRET, clock, messages, open_database, until
from tests.integration.servers import USER, Dovecot, dovecot
from tests.servers.test_imap_dovecot import Box, mail
from tests.token_server import TokenServer, token_server


async def both_mechanisms(server: Dovecot, tokens: Tokens) -> None:
    chosen = ImapSettings("127.0.0.1", server.imap, "plain", user=USER)
    for mechanism in ("XOAUTH2", "OAUTHBEARER"):
        for token in (await tokens.access(), "stolen"):
            connection = await ImapConnection.open(chosen)
            assert connection.has(f"AUTH={mechanism}")
            connection.capabilities -= {f"AUTH={other}" for other in ("XOAUTH2", "OAUTHBEARER") if other != mechanism}
            if token == "stolen":
                with pytest.raises(CommandRefused, match="AUTHENTICATIONFAILED"):
                    await connection.login_token(USER, token)
            else:
                await connection.login_token(USER, token)
            connection.abort()


async def reads_on(server: Dovecot, tokens: Tokens, issuer: TokenServer, folder: Path) -> None:
    """The token was withdrawn before its time: refused once, and the next login has another."""
    chosen = ImapSettings("127.0.0.1", server.imap, "plain", user=USER, claim_folder="")
    await asyncio.to_thread(Box(server).append, mail("before"))
    issuer.live.clear()
    tokens._clock = lambda: clock() + timedelta(minutes=2)
    async with open_database(folder) as database:
        reader = imap.ImapReader(chosen, database, SECRET, clock, tokens=tokens)
        task = asyncio.create_task(reader.run())
        await until(lambda: reader.last_poll is not None)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert [message.raw for message in await messages(database)] == [mail("before")]
    assert len(issuer.asked) == 2


async def test_8_dovecot_by_token(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    async with token_server() as issuer:
        tokens = Tokens(issuer.settings(client_secret_file=str(tmp_path / "secret")), clock)
        with dovecot(issuer.url.replace("/token", "/introspect/")) as server:
            await both_mechanisms(server, tokens)
            await reads_on(server, tokens, issuer, tmp_path)
            issuer.says = [(400, b'{"error": "invalid_client"}')]
            broken = Tokens(replace(tokens._settings, client_id="other"), clock)
            with pytest.raises(MailboxUnavailable, match="invalid_client; mend:"):
                await imap.probe(ImapSettings("127.0.0.1", server.imap, "plain", user=USER), tokens=broken)
