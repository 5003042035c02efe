"""A database and its key belong together: a check value of the key lies in the database.

Without one, a key file that was lost would be made anew at the next start: every link, return path and PESEL hash would
be worthless and no mail could be read again, and nobody would have been told.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection, insert, inspect, select, text, update

from mailbot import packing, secret
from mailbot.config import Settings
from mailbot.errors import ConfigError, SealBroken
from mailbot.inbox import message_of
from mailbot.observe import utc_now
from mailbot.secret import NO_KEY, Hiding, Secret
from mailbot.storage import keys
from mailbot.storage.engine import HIDING_FROM, keep_out, refuse_newer
from mailbot.storage.reading import has_column
from mailbot.storage.schema import account, inbox, installation, outbox, raw_message
from mailbot.tickets import activation

_LOCK = 4747002  # of PostgreSQL: several processes may be at the first start
_TRIED = 5  # messages, of which one must open: a single one may be damaged


def open_key(connection: Connection, path: Path) -> Secret:
    """The key of this database; at the first start it is made, when it is not there, and both are bound together.

    Raises ConfigError when the database has another key, or was made with one that is gone.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    key = find_key(connection, path) or secret.load(path)
    if _known(connection) is None:
        begun = connection.execute(select(inbox.c.id).limit(1)).first() is not None
        hiding = None if begun else int(Hiding.DONE)
        connection.execute(insert(installation).values(id=1, key_check=_check(key), made_at=utc_now(), hiding=hiding))
        if not begun:
            keep_out(connection, HIDING_FROM)
        activation.bind(connection, key)
    if _eldest(connection) is None:
        connection.execute(update(installation).values(eldest_check=_eldest_check(key)))
    return key


def open_keys(connection: Connection, chosen: Settings) -> Secret:
    """``open_key``, with the store of the keys of messages, which is made where the database knows none; it is to be
    closed. Raises ConfigError, DatabaseUnavailable."""
    packing.prove()
    key = open_key(connection, Path(chosen.secret.key_file))
    known = connection.execute(select(installation.c.key_store)).scalar_one()
    engine, name = keys.begin(chosen.keys.url, chosen.database.url, chosen.database, known)
    if known is None:
        connection.execute(update(installation).values(key_store=name))
    return replace(keys.with_store(key, engine), hiding=hiding(connection))


@contextmanager
def read_keys(connection: Connection, chosen: Settings) -> Iterator[Secret]:
    """``read_key``, with the store of the keys of messages, where there is one. Raises ConfigError,
    DatabaseUnavailable."""
    key = read_key(connection, Path(chosen.secret.key_file))
    there = inspect(connection).has_table(installation.name)
    known = connection.execute(select(installation.c.key_store)).scalar_one_or_none() if there else None
    if known is None:
        yield key
        return
    engine, _ = keys.begin(chosen.keys.url, chosen.database.url, chosen.database, known)
    with closing(keys.with_store(key, engine)) as whole:
        yield replace(whole, hiding=hiding(connection))


@contextmanager
def keys_at_hand(connection: Connection, chosen: Settings, without: Callable[[ConfigError], None]) -> Iterator[Secret]:
    """``read_keys``; where they are not at hand ``without`` is told why, and the key opens nothing. Raises
    DatabaseUnavailable."""
    with ExitStack() as stack:
        key = NO_KEY
        try:
            key = stack.enter_context(read_keys(connection, chosen))
        except ConfigError as error:
            without(error)
        yield key


@contextmanager
def reading_addresses(connection: Connection, chosen: Settings) -> Iterator[Secret]:
    """``read_keys`` where addresses are sealed; where they are not it takes no key to read them, and this one opens
    nothing. Raises as that."""
    if hiding(connection):
        with read_keys(connection, chosen) as whole:
            yield whole
    else:
        yield NO_KEY


def hiding(connection: Connection) -> Hiding:
    """How far addresses are sealed in this database."""
    if not has_column(connection, installation.c.hiding):
        return Hiding.NO
    return Hiding(connection.execute(select(installation.c.hiding)).scalar_one_or_none() or 0)


def agree(connection: Connection, key: Secret) -> None:
    """Raises ConfigError when addresses are sealed, or the key was changed, since ``key`` was opened: what would be
    written with it is not what others look for, and links would be dead; and when others write what this program cannot
    read, and would bury."""
    refuse_newer(connection)
    known, begun = connection.execute(select(installation.c.key_check, installation.c.hiding)).one()
    if not hmac.compare_digest(known, _check(key)):
        raise ConfigError(
            "[secret] key_file: the key of the database was changed since this began; mend: copy the new file from"
            " where mailbot key rotate was called, and start it again"
        )
    if bool(begun or Hiding.NO) != bool(key.hiding):
        raise ConfigError("[database] url: its addresses were sealed since this began; mend: start it again")


