"""The operators as they stand in the database, and what an admin does with them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from mailbot.accounts import passwords
from mailbot.audit import chain
from mailbot.errors import PermanentError
from mailbot.model import Operator, Role
from mailbot.storage.desk import operator, operator_session, recovery_code

INVITED, ACTIVE, DISABLED = "invited", "active", "disabled"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


class OperatorRefused(PermanentError):
    """What was asked for an operator cannot be. The text names the mend."""


def of_row(row: RowMapping) -> Operator:
    """The operator of a row of the table."""
    return Operator(
        row["id"],
        row["name"],
        row["display"],
        frozenset(Role(role) for role in row["roles"]),
        frozenset(row["desks"]),
        row["language"],
    )


def named(connection: Connection, name: str) -> RowMapping | None:
    """The row of the operator called ``name``, however it is written."""
    wanted = select(operator).where(operator.c.name == name.strip().casefold())
    return connection.execute(wanted).mappings().first()


def known(connection: Connection, name: str) -> RowMapping:
    """The same, of somebody who must be there. Raises OperatorRefused."""
    row = named(connection, name)
    if row is None:
        raise OperatorRefused(f"{name}: no such operator; mend: mailbot operators list")
    return row


def everybody(connection: Connection) -> Sequence[RowMapping]:
    """The operators by name, without what opens anything."""
    shown = ("name", "display", "roles", "desks", "language", "state", "failed", "locked_until", "subject", "made_at")
    return connection.execute(select(*operator.c[shown]).order_by(operator.c.name)).mappings().all()


def active(connection: Connection, name: str) -> Operator | None:
    """The operator called ``name``, if let in."""
    row = named(connection, name)
    return of_row(row) if row is not None and row["state"] == ACTIVE else None


def subject(issuer: str, sub: str) -> str:
    """How the two are kept: a sub means nothing without its issuer (OpenID Connect Core §5.7)."""
    return f"{issuer} {sub}"


def of_subject(connection: Connection, whole: str) -> RowMapping | None:
    """The row of the operator of a ``subject``."""
    return connection.execute(select(operator).where(operator.c.subject == whole)).mappings().first()


def sealed_totp(connection: Connection, operator_id: int) -> bytes:
    """The secret of the second factor, as kept (factors.opened)."""
    wanted = select(operator.c.totp).where(operator.c.id == operator_id)
    sealed: bytes = connection.execute(wanted).scalar_one()
    return sealed


def add(connection: Connection, by: str, person: Operator, now: datetime, whole: str | None = None) -> str | None:
    """Invite ``person`` (its id aside); returns the temporary password, kept as its hash only. With a ``subject`` there
    is none: the provider of OpenID Connect lets them in, from now on. ``by``: the actor. Raises OperatorRefused."""
    name = person.name.strip().casefold()
    if not _NAME.fullmatch(name):
        raise OperatorRefused(f"{name!r} is no name; mend: letters a to z, digits, . _ and -, at most 40")
    if named(connection, name) is not None:
        raise OperatorRefused(f"{name}: there is one of this name; mend: name another, or operators reset {name}")
    if whole is not None:
        _refuse_taken(connection, whole)
    temporary = temporary_password() if whole is None else None
    values = _columns(person) | {
        "name": name,
        "state": ACTIVE if temporary is None else INVITED,
        "password_hash": temporary and passwords.hash_password(temporary),
        "password_set_at": now,
        "subject": whole,
        "made_at": now,
    }
    connection.execute(insert(operator).values(values))
    _told(connection, by, "operator-added", name, values, now)
    return temporary


def change(connection: Connection, by: str, row: RowMapping, person: Operator, now: datetime) -> None:
    """Give an operator other roles, desks, another display or language. They log in anew: a session has the rights it
    began with."""
    values = _columns(person)
    connection.execute(update(operator).where(operator.c.id == row["id"]).values(values))
    sessions = operator_session
    connection.execute(delete(sessions).where(sessions.c.operator_id == row["id"]))
    _told(connection, by, "operator-changed", row["name"], values, now)


def tie(connection: Connection, by: str, row: RowMapping, whole: str, now: datetime) -> None:
    """From now on the provider of OpenID Connect lets an operator in as ``subject``, too. Raises OperatorRefused."""
    _refuse_taken(connection, whole)
    connection.execute(update(operator).where(operator.c.id == row["id"]).values(subject=whole))
    _told(connection, by, "operator-tied", row["name"], dict(row), now)


def reset(connection: Connection, by: str, row: RowMapping, now: datetime) -> str:
    """Invite an operator anew, who has lost the password or the second factor: nothing old opens anything any more.
    Returns the temporary password."""
    temporary = temporary_password()
    values: dict[str, Any] = {
        "state": INVITED,
        "password_hash": passwords.hash_password(temporary),
        "password_set_at": now,
        "totp": None,
        "totp_step": 0,
        "failed": 0,
        "locked_until": None,
    }
    connection.execute(update(operator).where(operator.c.id == row["id"]).values(values))
    _forget(connection, row["id"])
    _told(connection, by, "operator-reset", row["name"], dict(row), now)
    return temporary


def disable(connection: Connection, by: str, row: RowMapping, now: datetime) -> None:
    """Let an operator in no more; what they did keeps their name, and whom the provider proves is known as them."""
    values: dict[str, Any] = {"state": DISABLED, "password_hash": None, "totp": None}
    connection.execute(update(operator).where(operator.c.id == row["id"]).values(values))
    _forget(connection, row["id"])
    _told(connection, by, "operator-disabled", row["name"], dict(row), now)


def _refuse_taken(connection: Connection, whole: str) -> None:
    """From who was disabled an admin may take a subject, and give it to another."""
    row = of_subject(connection, whole)
    if row is not None and row["state"] == DISABLED:
        connection.execute(update(operator).where(operator.c.id == row["id"]).values(subject=None))
    elif row is not None:
        raise OperatorRefused(f"{whole}: is somebody else's; mend: give each operator a subject of their own")


def _columns(person: Operator) -> dict[str, Any]:
    roles, desks = sorted(role.value for role in person.roles), sorted(person.desks)
    return {"display": person.display, "roles": roles, "desks": desks, "language": person.language}


def _told(connection: Connection, by: str, action: str, name: str, values: Mapping[str, Any], now: datetime) -> None:
    """The chain holds who may do what since when; the name that a person goes by stands behind the digest."""
    told = {key: values[key] for key in ("display", "roles", "desks", "language")}
    chain.note(connection, now, by, action, chain.operator(name), told, ", ".join(values["roles"]))


def _forget(connection: Connection, operator_id: int) -> None:
    for table in (recovery_code, operator_session):
        connection.execute(delete(table).where(table.c.operator_id == operator_id))


def temporary_password() -> str:
    """A temporary password: five groups of four letters and digits that nobody mistakes for one another: 98 bit."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(5))
