"""What a backup holds: the databases of an installation, each proven to open with the key that lies beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from mailbot import secret
from mailbot.config import Settings
from mailbot.errors import ConfigError
from mailbot.installation import read_key
from mailbot.storage import backup, keys
from mailbot.storage.engine import target
from mailbot.storage.reading import missing_file, read_only


class BackupSource(NamedTuple):
    """A database: how its files are called, and where it lies."""

    name: str
    url: str


class Made(NamedTuple):
    """A file of a backup and its octets."""

    file: Path
    octets: int


def databases(settings: Settings) -> Sequence[BackupSource]:
    """Those that belong into one backup. A store whose backups have a life of their own must never be among them."""
    return (BackupSource("mailbot", settings.database.url),)


def key_store(settings: Settings) -> Sequence[BackupSource]:
    """The keys of messages, without which no mail of a copy opens. Copied behind the database: a key lies in the store
    before anything is sealed under it, so that none is missing then."""
    return (BackupSource("keys", keys.place(settings.keys.url, settings.database.url)),)


def refuse_together(folder: Path, databases_: Path) -> None:
    """Raises ConfigError when the store of keys would go where the databases go."""
    if folder.resolve() == databases_.resolve():
        raise ConfigError(
            f"{folder}: what is erased stays readable where both are kept; mend: name another place for the keys, of "
            "which few copies are kept (docs/privacy.md)"
        )


def clear(settings: Settings, folder: Path, store_folder: Path | None, now: datetime) -> list[Path]:
    """Take away what backups that were killed have left in the two folders; the files."""
    left = [backup.clear(folder, one.name, now) for one in databases(settings)]
    if store_folder is not None:
        left += [backup.clear(store_folder, one.name, now) for one in key_store(settings)]
    return [file for files in left for file in files]


def make(settings: Settings, sources: Sequence[BackupSource], folder: Path, now: datetime) -> Iterator[Made]:
    """Each of ``sources`` into a file of ``folder`` that bears the moment. Raises ConfigError, DatabaseUnavailable."""
    for source in sources:
        if target(source.url).get_backend_name() != "sqlite":
            raise ConfigError(
                "[database] url: is no SQLite file, and PostgreSQL makes its own backups, of each moment; mend: "
                "pg_basebackup and an archive of its log, as docs/operating.md says (Backup of PostgreSQL)"
            )
        if (missing := missing_file(source.url)) is not None:
            raise ConfigError(f"[database] url: {missing}: no such file; mend: name the database of mailbot run")
    with read_only(settings.database.url) as connection:
        read_key(connection, Path(settings.secret.key_file))  # before a year of backups that nobody can open
    for source in sources:
        file = folder / f"{source.name}-{now:%Y%m%dT%H%M%SZ}.db"
        yield Made(file, backup.copy(source.url, file))


def copy_key(settings: Settings, folder: Path, apart_from: Path) -> Path:
    """The key file into ``folder``, unless it is there already; never where the databases go. Raises ConfigError."""
    if folder.resolve() == apart_from.resolve():
        raise ConfigError(
            f"{folder}: whoever has the key and the database can read every mail; mend: name another place for the key"
        )
    key = secret.read(Path(settings.secret.key_file))
    file = folder / Path(settings.secret.key_file).name
    if file.exists():
        if secret.read(file) != key:
            raise ConfigError(f"{file}: is another key; mend: name a folder without one, or move that one away")
        return file
    secret.write(file, key)
    return file
