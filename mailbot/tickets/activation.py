"""Activation links: made with the ticket, kept as a hash, used once.

The token is an HMAC of the ticket number and of random octets of the link's own row: nothing secret lies in the
database, a mail that is written again holds the same link (procedure §3.5, link theft), and a number that is given out
again, as after a restore, gets another one.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, insert, select, update

from mailbot.errors import PermanentError
from mailbot.model import MailKind
from mailbot.outbox import jobs
from mailbot.secret import Secret
from mailbot.storage import personal, prepared, weeks
from mailbot.storage.among import among
from mailbot.storage.schema import activation, outbox, ticket, ticket_event
from mailbot.text import address
from mailbot.tickets import sealing

PATH = "/aktywacja/"
"""Where the page is, under web.public_url; the mail's link (mails.variables) leads there."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""End of a link that was ended: the clock of the day it was made may have been fast, and set back since."""
_RENEWED = timedelta(weeks=8)
"""The release before this one leaves the week of a link as it is when it makes it live longer."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")


class LinkLost(PermanentError):
    """The link, or the account behind it, stopped being usable while the form was on its way."""


@dataclass(frozen=True, slots=True)
class Activation:
    """A link that may still be used."""

    id: int
    ticket_id: int
    login: str
    """Login key of the account."""
    new_login: str | None
    """Case B: the address that becomes the login."""
    expires_at: datetime
    language: str = "pl"
    """Of the letter that asked for it."""

    @property
    def mailbox(self) -> str:
        """The address that the link was sent to."""
        return self.new_login or self.login


def token(secret: Secret, ticket_number: str, nonce: str) -> str:
    """The token of a ticket's link: 32 URL-safe characters (RFC 4648 §5), 192 bit. ``nonce``: that of its row."""
    return base64.urlsafe_b64encode(secret.mac("activation", f"{ticket_number} {nonce}")[:24]).decode("ascii")


def token_hash(token: str) -> str:
    """SHA-256 of the token, 64 hex digits: what lies at rest. 192 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Grant:
    """A link to be made. ``new_login`` as in Activation."""

    ticket_id: int
    ticket_number: str
    login: str
    expires_at: datetime
    new_login: str | None = None


def grant(
    connection: Connection,
    grants: Sequence[Grant],
    now: datetime,
    secret: Secret,
    fresh: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Make the links of tickets usable. Older unused links of the same logins end now, and of
    several grants for one login only the last one lives. ``fresh``: see sealing.links.

    Raises ValueError when a login is no address, sqlalchemy.exc.IntegrityError when a ticket has a link.
    """
    rows: list[dict[str, Any]] = []
    keys = [address.login_key(one.login) for one in grants]
    newest = {key: one.ticket_id for key, one in zip(keys, grants, strict=True)}
    if None in newest:
        raise ValueError("the login of an activation is not an e-mail address")
    for key, one in zip(keys, grants, strict=True):
        nonce = secrets.token_hex(16)
        rows.append(
            {
                "ticket_id": one.ticket_id,
                "nonce": nonce,
                "token_hash": token_hash(token(secret, one.ticket_number, nonce)),
                "login": key,
                "new_login": one.new_login,
                "created_at": now,
                "expires_at": one.expires_at if newest[key] == one.ticket_id else _NEVER,
                "week": weeks.week(one.expires_at),
            }
        )
    if not rows:
        return
    connection.execute(_END, {"logins": [form for key in newest if key for form in personal.forms(secret, key)]})
    prepared.insert(connection, activation, sealing.links(connection, secret, rows, fresh))


