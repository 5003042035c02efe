"""The operators as they stand in the database, and what an admin does with them."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from mailbot.accounts import passwords
from mailbot.errors import PermanentError
from mailbot.model import Operator, Role
from mailbot.storage.desk import operator, operator_session, recovery_code

INVITED, ACTIVE, DISABLED = "invited", "active", "disabled"


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


def sealed_totp(connection: Connection, operator_id: int) -> bytes:
    """The secret of the second factor, as kept (factors.opened)."""
    wanted = select(operator.c.totp).where(operator.c.id == operator_id)
    sealed: bytes = connection.execute(wanted).scalar_one()
    return sealed


def add(
    connection: Connection,
    name: str,
    display: str,
    roles: Collection[Role],
    desks: Collection[str],
    now: datetime,
    language: str = "pl",
    subject: str | None = None,
) -> str:
    """Invite a new operator; returns the temporary password, kept as its hash only. Raises OperatorRefused."""
    if named(connection, name) is not None:
        raise OperatorRefused(f"{name}: there is one of this name; mend: name another, or operators reset {name}")
    temporary = temporary_password()
    connection.execute(
        insert(operator).values(
            name=name.strip().casefold(),
            display=display,
            roles=sorted(role.value for role in roles),
            desks=sorted(desks),
            language=language,
            state=INVITED,
            password_hash=passwords.hash_password(temporary),
            password_set_at=now,
            subject=subject,
            made_at=now,
        )
    )
    return temporary


def reset(connection: Connection, row: RowMapping, now: datetime) -> str:
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
    return temporary


def disable(connection: Connection, row: RowMapping) -> None:
    """Let an operator in no more; what they did keeps their name."""
    values: dict[str, Any] = {"state": DISABLED, "password_hash": None, "totp": None, "subject": None}
    connection.execute(update(operator).where(operator.c.id == row["id"]).values(values))
    _forget(connection, row["id"])


def _forget(connection: Connection, operator_id: int) -> None:
    for table in (recovery_code, operator_session):
        connection.execute(delete(table).where(table.c.operator_id == operator_id))


def temporary_password() -> str:
    """A temporary password: five groups of four letters and digits that nobody mistakes for one another: 98 bit."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(5))
