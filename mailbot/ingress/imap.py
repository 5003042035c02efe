"""Reading a mailbox over IMAP: every message is stored once, and nothing in the mailbox changes before the commit.

The cursor (UIDVALIDITY and the last UID) lies in the database and moves in the transaction that stores the messages, so
neither a crash, nor a flag set by a person, nor a long absence can lose a message or take it twice. It only says where
to look first: at each renewal every UID of the folder is compared with what is stored, for a server may leave one out
once. Nothing is deleted, no flag is set; taken messages are moved when the admin named a folder for them.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NoReturn

from sqlalchemy import Connection

from mailbot.config import ImapSettings
from mailbot.errors import MailbotError, MailboxUnavailable
from mailbot.inbox import Cursor, move_cursor, read_cursor, store, stored_uids, stored_whole
from mailbot.ingress import imap_syntax as syntax
from mailbot.ingress.imap_claim import Claim, Claimed, StandBy
from mailbot.ingress.imap_client import ImapConnection
from mailbot.ingress.imap_protocol import Refused
from mailbot.model import Envelope, RawMessage, Source
from mailbot.observe import Clock, step, utc_now
from mailbot.secret import Secret
from mailbot.storage.engine import Database

_LISTED = 500  # messages whose sizes are asked in one command: a UID set stays below 8,192 octets (RFC 7162 §4)
_BATCH_MESSAGES = 50
_BATCH_OCTETS = 8 * 2**20
_IDLE_SECONDS = 540  # 29 minutes is the bound of RFC 2177; NAT forgets connections earlier
_TRIES = 3  # failures of one message, fetched alone, before those behind it may pass
_PATIENCE = timedelta(hours=6)  # and with none behind it; a person still has most of the 24 hours
_LONGEST_BACKOFF = 300.0
_STANDBY_ATTEMPT = 5  # a process that waits for another's lease looks every 16 to 32 seconds


@dataclass(frozen=True, slots=True)
class _Listed:
    """A message in the mailbox. ``size`` is None when the server did not tell."""

    uid: int
    size: int | None
    received_at: datetime


@dataclass(slots=True)
class _Short:
    """Fewer octets than announced, and how many connections gave exactly these."""

    digest: bytes
    session: int
    times: int = 1
    whole: bool = False


def _at_least_half(item: _Listed, body: bytes) -> bool:
    return item.size is None or 2 * len(body) >= item.size


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
        self._mailbox = f"{settings.user}@{settings.host}/{settings.folder}"
        self._attempt = 0
        self._claim = Claim(settings, database, self._mailbox, clock)
        self._since = date.fromisoformat(settings.since) if settings.since else date.min
        self._taken_over_at: datetime | None = None
        self._compared = 0.0  # when the whole folder was, of the monotonic clock
        self._sessions = 0
        self._inexact = False  # the server told sizes that are too large of messages it gave twice alike
        self._uidvalidity: int | None = None  # of the mailbox that the next four speak of
        self._known: set[int] = set()  # UIDs that are stored, or older than the admin wants
        self._failures: dict[int, int] = {}  # UID → failures of a FETCH of it alone; being here: fetch it alone
        self._failing: dict[int, datetime] = {}  # UID → its first failure
        self._short: dict[int, _Short] = {}

    async def run(self) -> NoReturn:
        """Read until cancelled. No failure ends it: each is logged, then a back-off of 1 s to 5 min."""
        try:
            await self._read()
        finally:
            with suppress(Exception):  # then the lease runs out by itself
                await self._claim.release()

    async def _read(self) -> NoReturn:
        while True:
            try:
                await self._session()
            except StandBy as error:
                step("imap-standby", mailbox=self._mailbox, reason=error.reason)
                self._attempt = min(self._attempt, _STANDBY_ATTEMPT)
            except Claimed as error:
                step("imap-claimed", level=logging.ERROR, mailbox=self._mailbox, reason=error.reason)
            except MailbotError as error:
                step("imap-interrupted", level=logging.WARNING, mailbox=self._mailbox, reason=error.reason)
            except Exception as error:  # what a server can make go wrong must not end the intake
                reason = f"{type(error).__name__}: {error}"
                step("imap-interrupted", level=logging.ERROR, mailbox=self._mailbox, reason=reason)
            await self._sleep(self._backoff())

    def _backoff(self) -> float:
        longest = min(_LONGEST_BACKOFF, 2.0 ** min(self._attempt, 10))
        self._attempt += 1
        return max(1.0, longest * (1 + self._rand()) / 2)

    async def _session(self) -> NoReturn:
        """One connection, from login to its end; leaves only by an exception."""
        self._sessions += 1
        await self._claim.wait_for_lease()
        connection = await ImapConnection.open(self._settings)
        try:
            await log_in(connection, self._settings)
            await self._claim.take(connection)
            self._taken_over_at = await self._claim.taken_over_at()
            cursor = await self._cursor(await connection.open_folder(self._settings.folder))
            self.connected = True
            step("imap-connected", mailbox=self._mailbox, uidvalidity=cursor.uidvalidity, last_uid=cursor.last_uid)
            if self._settings.done_folder and not connection.has("MOVE"):
                step(
                    "imap-no-move", level=logging.WARNING, mailbox=self._mailbox, reason="messages stay where they are"
                )
            await self._move_left_behind(connection, cursor)
            cursor = await self._drain(connection, cursor)
            cursor = await self._compare(connection, cursor)
            while True:
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

    async def _cursor(self, uidvalidity: int) -> Cursor:
        """Where to go on. Under a new UIDVALIDITY all UIDs are new: read from the start (repeats are known later)."""
        if uidvalidity != self._uidvalidity:
            self._uidvalidity = uidvalidity
            for about in (self._known, self._failures, self._failing, self._short):
                about.clear()
        cursor = await self._database.read(lambda connection: read_cursor(connection, self._mailbox))
        if cursor is not None and cursor.uidvalidity == uidvalidity:
            return cursor
        if cursor is not None:
            step("imap-uidvalidity", level=logging.WARNING, mailbox=self._mailbox, uidvalidity=uidvalidity)
        return Cursor(self._mailbox, uidvalidity, 0)

    async def _drain(self, connection: ImapConnection, cursor: Cursor) -> Cursor:
        """Take everything above ``cursor``; returns where it ended."""
        before: list[int] = []
        while uids := [uid for uid in await connection.search_after(cursor.last_uid) if uid not in self._known]:
            self._refuse_ghosts(uids, before)
            before = uids
            cursor = await self._take_all(connection, cursor, uids)
        return cursor

    async def _compare(self, connection: ImapConnection, cursor: Cursor) -> Cursor:
        """Take whatever lies in the folder and is not stored, and note that the mailbox was seen."""
        before: list[int] = []
        while True:
            there = await connection.list_all()
            if len(there) < connection.exists:
                lacking = connection.exists - len(there)
                step("imap-incomplete", level=logging.WARNING, mailbox=self._mailbox, lacking=lacking)
            uids = [uid for uid in there if uid not in self._known]
            self._known.update(await self._database.read(partial(stored_uids, cursor=cursor, uids=uids)))
            if not (uids := [uid for uid in uids if uid not in self._known]):
                break
            self._refuse_ghosts(uids, before)
            before = uids
            cursor = await self._take_all(connection, cursor, uids)
        self._compared = time.monotonic()
        now = self._clock()

        def seen(c: Connection) -> None:
            self._claim.renew(c)
            move_cursor(c, cursor, now)

        await self._database.write(seen)
        self.last_poll = now
        self._attempt = 0
        for about in (self._failures, self._failing, self._short):
            about.clear()
        return cursor

    def _refuse_ghosts(self, uids: Sequence[int], before: Sequence[int]) -> None:
        """Messages that are listed, then said to be gone, then listed again must not make us spin."""
        if uids == before:
            for uid in uids:
                self._count_failure(uid)
            raise MailboxUnavailable(f"the server lists {len(uids)} messages and says that they are gone")

    def _count_failure(self, uid: int) -> None:
        self._failures[uid] = self._failures.get(uid, 0) + 1
        self._failing.setdefault(uid, self._clock())

    async def _take_all(self, connection: ImapConnection, cursor: Cursor, uids: Sequence[int]) -> Cursor:
        """Take these messages, but for those from before the day that the admin named."""
        first = cursor.last_uid == 0
        wanted = 0
        for start in range(0, len(uids), _LISTED):
            listed = await self._list(connection, uids[start : start + _LISTED])
            young = [item for item in listed if item.received_at.date() >= self._since]
            self._known.update({item.uid for item in listed} - {item.uid for item in young})
            wanted += len(young)
            for batch in self._batches(young):
                cursor = await self._take(connection, cursor, batch)
        if first:
            step("imap-first-look", mailbox=self._mailbox, there=len(uids), before_since=len(uids) - wanted)
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
            received_at = syntax.arrival(items.get("INTERNALDATE", b""), now)
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
            cursor = Cursor(cursor.mailbox, cursor.uidvalidity, max(cursor.last_uid, there[-1].uid))
            taken = {item.uid: self._message(cursor, item, bodies) for item in there}
            await self._store(cursor, list(taken.values()))
            for item in there:
                self._known.add(item.uid)
                for about in (self._failures, self._failing, self._short):
                    about.pop(item.uid, None)
            await self._move(connection, [uid for uid, message in taken.items() if message.envelope.note is None])
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
                self._count_failure(item.uid)
                step("imap-failed-message", level=logging.WARNING, uid=item.uid, reason=error.reason)
                if not isinstance(error, Refused):
                    break
        return {uid: body for uid, body in bodies.items() if body is not None or self._failures.get(uid, 0) < _TRIES}

    async def _fetch(self, connection: ImapConnection, batch: Sequence[_Listed]) -> dict[int, bytes | None]:
        """As ``_bodies``, but complete or Refused. PEEK: \\Seen is not set. Of a message too large only the header."""
        section = "HEADER" if self._too_large(batch[0]) else ""
        found = await connection.fetch_items([item.uid for item in batch], f"(UID BODY.PEEK[{section}])")
        bodies: dict[int, bytes | None] = {}
        for item in batch:
            bodies[item.uid] = found.get(item.uid, {}).get(f"BODY[{section}]")
        parts = [item.uid for item in batch if not self._is_whole(item, bodies[item.uid])]
        if parts:
            raise Refused(f"FETCH: fewer octets than RFC822.SIZE of {len(parts)} messages")
        missing = [uid for uid, body in bodies.items() if body is None]
        if missing and (kept := await connection.search("UID", syntax.uid_set(missing))):
            raise Refused(f"FETCH: no body for {len(kept)} messages that are there")
        return bodies

    def _is_whole(self, item: _Listed, body: bytes | None) -> bool:
        """Whether ``body`` is all that the server will ever give of a message that is there.

        No octets are never a message, but where the size says so. Fewer than announced may be all: some servers guess
        (Exchange), or count line ends otherwise. So they count when two connections give the same, or two commands
        once the server is known for it; less than half needs more connections, and a person looks (``_message``).
        More octets than announced lack nothing.
        """
        if body is None or self._too_large(item) or (item.size is not None and item.size <= len(body)):
            return True
        if not body or item.size is None:
            return bool(body)
        digest = hashlib.sha256(body).digest()
        seen = self._short.get(item.uid)
        if seen is None or seen.digest != digest:
            self._short[item.uid] = _Short(digest, self._sessions)
            return False
        if seen.session != self._sessions:
            seen.session, seen.times = self._sessions, seen.times + 1
        elif not self._inexact:
            return seen.whole
        seen.whole = seen.times >= (2 if _at_least_half(item, body) else _TRIES) or (
            self._inexact and _at_least_half(item, body)
        )
        if seen.whole and not self._inexact and _at_least_half(item, body):
            self._inexact = True
            step("imap-sizes-inexact", level=logging.WARNING, mailbox=self._mailbox, uid=item.uid)
        return seen.whole

    def _head(self, batch: Sequence[_Listed], bodies: Mapping[int, bytes | None]) -> Sequence[_Listed]:
        """The messages before the first failed one. A failed one is passed over, and noted for a person, only when it
        failed often and one behind it did not, or for very long: else the fault may be the server's."""
        for index, item in enumerate(batch):
            if item.uid in bodies:
                continue
            others_pass = any(bodies.get(later.uid) is not None for later in batch[index + 1 :])
            waited = self._clock() - self._failing.get(item.uid, self._clock()) >= _PATIENCE
            if self._failures.get(item.uid, 0) < _TRIES or not (others_pass or waited):
                return batch[:index]
        return batch

    def _too_large(self, item: _Listed) -> bool:
        return item.size is not None and item.size > self._settings.max_size

    def _message(self, cursor: Cursor, item: _Listed, bodies: Mapping[int, bytes | None]) -> RawMessage:
        note, body = None, bodies.get(item.uid) or b""
        if item.uid not in bodies:
            note = f"unreadable: the server failed to give this message {_TRIES} times"
        elif self._too_large(item):
            note = f"oversized: {item.size} octets, only the header was fetched"
        elif not _at_least_half(item, body):
            note = f"unreadable: the server gives {len(body)} of {item.size} octets"
        envelope = Envelope(
            Source.IMAP,
            mailbox=self._mailbox,
            uidvalidity=cursor.uidvalidity,
            uid=item.uid,
            note=note,
            again=self._may_be_answered(item),
        )
        return RawMessage(body, envelope, item.received_at)

    def _may_be_answered(self, item: _Listed) -> bool:
        """Whether the one who read the mailbox before us may have taken it: without a folder for taken messages nobody
        can tell."""
        taken_over = self._taken_over_at
        return taken_over is not None and not self._settings.done_folder and item.received_at < taken_over

    async def _store(self, cursor: Cursor, messages: Sequence[RawMessage]) -> None:
        now = self._clock()

        def work(connection: Connection) -> int:
            self._claim.renew(connection)
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
        await log_in(connection, settings)
        await connection.open_folder(settings.folder)
        lacking = [name for name in ("IDLE", "MOVE") if not connection.has(name)]
    finally:
        connection.abort()
    told = f"{settings.host}:{settings.port}: folder {settings.folder} can be opened"
    return f"{told}; the server has no {', '.join(lacking)}" if lacking else told


async def log_in(connection: ImapConnection, settings: ImapSettings) -> None:
    """As the settings say; the secret is read anew."""
    if settings.token_file:  # access tokens live for an hour: another program renews the file
        await connection.login_token(settings.user, await _secret("token_file", settings.token_file))
    else:
        await connection.login_password(settings.user, await _secret("password_file", settings.password_file))


async def _secret(key: str, path: str) -> str:
    try:
        return (await asyncio.to_thread(Path(path).read_text, "utf-8")).strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise MailboxUnavailable(f"[imap] {key}: {path}: {error}; mend: name a readable UTF-8 file") from error
