"""Reading a mailbox over IMAP: every message is stored once, and nothing in the mailbox changes before the commit.

The cursor (UIDVALIDITY and the last UID) lies in the database and moves in the transaction that stores the messages, so
neither a crash, nor a flag set by a person, nor a long absence can lose a message or take it twice. Nothing is deleted,
no flag is set; taken messages are moved when the admin named a folder for them.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NoReturn

from sqlalchemy import Connection

from mailbot.config import ImapSettings
from mailbot.errors import MailbotError, MailboxUnavailable
from mailbot.inbox import Cursor, move_cursor, read_cursor, store, stored_whole
from mailbot.ingress import imap_syntax as syntax
from mailbot.ingress.imap_client import ImapConnection
from mailbot.ingress.imap_protocol import Refused
from mailbot.model import Envelope, RawMessage, Source
from mailbot.observe import Clock, failure, step, utc_now
from mailbot.secret import Secret
from mailbot.storage.engine import Database

_LISTED = 500  # messages whose sizes are asked in one command: a UID set stays below 8,192 octets (RFC 7162 §4)
_BATCH_MESSAGES = 50
_BATCH_OCTETS = 8 * 2**20
_IDLE_SECONDS = 540  # 29 minutes is the bound of RFC 2177; NAT forgets connections earlier
_TRIES = 3  # failures of one message, fetched alone, before those behind it may pass
_LONGEST_BACKOFF = 300.0


@dataclass(frozen=True, slots=True)
class _Listed:
    """A message in the mailbox. ``size`` is None when the server did not tell."""

    uid: int
    size: int | None
    received_at: datetime


class ImapReader:
    """Takes the messages of one folder into the inbox, for ever.

    ``on_stored`` is called after each commit. ``last_poll`` (the last time the folder was seen to hold nothing new) and
    ``connected`` are for health checks. ``rand`` gives numbers in [0, 1) for the jitter.
    """

    def __init__(
        self,
        settings: ImapSettings,
        database: Database,
        secret: Secret,
        clock: Clock = utc_now,
        on_stored: Callable[[], None] = lambda: None,
        *,
        rand: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.last_poll: datetime | None = None
        self.connected = False
        self._settings = settings
        self._database = database
        self._secret = secret
        self._clock = clock
        self._on_stored = on_stored
        self._rand = rand
        self._sleep = sleep
        self._mailbox = settings.mailbox
        self._attempt = 0
        self._uidvalidity: int | None = None  # of the mailbox that the next one speaks of
        self._failures: dict[int, int] = {}  # UID → failures of a FETCH of it alone; being here: fetch it alone

    async def run(self) -> NoReturn:
        """Read until cancelled. No failure ends it: each is logged, then a back-off of 1 s to 5 min."""
        while True:
            try:
                await self._session()
            except MailbotError as error:
                step("imap-interrupted", level=logging.WARNING, mailbox=self._mailbox, reason=error.reason)
            except Exception as error:  # what a server can make go wrong must not end the intake
                failure("imap-interrupted", error, mailbox=self._mailbox)
            await self._sleep(self._backoff())

    def _backoff(self) -> float:
        longest = min(_LONGEST_BACKOFF, 2.0 ** min(self._attempt, 10))
        self._attempt += 1
        return max(1.0, longest * (1 + self._rand()) / 2)

    async def _session(self) -> NoReturn:
        """One connection, from login to its end; leaves only by an exception."""
        connection = await ImapConnection.open(self._settings)
        try:
            await _log_in(connection, self._settings)
            cursor = await self._cursor(await connection.open_folder(self._settings.folder))
            self.connected = True
            step("imap-connected", mailbox=self._mailbox, uidvalidity=cursor.uidvalidity, last_uid=cursor.last_uid)
            if self._settings.done_folder and not connection.has("MOVE"):
                step(
                    "imap-no-move", level=logging.WARNING, mailbox=self._mailbox, reason="messages stay where they are"
                )
            await self._move_left_behind(connection, cursor)
            cursor = await self._drain(connection, cursor)
            while True:
                announced = await connection.wait(min(self._settings.poll_seconds, _IDLE_SECONDS))
                before, cursor = cursor, await self._drain(connection, cursor)
                if announced and cursor == before:
                    await self._sleep(1)  # a server that announces what is not there must not make us spin
        finally:
            self.connected = False
            connection.abort()

    async def _cursor(self, uidvalidity: int) -> Cursor:
        """Where to go on. Under a new UIDVALIDITY all UIDs are new: read from the start (repeats are known later)."""
        if uidvalidity != self._uidvalidity:
            self._uidvalidity = uidvalidity
            self._failures.clear()
        cursor = await self._database.read(lambda connection: read_cursor(connection, self._mailbox))
        if cursor is not None and cursor.uidvalidity == uidvalidity:
            return cursor
        if cursor is not None:
            step("imap-uidvalidity", level=logging.WARNING, mailbox=self._mailbox, uidvalidity=uidvalidity)
        return Cursor(self._mailbox, uidvalidity, 0)

    async def _drain(self, connection: ImapConnection, cursor: Cursor) -> Cursor:
        """Take everything above ``cursor``; returns where it ended, and notes that the mailbox was seen."""
        start = cursor
        before: Sequence[int] = ()
        while uids := await connection.search_after(cursor.last_uid):
            if uids == before:
                raise MailboxUnavailable(f"the server lists {len(uids)} messages and says that they are gone")
            before = uids
            for first in range(0, len(uids), _LISTED):
                for batch in self._batches(await self._list(connection, uids[first : first + _LISTED])):
                    cursor = await self._take(connection, cursor, batch)
        now = self._clock()
        if cursor == start:
            await self._database.write(lambda c: move_cursor(c, cursor, now))
        self.last_poll = now
        self._attempt = 0
        self._failures.clear()
        return cursor

    async def _list(self, connection: ImapConnection, uids: Sequence[int]) -> list[_Listed]:
        """Size and date of each message. Where the server fails to tell, fetching the message will show why."""
        try:
            found = await connection.fetch_items(uids, "(UID RFC822.SIZE INTERNALDATE)")
        except Refused:
            found = {}
        now = self._clock()
        listed = []
        for uid in uids:
            items = found.get(uid, {})
            received_at = syntax.internal_date(items.get("INTERNALDATE", b"")) or now
            listed.append(_Listed(uid, syntax.number(items.get("RFC822.SIZE", b"")), received_at))
        return listed

    def _batches(self, listed: Sequence[_Listed]) -> Iterator[list[_Listed]]:
        """Cut into transactions. A message too large, or of unknown size, is alone; one that failed before goes with
        the next, which alone can show that the fault is the message's and not the server's."""
        batch: list[_Listed] = []
        octets = 0
        for item in listed:
            size = item.size if item.size is not None and item.size <= self._settings.max_size else _BATCH_OCTETS + 1
            full = len(batch) == _BATCH_MESSAGES or octets + size > _BATCH_OCTETS
            if batch and full and batch[-1].uid not in self._failures:
                yield batch
                batch, octets = [], 0
            batch.append(item)
            octets += size
        if batch:
            yield batch

    async def _take(self, connection: ImapConnection, cursor: Cursor, batch: Sequence[_Listed]) -> Cursor:
        """Store a batch and move the cursor in one transaction, then move the messages.

        A message that failed stops the batch: what lies before it is taken, and the connection is made anew.
        """
        bodies = await self._bodies(connection, batch)
        head = self._head(batch, bodies)
        there = [item for item in head if bodies.get(item.uid, b"") is not None]
        if there:  # the cursor never passes the last message we hold: a server may name UIDs that it has yet to give
            cursor = Cursor(cursor.mailbox, cursor.uidvalidity, there[-1].uid)
            await self._store(cursor, [self._message(cursor, item, bodies) for item in there])
            for item in there:
                self._failures.pop(item.uid, None)
            whole = [item.uid for item in there if item.uid in bodies and not self._too_large(item)]
            await self._move(connection, whole)
        if len(head) < len(batch):
            raise MailboxUnavailable(f"UID {batch[len(head)].uid} cannot be fetched")
        return cursor

    async def _bodies(self, connection: ImapConnection, batch: Sequence[_Listed]) -> dict[int, bytes | None]:
        """UID → octets, None for a message that is gone; one that failed is absent.

        One command for all; where that fails each message alone, those that failed before last, for they may break the
        connection again.
        """
        if not any(item.uid in self._failures for item in batch):
            try:
                return await self._fetch(connection, batch)
            except Refused:
                pass
            except MailboxUnavailable:
                self._failures.update((item.uid, 0) for item in batch)
                raise
        bodies: dict[int, bytes | None] = {}
        for item in sorted(batch, key=lambda item: (self._failures.get(item.uid, 0), item.uid)):
            try:
                bodies |= await self._fetch(connection, [item])
            except MailboxUnavailable as error:
                self._failures[item.uid] = self._failures.get(item.uid, 0) + 1
                step("imap-failed-message", level=logging.WARNING, uid=item.uid, reason=error.reason)
                if not isinstance(error, Refused):
                    break
        return bodies

    async def _fetch(self, connection: ImapConnection, batch: Sequence[_Listed]) -> dict[int, bytes | None]:
        """As ``_bodies``, but complete or Refused. PEEK: \\Seen is not set. Of a message too large only the header."""
        section = "HEADER" if self._too_large(batch[0]) else ""
        found = await connection.fetch_items([item.uid for item in batch], f"(UID BODY.PEEK[{section}])")
        bodies: dict[int, bytes | None] = {}
        for item in batch:
            bodies[item.uid] = found.get(item.uid, {}).get(f"BODY[{section}]")
        missing = [uid for uid, body in bodies.items() if body is None]
        if missing and (kept := await connection.search("UID", syntax.uid_set(missing))):
            raise Refused(f"FETCH: no body for {len(kept)} messages that are there")
        return bodies

    def _head(self, batch: Sequence[_Listed], bodies: Mapping[int, bytes | None]) -> Sequence[_Listed]:
        """The messages before the first failed one. A failed one is passed over, and noted for a person, only when it
        failed often and one behind it did not: else the fault may be the server's, and patience loses nothing."""
        for index, item in enumerate(batch):
            if item.uid in bodies:
                continue
            others_pass = any(bodies.get(later.uid) is not None for later in batch[index + 1 :])
            if self._failures.get(item.uid, 0) < _TRIES or not others_pass:
                return batch[:index]
        return batch

    def _too_large(self, item: _Listed) -> bool:
        return item.size is not None and item.size > self._settings.max_size

    def _message(self, cursor: Cursor, item: _Listed, bodies: Mapping[int, bytes | None]) -> RawMessage:
        note = None
        if item.uid not in bodies:
            note = f"unreadable: the server failed to give this message {_TRIES} times"
        elif self._too_large(item):
            note = f"oversized: {item.size} octets, only the header was fetched"
        envelope = Envelope(Source.IMAP, mailbox=self._mailbox, uidvalidity=cursor.uidvalidity, uid=item.uid, note=note)
        return RawMessage(bodies.get(item.uid) or b"", envelope, item.received_at)

    async def _store(self, cursor: Cursor, messages: Sequence[RawMessage]) -> None:
        now = self._clock()

        def work(connection: Connection) -> int:
            stored = store(connection, messages, now, self._secret)
            move_cursor(connection, cursor, now)
            return sum(one.new for one in stored)

        new = await self._database.write(work)
        step("imap-stored", mailbox=self._mailbox, last_uid=cursor.last_uid, new=new)
        if new:
            self._on_stored()

    async def _move_left_behind(self, connection: ImapConnection, cursor: Cursor) -> None:
        """Move what an earlier connection, or a process that died, stored and did not move."""
        if not self._settings.done_folder or not cursor.last_uid:
            return
        there = [uid for uid in await connection.search("UID", f"1:{cursor.last_uid}") if uid <= cursor.last_uid]
        for start in range(0, len(there), _LISTED):
            uids = there[start : start + _LISTED]
            await self._move(connection, await self._database.read(partial(stored_whole, cursor=cursor, uids=uids)))

    async def _move(self, connection: ImapConnection, uids: Sequence[int]) -> None:
        """Move what is stored to the folder for it. A refusal is only logged: the cursor prevents a second ticket."""
        if uids and self._settings.done_folder and connection.has("MOVE"):
            try:
                await connection.move_to(uids, self._settings.done_folder)
            except Refused as error:
                step("imap-not-moved", level=logging.WARNING, mailbox=self._mailbox, reason=error.reason)


async def probe(settings: ImapSettings) -> str:
    """Log in and open the folder, and say what the server can do. Raises MailboxUnavailable or ConfigError."""
    connection = await ImapConnection.open(settings)
    try:
        await _log_in(connection, settings)
        await connection.open_folder(settings.folder)
        lacking = [name for name in ("IDLE", "MOVE") if not connection.has(name)]
    finally:
        connection.abort()
    told = f"{settings.host}:{settings.port}: folder {settings.folder} can be opened"
    return f"{told}; the server has no {', '.join(lacking)}" if lacking else told


async def _log_in(connection: ImapConnection, settings: ImapSettings) -> None:
    if settings.token_file:  # access tokens live for an hour: another program renews the file
        await connection.login_token(settings.user, await _secret("token_file", settings.token_file))
    else:
        await connection.login_password(settings.user, await _secret("password_file", settings.password_file))


async def _secret(key: str, path: str) -> str:
    try:
        return (await asyncio.to_thread(Path(path).read_text, "utf-8")).strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise MailboxUnavailable(f"[imap] {key}: {path}: {error}; mend: name a readable UTF-8 file") from error
