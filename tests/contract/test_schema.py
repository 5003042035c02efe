"""The migrations bring a database to exactly the tables of storage.schema."""

from __future__ import annotations

from importlib import resources

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect

from mailbot.storage.engine import migrate
from mailbot.storage.schema import metadata


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return list(compare_metadata(context, metadata))


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def downgrade(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(resources.files("mailbot.storage") / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")


def test_an_empty_database_becomes_exactly_the_schema(empty_engine: Engine) -> None:
    assert len(differences(empty_engine)) >= len(metadata.tables), "an empty database differs"
    migrate(empty_engine)
    assert differences(empty_engine) == []
    assert tables(empty_engine) == set(metadata.tables)


def test_the_comparison_sees_a_missing_index(empty_engine: Engine) -> None:
    migrate(empty_engine)
    with empty_engine.begin() as connection:
        next(iter(metadata.tables["outbox"].indexes)).drop(connection)
    assert len(differences(empty_engine)) == 1


def test_migrating_twice_is_harmless(empty_engine: Engine) -> None:
    migrate(empty_engine)
    migrate(empty_engine)
    assert differences(empty_engine) == []


def test_down_to_nothing_and_up_again(empty_engine: Engine) -> None:
    migrate(empty_engine)
    downgrade(empty_engine)
    assert tables(empty_engine) == set()
    migrate(empty_engine)
    assert differences(empty_engine) == []
