"""The keys of messages and tickets, in a store of their own beside the database.

What is sealed under a key is gone with it, in every copy of the database too; so the store has backups of its own, of
which few are kept (docs/privacy.md). Two stores cannot be committed as one: a key lies safely in the store before
anything is sealed under it, and what crashes in between leaves a key that nothing uses. Keys are made ahead, many in
one commit, so that a mail costs no commit more.
"""

from __future__ import annotations

import math
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    delete,
    insert,
    inspect,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mailbot.config import DatabaseSettings
from mailbot.errors import ConfigError, DatabaseUnavailable, SealBroken
from mailbot.secret import KEY_ID, Secret
from mailbot.storage.engine import connect, reading
from mailbot.storage.place import place_of
from mailbot.storage.values import String, UtcDateTime

_AHEAD = 1000  # keys in one commit
_SURE = 5.0  # seconds for which keys made ahead are taken to lie in the store, once they were seen there
_FRESH = 86_400.0  # seconds after which a key made ahead is not taken any more: one that is unused for long is swept
_CACHED, _CACHE_SECONDS = 1024, 60.0
_NONCE = 12
_TOGETHER = 500

_metadata = MetaData()
data_key = Table(
    "data_key",
    _metadata,
    Column("id", LargeBinary(KEY_ID), primary_key=True),
    Column("under", String(16), nullable=False),
    Column("wrapped", LargeBinary),
    Column("erased_at", UtcDateTime()),
)
"""id: 6 octets of milliseconds since 1970 when it was made, 10 random ones. wrapped: the key, AES-256-GCM under the
secret that ``under`` names; none: it was erased, and stays so whatever copy of the database is put back."""

key_store = Table("key_store", _metadata, Column("id", Integer, primary_key=True), Column("name", String(32)))
"""The one row (id 1) by which the database knows its store."""


