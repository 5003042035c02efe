"""A desk on a file of its own for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from mailbot.storage.engine import connect
from mailbot.storage.schema import metadata
from tests.bench_desk import Bench


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its people, and nothing else."""
    path = tmp_path_factory.mktemp("desk") / "desk.db"
    engine = connect(f"sqlite:///{path}")
    metadata.create_all(engine)
    Bench(engine, fill=True)
    engine.dispose()
    return path


@pytest.fixture
def bench(fresh: Path, tmp_path: Path) -> Iterator[Bench]:
    shutil.copy(fresh, tmp_path / "desk.db")
    engine = connect(f"sqlite:///{tmp_path}/desk.db")
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))  # nobody pulls the plug here
    yield Bench(engine)
    engine.dispose()
