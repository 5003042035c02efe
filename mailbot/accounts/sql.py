"""The embedded registry: the table ``account``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, RowMapping, delete, select, update

from mailbot.accounts.fields import namesakes, surname_key
from mailbot.model import Account, AccountStatus
from mailbot.storage.among import among
from mailbot.storage.schema import account
from mailbot.text import address

if TYPE_CHECKING:
    from mailbot.accounts.rows import AccountRow

_COLUMNS = (
    account.c.login,
    account.c.login_key,
    account.c.given,
    account.c.surname,
    account.c.birth_year,
    account.c.sex,
    account.c.pesel_hash,
    account.c.scope,
    account.c.csd,
    account.c.status,
)
_BY_KEYS = select(*_COLUMNS).where(among(account.c.login_key, "keys"))
_birth_year, _surname_key = account.c.birth_year, account.c.surname_key


class SqlDirectory:
    """Directory over the table ``account``; works inside the caller's transaction."""

    def find(self, connection: Connection, login: str) -> Account | None:
        """See Directory.find."""
        key = address.login_key(login)
        return self.find_many(connection, [key]).get(key) if key else None

    def find_many(self, connection: Connection, keys: Sequence[str]) -> dict[str, Account]:
        """See Directory.find_many."""
        rows = connection.execute(_BY_KEYS, {"keys": keys}).mappings()
        return {row["login_key"]: _account(row) for row in rows}

    def has_namesake(self, connection: Connection, account: Account) -> bool:
        """See Directory.has_namesake."""
        alike = (_birth_year == account.birth_year, _surname_key == surname_key(account.surname))
        rows = connection.execute(select(*_COLUMNS).where(*alike)).mappings()
        return any(namesakes(account, _account(row)) for row in rows)

    def set_emergency_password(
        self, connection: Connection, login: str, password_hash: str, now: datetime, new_login: str | None = None
    ) -> bool:
        """See Directory.set_emergency_password. One UPDATE: password and login change together or not at all."""
        values: dict[str, Any] = {"emergency_hash": password_hash, "emergency_set_at": now}
        key = address.login_key(login)
        if new_login is not None:
            new_key = address.login_key(new_login)
            if new_key is None or (new_key != key and self.find(connection, new_login) is not None):
                return False
            values |= {"login": address.normalise(new_login), "login_key": new_key}
            values |= {"former_key": key} if new_key != key else {}
        statement = update(account).where(account.c.login_key == key, account.c.status == AccountStatus.ACTIVE)
        return connection.execute(statement.values(values)).rowcount == 1


def where_they_are(connection: Connection, rows: Sequence[AccountRow]) -> list[AccountRow]:
    """``rows`` of an import, those with a login from which case B moved the same person under the login of now: a file
    from before would else open a second account, for whoever has the mailbox that was left."""
    c = account.c
    told = (c.former_key, c.login, c.login_key, c.birth_year, c.surname_key, c.pesel_hash)
    wanted = select(*told).where(among(c.former_key, "keys"), c.former_key.is_not(None))
    moved = connection.execute(wanted, {"keys": [row["login_key"] for row in rows]}).mappings().all()
    return [next((row | _of(one) for one in moved if _is_same(one, row)), row) for row in rows]


def _of(moved: RowMapping) -> AccountRow:
    return {"login": moved["login"], "login_key": moved["login_key"]}


def _is_same(moved: RowMapping, row: AccountRow) -> bool:
    other = moved["pesel_hash"] and row["pesel_hash"] and moved["pesel_hash"] != row["pesel_hash"]
    alike = all(moved[name] == row[name] for name in ("birth_year", "surname_key"))
    return moved["former_key"] == row["login_key"] and alike and not other


def remove(connection: Connection, login: str) -> bool:
    """Take the account of ``login`` out of the table; False: there is none. A link of it sets no password then."""
    gone = delete(account).where(account.c.login_key == address.login_key(login))
    return connection.execute(gone).rowcount == 1


def _account(row: RowMapping) -> Account:
    return Account(
        login=row["login"],
        given=row["given"],
        surname=row["surname"],
        birth_year=row["birth_year"],
        sex=row["sex"],
        pesel_hash=row["pesel_hash"],
        scope=row["scope"],
        csd=bool(row["csd"]),
        status=AccountStatus(row["status"]),
    )
