"""Alembic environment: runs on the connection that ``storage.engine.migrate`` hands over."""

from __future__ import annotations

from alembic import context

from mailbot.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
