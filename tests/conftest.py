"""Fixtures that every test may ask for, and what is made once for all of them."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path

import hypothesis
import pytest

from fixtures.signing import keys
from tests import once
from tests.support import LONG, ROOT, examples

# Time is for benchmarks, not for tests. In CI the same examples each time: what is found there can be found again.
hypothesis.settings.register_profile(
    "mailbot", deadline=None, derandomize="MAILBOT_CI" in os.environ, max_examples=examples(200)
)
hypothesis.settings.load_profile("mailbot")


@pytest.hookimpl(trylast=True)  # a worker has its folder then
def pytest_sessionstart(session: pytest.Session) -> None:
    """A key of RSA is long in the making: the workers of a run share them, in its own folder of temporary files."""
    base: Path = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
    worker = hasattr(session.config, "workerinput")
    folder = (base.parent if worker else base) / "keys"
    folder.mkdir(mode=0o700, exist_ok=True)
    keys.shared.append(folder)
    if not worker:
        session.config.add_cleanup(partial(shutil.rmtree, folder, ignore_errors=True))


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """What is imported and collected stays to the end: looking for garbage in it again and again costs much. A test
    leaves more of it at once than a program does."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(10_000)
        gc.enable()


@pytest.hookimpl(trylast=True)  # hypothesis marks its tests
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the folders of the first job the second one takes the properties and the campaigns alone."""
    first = tuple(f"{folder}/" for folder in config.getini("testpaths")) if LONG else ()
    left, kept = [], []
    for item in items:
        campaign, farther = (item.get_closest_marker(name) is not None for name in ("campaign", "hypothesis"))
        leave = item.nodeid.startswith(first) and not (campaign or farther) if LONG else campaign
        (left if leave else kept).append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = kept


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
