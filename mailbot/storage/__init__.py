"""The database: schema, engine, migrations. SQLite by default, PostgreSQL beyond one machine."""

from mailbot.storage import (
    breaker,
    desk,
    erasing,
    mailbox,
    oauth,
    outgoing,
    probes,
    registry,
    schema,
    shared,
    tokens,
    tried,
    webhooks,
    witness,
)

__all__ = [
    "breaker",
    "desk",
    "erasing",
    "mailbox",
    "oauth",
    "outgoing",
    "probes",
    "registry",
    "schema",
    "shared",
    "tokens",
    "tried",
    "webhooks",
    "witness",
]
