"""A new key for an installation, while every mail and every link stays what it is (`mailbot key rotate`).

The file gets the new key before the old ones; then the database is bound to it; then the keys of messages are wrapped
anew. Cut off anywhere it is done again: what it finds half done it ends.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from mailbot import processes
from mailbot.audit import chain
from mailbot.config import Settings
from mailbot.installation import is_cut_off, turn_over
from mailbot.operators import factors
from mailbot.service import compose
from mailbot.storage.engine import connect, migrate, scour
from mailbot.storage.keys import KeyStore
from mailbot.storage.place import refuse_missing


@dataclass(frozen=True, slots=True)
class RotationReport:
    """new: a key was made; else an earlier rotation was ended. keys: of messages, wrapped anew; broken: do not open."""

    new: bool
    keys: int
    broken: int


def rotate(chosen: Settings, actor: str, now: datetime) -> RotationReport:
    """Raises ConfigError while a process works with the key at hand, or when it is not that of the database."""
    engine, path = connect(chosen.database.url, chosen.database), Path(chosen.secret.key_file)
    try:
        refuse_missing(engine)
        migrate(engine)
        with engine.connect() as connection:
            cut_off = is_cut_off(connection, path)
        if not cut_off:
            left = _rewrap(chosen, engine)
            if left.keys:
                return left
        with engine.begin() as connection:
            processes.refuse_others(connection, now)
            key = turn_over(connection, path)
            factors.seal_anew(connection, key)
            chain.note(connection, now, actor, "key-rotated", "installation")
        done = _rewrap(chosen, engine)
        return RotationReport(not cut_off, done.keys, done.broken)
    finally:
        engine.dispose()


def _rewrap(chosen: Settings, engine: Engine) -> RotationReport:
    with closing(compose.opened(chosen, engine)) as key:
        assert isinstance(key.store, KeyStore)
        keys, broken = key.store.rewrap()
        if keys:
            scour(key.store.engine)
        return RotationReport(False, keys, broken)
