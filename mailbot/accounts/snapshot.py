"""What a registry on another machine answered, as a Directory that a transaction may ask."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from mailbot.errors import RegistryUnavailable
from mailbot.model import Account, AccountStatus
from mailbot.text import address


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Directory over the answers for ``asked`` login keys."""

    asked: Collection[str]
    accounts: Mapping[str, Account]

    def knows(self, keys: Collection[str]) -> bool:
        """Whether it was answered for all of them."""
        return all(key in self.asked for key in keys)

    def with_doubts(self, keys: Iterable[str]) -> Snapshot:
        """The same, where those of ``keys`` that were not answered for are doubtful accounts."""
        doubts = {key: doubtful(key) for key in keys if key not in self.asked}
        return Snapshot({*self.asked, *doubts}, {**self.accounts, **doubts}) if doubts else self

    def find(self, connection: Connection | None, login: str) -> Account | None:
        """See Directory.find. Raises RegistryUnavailable when it was not asked for this one: silence is no answer."""
        key = address.login_key(login)
        return self.find_many(connection, [key]).get(key) if key else None

    def find_many(self, connection: Connection | None, keys: Sequence[str]) -> dict[str, Account]:
        """See Directory.find_many. Raises RegistryUnavailable as ``find``."""
        if not self.knows(keys):
            raise RegistryUnavailable(
                "the registry of accounts was not asked, or did not answer, for one of the logins"
            )
        return {key: self.accounts[key] for key in keys if key in self.accounts}

    def has_namesake(self, connection: Connection | None, account: Account) -> bool:
        """Always: a SCIM filter compares names letter by letter and cannot find the spellings that fields.namesakes
        takes for one, so only a PESEL tells two people apart (flow.facts.holder)."""
        return True

    def set_emergency_password(
        self,
        connection: Connection | None,
        login: str,
        password_hash: str,
        now: datetime,
        new_login: str | None = None,
    ) -> bool:
        """Never: the password itself goes to the registry, outside of any transaction (mailbot.registry)."""
        raise RegistryUnavailable("a password of the registry is not set inside of a transaction")


def doubtful(login: str) -> Account:
    """The account of a login of which the registry gave no clear answer: a person decides, and nobody may accept."""
    return Account(login, "", "", 0, status=AccountStatus.BLOCKED, doubtful=True)
