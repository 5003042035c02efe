"""Who reads a mailbox: one installation of all, and of it one process at a time.

Of processes with one database the one that holds the lease reads. Other installations cannot see that row, so the
mailbox itself says whose it is: a folder holds markers, small messages, each of which names the one it follows. A
marker that follows any other than the last valid one is void, so of two that are written at once only one counts, on
any server that keeps messages in the order of their UIDs. Nothing is ever deleted or changed there.

Every process writes a marker of its own when it begins: so a copy of the database on a second machine is seen as well.
One that ends in order writes that the mailbox is free, and one of this machine that is dead holds nothing; else
somebody must say that it was stopped (`mailbot reconcile --take-over`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.parser import BytesHeaderParser
from email.utils import format_datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from mailbot.config import ImapSettings
from mailbot.errors import MailboxUnavailable
from mailbot.ingress import imap_syntax as syntax
from mailbot.ingress.imap_client import ImapConnection
from mailbot.ingress.imap_protocol import CommandRefused
from mailbot.machine import own_name
from mailbot.observe import Clock, log_event
from mailbot.storage.database import Database
from mailbot.storage.mailbox import mailbox_claim

NOBODY = "none"
_FIELDS = ("Claim", "Follows", "Folder", "Process", "Free")
_HOUR = timedelta(hours=1)
_LEAVING = 5.0  # seconds that an orderly end may wait for the server


class Claimed(MailboxUnavailable):
    """Another installation reads the mailbox. The text names the mend."""


class StandBy(MailboxUnavailable):
    """Another process of this installation reads the mailbox."""


@dataclass(frozen=True, slots=True)
class Marker:
    """One claim of a folder. ``follows``: the claim before it, or NOBODY; ``who``: the process."""

    claim: str
    follows: str
    folder: str
    who: str
    at: datetime | None = None
    free: bool = False
    """Written at an orderly end."""


def process_name() -> str:
    """This process among all that share the database."""
    return own_name()


def owner(markers: Iterable[Marker], folder: str) -> Marker | None:
    """Whose ``folder`` is, of all markers in the order they were written. The first counts whatever it follows: what
    stood before it may have been tidied away."""
    last: Marker | None = None
    for marker in markers:
        if marker.folder == folder and (last is None or marker.follows == last.claim):
            last = marker
    return last


class Claim:
    """The claim of one mailbox. Made for one reader, kept over all its connections."""

    def __init__(
        self,
        settings: ImapSettings,
        database: Database,
        mailbox: str,
        clock: Clock,
        log_in: Callable[[ImapConnection], Awaitable[None]] | None = None,
    ) -> None:
        self._settings = settings
        self._log_in = log_in
        self._database = database
        self._mailbox = mailbox
        self._clock = clock
        self._folder = syntax.mailbox(settings.folder)  # ASCII
        self._made: str | None = None
        self._refused = False
        self._marked: tuple[str, dict[str, int]] | None = None  # the folder of markers, and its STATUS when it was ours
        self._lease = timedelta(seconds=settings.poll_seconds + 2 * settings.timeout_seconds)
        self._name = process_name()

    # ---------------------------------------------------------------------------- processes of this installation

    async def wait_for_lease(self) -> None:
        """Raises StandBy while another living process of this installation holds the mailbox."""
        row = await self._row()
        if row and self._held_by_another(row):
            raise StandBy(f"{row['holder']} reads the mailbox until {row['leased_until']:%H:%M:%S}Z at least")

    def renew(self, connection: Connection) -> None:
        """Take or keep the lease, in the transaction that stores messages. Raises StandBy when it was lost."""
        row = connection.execute(select(mailbox_claim).where(self._ours)).mappings().one_or_none()
        if row and self._held_by_another(row):
            raise StandBy(f"{row['holder']} has taken the mailbox over")
        self._write(connection, {"holder": self._name, "leased_until": self._clock() + self._lease})

    async def release(self) -> None:
        """Let another process take over at once."""

        def work(connection: Connection) -> None:
            mine = self._ours & (mailbox_claim.c.holder == self._name)
            connection.execute(update(mailbox_claim).where(mine).values(holder=None, leased_until=None))

        await self._database.write(work)

    def _held_by_another(self, row: RowMapping) -> bool:
        holder, until = row["holder"], row["leased_until"]
        now = self._clock()
        # A lease that ends beyond what anybody takes was written before the clock was set back.
        if holder is None or holder == self._name or not now < until <= now + max(2 * self._lease, _HOUR):
            return False
        return self._may_live(holder)

    def _may_live(self, process: str) -> bool:
        """False: it was one of this machine, and is none now."""
        host, _, number = process.rpartition(":")
        return host != self._name.rpartition(":")[0] or not number.isdigit() or _lives(int(number))

    # --------------------------------------------------------------------------------------- other installations

    async def check(self, connection: ImapConnection) -> bool:
        """Whether another installation left the mailbox. Raises Claimed when one reads it. Writes nothing."""
        if not self._has_place(connection):
            return False
        last, _, row = await self._checked(connection, await self._place(connection))
        return _is_foreign(last, row)

    async def take(self, connection: ImapConnection) -> None:
        """Make the mailbox ours, before its folder is opened. Raises Claimed when it is another installation's.

        Where the server lets us put no marker anywhere, we read without one, and say so.
        """
        self._marked = None
        if not self._has_place(connection):
            return
        place = await self._place(connection)
        last, status, row = await self._checked(connection, place)
        if _is_foreign(last, row):
            await self._take_from(last)
        if last is None or last.claim != self._made:
            last, status = await self._mark(connection, place, last, row["next_claim"] if row else None)
        if last is not None:
            self._marked = place, status

    async def take_over(self, connection: ImapConnection) -> None:
        """As ``take``, whoever holds it: that one stops reading at its next look."""
        if self._has_place(connection):
            place = await self._place(connection)
            last, _ = await self._look(connection, place)
            await self._mark(connection, place, last, None)
        await self._take_from(None)

    async def leave(self) -> None:
        """Say in the mailbox that it is free, over a connection of its own: that of the reader may be out of step."""
        if self._made is None or self._marked is None or self._log_in is None:
            return
        async with asyncio.timeout(_LEAVING):
            connection = await ImapConnection.open(self._settings)
            try:
                await self._log_in(connection)
                last, _ = await self._look(connection, self._marked[0])
                if last is not None and last.claim == self._made:
                    await self._mark(connection, self._marked[0], last, None, free=True)
            finally:
                connection.abort()

    async def _take_from(self, last: Marker | None) -> None:
        """What arrived before this moment, or before ``last`` left, may have been answered there."""
        left = last.at if last is not None and last.free and last.at else self._clock()
        await self._save(taken_over_at=left)

    def _has_place(self, connection: ImapConnection) -> bool:
        return bool(self._settings.claim_folder) and connection.has("NAMESPACE")

    async def _place(self, connection: ImapConnection) -> str:
        return await connection.personal_prefix() + self._settings.claim_folder

    async def _checked(
        self, connection: ImapConnection, place: str
    ) -> tuple[Marker | None, dict[str, int], RowMapping | None]:
        """The last marker, which is ours or was left, STATUS of its folder, and what we know."""
        row = await self._row()
        last, status = await self._look(connection, place)
        if last is not None and _is_foreign(last, row):
            self._refused = self._refused or not (last.free or not self._may_live(last.who))
            if self._refused:  # nor later: while the other one restarts, nobody must slip in
                raise Claimed(self._told(last))
        return last, status, row

    async def keep(self, connection: ImapConnection) -> None:
        """Raises MailboxUnavailable when somebody wrote a marker since ``take``: then it is asked anew."""
        if self._marked is None:
            return
        place, status = self._marked
        if await connection.status(place) != status:
            raise MailboxUnavailable(f"the folder {place} has changed: whose mailbox is it")

    async def _mark(
        self, connection: ImapConnection, place: str, last: Marker | None, begun: str | None, *, free: bool = False
    ) -> tuple[Marker | None, dict[str, int]]:
        """Write a marker behind ``last``. A claim that may have been written already keeps its name."""
        claim = begun or secrets.token_hex(8)
        await self._save(next_claim=claim)
        try:
            await connection.append(place, self._text(claim, last.claim if last else NOBODY, free=free))
        except CommandRefused as error:
            log_event("imap-no-claim", level=logging.WARNING, mailbox=self._mailbox, reason=error.reason)
            return last, (await connection.status(place) if last else {})
        found, status = await self._look(connection, place)
        if found is None or found == last:
            reason = "the marker cannot be read back"
            log_event("imap-no-claim", level=logging.WARNING, mailbox=self._mailbox, reason=reason)
        elif found.claim != claim:
            raise Claimed(self._told(found))
        else:
            await self._save(claim=claim, next_claim=None)
            self._made = claim
        return found, status

    async def _look(self, connection: ImapConnection, place: str) -> tuple[Marker | None, dict[str, int]]:
        """Who holds the mailbox, and what STATUS said just before."""
        try:
            status = await connection.status(place)
        except CommandRefused:  # there is no such folder yet
            return None, {}
        if not status.get("MESSAGES"):
            return None, status
        await connection.open_folder(place, read_only=True)
        found = await connection.fetch_items(await connection.list_all(), "(UID BODY.PEEK[HEADER])")
        markers = (_marker(found[uid].get("BODY[HEADER]", b"")) for uid in sorted(found))
        return owner((marker for marker in markers if marker), self._folder), status

    def _told(self, marker: Marker) -> str:
        return (
            f"another installation reads this mailbox ({marker.who} since {marker.at}),"
            " and two would answer every mail twice;"
            " mend: stop the other one for good, then here: mailbot reconcile --take-over"
        )

    def _text(self, claim: str, follows: str, *, free: bool) -> str:
        now = self._clock()
        lines = (
            "From: mailbot <mailbot@localhost>",
            f"Subject: {'free again' if free else self._name} since {now:%Y-%m-%d %H:%M}Z",
            f"Date: {format_datetime(now)}",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=us-ascii",
            f"X-Mailbot-Claim: {claim}",
            f"X-Mailbot-Follows: {follows}",
            f"X-Mailbot-Folder: {self._folder}",
            f"X-Mailbot-Process: {self._name}",
            f"X-Mailbot-Free: {'yes' if free else 'no'}",
            "",
            "The newest message here says which mailbot reads this mailbox. Please leave it alone.",
        )
        return "".join(f"{line}\r\n" for line in lines)

    # -------------------------------------------------------------------------------------------------- the row

    @property
    def _ours(self) -> Any:
        return mailbox_claim.c.mailbox == self._mailbox

    async def _row(self) -> RowMapping | None:
        wanted = select(mailbox_claim).where(self._ours)
        return await self._database.read(lambda c: c.execute(wanted).mappings().one_or_none())

    async def _save(self, **values: Any) -> None:
        await self._database.write(lambda c: self._write(c, values))

    def _write(self, connection: Connection, values: Mapping[str, Any]) -> None:
        save(connection, self._mailbox, values)

    async def taken_over_at(self) -> datetime | None:
        """When another installation lost the mailbox to this one."""
        row = await self._row()
        return row["taken_over_at"] if row else None


def save(connection: Connection, mailbox: str, values: Mapping[str, Any]) -> None:
    """Write columns of the row of ``mailbox``, which is made when it is missing."""
    if not connection.execute(update(mailbox_claim).where(mailbox_claim.c.mailbox == mailbox).values(values)).rowcount:
        connection.execute(insert(mailbox_claim), {"mailbox": mailbox, **values})


def _marker(header: bytes) -> Marker | None:
    read = BytesHeaderParser().parsebytes(header)
    claim, follows, folder, process, free = (str(read.get(f"X-Mailbot-{name}", "")).strip() for name in _FIELDS)
    at = syntax.internal_date(str(read.get("Date", "")).partition(",")[2].encode("ascii", "replace"))
    return Marker(claim, follows, folder, process, at, free == "yes") if claim else None


def _is_foreign(marker: Marker | None, row: RowMapping | None) -> bool:
    """Whether another database knows of it, and ours does not."""
    return marker is not None and (row is None or marker.claim not in (row["claim"], row["next_claim"]))


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
