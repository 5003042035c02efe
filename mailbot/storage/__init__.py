"""The database: schema, engine, migrations. SQLite by default, PostgreSQL beyond one machine."""

from mailbot.storage import desk, schema, shared

__all__ = ["desk", "schema", "shared"]
