"""Builds the parts of a running mailbot from its settings."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from mailbot import config, secret
from mailbot.accounts.directory import Directory
from mailbot.accounts.sql import SqlDirectory
from mailbot.address import domain
from mailbot.config import Settings
from mailbot.errors import ConfigError
from mailbot.mails.letter import Office
from mailbot.mails.write import Writer
from mailbot.observe import Clock, utc_now
from mailbot.pipeline import Pipeline
from mailbot.ruleset import loader
from mailbot.secret import Secret
from mailbot.sender.resolver import DnsResolver, Resolver
from mailbot.storage.engine import Database, connect, migrate

SHIPPED_RULES = Path(__file__).resolve().parents[2] / "rules"
DEFAULT_CONFIG = Path("mailbot.toml")


def settings(path: Path | None) -> Settings:
    """Settings of ``path``; without one those of ./mailbot.toml when it is there, else the defaults."""
    if path is None and DEFAULT_CONFIG.is_file():
        path = DEFAULT_CONFIG
    return config.load(path)


def rules_directory(setting: str) -> Path:
    """The folder of the rule set: the setting, else the one shipped beside the program."""
    directory = Path(setting) if setting else SHIPPED_RULES
    if not directory.is_dir():
        raise ConfigError(
            f"[rules] directory: {directory}: no such folder; mend: name the folder that holds procedures.yaml"
        )
    return directory


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


def pipeline(chosen: Settings, key: Secret, directory: Directory, resolver: Resolver, rng: random.Random) -> Pipeline:
    """The flow over ``directory``. Raises RulesError when the rule set or a template is wrong."""
    ruleset = loader.load(rules_directory(chosen.rules.directory))
    helpdesk = chosen.helpdesk
    office = Office(
        name=helpdesk.name,
        address=helpdesk.sending_address,
        helpdesk=helpdesk.address,
        domain=chosen.delivery.domain or domain(helpdesk.sending_address),
        public_url=chosen.web.public_url,
    )
    return Pipeline(chosen, ruleset, Writer(ruleset, office), directory, key, resolver, rng)


def pure_pipeline(chosen: Settings) -> Pipeline:
    """A pipeline for a process that only understands: it needs no database. Raises ConfigError, RulesError."""
    key = secret.load(Path(chosen.secret.key_file))
    return pipeline(chosen, key, SqlDirectory(), DnsResolver(), random.SystemRandom())


def build(
    chosen: Settings,
    *,
    clock: Clock = utc_now,
    rng: random.Random | None = None,
    resolver: Resolver | None = None,
) -> Parts:
    """Open the database (made and migrated when new), load key and rules. Raises ConfigError, RulesError."""
    rng = rng or random.SystemRandom()
    engine = connect(chosen.database.url)
    migrate(engine)
    key = secret.load(Path(chosen.secret.key_file))
    directory = SqlDirectory()
    flow = pipeline(chosen, key, directory, resolver or DnsResolver(), rng)
    return Parts(chosen, Database(engine), directory, key, flow, clock, rng)
