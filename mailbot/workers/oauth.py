"""Keeps the access token fresh, and tells the database how that goes: before a mailbox or a mail suffers from it."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import Connection, delete, insert

from mailbot.errors import ConfigError, TokenUnavailable
from mailbot.oauth import Tokens
from mailbot.observe import Clock, log_event
from mailbot.storage.database import Database
from mailbot.storage.oauth import oauth

SECONDS = 60.0
"""Between two looks."""
_OLD = timedelta(days=1)
"""The row of a process that is gone."""


class OAuthWorker:
    """One in each process that logs in to mail servers."""

    def __init__(self, process: str, tokens: Tokens, database: Database, clock: Clock) -> None:
        self._process = process
        self._tokens = tokens
        self._database = database
        self._clock = clock
        self._told = ""

    async def step(self) -> int:
        """Always 0: there is nothing more to do at once."""
        try:
            await self._tokens.access()
        except (ConfigError, TokenUnavailable) as error:
            if error.reason != self._told:
                level = logging.WARNING if error.temporary else logging.ERROR
                log_event("oauth-no-token", level=level, refused=not error.temporary, reason=error.reason)
            self._told = error.reason
        else:
            if self._told:
                log_event("oauth-token-again")
            self._told = ""
        await self._database.write(self._note)
        return 0

    def _note(self, connection: Connection) -> None:
        now, standing, o = self._clock(), self._tokens.standing, oauth.c
        connection.execute(delete(oauth).where((o.process == self._process) | (o.checked_at < now - _OLD)))
        row = {
            "process": self._process,
            "checked_at": now,
            "failing_since": standing.failing_since,
            "refused": int(standing.refused),
            "expires_at": self._tokens.expires_at(),
        }
        connection.execute(insert(oauth).values(row))
