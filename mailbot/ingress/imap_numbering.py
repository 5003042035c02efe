"""Whether the UIDs of a folder name the messages that they named before.

Under one UIDVALIDITY a server gives no UID twice (RFC 9051 §2.3.1.1). One that was put back from its backup does: the
mail that comes then bears UIDs of mail that was taken long ago, and would be passed over for ever. Where that is seen
the folder counts as numbered anew: it is read from the start, as under a new UIDVALIDITY, and its UIDs are kept under
one of our own. Those of servers have 32 bits, ours are beyond.
"""

from __future__ import annotations

import hashlib
import logging
from functools import partial

from mailbot.inbox import Cursor, read_cursor, stored_as
from mailbot.ingress import imap_syntax as syntax
from mailbot.ingress.imap_client import ImapConnection
from mailbot.ingress.imap_protocol import CommandRefused
from mailbot.model import may_move
from mailbot.observe import log_event
from mailbot.secret import Secret
from mailbot.storage import personal
from mailbot.storage.database import Database

_BEYOND = 2**32


async def where_to_go_on(
    connection: ImapConnection, uidvalidity: int, mailbox: str, database: Database, secret: Secret
) -> Cursor:
    """Of the folder that was just opened; where its UIDs are new, at the start (repeats are known later)."""
    cursor = await database.read(lambda c: read_cursor(c, mailbox))
    if cursor is None:
        return Cursor(mailbox, uidvalidity, 0)
    if cursor.uidvalidity % _BEYOND != uidvalidity:
        log_event("imap-uidvalidity", level=logging.WARNING, mailbox=mailbox, uidvalidity=uidvalidity)
        return Cursor(mailbox, uidvalidity, 0)
    if await _was_put_back(connection, cursor, database, secret):
        log_event("imap-put-back", level=logging.WARNING, mailbox=mailbox, last_uid=cursor.last_uid)
        return Cursor(mailbox, cursor.uidvalidity + _BEYOND, 0)
    return cursor


async def _was_put_back(connection: ImapConnection, cursor: Cursor, database: Database, secret: Secret) -> bool:
    """Whether the server gives UIDs again that are stored. Before mail has come it tells so itself (UIDNEXT). Later the
    last message below the cursor does: of all that may be another one it is the one that must be."""
    if not cursor.last_uid:
        return False
    if 0 < connection.uid_next <= cursor.last_uid and not await connection.search_after(connection.uid_next - 1):
        return True  # a message above the one that it says is next: that server just does not know
    there = [uid for uid in await connection.search("UID", f"1:{cursor.last_uid}") if uid <= cursor.last_uid]
    return bool(there) and await _is_another(connection, cursor, there[-1], database, secret)


async def _is_another(connection: ImapConnection, cursor: Cursor, uid: int, database: Database, secret: Secret) -> bool:
    """Whether the message arrived at another moment than the one that is stored by its UID, and has other octets: one
    of the two may be told wrongly. What cannot be compared is no other."""
    known = await database.read(partial(stored_as, cursor=cursor, uid=uid))
    if known is None or not may_move(known.note):
        return False
    try:
        told = (await connection.fetch_items([uid], "(UID INTERNALDATE)")).get(uid, {})
        if syntax.internal_date(told.get("INTERNALDATE", b"")) in (None, known.received_at):
            return False
        section = "HEADER" if known.note else ""  # it was too large
        raw = (await connection.fetch_items([uid], f"(UID BODY.PEEK[{section}])")).get(uid, {}).get(f"BODY[{section}]")
    except CommandRefused:
        return False
    return raw is not None and known.sha256 not in personal.forms(secret, hashlib.sha256(raw).hexdigest())
