"""Builds the parts of a running mailbot from its settings.

What decides about mails is imported when it is built: most commands only look at the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection
from sqlalchemy import Engine as Engine
from sqlalchemy.exc import ArgumentError, DBAPIError

from mailbot import processes
from mailbot.accounts.directory import Directory
from mailbot.accounts.remembered import AskingDatabase, Remembered
from mailbot.accounts.sql import SqlDirectory
from mailbot.config import Settings
from mailbot.errors import ConfigError, DatabaseUnavailable
from mailbot.installation import find_key, open_keys
from mailbot.machine import own_name
from mailbot.observe import Clock, utc_now
from mailbot.secret import Secret
from mailbot.service import refusals
from mailbot.service.places import rules_directory as rules_directory
from mailbot.service.places import settings as settings
from mailbot.service.understanding import understander as understander
from mailbot.storage.database import Database
from mailbot.storage.engine import connect, migrate, transaction
from mailbot.storage.keys import KeyStore as KeyStore
from mailbot.storage.place import refuse_missing
from mailbot.storage.reading import server_clock
from mailbot.text.address import domain

if TYPE_CHECKING:
    from mailbot.accounts.scim import ScimRegistry
    from mailbot.flow.pipeline import Pipeline
    from mailbot.mails.write import Writer
    from mailbot.registry import RegistryChanges
    from mailbot.ruleset.model import Ruleset
    from mailbot.sender.resolver import Resolver
    from mailbot.workers.rules import FolderStamp

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """What every role of the program shares."""

    settings: Settings
    database: Database
    directory: Directory
    secret: Secret
    pipeline: Pipeline
    clock: Clock
    rng: random.Random
    registry: ScimRegistry | None = None
    """Where the accounts are on another machine."""
    rules_seen: FolderStamp | None = None
    """The folder of the rule set as it was before it was read."""


def rules(chosen: Settings) -> tuple[Ruleset, Writer]:
    """The rule set as it lies in its folder, proofread. Raises ConfigError, RulesError with every mistake."""
    from mailbot.application import form
    from mailbot.mails.context import Office
    from mailbot.mails.write import Writer
    from mailbot.ruleset import loader

    ruleset = loader.load(rules_directory(chosen.rules.directory))
    helpdesk = chosen.helpdesk
    office = Office(
        name=helpdesk.name,
        address=helpdesk.sending_address,
        helpdesk=helpdesk.address,
        domain=chosen.delivery.domain or domain(helpdesk.sending_address),
        public_url=chosen.web.public_url,
        form=(form.FILE_NAME, form.octets()),
        csd=bool(chosen.csd.url),
    )
    return ruleset, Writer(ruleset, office)


def pipeline(chosen: Settings, key: Secret, directory: Directory, resolver: Resolver, rng: random.Random) -> Pipeline:
    """The flow over ``directory``. Raises RulesError when the rule set or a template is wrong."""
    from mailbot.flow.pipeline import Pipeline

    return Pipeline(chosen, *rules(chosen), directory, key, resolver, rng)


def opened(chosen: Settings, engine: Engine) -> Secret:
    """Bring the database up to date (made when new); the key that belongs to it, with the store of those of messages,
    which is to be closed. Raises ConfigError."""
    migrate(engine)
    with engine.begin() as connection:
        return open_keys(connection, chosen)


def key_alone(chosen: Settings, engine: Engine) -> Secret:
    """As ``opened``, for whoever opens no mail."""
    key = opened(chosen, engine)
    key.close()
    return key


@contextlib.contextmanager
def with_store(chosen: Settings) -> Iterator[tuple[Engine, Secret, KeyStore]]:
    """The database, brought up to date, its key and its store of keys. Raises ConfigError where there is none."""
    engine = connect(chosen.database.url)
    try:
        refuse_missing(engine)
        with contextlib.closing(opened(chosen, engine)) as key:
            assert isinstance(key.store, KeyStore)
            yield engine, key, key.store
    finally:
        engine.dispose()


@contextlib.contextmanager
def writing(chosen: Settings) -> Iterator[Connection]:
    """A transaction on the database of a mailbot that has run. Raises ConfigError as ``open_key``: who has not its key
    has another database before him than he thinks."""
    with transaction(chosen.database.url) as connection:
        find_key(connection, Path(chosen.secret.key_file))
        yield connection


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides, as it lies in its folder."""

    ruleset: Ruleset
    writer: Writer
    seen: FolderStamp
    """The folder before it was read."""


