"""One-release compatibility: the release before this one goes on working on the tables of now.

Its code comes out of git (previous_release.txt: its commit). It begins on tables of its own, as in an upgrade of
several machines; then today's program brings them up to date under it, and it decides, sends, sets a password, and a
person acts.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from mailbot.storage.engine import COMPATIBLE_FROM, connect, migrate
from tests.postgres import cluster
from tests.releases import unpack

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the previous release."""
    commit = (HERE / "previous_release.txt").read_text("utf-8").strip()
    return unpack(commit, tmp_path_factory.mktemp("previous"))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/mailbot.db"
        return
    with cluster() as server:
        yield server


def test_the_previous_release_works_on_the_tables_of_now(tree: Path, url: str, tmp_path: Path) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MAILBOT_")}
    command = [sys.executable, "-W", "error::ResourceWarning", str(HERE / "previous_release.py"), url, str(tmp_path)]
    with subprocess.Popen(
        command, cwd=tree, env=clean | {"PYTHONPATH": str(tree)}, stdin=-1, stdout=-1, stderr=-1, text=True
    ) as old:
        assert old.stdin
        assert old.stdout
        assert old.stdout.readline() == "ready\n", old.communicate(timeout=300)
        engine = connect(url)
        with engine.connect() as connection:
            before = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        migrate(engine)
        with engine.connect() as connection:
            after = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        assert before >= COMPATIBLE_FROM
        told, failed = old.communicate("on\n", timeout=600)
    assert old.returncode == 0, failed
    worked, restarted = told.splitlines()
    assert worked == "worked"
    # 0.1.0 cannot be taught any more: it goes on, but does not start again (docs/scaling.md, the order of an upgrade).
    knows_marks = (tree / "mailbot/storage/shared.py").exists()
    assert restarted.startswith("started" if knows_marks or before == after else "refused [database] url: its tables")
    engine.dispose()
