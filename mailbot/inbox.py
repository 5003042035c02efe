"""The inbox: every message is stored here, as it came, before anything else happens to it.

Its octets are kept, because signatures are checked on them, and sealed, because citizens write into mails what nobody
asked for: passwords, PESEL, IDSISC numbers (procedure §3.5).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, delete, insert, select, update

from mailbot.errors import SealBroken
from mailbot.model import Envelope, Outcome, RawMessage, Source, may_move
from mailbot.outbox import jobs
from mailbot.secret import Hiding, Secret
from mailbot.storage import personal, weeks
from mailbot.storage.among import among
from mailbot.storage.mailbox import imap_cursor
from mailbot.storage.prepared import Rows
from mailbot.storage.schema import decision, inbox, raw_message, shadow_hit, ticket

_PURPOSE = "raw message"
_SMTP = "smtp:"
_TOGETHER = 500  # keys in one query
_WEEK = timedelta(weeks=1)
_SEALED = 2**20  # octets that are sealed before they are written: large messages go one by one
_FIELDS = {field.name: field.default for field in fields(Envelope)}
_WHO = ("mail_from", "rcpt_to", "peer", "helo")
"""Of an envelope: who sent it, from where and to whom."""
_PIECE = 16_000  # characters: what is longer a column of words cuts off (storage.values.note)
_UNSOLICITED = (inbox.c.state == jobs.DONE, inbox.c.outcome == Outcome.SPAM.value)


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """Where a message lies. ``new`` is False when this very delivery had been stored before."""

    inbox_id: int
    new: bool


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far an IMAP mailbox has been read (RFC 9051 §2.3.1.1)."""

    mailbox: str
    uidvalidity: int
    last_uid: int


@dataclass(frozen=True, slots=True)
class StoredAs:
    """What a row has of the octets (personal.forms), the arrival, and the note of a message."""

    sha256: str
    received_at: datetime
    note: str | None


@dataclass(frozen=True, slots=True)
class MessageTraits:
    """What tells a message without its octets."""

    message_id: str | None
    size: int | None
    received_at: datetime

    def same_as(self, other: MessageTraits) -> bool:
        """Whether both are one message: the Message-ID alone may be used twice by a bad program."""
        if self.message_id is None or self.message_id != other.message_id:
            return False
        return self.size == other.size or self.received_at == other.received_at


def delivery_key(message: RawMessage) -> str:
    """What two arrivals of one delivery share.

    IMAP: mailbox, UIDVALIDITY and UID. Otherwise the digest of envelope and bytes: an MTA that did not hear our 250
    sends exactly the same again.
    """
    return _delivery_key(message.envelope, message.sha256)


def _delivery_key(envelope: Envelope, sha256: str) -> str:
    if envelope.source is Source.IMAP:
        return _imap_key(envelope.mailbox, envelope.uidvalidity, envelope.uid)
    head = "\0".join([envelope.mail_from or "", *envelope.rcpt_to])
    digest = hashlib.sha256(head.encode("utf-8", "surrogateescape") + b"\0" + bytes.fromhex(sha256))
    return f"{_SMTP}{digest.hexdigest()}"


def hidden_key(secret: Secret, key: str, received_at: datetime) -> str:
    """What a new row holds of a ``delivery_key``. Of a place in the mailbox it is itself: that tells of nobody. Else
    its hash, behind the week (storage.weeks)."""
    if not secret.hiding or not key.startswith(_SMTP):
        return key
    return f"{personal.HASH}{weeks.week(received_at):05}{personal.hashed(secret, key)}"


def _imap_key(mailbox: str | None, uidvalidity: int | None, uid: int | None) -> str:
    place = f"{mailbox}\0{uidvalidity}\0{uid}"
    return f"imap:{hashlib.sha256(place.encode()).hexdigest()}"


