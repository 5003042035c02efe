"""The revisions of the schema (Alembic). Each takes the data that is there with it."""
