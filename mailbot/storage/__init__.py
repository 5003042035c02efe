"""The database: schema, engine, migrations. SQLite by default, PostgreSQL beyond one machine."""

from mailbot.storage import desk, schema, webhooks

__all__ = ["desk", "schema", "webhooks"]