def renew(
    connection: Connection, link: Row[Any], number: str, secret: Secret, expires_at: datetime, *, anew: bool
) -> None:
    """Make the unused ``link`` of ticket ``number`` the one that lives among those of its login, until ``expires_at``.

    Its token is that of its row, which one that was sent before migration 0004 did not have. With ``anew`` it is
    another one, and who has the old one has none.
    """
    c = activation.c
    nonce = secrets.token_hex(16) if anew else link.nonce
    hashed = token_hash(token(secret, number, nonce))
    end(connection, c.login == link.login)
    mine = (c.id == link.id, c.used_at.is_(None))
    values = {"expires_at": expires_at, "week": weeks.week(expires_at), "nonce": nonce, "token_hash": hashed}
    connection.execute(update(activation).where(*mine).values(values))


def end(connection: Connection, which: ColumnElement[bool]) -> None:
    """End unused links for good, so that no clock that is set back lets one live again."""
    connection.execute(update(activation).where(which, activation.c.used_at.is_(None)).values(expires_at=_NEVER))


_END = (
    update(activation)
    .where(among(activation.c.login, "logins"), activation.c.used_at.is_(None))
    .values(expires_at=_NEVER)
)


def bind(connection: Connection, secret: Secret) -> None:
    """Make the tokens of links that have not left fit their rows: at the first start after migration 0004, which gave
    every row its nonce and had no key. A link that was sent before keeps its token until it expires."""
    _bind(connection, secret, ~_mail_with_link(outbox.c.state == jobs.DONE))


def bind_waiting(connection: Connection, secret: Secret) -> None:
    """Make the tokens of links that have still to leave those of ``secret``, which is new: by it they will be sent."""
    _bind(connection, secret, _mail_with_link(outbox.c.state != jobs.DONE))


def _mail_with_link(which: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(outbox.c.ticket_id == activation.c.ticket_id, outbox.c.kind == MailKind.T3.value, which)


def _bind(connection: Connection, secret: Secret, which: ColumnElement[bool]) -> None:
    a = activation.c
    wanted = select(a.id, ticket.c.number, a.nonce).join(ticket).where(a.used_at.is_(None), which)
    for row in connection.execute(wanted).all():
        hashed = token_hash(token(secret, row.number, row.nonce))
        connection.execute(update(activation).where(a.id == row.id).values(token_hash=hashed))


def find(connection: Connection, secret: Secret, token: str, now: datetime) -> Activation | None:
    """The link of ``token`` when it may be used: known, not used, not expired. Timing tells nothing of it. Raises
    SealBroken."""
    if not _TOKEN.fullmatch(token):
        return None
    row = connection.execute(
        select(
            activation.c.id,
            activation.c.ticket_id,
            activation.c.login,
            activation.c.new_login,
            activation.c.sealed,
            activation.c.expires_at,
            ticket.c.language,
        )
        .join(ticket)
        .where(
            activation.c.week.in_(weeks.since(connection, activation.c.week, now - _RENEWED)),
            activation.c.token_hash == token_hash(token),
            activation.c.used_at.is_(None),
            activation.c.expires_at > now,
        )
    ).first()
    if row is None:
        return None
    return Activation(row.id, row.ticket_id, *personal.logins(secret, row), row.expires_at, row.language)


def use(connection: Connection, link: Activation, now: datetime) -> bool:
    """Use the link up and write it into the ticket's history. False for the loser of a race, or when it has expired."""
    used = connection.execute(
        update(activation)
        .where(activation.c.id == link.id, activation.c.used_at.is_(None), activation.c.expires_at > now)
        .values(used_at=now)
    )
    if used.rowcount != 1:
        return False
    _note_used(connection, link.ticket_id, now)
    return True


def use_up(connection: Connection, link_id: int, ticket_id: int, now: datetime) -> None:
    """As ``use``, for what a registry on another machine has done already: a link that was ended meanwhile was used
    all the same."""
    mine = (activation.c.id == link_id, activation.c.used_at.is_(None))
    if connection.execute(update(activation).where(*mine).values(used_at=now)).rowcount:
        _note_used(connection, ticket_id, now)


def _note_used(connection: Connection, ticket_id: int, now: datetime) -> None:
    connection.execute(insert(ticket_event).values(ticket_id=ticket_id, at=now, kind="activation-used", detail={}))
