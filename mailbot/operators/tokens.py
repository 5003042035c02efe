"""Tokens of other systems: the caller holds a random one, the database its hash and what it is for.

A token acts as "api:NAME". No operator can have that name, and no token is a person (desk.roles).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from mailbot.audit import chain
from mailbot.errors import PermanentError
from mailbot.model import Desk, Operator, Role
from mailbot.storage.tokens import api_token

ROLES = (Role.CONSULTANT, Role.SUPERVISOR, Role.AUDITOR)
"""What a token can be: an admin reads no tickets, and the machine is not kept through the API."""
LONGEST_DAYS = 730

_PREFIX = "mailbot_"
"""By it a scanner knows a token that somebody has published."""
_TOKEN = re.compile(rf"{_PREFIX}[A-Za-z0-9_-]{{43}}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_SEEN = timedelta(minutes=1)
"""The last sign of a token is written at most so often: to look must not be a write."""


class ApiTokenRefused(PermanentError):
    """What was asked for a token cannot be. The text names the mend."""


def add(
    connection: Connection,
    by: str,
    name: str,
    roles: Collection[Role],
    desks: Collection[str],
    language: str,
    days: int,
    now: datetime,
) -> str:
    """A new token, which nobody will see again. ``by``: the actor. Raises ApiTokenRefused."""
    if not _NAME.fullmatch(name):
        raise ApiTokenRefused(f"{name!r} is no name; mend: letters a to z, digits, . _ and -, at most 40")
    if not roles or not set(roles) <= set(ROLES):
        raise ApiTokenRefused(f"{name}: no such role of a token; mend: one of {', '.join(ROLES)}")
    if unknown := sorted(desk for desk in desks if not desk or desk not in set(Desk)):
        raise ApiTokenRefused(f"{unknown[0]}: no such desk; mend: one of {', '.join(filter(None, Desk))}")
    if not 1 <= days <= LONGEST_DAYS:
        raise ApiTokenRefused(f"{days} days: a token ends; mend: 1 to {LONGEST_DAYS}")
    if _named(connection, name) is not None:
        raise ApiTokenRefused(f"{name}: there is or was one of this name; mend: name another, as {name}-2")
    token = _PREFIX + secrets.token_urlsafe(32)
    values: dict[str, Any] = {"roles": sorted(roles), "desks": sorted(desks), "language": language}
    kept = {"name": name, "token_hash": _hash(token), "made_at": now, "expires_at": now + timedelta(days=days)}
    connection.execute(insert(api_token).values(kept | values))
    told = values | {"expires_at": kept["expires_at"]}
    chain.note(connection, now, by, "token-added", chain.operator(_actor(name)), told, ", ".join(values["roles"]))
    return token


def revoke(connection: Connection, by: str, name: str, now: datetime) -> None:
    """The token of ``name`` opens nothing any more. Raises ApiTokenRefused."""
    row = _named(connection, name)
    if row is None:
        raise ApiTokenRefused(f"{name}: no such token; mend: mailbot tokens list")
    if row["revoked_at"] is not None:
        return
    connection.execute(update(api_token).where(api_token.c.id == row["id"]).values(revoked_at=now))
    chain.note(connection, now, by, "token-revoked", chain.operator(_actor(name)))


def everything(connection: Connection) -> Sequence[RowMapping]:
    """The tokens by name, without what opens anything."""
    shown = ("name", "roles", "desks", "language", "made_at", "expires_at", "revoked_at", "used_at")
    return connection.execute(select(*api_token.c[shown]).order_by(api_token.c.name)).mappings().all()


def may_be(token: str) -> bool:
    """Whether ``token`` has the form of one: of what has not the database is not asked."""
    return _TOKEN.fullmatch(token) is not None


def find(connection: Connection, token: str, now: datetime) -> RowMapping | None:
    """The row of a token that opens something now."""
    hashed = _hash(token)
    row = connection.execute(select(api_token).where(api_token.c.token_hash == hashed)).mappings().first()
    if row is None or not hmac.compare_digest(row["token_hash"], hashed):
        return None
    return row if row["revoked_at"] is None and now < row["expires_at"] else None


def is_due(row: RowMapping, now: datetime) -> bool:
    """Whether its sign is to be written."""
    return row["used_at"] is None or now - row["used_at"] >= _SEEN


def seen(connection: Connection, token_id: int, now: datetime) -> None:
    """It was used."""
    connection.execute(update(api_token).where(api_token.c.id == token_id).values(used_at=now))


def of_row(row: RowMapping) -> Operator:
    """Who acts with the token of a row: nobody of the operators, and no person."""
    roles, name = frozenset(map(Role, row["roles"])), _actor(row["name"])
    return Operator(0, name, name, roles, frozenset(row["desks"]), row["language"], person=False)


def _actor(name: str) -> str:
    return f"{chain.API}{name}"


def _named(connection: Connection, name: str) -> RowMapping | None:
    return connection.execute(select(api_token).where(api_token.c.name == name)).mappings().first()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