def begin(chosen: Settings) -> tuple[Engine, Secret]:
    """The database (made and migrated when new) and its key. Raises ConfigError."""
    with _opening():
        engine = connect(chosen.database.url, chosen.database)
        return engine, opened(chosen, engine)


def load(chosen: Settings) -> Rules:
    """The rule set, with all that decides by it, in any thread. Raises RulesError."""
    from mailbot.workers.rules import look_at

    seen = look_at(rules_directory(chosen.rules.directory))
    return Rules(*rules(chosen), seen)


def build(
    chosen: Settings,
    *,
    clock: Clock = utc_now,
    rng: random.Random | None = None,
    resolver: Resolver | None = None,
) -> Parts:
    """Open the database (made and migrated when new), load key and rules. Raises ConfigError, RulesError.

    ConfigError also when another rule set is in force on other machines (mailbot.processes).
    """
    return assemble(chosen, *begin(chosen), load(chosen), clock=clock, rng=rng, resolver=resolver)


def assemble(
    chosen: Settings,
    engine: Engine,
    key: Secret,
    loaded: Rules,
    *,
    clock: Clock = utc_now,
    rng: random.Random | None = None,
    resolver: Resolver | None = None,
) -> Parts:
    """``build`` of what was begun and loaded. Raises ConfigError."""
    from mailbot.flow.pipeline import Pipeline
    from mailbot.sender.resolver import DnsResolver, Forbearing

    rng = rng or random.SystemRandom()
    registry = scim_registry(chosen, clock) if chosen.accounts.source == "scim" else None
    directory = Remembered(registry) if registry else SqlDirectory()
    database = (
        AskingDatabase(engine, directory, keys=key.store, process=own_name())
        if isinstance(directory, Remembered)
        else Database(engine, keys=key.store, process=own_name())
    )
    flow = Pipeline(chosen, loaded.ruleset, loaded.writer, directory, key, resolver or Forbearing(DnsResolver()), rng)
    with _opening(), engine.begin() as connection:
        processes.check(connection, flow.ruleset.hash, server_clock(connection) or clock(), own_name())
    return Parts(chosen, database, directory, key, flow, clock, rng, registry, loaded.seen)


def scim_registry(chosen: Settings, clock: Clock) -> ScimRegistry:
    """The registry over SCIM; its libraries take half a second to load and are left alone where it is not asked."""
    from mailbot.accounts.scim import ScimRegistry

    return ScimRegistry(chosen.accounts, clock)


def changes(parts: Parts) -> RegistryChanges | None:
    """How passwords are set where the accounts are on another machine."""
    if parts.registry is None:
        return None
    from mailbot.registry import RegistryChanges

    return RegistryChanges(parts.database, parts.registry, parts.clock, parts.secret)


def accounts(chosen: Settings, clock: Clock = utc_now) -> Directory:
    """Where ``chosen`` says that the accounts are, for ``answered``."""
    return Remembered(scim_registry(chosen, clock)) if chosen.accounts.source == "scim" else SqlDirectory()


def answered(directory: Directory, run: Callable[[], T]) -> T:
    """The result of ``run``, whose transaction looks into ``directory``; for commands, which have no event loop."""
    if not isinstance(directory, Remembered):
        return run()

    async def once() -> T:
        return run()

    return asyncio.run(directory.answered(once))


@contextlib.contextmanager
def _opening() -> Iterator[None]:
    """Says plainly why the database cannot be opened: what SQLAlchemy says may quote the URL with its password."""
    try:
        yield
    except ImportError as error:
        raise ConfigError("[database] url: is none; mend: sqlite:///FILE or postgresql+psycopg://…") from error
    except (ArgumentError, DatabaseUnavailable, DBAPIError) as error:
        raise refusals.plainly(error) or error from error
