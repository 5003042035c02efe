"""What becomes of the transactions of SMTP and LMTP: the message goes to the inbox, and the number is told after the
commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from aiosmtpd import smtp as aiosmtpd
from sqlalchemy import Connection

from mailbot import counts
from mailbot.errors import DatabaseUnavailable
from mailbot.inbox import StoredMessage, store
from mailbot.ingress.standing import Standing
from mailbot.model import Envelope, RawMessage, Source
from mailbot.observe import Clock, failure, log_event
from mailbot.room import Place, Room
from mailbot.secret import Secret
from mailbot.storage.database import Database
from mailbot.text.address import login_key

_MOST_RECIPIENTS = 1000  # RFC 5321 §4.5.3.1.8 asks for 100 at least


class Transaction(aiosmtpd.Envelope):
    """aiosmtpd's envelope, and the place that its message takes in memory."""

    def __init__(self, room: Room) -> None:
        super().__init__()
        self.place = Place(room)

    @property
    def declared(self) -> int:
        """SIZE of MAIL (RFC 1870); 0: not told."""
        sizes = (option.removeprefix("SIZE=") for option in self.mail_options if option.startswith("SIZE="))
        return max((int(size) for size in sizes if size.isdecimal()), default=0)


class InboxHandler:
    """What becomes of a transaction: the message goes to the inbox, and the number is told after the commit.

    ``recipients``: keys (``address.login_key``) that mail is taken for, with or without "+anything"; None: for anybody.
    """

    def __init__(
        self,
        database: Database,
        secret: Secret,
        clock: Clock,
        source: Source,
        on_stored: Callable[[], None],
        recipients: frozenset[str] | None = None,
        standing: Standing | None = None,
    ) -> None:
        self.standing = standing or Standing()
        self.connections: set[asyncio.Protocol] = set()
        self._database = database
        self._secret = secret
        self._clock = clock
        self._source = source
        self._on_stored = on_stored
        self._recipients = recipients
        self._running: set[asyncio.Task[int]] = set()

    async def handle_EHLO(  # noqa: N802
        self,
        server: aiosmtpd.SMTP,
        session: aiosmtpd.Session,
        envelope: aiosmtpd.Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Offer what we do: PIPELINING (RFC 2920), and no AUTH."""
        session.host_name = hostname
        offered = [line for line in responses[:-1] if not line.startswith("250-AUTH")]
        return [*offered, "250 PIPELINING"]

    async def handle_RCPT(  # noqa: N802
        self,
        server: aiosmtpd.SMTP,
        session: aiosmtpd.Session,
        envelope: aiosmtpd.Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Take mail only for those we know (RFC 5321 §3.3)."""
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            self.refused("too-many-recipients")
            return "452 4.5.3 too many recipients"
        if self._recipients is not None and _without_tag(address) not in self._recipients:
            self.refused("no-such-mailbox")
            return "550 5.1.1 no such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self, server: aiosmtpd.SMTP, session: aiosmtpd.Session, envelope: aiosmtpd.Envelope
    ) -> str:
        """Store and commit; the client may go meanwhile, the message stays."""
        content = envelope.original_content
        assert isinstance(content, bytes)
        described = Envelope(
            source=self._source,
            mail_from=_text("" if envelope.mail_from == "<>" else envelope.mail_from),
            rcpt_to=tuple(_text(address) for address in envelope.rcpt_tos),
            peer=session.peer[0] if isinstance(session.peer, tuple) else None,
            helo=_text(session.host_name),
        )
        task = asyncio.create_task(self._store(RawMessage(content, described, self._clock())))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        if isinstance(envelope, Transaction):
            task.add_done_callback(lambda _: envelope.place.leave())
        return f"250 2.0.0 stored as {await asyncio.shield(task)}"

    async def _store(self, message: RawMessage) -> int:
        with counts.measured("store") as ids:
            try:
                stored = await self._database.write_together(self._store_all, message)
            except Exception:
                self.standing.failed()
                raise
            self.standing.stored()
            ids.append(stored.inbox_id)
        (counts.ACCEPTED if stored.new else counts.REPEATED)(self._source.value)
        log_event(f"{self._source.value}-stored", inbox=stored.inbox_id, new=stored.new, size=len(message.raw))
        if stored.new:
            self._on_stored()
        return stored.inbox_id

    def _store_all(self, connection: Connection, messages: Sequence[RawMessage]) -> Sequence[StoredMessage]:
        return store(connection, messages, self._clock(), self._secret)

    def refused(self, reason: str) -> None:
        """Count what was not taken."""
        counts.REFUSED(self._source.value, reason)

    async def handle_exception(self, error: Exception) -> str:
        """Never permanent, never with a text of ours: the client's MTA keeps the mail and tries again."""
        reason = error.reason if isinstance(error, DatabaseUnavailable) else None
        self.refused("unavailable" if reason else "failed")
        failure(f"{self._source.value}-failed", error, reason=reason)
        return "451 4.3.0 temporary failure, try again later"


def _text(value: str | None) -> str:
    """``value`` without what a database cannot keep: octets that are not UTF-8, and NUL."""
    octets = (value or "").encode("utf-8", "surrogateescape")
    return octets.decode("utf-8", "replace").replace("\0", "\ufffd")


def _without_tag(address: str) -> str | None:
    local, _, domain = address.rpartition("@")
    return login_key(f"{local.partition('+')[0]}@{domain}")
