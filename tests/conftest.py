"""Fixtures that every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

from tests.support import ROOT

# Time is for benchmarks, not for tests. In CI the same examples each time: what is found there can be found again.
hypothesis.settings.register_profile("mailbot", deadline=None, derandomize="MAILBOT_CI" in os.environ)
hypothesis.settings.load_profile("mailbot")


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Folder with mail/, citizens/ and names/; outside the project, so a clone alone does not have it."""
    folder = Path(os.environ.get("MAILBOT_CORPORA", ROOT.parent / "shared" / "corpora"))
    if not folder.is_dir():
        pytest.skip("the corpora are not beside this checkout (set MAILBOT_CORPORA)")
    return folder
