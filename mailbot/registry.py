"""Sets the password of a link in a registry on another machine, where the change and our row cannot be one transaction.

What is asked for is written down first, then asked, then looked for: a change is done when the resource shows its id as
lastChange, whatever was answered. So an answer that was lost, a restart or a second click never ask twice for what is
done, and the link is used up exactly when the password is set.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import Connection, Row, delete, insert, select, update

from mailbot.accounts import passwords
from mailbot.accounts.puesc import Found, is_of
from mailbot.accounts.scim import ScimRegistry
from mailbot.errors import RegistryUnavailable
from mailbot.model import AccountStatus
from mailbot.observe import Clock, log_event
from mailbot.secret import Secret
from mailbot.storage import personal
from mailbot.storage.engine import Database
from mailbot.storage.registry import registry_change
from mailbot.storage.schema import activation
from mailbot.text import address
from mailbot.tickets import activation as links
from mailbot.tickets.activation import Activation, LinkLost
from mailbot.tickets.notice import NoticeWriter

_QUIET = timedelta(minutes=1)
"""So long the page itself may still be at it. Who slept for half of it asks for nothing: the link may have been stopped
meanwhile, and its row be forgotten."""
_TRIES = 3
"""Of a change whose resource another program changed meanwhile (412)."""
_c = registry_change.c


@dataclass(frozen=True, slots=True)
class RegistryChanges:
    """Changes by link. ``notice`` of its methods: who writes to the old login, with the rule set of now."""

    SECONDS: ClassVar[float] = 60.0
    """Between two looks for changes whose end nobody has seen."""

    database: Database
    registry: ScimRegistry
    clock: Clock
    secret: Secret

    async def usable(self, link: Activation) -> bool:
        """Whether its account may get a password now. Raises RegistryUnavailable."""
        pending = await self.database.read(lambda c: _pending(c, link.id))
        found = await self._resource(link, pending)
        return found is not None and _fits(found, link, pending)

    async def set(self, link: Activation, password: str, password_hash: str, notice: NoticeWriter) -> None:
        """Set the password, and the login in case B; use the link up. Raises LinkLost, RegistryUnavailable: then the
        link can be tried again, and what was asked for is found out first."""
        for _ in range(_TRIES):
            pending = await self.database.read(lambda c: _pending(c, link.id))
            found = await self._resource(link, pending)
            if found is None or not _fits(found, link, pending) or await self._is_taken(link, found):
                raise LinkLost("the account is gone or blocked, or the new login is taken")
            if pending is not None and await asyncio.to_thread(_is_done, found, pending, password):
                await self.database.write(lambda c, p=pending: _settle(c, p, notice, self.clock()))  # type: ignore[misc]
                return
            await self._ask(link, found, pending, password, password_hash)
        raise RegistryUnavailable("the account was changed by others again and again")

    async def _ask(
        self, link: Activation, found: Found, pending: Row[Any] | None, password: str, password_hash: str
    ) -> None:
        """Write down what is asked for, then ask. Whether it is done is looked up by the caller."""
        change_id = secrets.token_hex(16)
        asked_at = self.clock()
        row = {
            "change_id": change_id,
            "resource_id": found.id,
            "login": pending.login if pending else found.account.login,
            "password_hash": password_hash,
            "asked_at": asked_at,
        }
        before = pending.change_id if pending else None
        if not await self.database.write(lambda c: _note(c, link, row, before, self.clock())):
            raise RegistryUnavailable("the same link is being used at this moment, or has ended")
        try:
            await self.registry.change(found, password, link.new_login, change_id, asked_at + _QUIET / 2)
        except RegistryUnavailable as error:
            log_event("registry-unanswered", level=logging.WARNING, ticket=link.ticket_id, reason=error.reason)
            now = await self.registry.get(found.id)
            if now is None or (now.last_change != change_id and now.version == found.version):
                raise  # nobody else is in the way: it was refused, or never came there

    async def look(self, notice: NoticeWriter) -> int:
        """Settle the changes whose page went away before it saw the end; returns how many. One that was never done is
        forgotten with its link. Raises RegistryUnavailable, when it has looked at all of them."""
        until = self.clock() - _QUIET
        link = (activation.c.ticket_id, activation.c.new_login, activation.c.sealed)
        wanted = select(registry_change, *link).join(activation).where(_c.asked_at < until)
        rows = await self.database.read(lambda c: c.execute(wanted).all())
        settled, unanswered = 0, None
        for row in rows:
            try:
                found = await self.registry.get(row.resource_id)
            except RegistryUnavailable as error:  # one strange resource does not hold the others
                unanswered = error
                continue
            if found is not None and (
                found.last_change == row.change_id or _is_moved(found, personal.logins(self.secret, row)[1])
            ):
                done = await self.database.write(lambda c, r=row: _settle(c, r, notice, self.clock()))  # type: ignore[misc]
                settled += int(done)
            else:
                await self.database.write(lambda c, r=row: _forget(c, r, self.clock()))  # type: ignore[misc]
        if unanswered is not None:
            raise unanswered
        return settled

    async def step(self, notice: Callable[[], NoticeWriter]) -> int:
        """One look at registry and open changes, for a loop. That it does not answer is told once; ``ailing`` says
        it as long as it lasts."""
        was = self.registry.ailing
        try:
            await self.registry.means()
            await self.look(notice())
        except RegistryUnavailable as error:
            if not was:
                log_event("registry-ails", level=logging.ERROR, reason=error.reason)
            return 0
        if was:
            log_event("registry-answers")
        return 0

    async def _resource(self, link: Activation, pending: Row[Any] | None) -> Found | None:
        return await (self.registry.get(pending.resource_id) if pending else self.registry.find(link.login))

    async def _is_taken(self, link: Activation, found: Found) -> bool:
        """Whether the new login is another's."""
        key = address.login_key(link.new_login) if link.new_login else None
        if key is None or is_of(found, key):
            return False
        other = await self.registry.find(key)
        return other is not None and other.id != found.id


