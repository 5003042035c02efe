"""Who is logged in: the browser holds a random token, the database its hash and everything else."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, delete, insert, select, update

from mailbot.model import Operator
from mailbot.operators.people import ACTIVE, DISABLED, INVITED, of_row
from mailbot.secret import Secret
from mailbot.storage.desk import operator, operator_session

_CSRF = "console-csrf"
_SEEN = timedelta(seconds=30)
"""The last sign of a session is written at most so often: to look at a page must not be a write."""

_AHEAD = timedelta(minutes=5)
"""Of another machine's clock; who was seen later was seen by one that was set back, and by it would never be idle."""
_REMEMBERED = timedelta(days=1)
"""A session that is over stays so long, for what its person had just typed (``past``)."""


class LoginStage(StrEnum):
    """How far a person has come."""

    SECOND = "second"  # the password was right; the second factor is missing
    ENROL = "enrol"  # invited: must set a password and a second factor
    FULL = "full"


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """idle: without a request; absolute: since the login."""

    idle: timedelta
    absolute: timedelta


@dataclass(frozen=True, slots=True)
class Session:
    """One browser of one person."""

    id: int
    operator: Operator
    stage: LoginStage
    made_at: datetime
    seen_at: datetime
    expires_at: datetime


def begin(connection: Connection, operator_id: int, stage: LoginStage, now: datetime, limits: SessionLimits) -> str:
    """A new session; returns its token (256 bit), which is kept nowhere. Every login and every stage begins one, so a
    token that somebody planted or saw before opens nothing (session fixation)."""
    connection.execute(delete(operator_session).where(operator_session.c.expires_at < now - _REMEMBERED))
    token = secrets.token_urlsafe(32)
    values = {"token_hash": _hash(token), "operator_id": operator_id, "stage": stage.value}
    moments = {"made_at": now, "seen_at": now, "expires_at": now + limits.absolute}
    connection.execute(insert(operator_session).values(values | moments))
    return token


def find(connection: Connection, token: str, now: datetime, limits: SessionLimits) -> Session | None:
    """The session of ``token``, unless it is over or its operator may not come in any more."""
    s = operator_session.c
    alive = (s.token_hash == _hash(token), s.expires_at > now, s.seen_at > now - limits.idle, s.seen_at <= now + _AHEAD)
    held = connection.execute(select(operator_session).where(*alive)).mappings().first()
    if held is None:
        return None
    row = connection.execute(select(operator).where(operator.c.id == held["operator_id"])).mappings().one()
    stage = LoginStage(held["stage"])
    if row["state"] == DISABLED or (row["state"] == INVITED) != (stage is LoginStage.ENROL):
        return None
    return Session(held["id"], of_row(row), stage, held["made_at"], held["seen_at"], held["expires_at"])


def past(connection: Connection, token: str) -> Operator | None:
    """Whose session ``token`` was until it ended by itself; None when they logged out, or were logged out."""
    s = operator_session.c
    mine = (s.token_hash == _hash(token), s.stage == LoginStage.FULL.value, operator.c.state == ACTIVE)
    row = connection.execute(select(operator).join(operator_session).where(*mine)).mappings().first()
    return None if row is None else of_row(row)


def is_due(session: Session, now: datetime) -> bool:
    """Whether ``seen`` is to be called."""
    return now - session.seen_at >= _SEEN


def seen(connection: Connection, session: Session, now: datetime) -> None:
    """The session was used."""
    s = operator_session.c
    connection.execute(update(operator_session).where(s.id == session.id).values(seen_at=now))


def end(connection: Connection, token: str) -> bool:
    """Log out. False: somebody else had ended it."""
    ended = delete(operator_session).where(operator_session.c.token_hash == _hash(token))
    return connection.execute(ended).rowcount == 1


def end_all(connection: Connection, operator_id: int) -> None:
    """Log a person out everywhere: the password or the rights are others now."""
    connection.execute(delete(operator_session).where(operator_session.c.operator_id == operator_id))


def end_everybody(connection: Connection) -> None:
    """Log everybody out."""
    connection.execute(delete(operator_session))


def csrf(secret: Secret, token: str) -> str:
    """What every form of the session holds: who has not the token cannot make it, and it ends with the session."""
    return secret.mac(_CSRF, token).hex()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
