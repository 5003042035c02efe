"""The database: schema, engine, migrations. SQLite by default, PostgreSQL beyond one machine."""

from mailbot.storage import breaker, desk, erasing, probes, registry, schema, shared, tokens, webhooks

__all__ = ["breaker", "desk", "erasing", "probes", "registry", "schema", "shared", "tokens", "webhooks"]
