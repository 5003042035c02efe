"""Have we seen this before? Row 5 of the decision table, and the marks on reused Message-IDs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, exists, or_, select

from mailbot.model import Decision, Duplicate, Identity, InboundMessage, Seen, Sender, State
from mailbot.outbox import jobs
from mailbot.storage.schema import MESSAGE_KEY, inbox, outbox, ticket
from mailbot.storage.values import fit


def identify(message: InboundMessage, sender: Sender, sha256: str) -> Identity:
    """The identity of a message.

    How far the sender is proven is part of it: a forged copy that comes first must not make the citizen's own mail a
    duplicate.
    """
    digest = hashlib.sha256()
    words = (sender.address or "", sender.authentication.result.value, message.subject, " ".join(message.text.split()))
    for word in words:
        digest.update(word.encode("utf-8", "surrogatepass") + b"\0")
    for attachment in message.attachments:
        digest.update(hashlib.sha256(attachment.data).digest())
    if sender.address is None or message.damage:  # hardly understood: only the bytes tell such messages apart
        digest.update(sha256.encode())
    return Identity(fit(message.message_id or f"sha256:{sha256}", MESSAGE_KEY), digest.hexdigest())


class History:
    """Earlier messages and open tickets that a batch could repeat; grows with the batch as it is decided."""

    def __init__(self, connection: Connection, batch: Sequence[Identity]) -> None:
        keys = [i.message_key for i in batch]
        prints = [i.fingerprint for i in batch]
        c = inbox.c
        earlier = select(c.message_key, c.fingerprint, c.ticket_id, c.state).where(c.message_key.in_(keys))
        self._messages: dict[str, dict[str, int | None]] = {}
        for key, fingerprint, ticket_id, state in connection.execute(earlier):
            if state != jobs.DONE:  # asked here: in the statement it lures SQLite away from the index of the keys
                continue
            self._messages.setdefault(key, {}).setdefault(fingerprint, ticket_id)
        unsent = exists().where(
            outbox.c.ticket_id == ticket.c.id, outbox.c.state.in_([jobs.WAITING, jobs.QUEUED, jobs.LEASED])
        )
        # A ticket whose mails have not all left is still open for the citizen, whatever its state says.
        t = ticket.c
        unfinished = select(t.fingerprint, t.id, t.promised_at, t.state).where(
            ticket.c.fingerprint.in_(prints), or_(ticket.c.closed_at.is_(None), unsent)
        )
        self._requests: dict[str, tuple[int, datetime, State]] = {
            row.fingerprint: (row.id, row.promised_at, State(row.state)) for row in connection.execute(unfinished)
        }

    def look(self, identity: Identity) -> Seen:
        """Whether ``identity`` repeats something."""
        copies = self._messages.get(identity.message_key, {})
        if identity.fingerprint in copies:
            return Seen(Duplicate.SAME_MESSAGE, copies[identity.fingerprint])
        repeated = self._requests.get(identity.fingerprint)
        if repeated is not None:
            ticket_id, promised_at, state = repeated
            return Seen(Duplicate.SAME_REQUEST, ticket_id, bool(copies), promised_at, state)
        return Seen(Duplicate.NO, None, bool(copies))

    def add(self, identity: Identity, ticket_id: int | None, promised_at: datetime, decided: Decision) -> None:
        """Remember a message of this batch; a ticket whose mails have to leave yet is open, whatever its state."""
        self._messages.setdefault(identity.message_key, {}).setdefault(identity.fingerprint, ticket_id)
        if ticket_id is not None and (decided.mails or not decided.state.closed):
            self._requests.setdefault(identity.fingerprint, (ticket_id, promised_at, decided.state))