class KeyStore:
    """``secret.DataKeys`` over an engine of its own. Threads may share it."""

    def __init__(self, engine: Engine, secret: bytes, former: Sequence[bytes] = ()) -> None:
        """``secret``: what its keys are wrapped under; ``former``: what some may still be."""
        self.engine = engine
        self._wraps = dict(_wrapping(key) for key in (*former, secret))
        self._under, self._wrapping = _wrapping(secret)
        self._place = place_of(engine)
        self._ahead: deque[tuple[bytes, bytes]] = deque()
        self._seen_at = 0.0  # time.monotonic(), when those were last seen in the store
        self._cache: dict[bytes, tuple[float, bytes]] = {}
        self._lock = threading.Lock()

    def check(self) -> None:
        """Raises DatabaseGone when the file of the store was deleted, moved or replaced."""
        if self._place is not None:
            self._place.check()

    def fresh(self) -> bytes:
        """See ``secret.DataKeys``."""
        return self.several(1)[0]

    def several(self, count: int) -> list[bytes]:
        """See ``secret.DataKeys``. A key of a file that is gone would be gone as well, and so are all that were made
        ahead when a backup was put into the same file, or another server took over, while we ran."""
        self.check()
        with self._lock:
            return [self._next() for _ in range(count)]

    def _next(self) -> bytes:
        if not self._ahead or _age(self._ahead[0][0]) > _FRESH or not self._holds(self._ahead[-1][0]):
            self._ahead = deque(self._make())
            self._seen_at = time.monotonic()
        key_id, key = self._ahead.popleft()
        self._remember(key_id, key)
        return key_id

    def _holds(self, key_id: bytes) -> bool:
        """Whether the store has the keys that were committed together with this one."""
        if time.monotonic() - self._seen_at < _SURE:
            return True
        with self.looking() as connection:
            there = connection.execute(select(data_key.c.id).where(data_key.c.id == key_id)).first() is not None
        self._seen_at = time.monotonic()
        return there

    def _make(self) -> list[tuple[bytes, bytes]]:
        now = int(time.time() * 1000).to_bytes(6)
        ids = sorted(now + secrets.token_bytes(KEY_ID - 6) for _ in range(_AHEAD))  # so they lie side by side
        made = [(one, secrets.token_bytes(32)) for one in ids]
        rows = [{"id": i, "under": self._under, "wrapped": self._wrap(i, key)} for i, key in made]
        with self.writing() as connection:
            connection.execute(insert(data_key), rows)
        self.check()
        return made

    def find(self, key_id: bytes) -> bytes:
        """See ``secret.DataKeys``."""
        with self._lock:
            kept = self._cache.get(key_id)
        if kept and time.monotonic() - kept[0] < _CACHE_SECONDS:
            return kept[1]
        self.check()
        with self.looking() as connection:
            row = connection.execute(select(data_key).where(data_key.c.id == key_id)).first()
        if row is None:
            raise SealBroken(
                "[keys] url: the store does not hold its key; mend: put back the newest backup of that store"
            )
        if row.wrapped is None:
            raise SealBroken(f"was erased on {row.erased_at:%Y-%m-%d}; mend: none, it is meant to be gone")
        key = self._unwrap(key_id, row.under, row.wrapped)
        with self._lock:
            self._remember(key_id, key)
        return key

    def ready(self, key_ids: Iterable[bytes]) -> None:
        """See ``secret.DataKeys``. What is erased, lost or damaged is left to ``find``, which says so."""
        fresh, never = time.monotonic() - _CACHE_SECONDS / 2, (-math.inf, b"")
        with self._lock:
            wanted = [one for one in dict.fromkeys(key_ids) if self._cache.get(one, never)[0] <= fresh]
        wanted = wanted[: _CACHED // 2]
        if not wanted:
            return
        self.check()
        c, usable = data_key.c, data_key.c.wrapped.is_not(None)
        with self.looking() as connection:
            chunks = (wanted[start : start + _TOGETHER] for start in range(0, len(wanted), _TOGETHER))
            rows = [
                row for ids in chunks for row in connection.execute(select(data_key).where(c.id.in_(ids), usable)).all()
            ]
        for row in rows:
            with suppress(SealBroken):
                key = self._unwrap(row.id, row.under, row.wrapped)
                with self._lock:
                    self._remember(bytes(row.id), key)

    def _wrap(self, key_id: bytes, key: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._wrapping.encrypt(nonce, key, key_id)

    def _unwrap(self, key_id: bytes, under: str, wrapped: bytes) -> bytes:
        try:
            return self._wraps[under].decrypt(wrapped[:_NONCE], wrapped[_NONCE:], key_id)
        except (InvalidTag, KeyError, ValueError):
            raise SealBroken(
                "[secret] key_file: this key does not open it, or it is damaged; mend: put back the right file"
            ) from None

    def _remember(self, key_id: bytes, key: bytes) -> None:
        if len(self._cache) >= _CACHED:
            self._cache.pop(next(iter(self._cache)))
        self._cache[key_id] = (time.monotonic(), key)

    def erase(self, key_ids: Sequence[bytes], now: datetime) -> int:
        """Make keys unusable for ever; returns how many were usable. Doing it twice changes nothing."""
        count, c = 0, data_key.c
        with self._lock:
            for key_id in key_ids:
                self._cache.pop(key_id, None)
        with self.writing() as connection:
            for start in range(0, len(key_ids), _TOGETHER):
                which = (c.id.in_(key_ids[start : start + _TOGETHER]), c.wrapped.is_not(None))
                count += connection.execute(update(data_key).where(*which).values(wrapped=None, erased_at=now)).rowcount
        return count

    def gone(self, key_ids: Sequence[bytes]) -> set[bytes]:
        """Those of ``key_ids`` that were erased."""
        found, c = set[bytes](), data_key.c
        with self.looking() as connection:
            for start in range(0, len(key_ids), _TOGETHER):
                which = (c.id.in_(key_ids[start : start + _TOGETHER]), c.wrapped.is_(None))
                found.update(bytes(one) for one in connection.execute(select(c.id).where(*which)).scalars())
        return found

    def rewrap(self) -> tuple[int, int]:
        """Wrap every key under the newest secret; how many were not, and how many do not open and stay as they are.

        Each commit leaves a store whose keys all open, so it may be cut off anywhere and done again.
        """
        count, broken, after = 0, 0, b""
        c = data_key.c
        others = (c.under != self._under, c.wrapped.is_not(None))
        while True:
            wanted = select(data_key).where(*others, c.id > after).order_by(c.id).limit(_TOGETHER)
            with self.writing() as connection:
                rows = connection.execute(wanted.with_for_update()).all()
                for row in rows:
                    try:
                        key = self._unwrap(row.id, row.under, row.wrapped)
                    except SealBroken:
                        broken += 1
                        continue
                    values = {"under": self._under, "wrapped": self._wrap(row.id, key)}
                    connection.execute(update(data_key).where(c.id == row.id).values(values))
                    count += 1
            if not rows:
                return count, broken
            after = rows[-1].id

    def sweep(self, used: Container[bytes], before: datetime, *, dry: bool = False) -> int:
        """Take away the keys made before ``before`` that are not in ``used``; returns how many. Erased ones stay: they
        tell that they are meant to be gone."""
        c, count, after = data_key.c, 0, b""
        old = (c.wrapped.is_not(None), c.id < int(before.timestamp() * 1000).to_bytes(6))
        while True:
            wanted = select(c.id).where(*old, c.id > after).order_by(c.id).limit(_TOGETHER)
            with self.looking() if dry else self.writing() as connection:
                ids = [bytes(one) for one in connection.execute(wanted).scalars()]
                unused = [one for one in ids if one not in used]
                if unused and not dry:
                    connection.execute(delete(data_key).where(c.id.in_(unused)))
            count += len(unused)
            if not ids:
                return count
            after = ids[-1]

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction on the store. Raises DatabaseUnavailable."""
        with _plainly(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def looking(self) -> Iterator[Connection]:
        """A connection that writes nothing. Raises DatabaseUnavailable."""
        with _plainly(), reading(self.engine) as connection:
            yield connection

    def close(self) -> None:
        """Let the store go."""
        if self._place is not None:
            self._place.close()
            self._place = None
        self.engine.dispose()


def _age(key_id: bytes) -> float:
    """Seconds since it was made."""
    return time.time() - int.from_bytes(key_id[:6]) / 1000


def _wrapping(secret: bytes) -> tuple[str, AESGCM]:
    """The name of a secret in the column ``under``, and what wraps with it."""
    one = Secret(secret)
    return one.mac("check", "wrapping").hex()[:16], AESGCM(one.mac("wrap", "data key"))


@contextmanager
def _plainly() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        raise DatabaseUnavailable(f"[keys] url: {type(error).__name__}: {error}") from error


def place(keys_url: str, database_url: str) -> str:
    """The URL of the store: the setting, else beside the database: FILE-keys.db, or the same server."""
    target = make_url(database_url)
    if keys_url or target.get_backend_name() != "sqlite" or not target.database:
        return keys_url or database_url
    file = Path(target.database)
    return target.set(database=str(file.with_name(f"{file.stem}-keys.db"))).render_as_string(hide_password=False)


def _engine(keys_url: str, database_url: str, limits: DatabaseSettings) -> Engine:
    """On PostgreSQL, where the setting names no other place, a schema beside that of the database."""
    engine = connect(place(keys_url, database_url), limits)
    if keys_url or engine.dialect.name != "postgresql":
        return engine
    with engine.connect() as connection:
        schema = connection.execute(text("SELECT current_schema()")).scalar_one()
    beside = "mailbot_keys" if schema == "public" else f"{schema}_keys"
    return engine.execution_options(schema_translate_map={None: beside})


def begin(keys_url: str, database_url: str, limits: DatabaseSettings, known: str | None) -> tuple[Engine, str]:
    """The store, made when the database knows none (``known``), and its name.

    Raises ConfigError when it is not the one that the database knows, DatabaseUnavailable.
    """
    url = place(keys_url, database_url)
    target = make_url(url)
    file = target.database if target.get_backend_name() == "sqlite" else None
    if file and known is None:
        _private(file)
    elif file and not Path(file).is_file():
        raise _lost("is not there", url)
    with _plainly():
        engine = _engine(keys_url, database_url, limits)
        name = _named(engine) if known is not None else _made(engine)
    if known is not None and name != known:
        engine.dispose()
        raise _lost("is the store of another database" if name else "is not there", url)
    assert name is not None
    return engine, name


def _lost(what: str, url: str) -> ConfigError:
    told = make_url(url).render_as_string()
    return ConfigError(
        f"[keys] url: {told}: {what}, but the mails of the database are sealed under its keys; mend: put back the "
        "newest backup of the store of keys (docs/privacy.md)"
    )


def _private(file: str) -> None:
    """Nobody else may read the keys; SQLite gives the files beside it the same mode."""
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigError(f"[keys] url: {file}: {error.strerror}; mend: name a writable place") from error


def _named(engine: Engine) -> str | None:
    schema = (engine.get_execution_options().get("schema_translate_map") or {}).get(None)
    with reading(engine) as connection:
        if not inspect(connection).has_table(key_store.name, schema=schema):
            return None
        return connection.execute(select(key_store.c.name).where(key_store.c.id == 1)).scalar_one_or_none()


def _made(engine: Engine) -> str:
    """Make tables and name, where they are not there. Callers come one by one: they hold the lock of the database."""
    schema = (engine.get_execution_options().get("schema_translate_map") or {}).get(None)
    with engine.begin() as connection:
        if schema:
            connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
        _metadata.create_all(connection)
        there = connection.execute(select(key_store.c.name).where(key_store.c.id == 1)).scalar_one_or_none()
        if there is not None:
            return str(there)
        name = secrets.token_hex(KEY_ID)
        connection.execute(insert(key_store).values(id=1, name=name))
        return name


def with_store(secret: Secret, engine: Engine) -> Secret:
    """``secret`` with its keys; it is to be closed."""
    return replace(secret, store=KeyStore(engine, secret.key, secret.former))
