"""Each contract test runs on both engines, with tables of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from mailbot.storage import keys
from mailbot.storage.engine import connect
from mailbot.storage.schema import metadata
from tests import once
from tests.postgres import Schemas, cluster


@pytest.fixture(scope="session")
def schemas() -> Iterator[Schemas]:
    """Of a PostgreSQL server that lives as long as the test run."""
    with cluster() as url:
        made = Schemas(url)
        yield made
        made.close()


@pytest.fixture(scope="session")
def sqlite_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with empty tables."""
    path = tmp_path_factory.mktemp("tables") / "test.db"
    engine = connect(f"sqlite:///{path}")
    metadata.create_all(engine)
    engine.dispose()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine over nothing: a new SQLite file, or a new PostgreSQL schema; for ``engine`` with empty tables."""
    tables = "engine" in request.fixturenames
    if request.param == "sqlite":
        file = tmp_path / "test.db"
        if tables:
            shutil.copyfile(request.getfixturevalue("sqlite_tables"), file)
        made = connect(f"sqlite:///{file}")
    else:
        schemas: Schemas = request.getfixturevalue("schemas")
        made = schemas.engine(schemas.filled() if tables else schemas.new())
    yield made
    made.dispose()
    if tables and request.param == "postgresql":
        schemas.give_back()


@pytest.fixture
def engine(empty_engine: Engine) -> Engine:
    """An engine over empty tables."""
    return empty_engine


@pytest.fixture
def empty_postgres(schemas: Schemas) -> Iterator[Engine]:
    """A new PostgreSQL schema without tables."""
    made = schemas.engine(schemas.new())
    yield made
    made.dispose()


@pytest.fixture
def keys_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many keys are made ahead as without tests."""
    monkeypatch.setattr(keys, "_AHEAD", once.KEYS_IN_USE)