def store(
    connection: Connection, messages: Sequence[RawMessage], now: datetime, secret: Secret
) -> tuple[StoredMessage, ...]:
    """Write messages as queued work, in order. A delivery that is there already is reported, not written again."""
    under = secret.several(len(messages))
    rows = [_row(message, key_id, now, secret) for message, key_id in zip(messages, under, strict=True)]
    keys = [row["delivery_key"] for row in rows]
    known = _earlier(connection, messages, secret)
    unknown = [row for row in rows if row["delivery_key"] not in known]
    fresh = {row.delivery_key: row.id for row in _INBOX.insert(connection, unknown)}
    known |= fresh
    known |= _find(connection, [key for key in keys if key not in known])
    stored, raws, octets = [], [], 0
    for message, row, key, key_id in zip(messages, rows, keys, under, strict=True):
        new = fresh.pop(key, None) is not None  # of two copies that come together the second one is old
        stored.append(StoredMessage(known[key], new))
        if new:
            sealed = secret.seal(_PURPOSE, message.raw, _context(row["sha256"]), key_id)
            raws.append({"inbox_id": known[key], "raw": sealed})
            octets += len(sealed)
        if octets > _SEALED:
            _RAW.insert(connection, raws)
            raws, octets = [], 0
    _RAW.insert(connection, raws)
    return tuple(stored)


_INBOX = Rows(
    *(inbox.c[name] for name in ("source", "delivery_key", "sha256", "size", "envelope", "received_at", "state")),
    inbox.c.due_at,
    ending="ON CONFLICT (delivery_key) DO NOTHING RETURNING delivery_key, id",
)
_RAW = Rows(raw_message.c.inbox_id, raw_message.c.raw)


def _row(message: RawMessage, key_id: bytes | None, now: datetime, secret: Secret) -> dict[str, Any]:
    envelope, digest = message.envelope, message.sha256
    sha256 = personal.kept(secret, digest)
    return {
        "source": envelope.source.value,
        "delivery_key": hidden_key(secret, _delivery_key(envelope, digest), message.received_at),
        "sha256": sha256,
        "size": len(message.raw),
        "envelope": hide(_told(envelope), secret, sha256, key_id) if secret.hiding else _told(envelope),
        "received_at": message.received_at,
        "state": "queued",
        "due_at": now,
    }


def _told(envelope: Envelope) -> dict[str, Any]:
    """What it need not say is left out; but the version before this one reads rcpt_to of every row."""
    told = {name: getattr(envelope, name) for name in _FIELDS}
    return {name: value for name, value in told.items() if name == "rcpt_to" or value != _FIELDS[name]}


def hide(envelope: Mapping[str, Any], secret: Secret, sha256: str, key_id: bytes | None) -> dict[str, Any]:
    """What the column of an envelope has of it: "who" is the rest, sealed as the octets are, "hashes" what its
    addresses are found by."""
    addresses = [one for one in (envelope.get("mail_from"), *envelope["rcpt_to"]) if one]
    who = json.dumps({name: envelope.get(name) for name in _WHO}).encode()
    sealed = secret.seal("envelope", who, _context(sha256), key_id)
    left = {name: value for name, value in envelope.items() if name not in _WHO and value}
    hashes = [personal.hashed(secret, one.lower()) for one in addresses]
    text = base64.b64encode(sealed).decode()
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    return {**left, "who": pieces, "hashes": hashes}


def _earlier(connection: Connection, messages: Sequence[RawMessage], secret: Secret) -> dict[str, int]:
    """Those that are there in a row of the week before or after (an MTA gives up within days, a clock may have been
    wrong), or in one which `mailbot key seal` has not come to, by the key that a new row would have. To be asked before
    anything is written: whoever is not found by the old key is found by the new one, for there is no way back.
    """
    if not secret.hiding:
        return {}
    keys: dict[str, str] = {}
    for message in messages:
        key, at = delivery_key(message), message.received_at
        others = [hidden_key(secret, key, at + way) for way in (-_WEEK, _WEEK)]
        others += [key] if secret.hiding is Hiding.BEGUN else []
        keys |= dict.fromkeys(others, hidden_key(secret, key, at))
    return {keys[key]: row for key, row in _find(connection, [key for key in keys if key != keys[key]]).items()}


def _find(connection: Connection, keys: list[str]) -> dict[str, int]:
    return {row.delivery_key: row.id for row in connection.execute(_BY_KEY, {"keys": keys})} if keys else {}


_BY_KEY = select(inbox.c.delivery_key, inbox.c.id).where(among(inbox.c.delivery_key, "keys"))


