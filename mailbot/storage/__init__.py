"""The database: schema, engine, migrations. SQLite by default, PostgreSQL beyond one machine."""

from mailbot.storage import desk, erasing, schema

__all__ = ["desk", "erasing", "schema"]
