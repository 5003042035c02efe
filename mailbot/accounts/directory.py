"""Where accounts are looked up: in the embedded registry (accounts.sql), a registry of the office over SCIM
(accounts.scim) or a YAML file (accounts.memory)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from mailbot.model import Account


class Directory(Protocol):
    """The PUESC accounts. Logins are compared by ``address.login_key``: any case, any spelling of an IDN domain.

    It is asked inside of transactions and so never waits for another machine."""

    def find(self, connection: Connection, login: str) -> Account | None:
        """The account whose login is ``login``, or None (also when ``login`` is no address)."""
        ...

    def find_many(self, connection: Connection, keys: Sequence[str]) -> dict[str, Account]:
        """The accounts of these login keys, by key, in one query. A key without account is left out."""
        ...

    def has_namesake(self, connection: Connection, account: Account) -> bool:
        """Whether another account may be of a person with the same surname, birth year and first given name."""
        ...

    def set_emergency_password(
        self, connection: Connection, login: str, password_hash: str, now: datetime, new_login: str | None = None
    ) -> bool:
        """Replace the emergency password of the active account ``login``; in case B also its login (seed 001, P8).

        False, and nothing changed, when there is no such active account or ``new_login`` already belongs to another.
        """
        ...
