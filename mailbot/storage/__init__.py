"""The database: schema, engine, migrations. SQLite by default, PostgreSQL beyond one machine."""

from mailbot.storage import breaker, desk, schema

__all__ = ["breaker", "desk", "schema"]
