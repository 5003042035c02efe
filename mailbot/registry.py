"""Sets the password of a link in a registry on another machine, where the change and our row cannot be one transaction.

What is asked for is written down first, then asked, then looked for: a change is done when the resource shows its id as
lastChange, whatever was answered. So an answer that was lost, a restart or a second click never ask twice for what is
done, and the link is used up exactly when the password is set. A database that was put back from a backup knows nothing
of what was asked for since: ``doubt`` writes down every change of login that may have been, and the registry says.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import Connection, Row, delete, exists, func, insert, select, update

from mailbot.accounts import passwords
from mailbot.accounts.puesc import ScimResource, is_of
from mailbot.accounts.scim import ScimRegistry
from mailbot.errors import RegistryUnavailable, SealBroken
from mailbot.model import AccountStatus
from mailbot.observe import Clock, log_event
from mailbot.secret import Secret
from mailbot.storage import personal
from mailbot.storage.database import Database
from mailbot.storage.registry import registry_change
from mailbot.storage.schema import activation, ticket, ticket_event
from mailbot.text import address
from mailbot.tickets import activation as links
from mailbot.tickets import hold
from mailbot.tickets.activation import Activation, LinkLost
from mailbot.tickets.notice import NoticeWriter

_QUIET = timedelta(minutes=1)
"""So long the page itself may still be at it. Who slept for half of it asks for nothing: the link may have been stopped
meanwhile, and its row be forgotten."""
_TRIES = 3
"""Of a change whose resource another program changed meanwhile (412)."""
_SILENT = timedelta(hours=24)
"""So long nobody but the worker waits for the registry to say what became of a change; then a person is told, too."""
_GIVEN_UP = timedelta(days=30)
"""So long it is looked for beside the person: then nobody waits any more, and who asks to be erased can be."""
SILENCE = "registry-silent"
"""Name of the event of that, once a ticket."""
_UNKNOWN = ""
"""Resource of a change that ``doubt`` wrote down: who it was is looked up by its logins."""
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
        mine: Row[Any] | None = None
        for _ in range(_TRIES):
            pending = await self.database.read(lambda c: _pending(c, link.id))
            if pending is None and mine is not None:
                await self._confirm(mine, password)
                return
            found = await self._resource(link, pending)
            if found is None or not _fits(found, link, pending) or await self._is_taken(link, found):
                raise LinkLost("the account is gone or blocked, or the new login is taken")
            if pending is not None and await asyncio.to_thread(_is_done, found, pending, password):
                mine = pending
                if await self.database.write(lambda c, p=pending: _settle(c, p, notice, self.clock())):  # type: ignore[misc]
                    return
                continue
            await self._ask(link, found, pending, password, password_hash)
        raise RegistryUnavailable("the account was changed by others again and again")

    async def _confirm(self, mine: Row[Any], password: str) -> None:
        """What we saw done was settled by another, or is another's by now. Raises LinkLost, RegistryUnavailable."""
        found = await self.registry.get(mine.resource_id)
        if found is None or not await asyncio.to_thread(_is_done, found, mine, password):
            raise LinkLost("the link was used for another password at the same moment")

    async def _ask(
        self, link: Activation, found: ScimResource, pending: Row[Any] | None, password: str, password_hash: str
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

    async def look(self, notice: NoticeWriter, away: RegistryUnavailable | None = None) -> int:
        """Settle the changes whose page went away before it saw the end; returns how many. One that was never done is
        forgotten with its link, one that is not answered for goes to a person, too. Raises RegistryUnavailable, when
        it has looked at all of them. ``away``: why there is nobody to ask."""
        until = self.clock() - _QUIET
        link = (activation.c.ticket_id, activation.c.new_login, activation.c.sealed)
        wanted = select(registry_change, *link).join(activation).where(_c.asked_at < until)
        rows = await self.database.read(lambda c: c.execute(wanted).all())
        settled, unanswered = 0, away
        for row in rows:
            try:
                if away is not None:
                    raise away
                done = await self._is_seen(row)
            except RegistryUnavailable as error:  # one strange resource does not hold the others
                unanswered = error
                if row.asked_at < self.clock() - _SILENT:
                    await self.database.write(lambda c, r=row: _tell_person(c, r, self.clock()))  # type: ignore[misc]
                continue
            work = _settle if done else _forget
            settled += await self.database.write(lambda c, r=row, w=work: w(c, r, notice, self.clock()))  # type: ignore[misc]
        if unanswered is not None:
            raise unanswered
        return settled

    async def _is_seen(self, row: Row[Any]) -> bool:
        """Whether the registry shows that what ``row`` asked for was done. Raises RegistryUnavailable."""
        try:
            _, new_login = personal.logins(self.secret, row)
        except SealBroken as error:  # as one that is not answered for: it does not hold the others
            raise RegistryUnavailable(error.reason) from error
        if row.resource_id != _UNKNOWN:
            found = await self.registry.get(row.resource_id)
            return found is not None and (found.last_change == row.change_id or _is_moved(found, new_login))
        there = await self.registry.find(address.login_key(new_login or "") or "")
        # mailbot alone writes lastChange: without one it is an account that came there without us
        return there is not None and there.last_change != "" and await self.registry.find(row.login) is None

    async def step(self, notice: Callable[[], NoticeWriter]) -> int:
        """One look at registry and open changes, for a loop. That it does not answer is told once; ``ailing`` says
        it as long as it lasts."""
        was, away = self.registry.ailing, None
        try:
            await self.registry.means()
        except RegistryUnavailable as error:
            away = error
        try:
            await self.look(notice(), away)
        except RegistryUnavailable as error:
            if not was:
                log_event("registry-ails", level=logging.ERROR, reason=error.reason)
            return 0
        if was:
            log_event("registry-answers")
        return 0

    async def _resource(self, link: Activation, pending: Row[Any] | None) -> ScimResource | None:
        known = pending is not None and pending.resource_id != _UNKNOWN
        return await (self.registry.get(pending.resource_id) if known and pending else self.registry.find(link.login))

    async def _is_taken(self, link: Activation, found: ScimResource) -> bool:
        """Whether the new login is another's."""
        key = address.login_key(link.new_login) if link.new_login else None
        if key is None or is_of(found, key):
            return False
        other = await self.registry.find(key)
        return other is not None and other.id != found.id


def _is_done(found: ScimResource, pending: Row[Any], password: str) -> bool:
    """Whether exactly this was asked for, and done: another password is another change."""
    return found.last_change == pending.change_id and passwords.verify(pending.password_hash, password)


def _is_moved(found: ScimResource, new_login: str | None) -> bool:
    """Whether it bears the new login of a link: then what was asked for was done once, though a later change, of the
    same link or of another, has written its own id over it; the old login must be told."""
    return new_login is not None and is_of(found, address.login_key(new_login) or "")


def _fits(found: ScimResource, link: Activation, pending: Row[Any] | None) -> bool:
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
    """Write down that it was done, even where the link was stopped meanwhile: so it is. False: somebody else did.

    Found out after a restore it goes to a person as well: what was said of it since the backup is lost."""
    link = _locked(connection, row)
    gone = delete(registry_change).where(_c.activation_id == row.activation_id, _c.change_id == row.change_id)
    if connection.execute(gone).rowcount != 1:
        return False
    links.use_up(connection, link.id, link.ticket_id, now)
    if link.new_login is not None:
        notice.tell(connection, link.ticket_id, row.login, now)
    if row.resource_id == _UNKNOWN:
        hold.freeze(connection, _number(connection, link.ticket_id), now, {"reason": "done before the restore"})
    return True


def _forget(connection: Connection, row: Row[Any], _notice: NoticeWriter, now: datetime) -> bool:
    a = activation.c
    ended = select(a.id).where((a.expires_at <= now - _QUIET) | a.used_at.is_not(None))
    mine = (_c.activation_id == row.activation_id, _c.change_id == row.change_id, _c.activation_id.in_(ended))
    connection.execute(delete(registry_change).where(*mine))
    return False


def _tell_person(connection: Connection, row: Row[Any], now: datetime) -> None:
    """Hand the ticket over, once; the change itself is looked for further on, but not for ever."""
    if row.asked_at < now - _GIVEN_UP:
        mine = (_c.activation_id == row.activation_id, _c.change_id == row.change_id)
        connection.execute(delete(registry_change).where(*mine))
        return
    e, ticket_id = ticket_event.c, _locked(connection, row).ticket_id
    if connection.execute(select(e.id).where(e.ticket_id == ticket_id, e.kind == SILENCE)).first() is not None:
        return
    connection.execute(insert(ticket_event).values(ticket_id=ticket_id, at=now, kind=SILENCE, detail={}))
    hold.freeze(connection, _number(connection, ticket_id), now, {"reason": "the registry does not say what it did"})


def _locked(connection: Connection, row: Row[Any]) -> Row[Any]:
    """The link of a change; nobody else works on the change before the transaction ends."""
    wanted = select(activation).where(activation.c.id == row.activation_id)
    return connection.execute(wanted.with_for_update(key_share=True)).one()


def _number(connection: Connection, ticket_id: int) -> str:
    found: str = connection.execute(select(ticket.c.number).where(ticket.c.id == ticket_id)).scalar_one()
    return found


def doubt(connection: Connection, secret: Secret, now: datetime) -> int:
    """After a restore: write down each change of login that may have been done since the backup, the last of each pair
    of logins; returns how many. ``look`` then asks the registry until it has said. Where the key of a link is gone (it
    was erased since, or the store is older) nobody can ask: its ticket is stopped, and a person looks."""
    a, other = activation.c, activation.alias()
    moved = exists().where(other.c.login == a.login, other.c.used_at.is_not(None), other.c.new_login.is_not(None))
    newest = select(func.max(a.id)).where(a.new_login.is_not(None)).group_by(a.login, a.new_login)
    asked = exists().where(_c.activation_id == a.id)
    told = (a.id, a.ticket_id, a.login, a.new_login, a.sealed)
    wanted = select(*told).where(a.id.in_(newest), a.used_at.is_(None), ~moved, ~asked)
    rows = []
    for link in connection.execute(wanted).all():
        try:
            login, _ = personal.logins(secret, link)
        except SealBroken:
            number = _number(connection, link.ticket_id)
            hold.freeze(connection, number, now, {"reason": "its key is gone: nobody can ask whether the login moved"})
            continue
        row = {"activation_id": link.id, "login": login, "resource_id": _UNKNOWN, "password_hash": "", "asked_at": now}
        rows.append({**row, "change_id": secrets.token_hex(16)})
    if rows:
        connection.execute(insert(registry_change), rows)
    return len(rows)
