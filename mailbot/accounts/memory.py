"""A directory read from a YAML file: ``mailbot explain --accounts FILE``, the demo and tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from yaml.nodes import Node

from mailbot.accounts import fields
from mailbot.errors import ConfigError
from mailbot.model import Account, AccountStatus
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.findings import Mistakes
from mailbot.text import address

_REQUIRED = ("login", "given", "surname", "year")
_WORDS: dict[str, Mapping[str, Any]] = {
    "sex": fields.SEXES,
    "scope": fields.SCOPES,
    "csd": fields.FLAGS,
    "status": fields.STATUSES,
}
_MAX_BYTES = 16_777_216  # about 100,000 accounts; a larger registry belongs into the database


class MemoryDirectory:
    """Directory over accounts in memory. The connection of each call is not used and may be any."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        """Raises ValueError when a login is no address."""
        self._accounts: dict[str, Account] = {}
        self.emergency: dict[str, str] = {}
        """Hash of the emergency password set, by login key."""
        for account in accounts:
            key = address.login_key(account.login)
            if key is None:
                raise ValueError("a login is not an e-mail address")
            self._accounts[key] = account

    def __iter__(self) -> Iterator[Account]:
        """The accounts, in the order of the file."""
        return iter(self._accounts.values())

    def find(self, connection: Connection | None, login: str) -> Account | None:
        """See Directory.find."""
        return self._accounts.get(address.login_key(login) or "")

    def find_many(self, connection: Connection | None, keys: Sequence[str]) -> dict[str, Account]:
        """See Directory.find_many."""
        return {key: self._accounts[key] for key in keys if key in self._accounts}

    def has_namesake(self, connection: Connection | None, account: Account) -> bool:
        """See Directory.has_namesake."""
        return any(fields.namesakes(account, other) for other in self)

    def set_emergency_password(
        self, connection: Connection | None, login: str, password_hash: str, now: datetime, new_login: str | None = None
    ) -> bool:
        """See Directory.set_emergency_password."""
        key = address.login_key(login) or ""
        new_key = key if new_login is None else address.login_key(new_login)
        account = self._accounts.get(key)
        if account is None or account.status is not AccountStatus.ACTIVE or new_key is None:
            return False
        if new_key != key and new_key in self._accounts:
            return False
        del self._accounts[key]
        self._accounts[new_key] = account if new_login is None else replace(account, login=new_login)
        self.emergency[new_key] = password_hash
        return True


def load(path: Path, this_year: int) -> MemoryDirectory:
    """The accounts of a YAML file: a mapping of a free name to login, given, surname, year[, sex, scope, csd, status].

    Raises ConfigError with every mistake, one a line: file, line, key, mend.
    """
    mistakes = Mistakes()
    document = YamlDocument(path, mistakes, max_bytes=_MAX_BYTES)
    accounts: dict[str, Account] = {}
    entries = document.mapping(document.root, "", "account") if document.root else {}
    for label, node in entries.items():
        account = _account(document, label, node, this_year)
        if account is None:
            continue
        key = address.login_key(account.login) or ""
        if key in accounts:
            document.wrong(node, f"{label}.login", "stands twice", "remove one of the two accounts")
        accounts[key] = account
    if lines := mistakes.lines():
        raise ConfigError("\n".join(lines))
    return MemoryDirectory(accounts.values())


def _account(document: YamlDocument, label: str, node: Node, this_year: int) -> Account | None:
    """One account, or None after a mistake was noted."""
    readers: dict[str, Callable[[str], Any]] = {
        "login": fields.login,
        "given": fields.name,
        "surname": fields.name,
        "year": lambda text: fields.birth_year(text, this_year),
    }
    found = document.entries(node, label, _REQUIRED, tuple(_WORDS))
    values: dict[str, Any] = {}
    for key, value in found.items():
        road = f"{label}.{key}"
        if key in readers:
            values[key] = _read(document, value, road, readers[key])
        else:
            word = document.word(value, road, _WORDS[key], f"a word for {key}")
            values[key] = None if word is None else _WORDS[key][word]
    if not values.keys() >= set(_REQUIRED) or None in values.values():
        return None
    return Account(birth_year=values.pop("year"), **values)


def _read(document: YamlDocument, node: Node, road: str, reader: Callable[[str], Any]) -> Any:
    text = document.string(node, road)
    if text is None:
        return None
    try:
        return reader(text)
    except ValueError as error:
        what, _, mend = str(error).partition("; mend: ")
        document.wrong(node, road, what, mend)
        return None
