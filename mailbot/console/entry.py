"""What the pages of the way in share: bounded forms, few hashes at once, what is wrong with a password."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

from aiohttp import hdrs, web

from mailbot.accounts import passwords
from mailbot.console import words
from mailbot.console.pages import reader
from mailbot.console.session import SessionGate, form_of
from mailbot.console.shell import ConsoleContext
from mailbot.http.guards import SharedLimiter
from mailbot.model import Operator
from mailbot.operators import login
from mailbot.operators.login import Try

_BODY = 16_384  # octets of a form: three passwords of 128 characters, percent-encoded, are under 6 KiB
_HASHERS = 2  # argon2 runs at once: 64 MiB each


class LoginGuard:
    """One for all pages: its bounds are those of the process."""

    def __init__(self, desk: ConsoleContext, gate: SessionGate) -> None:
        self.desk, self.gate = desk, gate
        self._limiter = SharedLimiter(desk.settings.console, desk.clock, desk.database, desk.secret, "login")
        self._hashers = asyncio.Semaphore(_HASHERS)

    async def admit(self, request: web.Request) -> None:
        """Count a request. Raises HTTPTooManyRequests."""
        if not await self._limiter.admits(request):
            raise web.HTTPTooManyRequests(headers={hdrs.RETRY_AFTER: "60"})

    async def form(self, request: web.Request) -> Mapping[str, str]:
        """The fields of a form. Raises HTTPTooManyRequests, HTTPRequestEntityTooLarge, HTTPBadRequest."""
        await self.admit(request)
        if request.content_length is None or request.content_length > _BODY:
            raise web.HTTPRequestEntityTooLarge(_BODY, request.content_length or 0)
        return {name: value for name, value in (await form_of(request)).items() if isinstance(value, str)}

    async def tried(self, name: str, password: str, now: datetime) -> tuple[Try, str | None]:
        """A try at a password, counted, and the hash to keep when it is right."""
        tried = await self.desk.database.write(lambda c: login.attempt(c, name, now, self.gate.policy))
        async with self._hashers:
            return tried, await asyncio.to_thread(login.judge, tried, password)

    async def refuse(self, operator_id: int | None, now: datetime) -> None:
        """The try of ``now`` was wrong."""
        await self.desk.database.write(lambda c: login.refuse(c, operator_id, now, self.gate.policy))

    async def hashed(self, password: str) -> str:
        """The hash of a new password."""
        async with self._hashers:
            return await asyncio.to_thread(passwords.hash_password, password)

    def problems(self, request: web.Request, form: Mapping[str, str], who: Operator) -> list[str]:
        """What is wrong with the new password of a form, in words."""
        broken = passwords.problems(form.get("password", ""), form.get("repeat", ""), f"{who.name}@")
        return [sentence(reader(request), one.sentence).format(slowa=one.words) for one in broken]


def rules(request: web.Request) -> list[str]:
    """What a password must be, in words."""
    return [sentence(reader(request), rule) for rule in passwords.RULES]


def sentence(language: str, polish: str) -> str:
    """A sentence for citizens, as it is said to operators."""
    return words.login.PASSWORDS[polish][words.LANGUAGES.index(language)]


def go_on(where: str) -> web.Response:
    """See other."""
    return web.Response(status=303, headers={hdrs.LOCATION: where})
