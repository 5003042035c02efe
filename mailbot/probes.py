"""Probes: mails that go the whole road and come from nobody (`mailbot probe`).

A probe is announced in the database and bears a token that the key makes of its number, so nobody else can send one and
none counts twice. What bears no such token, or one that was used, is a mail like any other.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from mailbot.secret import Secret
from mailbot.storage.probes import probe
from mailbot.text.address import domain

TABLE = probe.name
HEADER = "X-Mailbot-Probe"
_PURPOSE = "probe"
_LIFE = timedelta(hours=1)
"""Who waited longer has gone."""
_KEPT = timedelta(days=30)
_LEASE = timedelta(minutes=2)
_HEAD = 256 * 1024  # octets in which a header is looked for: an MX writes many above it
_FIELD = re.compile(
    rb"^X-Mailbot-Probe:[ \t]*(?:\r?\n[ \t]+)?([0-9a-f]{32})\.([0-9a-f]{64})[ \t]*\r?$", re.MULTILINE | re.IGNORECASE
)

_p = probe.c
_WAITING = (  # made once: it is asked whenever a mail comes alone
    select(_p.nonce, _p.inbox_id, _p.recipient, _p.answer)
    .where(_p.decided_at.is_not(None), _p.answered_at.is_(None), _p.sent_at > bindparam("sent"))
    .where(or_(_p.taken_until.is_(None), _p.taken_until < bindparam("now")))
    .limit(1)
    .with_for_update(skip_locked=True)
)


@dataclass(frozen=True, slots=True)
class Probe:
    """One that was recognised and is to be answered."""

    nonce: str
    inbox_id: int
    recipient: str
    answer: bytes


@dataclass(frozen=True, slots=True)
class ProbeProgress:
    """How far a probe has come; seconds since it was sent, None: not yet."""

    inbox_id: int | None
    recognised: float | None
    answered: float | None
    failure: str | None


def announce(connection: Connection, sender: str, recipient: str, now: datetime) -> str:
    """Let a probe be on its way, whose answer will go from ``sender`` to ``recipient``; returns its number."""
    nonce = secrets.token_hex(16)
    connection.execute(delete(probe).where(probe.c.sent_at < now - _KEPT))
    answer = _mail(sender, recipient, f"mailbot probe {nonce[:8]}: answered", now).as_bytes()
    connection.execute(insert(probe).values(nonce=nonce, sent_at=now, recipient=recipient, answer=answer))
    return nonce


def mail(secret: Secret, nonce: str, sender: str, helpdesk: str, now: datetime) -> bytes:
    """What is put in where citizens' mails come in. Without its token it is a machine's mail."""
    message = _mail(sender, helpdesk, f"mailbot probe {nonce[:8]}", now)
    message[HEADER] = f"{nonce}.{_mac(secret, nonce)}"
    return message.as_bytes()


def nonce_of(secret: Secret, raw: bytes) -> str | None:
    """Number of the probe that a message claims to be with the right token; None: it is a mail of somebody."""
    head = re.split(rb"\r?\n\r?\n", raw[:_HEAD], maxsplit=1)[0]
    found = _FIELD.findall(head)
    if len(found) != 1:
        return None
    nonce, mac = (part.decode().lower() for part in found[0])
    return nonce if hmac.compare_digest(mac, _mac(secret, nonce)) else None


def recognise(connection: Connection, nonce: str, inbox_id: int, now: datetime) -> bool:
    """Note that it has come in and was understood. False when it did before, or was not announced lately."""
    p = probe.c
    waits = (p.nonce == nonce, p.decided_at.is_(None), p.sent_at > now - _LIFE)
    return bool(connection.execute(update(probe).where(*waits).values(inbox_id=inbox_id, decided_at=now)).rowcount)


def give_up(connection: Connection, nonce: str, inbox_id: int, now: datetime) -> bool:
    """As ``recognise``, of one that could not be read or judged: nobody answers it."""
    p = probe.c
    waits = (p.nonce == nonce, p.inbox_id.is_(None), p.decided_at.is_(None), p.sent_at > now - _LIFE)
    told = {"inbox_id": inbox_id, "failure": "a worker could not read or judge it; the log says why"}
    return bool(connection.execute(update(probe).where(*waits).values(**told)).rowcount)


def take(connection: Connection, now: datetime) -> Probe | None:
    """One that is to be answered, for the caller alone for a while."""
    row = connection.execute(_WAITING, {"now": now, "sent": now - _LIFE}).one_or_none()
    if row is None:
        return None
    connection.execute(update(probe).where(probe.c.nonce == row.nonce).values(taken_until=now + _LEASE))
    return Probe(row.nonce, row.inbox_id, row.recipient, row.answer)


def answered(connection: Connection, nonce: str, now: datetime) -> None:
    """The outgoing server has its answer."""
    connection.execute(update(probe).where(probe.c.nonce == nonce).values(answered_at=now, failure=None))


def put_off(connection: Connection, nonce: str, reason: str, until: datetime) -> None:
    """The outgoing server did not take its answer."""
    told = {"failure": reason[:200], "taken_until": until}
    connection.execute(update(probe).where(probe.c.nonce == nonce).values(**told))


def progress(connection: Connection, nonce: str) -> ProbeProgress:
    """How far it is."""
    row = connection.execute(select(probe).where(probe.c.nonce == nonce)).one()

    def since(moment: datetime | None) -> float | None:
        return None if moment is None else (moment - row.sent_at).total_seconds()

    return ProbeProgress(row.inbox_id, since(row.decided_at), since(row.answered_at), row.failure)


def _mac(secret: Secret, nonce: str) -> str:
    return secret.mac(_PURPOSE, nonce).hex()


def _mail(sender: str, recipient: str, subject: str, now: datetime) -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP.clone(max_line_length=998))  # the token must not be folded or encoded
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=domain(sender))
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody answers it
    message.set_content("This mail was sent by mailbot to see whether mails come through. It can be thrown away.\n")
    return message