def seal_anew(connection: Connection, secret: Secret, row: Row[Any], key_id: bytes | None) -> dict[str, Any]:
    """Seal the octets of a message from before as those of a new one are; the columns of its row that go with them.
    Raises SealBroken."""
    mine = raw_message.c.inbox_id == row.id
    raw = connection.execute(select(raw_message.c.raw).where(mine)).scalar_one()
    plain = secret.unseal(_PURPOSE, raw, _context(row.sha256))
    sha256 = hidden_digest(secret, row.sha256)
    sealed = secret.seal(_PURPOSE, plain, _context(sha256), key_id)
    connection.execute(update(raw_message).where(mine).values(raw=sealed))
    return {"sha256": sha256, "envelope": hide(_whole(row.envelope, secret, row.sha256), secret, sha256, key_id)}


def hidden_digest(secret: Secret, sha256: str) -> str:
    """What a new row holds of the digest of its octets."""
    return sha256 if personal.is_hashed(sha256) else personal.kept(secret, sha256)


def _context(sha256: str) -> bytes:
    """Binds sealed octets to their row by its digest, which a copy of the row keeps."""
    return sha256.encode() if personal.is_hashed(sha256) else bytes.fromhex(sha256)


def message_of(row: RowMapping, secret: Secret) -> RawMessage:
    """The message of a row of inbox joined with raw_message. Raises SealBroken."""
    try:
        raw = secret.unseal(_PURPOSE, row["raw"], _context(row["sha256"]))
        envelope = _whole(row["envelope"], secret, row["sha256"])
    except SealBroken as error:
        raise SealBroken(f"message {row['id']}: {error.reason}, then: mailbot queue retry {row['id']}") from error
    envelope["source"] = Source(envelope["source"])
    envelope["rcpt_to"] = tuple(envelope.get("rcpt_to", ()))
    return RawMessage(raw, Envelope(**envelope), row["received_at"])


def envelope_of(row: Mapping[str, Any], secret: Secret) -> dict[str, Any]:
    """What a row of inbox says of its envelope; without what does not open."""
    with suppress(SealBroken):
        return _whole(row["envelope"], secret, row["sha256"])
    return {name: value for name, value in row["envelope"].items() if name not in ("who", "hashes")}


def _whole(stored: Mapping[str, Any], secret: Secret, sha256: str) -> dict[str, Any]:
    envelope = {name: value for name, value in stored.items() if name not in ("who", "hashes")}
    if "who" in stored:
        envelope |= json.loads(secret.unseal("envelope", base64.b64decode("".join(stored["who"])), _context(sha256)))
    return envelope


def stored_movable(connection: Connection, cursor: Cursor, uids: Sequence[int]) -> list[int]:
    """Those of ``uids`` (of the mailbox and UIDVALIDITY of ``cursor``) that are stored and may leave their folder."""
    keys = {_imap_key(cursor.mailbox, cursor.uidvalidity, uid): uid for uid in uids}
    found = connection.execute(select(inbox.c.delivery_key, inbox.c.envelope).where(inbox.c.delivery_key.in_(keys)))
    return sorted(keys[row.delivery_key] for row in found if may_move(row.envelope.get("note")))


def stored_uids(connection: Connection, cursor: Cursor, uids: Sequence[int]) -> set[int]:
    """Those of ``uids`` (of the mailbox and UIDVALIDITY of ``cursor``) that are in the inbox, whole or not."""
    found: set[int] = set()
    for start in range(0, len(uids), _TOGETHER):
        chunk = uids[start : start + _TOGETHER]
        keys = {_imap_key(cursor.mailbox, cursor.uidvalidity, uid): uid for uid in chunk}
        there = connection.execute(select(inbox.c.delivery_key).where(inbox.c.delivery_key.in_(keys)))
        found.update(keys[key] for key in there.scalars())
    return found


def stored_as(connection: Connection, cursor: Cursor, uid: int) -> StoredAs | None:
    """What tells the message that is stored by this UID of the mailbox and UIDVALIDITY of ``cursor``; None: none is."""
    key, c = _imap_key(cursor.mailbox, cursor.uidvalidity, uid), inbox.c
    found = connection.execute(select(c.sha256, c.received_at, c.envelope).where(c.delivery_key == key)).one_or_none()
    return StoredAs(found.sha256, found.received_at, found.envelope.get("note")) if found else None


