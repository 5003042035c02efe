"""The database: schema, engine, migrations. SQLite by default, PostgreSQL beyond one machine."""
