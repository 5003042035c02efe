"""The database: schema, engine, migrations. SQLite by default, PostgreSQL beyond one machine."""

from mailbot.storage import desk, probes, schema, shared, tokens

__all__ = ["desk", "probes", "schema", "shared", "tokens"]