def _is_done(found: Found, pending: Row[Any], password: str) -> bool:
    """Whether exactly this was asked for, and done: another password is another change."""
    return found.last_change == pending.change_id and passwords.verify(pending.password_hash, password)


def _is_moved(found: Found, new_login: str | None) -> bool:
    """Whether it bears the new login of a link: then what was asked for was done once, though a later change, of the
    same link or of another, has written its own id over it; the old login must be told."""
    return new_login is not None and is_of(found, address.login_key(new_login) or "")


def _fits(found: Found, link: Activation, pending: Row[Any] | None) -> bool:
    keys = {link.login} | ({address.login_key(link.new_login)} if pending and link.new_login else set())
    return found.account.status is AccountStatus.ACTIVE and address.login_key(found.account.login) in keys


def _pending(connection: Connection, activation_id: int) -> Row[Any] | None:
    return connection.execute(select(registry_change).where(_c.activation_id == activation_id)).first()


def _note(connection: Connection, link: Activation, row: dict[str, Any], before: str | None, now: datetime) -> bool:
    """Write down what will be asked for. False: the link has ended, or another page was first."""
    a = activation.c
    alive = select(a.id).where(a.id == link.id, a.used_at.is_(None), a.expires_at > now).with_for_update()
    if connection.execute(alive).first() is None:
        return False
    if before is not None:
        mine = update(registry_change).where(_c.activation_id == link.id, _c.change_id == before)
        return connection.execute(mine.values(row)).rowcount == 1
    if _pending(connection, link.id) is not None:
        return False
    connection.execute(insert(registry_change).values(activation_id=link.id, **row))
    return True


def _settle(connection: Connection, row: Row[Any], notice: NoticeWriter, now: datetime) -> bool:
    """Write down that it was done, even where the link was stopped meanwhile: so it is. False: somebody else did."""
    gone = delete(registry_change).where(_c.activation_id == row.activation_id, _c.change_id == row.change_id)
    if connection.execute(gone).rowcount != 1:
        return False
    a = activation.c
    link = connection.execute(select(a.id, a.ticket_id, a.new_login).where(a.id == row.activation_id)).one()
    links.use_up(connection, link.id, link.ticket_id, now)
    if link.new_login is not None:
        notice.tell(connection, link.ticket_id, row.login, now)
    return True


def _forget(connection: Connection, row: Row[Any], now: datetime) -> None:
    a = activation.c
    ended = select(a.id).where((a.expires_at <= now - _QUIET) | a.used_at.is_not(None))
    mine = (_c.activation_id == row.activation_id, _c.change_id == row.change_id, _c.activation_id.in_(ended))
    connection.execute(delete(registry_change).where(*mine))