def read_key(connection: Connection, path: Path) -> Secret:
    """The key of a database that is there already. Raises ConfigError as ``open_key``, and without a key file."""
    return find_key(connection, path) or secret.read(path)


def find_key(connection: Connection, path: Path) -> Secret | None:
    """The key in ``path``, which must be that of the database; None: neither is there yet. Changes nothing.

    Raises ConfigError.
    """
    known = _known(connection)
    if not _exists(path):
        if known is not None or _in_use(connection):
            raise ConfigError(
                f"[secret] key_file: {path}: is not there, but the database was made with a key; mend: put back the key"
                " file of this database (a new one would open no mail and no link)"
            )
        return None
    key = secret.read(path)
    fits = hmac.compare_digest(known, _check(key)) if known is not None else _opens(connection, key)
    if not fits and known is not None and _is_former(known, key):
        raise ConfigError(
            f"[secret] key_file: {path}: holds a newer key than the database knows: a rotation was cut off, or the"
            " database put back from before it; mend: mailbot key rotate (it ends that one)"
        )
    if not fits:
        raise ConfigError(
            f"[secret] key_file: {path}: is not the key of this database; mend: put back the key file, or the database,"
            " that belongs to the other"
        )
    _refuse_cut(connection, path, key)
    return key


def _refuse_cut(connection: Connection, path: Path, key: Secret) -> None:
    """Raises ConfigError when the keys before the newest were cut off from the file: nobody would be found again."""
    known = _eldest(connection)
    if known is not None and not hmac.compare_digest(known, _eldest_check(key)):
        raise ConfigError(
            f"[secret] key_file: {path}: does not end with the eldest key of this database, by which addresses and"
            " mails are found again; mend: put back the key file with every key that it held"
        )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise ConfigError(f"[secret] key_file: {path}: {error.strerror}; mend: let mailbot's user read it") from error


def turn_over(connection: Connection, path: Path) -> Secret:
    """Bind the database, and the links that have still to leave, to a new key, which is written before those in
    ``path``; to the one that is there already when a rotation was cut off. The file is written first: cut off behind
    it, everybody is refused and told so.

    Raises ConfigError as ``read_key``.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    if not is_cut_off(connection, path):
        read_key(connection, path)
        secret.put_new_first(path)
    key = secret.read(path)
    _refuse_cut(connection, path, key)
    connection.execute(update(installation).values(key_check=_check(key)))
    activation.bind_waiting(connection, key)
    return key


def is_cut_off(connection: Connection, path: Path) -> bool:
    """Whether the key file holds a newer key than the database knows."""
    known = _known(connection)
    return known is not None and _exists(path) and _is_former(known, secret.read(path))


def _is_former(known: str, key: Secret) -> bool:
    """Whether ``known`` is the check value of one of the keys before the newest."""
    return any(hmac.compare_digest(known, _check(one)) for one in [*key.each()][1:])


def _check(key: Secret) -> str:
    """The value by which a database knows its key."""
    return key.mac("check", "installation").hex()


def _eldest_check(key: Secret) -> str:
    """The value by which a database knows the eldest key of the file."""
    return key.mac("eldest", "installation").hex()


def _eldest(connection: Connection) -> str | None:
    """That value; None before a start of this release."""
    if not has_column(connection, installation.c.eldest_check):
        return None
    return connection.execute(select(installation.c.eldest_check)).scalar_one_or_none()


def _known(connection: Connection) -> str | None:
    """The check value; None before the first start."""
    if not inspect(connection).has_table(installation.name):
        return None
    return connection.execute(select(installation.c.key_check)).scalar_one_or_none()


def _in_use(connection: Connection) -> bool:
    """Whether there is anything that a key made, from before there was a check value."""
    made = (select(raw_message.c.inbox_id), select(outbox.c.id), select(account.c.id).where(account.c.pesel_hash != ""))
    there = inspect(connection).has_table(raw_message.name)
    return there and any(connection.execute(wanted.limit(1)).first() for wanted in made)


def _opens(connection: Connection, key: Secret) -> bool:
    """Whether ``key`` opens what was sealed last; True where nothing was."""
    if not inspect(connection).has_table(raw_message.name):
        return True
    newest = select(inbox, raw_message.c.raw).join(raw_message).order_by(inbox.c.id.desc()).limit(_TRIED)
    rows = connection.execute(newest).mappings().all()
    for row in rows:
        if secret.key_of(row["raw"]) is not None:  # the store knows
            return True
        try:
            message_of(row, key)
        except SealBroken:
            continue
        return True
    return not rows
