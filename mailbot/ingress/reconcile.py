"""The mailbox against the database: what was taken once and is in no row, as after a restore, is taken in again.

A message is known by its place, by its Message-ID with the size or time of arrival, or by the digest of its octets, for
a MOVE gives it a new UID. One message is in memory at a time, whatever lies in the mailbox: what is missing is fetched
once to be compared, and once more to be stored.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from mailbot.config import ImapSettings
from mailbot.errors import MailboxUnavailable
from mailbot.inbox import Cursor, MessageTraits, store, stored_digests, stored_traits, stored_uids
from mailbot.ingress import imap_syntax as syntax
from mailbot.ingress.imap import first_day, log_in, may_be_answered
from mailbot.ingress.imap_claim import Claim, save
from mailbot.ingress.imap_client import ImapConnection
from mailbot.ingress.imap_numbering import where_to_go_on
from mailbot.ingress.imap_protocol import CommandRefused
from mailbot.model import Envelope, RawMessage, Source, oversized
from mailbot.oauth import Tokens
from mailbot.observe import Clock, log_event
from mailbot.secret import Secret
from mailbot.storage.database import Database

_LISTED = 500
_ITEMS = "(UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"
_ID = re.compile(rb"<[^<>\s]+@[^<>\s]+>")


@dataclass(slots=True)
class FolderReport:
    """What one folder holds. ``failed``: missing and not to be had from the server now."""

    folder: str
    compared: int = 0
    missing: int = 0
    taken: int = 0
    failed: int = 0

    @property
    def left(self) -> int:
        """Missing still."""
        return self.missing - self.taken


@dataclass(frozen=True, slots=True)
class _Item:
    uid: int
    traits: MessageTraits


class Reconciler:
    """Compares one mailbox, its folder and that of taken messages."""

    def __init__(
        self,
        settings: ImapSettings,
        database: Database,
        secret: Secret,
        clock: Clock,
        tokens: Tokens | None = None,
    ) -> None:
        self._tokens = tokens
        self._settings = settings
        self._database = database
        self._secret = secret
        self._clock = clock
        self._mailbox = settings.mailbox
        self._claim = Claim(settings, database, self._mailbox, clock)
        self._taken_over_at: datetime | None = None

    async def run(self, *, dry_run: bool, take_over: bool) -> list[FolderReport]:
        """Compare, and take in what is missing unless ``dry_run``, which writes nothing.

        Raises Claimed when another installation reads the mailbox and is not to lose it; MailboxUnavailable.
        """
        connection = await ImapConnection.open(self._settings)
        try:
            await log_in(connection, self._settings, self._tokens)
            if (take_over and not dry_run) or (not dry_run and await self._claim.check(connection)):
                await self._claim.take_over(connection)
            self._taken_over_at = await self._claim.taken_over_at()
            folders = dict.fromkeys(name for name in (self._settings.done_folder, self._settings.folder) if name)
            found = [await self._folder(connection, folder, dry_run=dry_run) for folder in folders]
        finally:
            connection.abort()
        if not dry_run:
            done = {"reconciled_at": self._clock(), "reconciled_missing": sum(one.left for one in found)}
            await self._database.write(lambda c: save(c, self._mailbox, done))
        return found

    async def _folder(self, connection: ImapConnection, folder: str, *, dry_run: bool) -> FolderReport:
        uidvalidity, mailbox = await connection.open_folder(folder, read_only=True), self._settings.mailbox_of(folder)
        cursor = await where_to_go_on(connection, uidvalidity, mailbox, self._database, self._secret)
        found = FolderReport(folder)
        uids = await connection.list_all()
        if len(uids) < connection.exists:
            raise MailboxUnavailable(f"the server lists {len(uids)} of {connection.exists} messages in {folder}")
        for start in range(0, len(uids), _LISTED):
            chunk = uids[start : start + _LISTED]
            items = await self._unknown(connection, cursor, chunk)
            await self._examine(connection, cursor, items, found, dry_run=dry_run)
            found.compared += len(chunk)
            log_event("reconciled", folder=folder, compared=found.compared, missing=found.missing, taken=found.taken)
        return found

    async def _unknown(self, connection: ImapConnection, cursor: Cursor, uids: Sequence[int]) -> list[_Item]:
        """Those of ``uids`` of which neither place nor Message-ID is known."""
        stored = await self._database.read(lambda c: stored_uids(c, cursor, uids))
        rest = [uid for uid in uids if uid not in stored]
        items = list(self._items(rest, await connection.fetch_items(rest, _ITEMS)))
        named = [item.traits.message_id for item in items]
        traces = await self._database.read(lambda c: stored_traits(c, named, self._secret))
        first = first_day(self._settings)
        return [
            item
            for item in items
            if item.traits.received_at.date() >= first and not any(item.traits.same_as(traits) for traits in traces)
        ]

    def _items(self, uids: Sequence[int], found: dict[int, dict[str, bytes]]) -> Iterator[_Item]:
        """What the server says of each of ``uids``; of one that it says nothing about, nothing is known."""
        now = self._clock()
        for uid in uids:
            items = found.get(uid, {})
            header = next((value for name, value in items.items() if name.startswith("BODY[HEADER")), b"")
            ids = _ID.findall(header)
            name = ids[0].decode("ascii", "replace") if len(ids) == 1 else None
            size = syntax.number(items.get("RFC822.SIZE", b""))
            yield _Item(uid, MessageTraits(name, size, syntax.arrival(items.get("INTERNALDATE", b""), now)))

    async def _examine(
        self,
        connection: ImapConnection,
        cursor: Cursor,
        items: Sequence[_Item],
        found: FolderReport,
        *,
        dry_run: bool,
    ) -> None:
        """Of messages nobody knows by their headers, those whose octets are not known either are missing."""
        digests = [_digest((await self._octets(connection, item))[0]) for item in items]
        known = {digest for digest in digests if digest}
        stored = await self._database.read(lambda c: stored_digests(c, known, self._secret))
        for item, digest in zip(items, digests, strict=True):
            if digest in stored:
                continue
            found.missing += 1
            raw, note = (None, None) if digest is None else await self._octets(connection, item)
            if raw is None:
                found.failed += 1
            elif not dry_run:
                await self._store(self._message(cursor, item, raw, note))
                stored |= {digest} if digest else set()  # it may lie there twice
                found.taken += 1

    async def _octets(self, connection: ImapConnection, item: _Item) -> tuple[bytes | None, str | None]:
        """The message, or of one too large the header with a note; None when the server does not give it whole."""
        size = item.traits.size
        large = size is not None and size > self._settings.max_size
        section = "HEADER" if large else ""
        try:
            found = await connection.fetch_items([item.uid], f"(UID BODY.PEEK[{section}])")
        except CommandRefused:
            return None, None
        raw = found.get(item.uid, {}).get(f"BODY[{section}]")
        if large:
            return raw, oversized(size)
        return (raw if raw and 2 * len(raw) >= (size or 0) else None), None

    def _message(self, cursor: Cursor, item: _Item, raw: bytes, note: str | None) -> RawMessage:
        received_at = item.traits.received_at
        taken_before = cursor.mailbox != self._mailbox
        envelope = Envelope(
            Source.IMAP,
            mailbox=cursor.mailbox,
            uidvalidity=cursor.uidvalidity,
            uid=item.uid,
            note=note,
            again=taken_before or may_be_answered(self._settings, self._taken_over_at, received_at),
        )
        return RawMessage(raw, envelope, received_at)

    async def _store(self, message: RawMessage) -> None:
        def work(connection: Connection) -> None:
            store(connection, [message], self._clock(), self._secret)

        await self._database.write(work)


def _digest(raw: bytes | None) -> str | None:
    """None: there are no octets to be had; empty: of none."""
    if raw is None:
        return None
    return hashlib.sha256(raw).hexdigest() if raw else ""
