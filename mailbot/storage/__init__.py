"""The database: schema, engine, migrations. SQLite by default, PostgreSQL beyond one machine."""

from mailbot.storage import breaker, desk, erasing, oauth, probes, registry, schema, shared, tokens, tried, webhooks

__all__ = [
    "breaker",
    "desk",
    "erasing",
    "oauth",
    "probes",
    "registry",
    "schema",
    "shared",
    "tokens",
    "tried",
    "webhooks",
]
