"""Each contract test runs on both engines, with tables of its own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_mock_engine, text

from mailbot.storage.engine import connect
from mailbot.storage.schema import metadata
from tests.postgres import cluster

_schemas = count(1)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a PostgreSQL server that lives as long as the test run."""
    with cluster() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine over nothing: a new SQLite file, or a new PostgreSQL schema."""
    made = connect(f"sqlite:///{tmp_path}/test.db") if request.param == "sqlite" else _schema(request)
    yield made
    made.dispose()


@pytest.fixture
def engine(empty_engine: Engine) -> Engine:
    """An engine over empty tables. PostgreSQL gets them in one go: to copy a template database takes it longer."""
    if empty_engine.dialect.name == "postgresql":
        with empty_engine.begin() as connection:
            connection.execution_options(no_parameters=True).exec_driver_sql(_tables())
    else:
        metadata.create_all(empty_engine)
    return empty_engine


@pytest.fixture
def empty_postgres(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A new PostgreSQL schema without tables."""
    made = _schema(request)
    yield made
    made.dispose()


@cache
def _tables() -> str:
    """What ``metadata.create_all`` says to PostgreSQL."""
    said: list[str] = []
    recorder = create_mock_engine(
        "postgresql+psycopg://", lambda ddl, *_, **__: said.append(str(ddl.compile(recorder)))
    )
    metadata.create_all(recorder, checkfirst=False)
    return ";".join(said)


def _schema(request: pytest.FixtureRequest) -> Engine:
    url = request.getfixturevalue("postgres_url")
    name = f"test_{next(_schemas)}"
    admin = connect(url)
    with admin.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    admin.dispose()
    return connect(f"{url}&options=-csearch_path%3D{name}")
