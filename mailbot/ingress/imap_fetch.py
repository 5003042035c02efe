"""Getting messages whole from a server that may leave out, cut off, or fail at one and not at the next."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailbot.errors import MailboxUnavailable
from mailbot.ingress import imap_syntax as syntax
from mailbot.ingress.imap_client import ImapConnection
from mailbot.ingress.imap_protocol import CommandRefused
from mailbot.model import oversized
from mailbot.observe import Clock, log_event

LISTED = 500  # messages whose sizes are asked in one command: a UID set stays below 8,192 octets (RFC 7162 §4)
_BATCH_MESSAGES = 50
_BATCH_OCTETS = 8 * 2**20
_TRIES = 3  # failures of one message, fetched alone, before those behind it may pass
_PATIENCE = timedelta(hours=6)  # and with none behind it; a person still has most of the 24 hours


@dataclass(frozen=True, slots=True)
class Listed:
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


def is_large(batch: Sequence[Listed]) -> bool:
    """Whether it is a message that has a batch for itself."""
    return len(batch) == 1 and (batch[0].size is None or batch[0].size > _BATCH_OCTETS)


def _at_least_half(item: Listed, body: bytes) -> bool:
    return item.size is None or 2 * len(body) >= item.size


class Fetcher:
    """Fetches the messages of one folder, and remembers between connections what failed."""

    def __init__(self, max_size: int, clock: Clock) -> None:
        self._max_size = max_size
        self._clock = clock
        self._sessions = 0
        self._inexact = False  # the server told sizes that are too large of messages it gave twice alike
        self._failures: dict[int, int] = {}  # UID → failures of a FETCH of it alone; being here: fetch it alone
        self._failing: dict[int, datetime] = {}  # UID → its first failure
        self._short: dict[int, _Short] = {}
        self._ghosts: set[int] = set()

    def new_session(self) -> None:
        """A connection begins: what it gives tells more than what the last one gave again."""
        self._sessions += 1

    def forget(self, uids: Sequence[int] | None = None) -> None:
        """What was known of these messages, or of all, does not matter any more."""
        for about in (self._failures, self._failing, self._short):
            for uid in list(about) if uids is None else uids:
                about.pop(uid, None)
        self._ghosts -= self._ghosts if uids is None else set(uids)

    def count_ghost(self, uid: int) -> None:
        """The server lists the message again that it said was gone. It is the message, then, and not the server."""
        self._ghosts.add(uid)
        self.count_failure(uid)

    def count_failure(self, uid: int) -> None:
        """A message that is there was not given."""
        self._failures[uid] = self._failures.get(uid, 0) + 1
        self._failing.setdefault(uid, self._clock())

    async def sizes(self, connection: ImapConnection, uids: Sequence[int]) -> list[Listed]:
        """Size and date of each message, asked twice. Where the server does not tell, fetching it will show why."""
        found: dict[int, dict[str, bytes]] = {}
        for _ in range(2):
            with suppress(CommandRefused):
                untold = [uid for uid in uids if "RFC822.SIZE" not in found.get(uid, {})]
                found |= await connection.fetch_items(untold, "(UID RFC822.SIZE INTERNALDATE)")
        now = self._clock()
        listed = []
        for uid in uids:
            items = found.get(uid, {})
            received_at = syntax.arrival(items.get("INTERNALDATE", b""), now)
            listed.append(Listed(uid, syntax.number(items.get("RFC822.SIZE", b"")), received_at))
        return listed

    def batches(self, listed: Sequence[Listed]) -> Iterator[list[Listed]]:
        """Cut into transactions. A message too large, or of unknown size, is alone; one that failed before goes with
        the next, which alone can show that the fault is the message's and not the server's."""
        batch: list[Listed] = []
        octets = 0
        for item in listed:
            size = item.size if item.size is not None and item.size <= self._max_size else _BATCH_OCTETS + 1
            full = len(batch) == _BATCH_MESSAGES or octets + size > _BATCH_OCTETS
            if batch and full and batch[-1].uid not in self._failures:
                yield batch
                batch, octets = [], 0
            batch.append(item)
            octets += size
        if batch:
            yield batch

    async def bodies(self, connection: ImapConnection, batch: Sequence[Listed]) -> dict[int, bytes | None]:
        """UID → octets, None for a message that is gone; one that failed is absent.

        One command for all; where that fails each message alone, those that failed before last, for they may break the
        connection again.
        """
        if not any(item.uid in self._failures for item in batch):
            try:
                return await self._fetch(connection, batch)
            except CommandRefused:
                pass
            except MailboxUnavailable:
                self._failures.update((item.uid, 0) for item in batch)
                raise
        bodies: dict[int, bytes | None] = {}
        for item in sorted(batch, key=lambda item: (self._failures.get(item.uid, 0), item.uid)):
            try:
                bodies |= await self._fetch(connection, [item])
            except MailboxUnavailable as error:
                self.count_failure(item.uid)
                log_event("imap-failed-message", level=logging.WARNING, uid=item.uid, reason=error.reason)
                if not isinstance(error, CommandRefused):
                    break
        return {uid: body for uid, body in bodies.items() if body is not None or self._failures.get(uid, 0) < _TRIES}

    async def _fetch(self, connection: ImapConnection, batch: Sequence[Listed]) -> dict[int, bytes | None]:
        """As ``bodies``, but complete or CommandRefused. PEEK: \\Seen is not set. Only the header of one too large."""
        section = "HEADER" if self._too_large(batch[0]) else ""
        found = await connection.fetch_items([item.uid for item in batch], f"(UID BODY.PEEK[{section}])")
        bodies: dict[int, bytes | None] = {}
        for item in batch:
            bodies[item.uid] = found.get(item.uid, {}).get(f"BODY[{section}]")
        parts = [item.uid for item in batch if not self._is_whole(item, bodies[item.uid])]
        if parts:
            raise CommandRefused(f"FETCH: fewer octets than RFC822.SIZE of {len(parts)} messages")
        missing = [uid for uid, body in bodies.items() if body is None]
        if missing and (kept := await connection.search("UID", syntax.uid_set(missing))):
            raise CommandRefused(f"FETCH: no body for {len(kept)} messages that are there")
        return bodies

    def _is_whole(self, item: Listed, body: bytes | None) -> bool:
        """Whether ``body`` is all that the server will ever give of a message that is there.

        No octets are never a message, but where the size says so. Fewer than announced may be all: some servers guess
        (Exchange), or count line ends otherwise. So they count when two connections give the same, or two commands
        once the server is known for it; less than half needs more connections, and a person looks (``note``).
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
        another = seen.session != self._sessions
        if another:
            seen.session, seen.times = self._sessions, seen.times + 1
        if not _at_least_half(item, body):
            return seen.times >= _TRIES
        if another and not self._inexact:
            self._inexact = True
            log_event("imap-sizes-inexact", level=logging.WARNING, uid=item.uid)
        return self._inexact

    def head(self, batch: Sequence[Listed], bodies: Mapping[int, bytes | None]) -> Sequence[Listed]:
        """The messages before the first failed one. A failed one is passed over, and noted for a person, only when it
        failed often and one behind it did not, or for very long: else the fault may be the server's."""
        for index, item in enumerate(batch):
            if item.uid in bodies:
                continue
            others_pass = any(bodies.get(later.uid) is not None for later in batch[index + 1 :])
            waited = self._clock() - self._failing.get(item.uid, self._clock()) >= _PATIENCE
            if self._failures.get(item.uid, 0) < _TRIES or not (others_pass or waited or item.uid in self._ghosts):
                return batch[:index]
        return batch

    def _too_large(self, item: Listed) -> bool:
        return item.size is not None and item.size > self._max_size

    def note(self, item: Listed, body: bytes | None) -> str | None:
        """Why ``body`` (None: it failed) is not the whole message; None: it is."""
        if body is None:
            return f"unreadable: the server failed to give this message {_TRIES} times"
        if self._too_large(item):
            return oversized(item.size)
        if not _at_least_half(item, body):
            return f"unreadable: the server gives {len(body)} of {item.size} octets"
        return None