def stored_traits(connection: Connection, message_ids: Sequence[str | None], secret: Secret) -> list[MessageTraits]:
    """What is stored under these Message-IDs, or was until it was erased; of rows that were understood."""
    c, known = inbox.c, {form: i for i in message_ids if i for form in personal.message_forms(secret, i)}
    wanted = select(c.message_key, c.size, c.received_at).where(c.message_key.in_(known))
    return [MessageTraits(known[key], *rest) for key, *rest in connection.execute(wanted)]


def stored_digests(connection: Connection, digests: Collection[str], secret: Secret) -> set[str]:
    """Those of the digests whose octets are in the inbox, from wherever they came. Goes through the whole table: an
    index of them would be one more page to write for each mail, for a question that only `mailbot reconcile` has."""
    known = {form: digest for digest in digests for form in personal.forms(secret, digest)}
    there = select(inbox.c.sha256).where(among(inbox.c.sha256, "digests"))
    return {known[form] for form in connection.execute(there, {"digests": list(known)}).scalars()} if known else set()


def stored_message(connection: Connection, row: int) -> RowMapping | None:
    """What ``message_of`` opens; None: no such message, or it was erased."""
    wanted = select(inbox, raw_message.c.raw).join(raw_message).where(inbox.c.id == row)
    return connection.execute(wanted).mappings().one_or_none()


def newest(connection: Connection, sources: Sequence[Source], limit: int) -> list[int]:
    """Rows of the last messages that came by one of ``sources``, the newest first."""
    came = inbox.c.source.in_([source.value for source in sources])
    return list(connection.execute(select(inbox.c.id).where(came).order_by(inbox.c.id.desc()).limit(limit)).scalars())


def unsolicited(connection: Connection, limit: int) -> Sequence[RowMapping]:
    """What ``message_of`` opens, of the newest unsolicited mail."""
    wanted = select(inbox, raw_message.c.raw).join(raw_message).where(*_UNSOLICITED)
    return connection.execute(wanted.order_by(inbox.c.id.desc()).limit(limit)).mappings().all()


def tickets(connection: Connection, rows: Sequence[int]) -> dict[int, str | None]:
    """Row → number of the ticket it belongs to; None: to none."""
    return {row.id: row.number for row in connection.execute(_NUMBERS, {"rows": rows})}


_NUMBERS = (
    select(inbox.c.id, ticket.c.number)
    .outerjoin(ticket, ticket.c.id == inbox.c.ticket_id)
    .where(among(inbox.c.id, "rows"))
)


def take_back(connection: Connection, row: int, now: datetime) -> bool:
    """Let a message be decided anew, and the filter's marks be forgotten. False when it is not unsolicited mail."""
    c = inbox.c
    found = connection.execute(select(c.envelope).where(c.id == row, *_UNSOLICITED).with_for_update()).one_or_none()
    if found is None:
        return False
    connection.execute(delete(decision).where(decision.c.inbox_id == row))
    connection.execute(delete(shadow_hit).where(shadow_hit.c.inbox_id == row))
    envelope = {**found.envelope, "wanted": True}
    again = {"state": jobs.QUEUED, "due_at": now, "attempts": 0, "outcome": None, "envelope": envelope}
    connection.execute(update(inbox).where(c.id == row).values(**again))
    return True


def read_cursor(connection: Connection, mailbox: str) -> Cursor | None:
    """Where reading of ``mailbox`` stopped; None when it never was read."""
    row = connection.execute(select(imap_cursor).where(imap_cursor.c.mailbox == mailbox)).mappings().one_or_none()
    return Cursor(mailbox, row["uidvalidity"], row["last_uid"]) if row else None


def move_cursor(connection: Connection, cursor: Cursor, now: datetime) -> None:
    """Note how far ``cursor.mailbox`` has been read, and that it was looked at ``now``; in the transaction that stored
    the messages, when there were any."""
    values = {"uidvalidity": cursor.uidvalidity, "last_uid": cursor.last_uid, "polled_at": now}
    changed = connection.execute(update(imap_cursor).where(imap_cursor.c.mailbox == cursor.mailbox).values(values))
    if not changed.rowcount:
        connection.execute(insert(imap_cursor), {"mailbox": cursor.mailbox, **values})
