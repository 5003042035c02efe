"""Reading a mailbox over IMAP: every message is stored once, and nothing in the mailbox changes before the commit.

The cursor (UIDVALIDITY and the last UID) lies in the database and moves in the transaction that stores the messages, so
neither a crash, nor a flag set by a person, nor a long absence can lose a message or take it twice. It only says where
to look first: at each renewal every UID of the folder is compared with what is stored, for a server may leave one out
once. Nothing is deleted, no flag is set; taken messages are moved when the admin named a folder for them.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NoReturn

from sqlalchemy import Connection

from mailbot import counts
from mailbot.config import ImapSettings
from mailbot.errors import ConfigError, MailbotError, MailboxUnavailable, TokenUnavailable
from mailbot.inbox import Cursor, StoredMessage, move_cursor, store, stored_movable, stored_uids
from mailbot.ingress import imap_syntax as syntax
from mailbot.ingress.imap_claim import Claim, Claimed, StandBy
from mailbot.ingress.imap_client import ImapConnection
from mailbot.ingress.imap_fetch import LISTED, Fetcher, Listed, is_large
from mailbot.ingress.imap_numbering import where_to_go_on
from mailbot.ingress.imap_protocol import CommandRefused
from mailbot.ingress.imap_taking import Taking
from mailbot.model import Envelope, RawMessage, Source, may_move
from mailbot.oauth import Tokens, sasl
from mailbot.observe import Clock, failure, log_event, utc_now
from mailbot.secret import Secret
from mailbot.storage.database import Database

_IDLE_SECONDS = 540  # 29 minutes is the bound of RFC 2177; NAT forgets connections earlier
_LONGEST_BACKOFF = 300.0
_STANDBY_ATTEMPT = 5  # a process that waits for another's lease looks every 16 to 32 seconds


class ImapReader:
    """Takes the messages of one folder into the inbox, for ever.

    ``on_stored`` is called after each commit. ``last_poll`` (the last time the folder was seen to hold nothing new) and
    ``connected`` are for health checks. ``oldest``: mail older than this is counted at the first look. ``rand`` gives
    numbers in [0, 1) for the jitter.
    """

    def __init__(
        self,
        settings: ImapSettings,
        database: Database,
        secret: Secret,
        clock: Clock = utc_now,
        on_stored: Callable[[], None] = lambda: None,
        *,
        oldest: timedelta = timedelta(days=7),
        tokens: Tokens | None = None,
        rand: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.last_poll: datetime | None = None
        self.connected = False
        self.moved = time.monotonic()
        """When it last got on, if only to a failure; of the monotonic clock."""
        self._settings = settings
        self._database = database
        self._secret = secret
        self._clock = clock
        self._on_stored = on_stored
        self._rand = rand
        self._sleep = sleep
        self._oldest = oldest
        self._mailbox = settings.mailbox
        self._attempt = 0
        self._log_in = partial(log_in, settings=settings, tokens=tokens)
        self._claim = Claim(settings, database, self._mailbox, clock, self._log_in)
        self._since = first_day(settings)
        self._taken_over_at: datetime | None = None
        self._compared = 0.0  # when the whole folder was, of the monotonic clock
        self._uidvalidity: int | None = None  # of the mailbox that the next two speak of
        self._known: set[int] = set()  # UIDs that are stored, or older than the admin wants
        self._fetcher = Fetcher(settings.max_size, clock)

    async def run(self) -> NoReturn:
        """Read until cancelled. No failure ends it: each is logged, then a back-off of 1 s to 5 min."""
        try:
            await self._read()
        finally:
            with suppress(Exception):  # then the lease runs out by itself, and somebody must tell that we are gone
                await self._claim.release()
                await self._claim.leave()

    async def _read(self) -> NoReturn:
        while True:
            try:
                await self._session()
            except StandBy as error:
                counts.IMAP_INTERRUPTIONS("standby")
                log_event("imap-standby", mailbox=self._mailbox, reason=error.reason)
                self._attempt = min(self._attempt, _STANDBY_ATTEMPT)
            except Claimed as error:
                counts.IMAP_INTERRUPTIONS("claimed")
                log_event("imap-claimed", level=logging.ERROR, mailbox=self._mailbox, reason=error.reason)
            except MailbotError as error:
                counts.IMAP_INTERRUPTIONS("unavailable")
                log_event("imap-interrupted", level=logging.WARNING, mailbox=self._mailbox, reason=error.reason)
            except Exception as error:  # what a server can make go wrong must not end the intake
                counts.IMAP_INTERRUPTIONS("failed")
                failure("imap-interrupted", error, mailbox=self._mailbox)
            self.moved = time.monotonic()
            await self._sleep(self._backoff())

    def _backoff(self) -> float:
        longest = min(_LONGEST_BACKOFF, 2.0 ** min(self._attempt, 10))
        self._attempt += 1
        return max(1.0, longest * (1 + self._rand()) / 2)

    async def _session(self) -> NoReturn:
        """One connection, from login to its end; leaves only by an exception."""
        self._fetcher.new_session()
        await self._claim.wait_for_lease()
        connection = await ImapConnection.open(self._settings)
        try:
            await self._log_in(connection)
            await self._claim.take(connection)
            self._taken_over_at = await self._claim.taken_over_at()
            cursor = await self._cursor(connection)
            self.connected = True
            counts.IMAP_CONNECTIONS()
            log_event("imap-connected", mailbox=self._mailbox, uidvalidity=cursor.uidvalidity, last_uid=cursor.last_uid)
            if self._settings.done_folder and not connection.has("MOVE"):
                log_event(
                    "imap-no-move", level=logging.WARNING, mailbox=self._mailbox, reason="messages stay where they are"
                )
            await self._move_left_behind(connection, cursor)
            cursor = await self._drain(connection, cursor)
            cursor = await self._compare(connection, cursor)
            while True:
                self.moved = time.monotonic()
                announced = await connection.wait(min(self._settings.poll_seconds, _IDLE_SECONDS))
                await self._claim.keep(connection)
                before, cursor = cursor, await self._drain(connection, cursor)
                if not announced or time.monotonic() - self._compared >= self._settings.poll_seconds:
                    cursor = await self._compare(connection, cursor)
                if announced and cursor == before:
                    await self._sleep(1)  # a server that announces what is not there must not make us spin
        finally:
            self.connected = False
            connection.abort()

    async def _cursor(self, connection: ImapConnection) -> Cursor:
        """Open the folder; where to go on in it."""
        uidvalidity = await connection.open_folder(self._settings.folder)
        cursor = await where_to_go_on(connection, uidvalidity, self._mailbox, self._database, self._secret)
        if cursor.uidvalidity != self._uidvalidity:
            self._uidvalidity = cursor.uidvalidity
            self._known.clear()
            self._fetcher.forget()
        return cursor

    async def _drain(self, connection: ImapConnection, cursor: Cursor) -> Cursor:
        """Take everything above ``cursor``; returns where it ended."""
        tried: set[int] = set()
        while uids := [uid for uid in await connection.search_after(cursor.last_uid) if uid not in self._known]:
            self._refuse_ghosts(uids, tried)
            cursor = await self._take_all(connection, cursor, uids)
        return cursor

    async def _compare(self, connection: ImapConnection, cursor: Cursor) -> Cursor:
        """Take whatever lies in the folder and is not stored, and note that the mailbox was seen."""
        tried: set[int] = set()
        while True:
            there = await connection.list_all()
            if len(there) < connection.exists:
                lacking = connection.exists - len(there)
                log_event("imap-incomplete", level=logging.WARNING, mailbox=self._mailbox, lacking=lacking)
            uids = [uid for uid in there if uid not in self._known]
            self._known.update(await self._database.read(partial(stored_uids, cursor=cursor, uids=uids)))
            if not (uids := [uid for uid in uids if uid not in self._known]):
                break
            self._refuse_ghosts(uids, tried)
            cursor = await self._take_all(connection, cursor, uids)
        self._compared = time.monotonic()
        now = self._clock()

        def seen(c: Connection) -> None:
            self._claim.renew(c)
            move_cursor(c, cursor, now)

        await self._database.write(seen)
        self.last_poll = now
        self._attempt = 0
        self._fetcher.forget()
        return cursor

    def _refuse_ghosts(self, uids: Sequence[int], tried: set[int]) -> None:
        """Messages that are listed, then said to be gone, then listed again must not make us spin."""
        if tried.issuperset(uids):
            for uid in uids:
                self._fetcher.count_ghost(uid)
            raise MailboxUnavailable(f"the server lists {len(uids)} messages and says that they are gone")
        tried.update(uids)

    async def _take_all(self, connection: ImapConnection, cursor: Cursor, uids: Sequence[int]) -> Cursor:
        """Take these messages, but for those from before the day that the admin named."""
        first = cursor.last_uid == 0
        wanted = old = 0
        for start in range(0, len(uids), LISTED):
            self.moved = time.monotonic()
            listed = await self._fetcher.sizes(connection, uids[start : start + LISTED])
            young = [item for item in listed if item.received_at.date() >= self._since]
            self._known.update({item.uid for item in listed} - {item.uid for item in young})
            wanted += len(young)
            old += sum(item.received_at < self._clock() - self._oldest for item in young)
            cursor = await self._take_listed(connection, cursor, young)
        if first:
            log_event(
                "imap-first-look", mailbox=self._mailbox, left=len(uids) - wanted, taken=wanted, old_for_a_person=old
            )
        return cursor

    async def _take_listed(self, connection: ImapConnection, cursor: Cursor, listed: Sequence[Listed]) -> Cursor:
        taking = Taking(partial(self._store, cursor), partial(self._move, connection))
        try:
            for batch in self._fetcher.batches(listed):
                if is_large(batch):  # alone in memory, too
                    await taking.settle()
                cursor = await self._take(connection, cursor, batch, taking)
            await taking.finish()
        except MailboxUnavailable:
            await taking.settle()
            raise
        finally:
            taking.cancel()
        return cursor

    async def _take(
        self, connection: ImapConnection, cursor: Cursor, batch: Sequence[Listed], taking: Taking
    ) -> Cursor:
        """Fetch a batch and have it stored; where the cursor is then.

        A message that failed stops the batch: what lies before it is taken, and the connection is made anew.
        """
        self.moved = time.monotonic()
        bodies = await self._fetcher.bodies(connection, batch)
        head = self._fetcher.head(batch, bodies)
        there = [item for item in head if bodies.get(item.uid, b"") is not None]
        if there:  # the cursor never passes the last message we hold: a server may name UIDs that it has yet to give
            cursor = Cursor(cursor.mailbox, cursor.uidvalidity, max(cursor.last_uid, there[-1].uid))
            await taking.add([self._message(cursor, item, bodies.get(item.uid)) for item in there])
        if len(head) < len(batch):
            await taking.finish()
            raise MailboxUnavailable(f"UID {batch[len(head)].uid} cannot be fetched")
        return cursor

    def _message(self, cursor: Cursor, item: Listed, body: bytes | None) -> RawMessage:
        envelope = Envelope(
            Source.IMAP,
            mailbox=self._mailbox,
            uidvalidity=cursor.uidvalidity,
            uid=item.uid,
            note=self._fetcher.note(item, body),
            again=may_be_answered(self._settings, self._taken_over_at, item.received_at),
        )
        return RawMessage(body or b"", envelope, item.received_at)

    async def _store(self, before: Cursor, messages: Sequence[RawMessage]) -> list[int]:
        """Store messages and move the cursor in one transaction; the UIDs of those that may move in the mailbox."""
        now = self._clock()
        uids = [message.envelope.uid or 0 for message in messages]
        cursor = Cursor(before.mailbox, before.uidvalidity, max(before.last_uid, *uids))

        def work(connection: Connection) -> Sequence[StoredMessage]:
            self._claim.renew(connection)
            stored = store(connection, messages, now, self._secret)
            move_cursor(connection, cursor, now)
            return stored

        with counts.measured("store") as ids:
            stored = await self._database.write(work)
            ids.extend(one.inbox_id for one in stored)
        self.moved = time.monotonic()
        self._known.update(uids)
        self._fetcher.forget(uids)
        for one, message in zip(stored, messages, strict=True):
            (counts.ACCEPTED if one.new else counts.REPEATED)(Source.IMAP.value)
            uid = message.envelope.uid
            log_event("imap-stored", inbox=one.inbox_id, new=one.new, size=len(message.raw), uid=uid)
        if any(one.new for one in stored):
            self._on_stored()
        return [uid for uid, message in zip(uids, messages, strict=True) if may_move(message.envelope.note)]

    async def _move_left_behind(self, connection: ImapConnection, cursor: Cursor) -> None:
        """Move what an earlier connection, or a process that died, stored and did not move."""
        if not self._settings.done_folder or not cursor.last_uid:
            return
        there = [uid for uid in await connection.search("UID", f"1:{cursor.last_uid}") if uid <= cursor.last_uid]
        for start in range(0, len(there), LISTED):
            uids = there[start : start + LISTED]
            await self._move(connection, await self._database.read(partial(stored_movable, cursor=cursor, uids=uids)))

    async def _move(self, connection: ImapConnection, uids: Sequence[int]) -> None:
        """Move what is stored to the folder for it. A refusal is only logged: the cursor prevents a second ticket."""
        self.moved = time.monotonic()
        if uids and self._settings.done_folder and connection.has("MOVE"):
            try:
                await connection.move_to(uids, self._settings.done_folder)
            except CommandRefused as error:
                log_event("imap-not-moved", level=logging.WARNING, mailbox=self._mailbox, reason=error.reason)


def first_day(settings: ImapSettings) -> date:
    """Messages that arrived before it are left alone."""
    return date.fromisoformat(settings.since) if settings.since else date.min


def may_be_answered(settings: ImapSettings, taken_over_at: datetime | None, received_at: datetime) -> bool:
    """Whether the installation that read the folder before us may have taken the message and answered it: without a
    folder for taken messages nobody can tell."""
    return taken_over_at is not None and not settings.done_folder and received_at < taken_over_at


async def probe(
    settings: ImapSettings, claim: Claim | None = None, old: date | None = None, tokens: Tokens | None = None
) -> str:
    """Log in and open the folder, and say what the server can do. Raises MailboxUnavailable or ConfigError.

    ``claim``: also whether the mailbox is ours. ``old``: also how many messages arrived before that day.
    """
    connection = await ImapConnection.open(settings)
    try:
        await log_in(connection, settings, tokens)
        if claim is not None:
            await claim.check(connection)
        await connection.open_folder(settings.folder)
        lacking = [name for name in ("IDLE", "MOVE") if not connection.has(name)]
        wanted = max(first_day(settings), date(1970, 1, 1))
        dates = ("SINCE", syntax.day(wanted), "BEFORE", syntax.day(old)) if old else ()
        waiting = len(await connection.search(*dates)) if dates else 0
    finally:
        connection.abort()
    told = f"{settings.host}:{settings.port}: folder {settings.folder} can be opened"
    told += f"; the server has no {', '.join(lacking)}" if lacking else ""
    if waiting:
        told += f"; {waiting} messages from before {old} would go to a person: [imap] since leaves them where they are"
    return told


async def log_in(connection: ImapConnection, settings: ImapSettings, tokens: Tokens | None) -> None:
    """As the settings say; the secret is read anew. Raises MailboxUnavailable."""
    if settings.token_file:  # access tokens live for an hour: another program renews the file
        await connection.login_token(settings.user, await _secret("token_file", settings.token_file))
    elif tokens is not None and not settings.password_file:
        await _log_in_by(tokens, connection, settings.user)
    else:
        await connection.login_password(settings.user, await _secret("password_file", settings.password_file))


async def _log_in_by(tokens: Tokens, connection: ImapConnection, user: str) -> None:
    try:
        token = await tokens.access()
    except (ConfigError, TokenUnavailable) as error:
        raise MailboxUnavailable(error.reason) from error
    try:
        await connection.login_token(user, token)
    except MailboxUnavailable as error:  # some servers say why, others end the connection
        tokens.reject(token)
        raise type(error)(sasl.without_echo(error.reason)) from None


async def _secret(key: str, path: str) -> str:
    try:
        return (await asyncio.to_thread(Path(path).read_text, "utf-8")).strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise MailboxUnavailable(f"[imap] {key}: {path}: {error}; mend: name a readable UTF-8 file") from error
