"""Fixtures that every test may ask for, and what is made once for all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests import once
from tests.support import LONG, ROOT, examples

# Time is for benchmarks, not for tests. In CI the same examples each time: what is found there can be found again.
hypothesis.settings.register_profile(
    "mailbot", deadline=None, derandomize="MAILBOT_CI" in os.environ, max_examples=examples(200)
)
hypothesis.settings.load_profile("mailbot")


@pytest.hookimpl(trylast=True)  # hypothesis marks its tests
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the folders of the first job the second one takes the properties alone."""
    if LONG:
        first = tuple(f"{folder}/" for folder in config.getini("testpaths"))
        left = [i for i in items if i.nodeid.startswith(first) and i.get_closest_marker("hypothesis") is None]
        config.hook.pytest_deselected(items=left)
        skipped = set(left)
        items[:] = [item for item in items if item not in skipped]


@pytest.fixture(scope="session", autouse=True)
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Rules are proofread, and a new SQLite file is migrated, once a process (``tests.once``)."""
    with once.installed(tmp_path_factory):
        yield


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Folder with mail/, citizens/ and names/; outside the project, so a clone alone does not have it."""
    folder = Path(os.environ.get("MAILBOT_CORPORA", ROOT.parent / "shared" / "corpora"))
    if not folder.is_dir():
        pytest.skip("the corpora are not beside this checkout (set MAILBOT_CORPORA)")
    return folder
