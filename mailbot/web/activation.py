"""The page behind an activation link: GET shows a form and changes nothing, POST uses the link (procedure §3.5)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import parse_qs

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from sqlalchemy import Connection

from mailbot.accounts import passwords
from mailbot.accounts.directory import Directory
from mailbot.accounts.passwords import PasswordProblem
from mailbot.http.guards import Csrf, SharedLimiter
from mailbot.model import AccountStatus
from mailbot.observe import Clock, log_event
from mailbot.ruleset.languages import POLISH
from mailbot.storage.database import Database
from mailbot.tickets import activation
from mailbot.tickets.activation import Activation, LinkLost
from mailbot.tickets.notice import NoticeWriter
from mailbot.web.pages import STALE, Pages

_DONE = "gotowe"
_LANGUAGE = "jezyk"
_HASHERS = 2  # argon2 runs at once: 64 MiB each


class Changes(Protocol):
    """Accounts of a registry on another machine: what is done there is no part of our transaction."""

    async def usable(self, link: Activation) -> bool:
        """Whether its account may get a password now. Raises RegistryUnavailable."""
        ...

    async def set(self, link: Activation, password: str, password_hash: str, notice: NoticeWriter) -> None:
        """Set the password and use the link up. Raises LinkLost, RegistryUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class _Form:
    password: str
    repeat: str
    csrf: str
    trap: str
    """Of a field that no person sees."""


class ActivationPage:
    """Handlers of /aktywacja/…; all answers for links that do not work are one and the same."""

    def __init__(
        self,
        database: Database,
        directory: Directory,
        pages: Pages,
        csrf: Csrf,
        limiter: SharedLimiter,
        notice: NoticeWriter,
        clock: Clock,
        changes: Changes | None = None,
    ) -> None:
        """``changes``: where the accounts are on another machine; ``directory`` is then not asked."""
        self._database, self._directory, self._pages = database, directory, pages
        self._csrf, self._limiter, self._clock = csrf, limiter, clock
        self.notice = notice
        """May be replaced at any time by one with another rule set."""
        self._changes = changes
        self._hashers = asyncio.Semaphore(_HASHERS)

    def routes(self) -> list[web.RouteDef]:
        """GET and HEAD show, POST sets."""
        link = activation.PATH + "{token:.*}"
        return [
            web.get(activation.PATH + _DONE, self._limited(self.done)),
            web.get(link, self._limited(self.show)),
            web.post(link, self._limited(self.submit)),
        ]

    async def done(self, request: web.Request) -> web.StreamResponse:
        """Where a successful POST leads, so that reloading the page sends nothing again."""
        return self._pages.done(request.query.get(_LANGUAGE, POLISH.code))

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The form, for a link that may be used."""
        token = request.match_info["token"]
        link = await self._link(token)
        if link is None:
            return self._pages.gone(self._reader(request))
        return self._form(request, token, link)

    async def submit(self, request: web.Request) -> web.StreamResponse:
        """Set the password when link, form and rules allow it."""
        token = request.match_info["token"]
        form = await _read(request)
        link = await self._link(token)
        if link is None:
            return self._pages.gone(self._reader(request))
        if form.trap or not self._csrf.holds(request, token, form.csrf):
            return self._form(request, token, link, (STALE,), status=403)
        problems = passwords.problems(form.password, form.repeat, link.login, link.mailbox)
        if problems:
            return self._form(request, token, link, problems, status=422)
        async with self._hashers:
            password_hash = await asyncio.to_thread(passwords.hash_password, form.password)
        try:
            if self._changes is not None:
                await self._changes.set(link, passwords.normalise(form.password), password_hash, self.notice)
                ticket_id = link.ticket_id
            else:
                ticket_id = await self._database.write(
                    lambda connection: self._set(connection, token, password_hash, self._clock())
                )
        except LinkLost as error:
            log_event("web.activation", result="lost", reason=error.reason, ticket=link.ticket_id)
            return self._pages.gone(self._reader(request))
        log_event("web.activation", result="used", ticket=ticket_id)
        said = "" if link.language == POLISH.code else f"?{_LANGUAGE}={link.language}"
        return web.Response(status=303, headers={"Location": _DONE + said})

    async def _link(self, token: str) -> Activation | None:
        """See ``_usable``. Raises RegistryUnavailable: then the link is neither good nor gone, and waits."""
        if self._changes is None:
            return await self._database.read(lambda connection: self._usable(connection, token, self._clock()))
        link = await self._database.read(
            lambda connection: activation.find(connection, self.notice.secret, token, self._clock())
        )
        return link if link is not None and await self._changes.usable(link) else None

    def _usable(self, connection: Connection, token: str, now: datetime) -> Activation | None:
        """The link, while its account may get a password: a block that came after the grant stops it."""
        link = activation.find(connection, self.notice.secret, token, now)
        if link is None:
            return None
        account = self._directory.find(connection, link.login)
        return link if account is not None and account.status is AccountStatus.ACTIVE else None

    def _set(self, connection: Connection, token: str, password_hash: str, now: datetime) -> int:
        """In one transaction: use the link, set the password, write the history, and in case B tell the old login.

        Returns the ticket's id."""
        link = activation.find(connection, self.notice.secret, token, now)
        if link is None or not activation.use(connection, link, now):
            raise LinkLost("used or expired")
        account = self._directory.find(connection, link.login)
        if not self._directory.set_emergency_password(connection, link.login, password_hash, now, link.new_login):
            raise LinkLost("the account is gone or blocked, or the new login is taken")
        if link.new_login is not None and account is not None:
            self.notice.tell(connection, link.ticket_id, account.login, now)
        return link.ticket_id

    def _form(
        self,
        request: web.Request,
        token: str,
        link: Activation,
        problems: tuple[PasswordProblem, ...] = (),
        status: int = 200,
    ) -> web.Response:
        nonce = self._csrf.nonce(request)
        response = self._pages.form(
            login=link.mailbox,
            changes_login=link.new_login is not None,
            expires_at=link.expires_at,
            csrf=self._csrf.field(nonce, token),
            language=link.language,
            problems=problems,
            status=status,
        )
        self._csrf.give(response, nonce)
        return response

    def _reader(self, request: web.Request) -> str:
        """The language where no link says it: it must not tell one that does not work from another."""
        return self._pages.language(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))

    def _limited(self, handler: Handler) -> Handler:
        async def limited(request: web.Request) -> web.StreamResponse:
            if not await self._limiter.admits(request):
                raise web.HTTPTooManyRequests(headers={"Retry-After": "60"})
            return await handler(request)

        return limited


async def _read(request: web.Request) -> _Form:
    """The form: UTF-8, each field exactly once. Raises HTTPException (400, 413, 415)."""
    plain = hdrs.CONTENT_ENCODING not in request.headers
    utf8 = (request.charset or "utf-8").lower() == "utf-8"
    if request.content_type != "application/x-www-form-urlencoded" or not (plain and utf8):
        raise web.HTTPUnsupportedMediaType
    body = await request.read()
    try:
        fields = parse_qs(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=10)
        (password,), (repeat,), (csrf,) = fields["haslo"], fields["powtorz"], fields["csrf"]
        (trap,) = fields.get("kontrola", [""])
    except (ValueError, KeyError):  # UnicodeDecodeError is a ValueError
        raise web.HTTPBadRequest from None
    return _Form(password, repeat, csrf, trap)
