"""The database: schema, engine, migrations. SQLite by default, PostgreSQL beyond one machine."""

from mailbot.storage import desk, registry, schema

__all__ = ["desk", "registry", "schema"]
