"""Builds the parts of a running mailbot from its settings.

What decides about mails is imported when it is built: most commands only look at the database.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.exc import ArgumentError, DBAPIError

from mailbot.accounts.sql import SqlDirectory
from mailbot.config import Settings
from mailbot.errors import ConfigError, DatabaseUnavailable
from mailbot.installation import open_key
from mailbot.observe import Clock, utc_now
from mailbot.secret import Secret
from mailbot.service import refusals
from mailbot.service.places import rules_directory as rules_directory
from mailbot.service.places import settings as settings
from mailbot.storage.engine import Database, connect, migrate
from mailbot.text.address import domain

if TYPE_CHECKING:
    from mailbot.accounts.directory import Directory
    from mailbot.flow.pipeline import Pipeline
    from mailbot.flow.understand import Understander
    from mailbot.mails.write import Writer
    from mailbot.ruleset.model import Ruleset
    from mailbot.sender.resolver import Resolver


@dataclass(frozen=True, slots=True)
class Parts:
    """What every role of the program shares."""

    settings: Settings
    database: Database
    directory: SqlDirectory
    secret: Secret
    pipeline: Pipeline
    clock: Clock
    rng: random.Random


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
    )
    return ruleset, Writer(ruleset, office)


def pipeline(chosen: Settings, key: Secret, directory: Directory, resolver: Resolver, rng: random.Random) -> Pipeline:
    """The flow over ``directory``. Raises RulesError when the rule set or a template is wrong."""
    from mailbot.flow.pipeline import Pipeline

    return Pipeline(chosen, *rules(chosen), directory, key, resolver, rng)


def understander(chosen: Settings, key: Secret) -> Understander:
    """For a process that only understands: no database, and no rules, whose folder may just be refused.

    ``key``: the one that was compared with the database; it is not read anew when the process is started again.
    """
    from mailbot.flow.understand import Understander
    from mailbot.sender.resolver import DnsResolver, Forbearing

    return Understander(chosen, key, Forbearing(DnsResolver()))


def opened(chosen: Settings, engine: Engine) -> Secret:
    """Bring the database up to date (made when new); the key that belongs to it. Raises ConfigError."""
    migrate(engine)
    with engine.begin() as connection:
        return open_key(connection, Path(chosen.secret.key_file))


def build(
    chosen: Settings,
    *,
    clock: Clock = utc_now,
    rng: random.Random | None = None,
    resolver: Resolver | None = None,
) -> Parts:
    """Open the database (made and migrated when new), load key and rules. Raises ConfigError, RulesError."""
    from mailbot.sender.resolver import DnsResolver, Forbearing

    rng = rng or random.SystemRandom()
    with _opening():
        engine = connect(chosen.database.url, chosen.database)
        key = opened(chosen, engine)
    directory = SqlDirectory()
    flow = pipeline(chosen, key, directory, resolver or Forbearing(DnsResolver()), rng)
    return Parts(chosen, Database(engine), directory, key, flow, clock, rng)


@contextlib.contextmanager
def _opening() -> Iterator[None]:
    """Says plainly why the database cannot be opened: what SQLAlchemy says may quote the URL with its password."""
    try:
        yield
    except ImportError as error:
        raise ConfigError("[database] url: is none; mend: sqlite:///FILE or postgresql+psycopg://…") from error
    except (ArgumentError, DatabaseUnavailable, DBAPIError) as error:
        raise refusals.plainly(error) or error from error
