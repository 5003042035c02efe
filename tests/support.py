"""Small tools for tests that are not fixtures."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONG = bool(os.environ.get("MAILBOT_LONG"))
"""Whether this is the second job, which may take its time."""


def examples(count: int) -> int:
    """How often to try a property: ``count`` in the second job, a quarter in the first."""
    return count if LONG else max(10, count // 4)


def missing(what: str) -> NoReturn:
    """Skip on a laptop, fail in CI: a test that a server should have run must not vanish unseen."""
    if os.environ.get("MAILBOT_CI"):
        pytest.fail(f"{what} is missing, and CI must have it")
    pytest.skip(f"{what} is not on this machine")


def program(name: str, *places: str) -> str:
    """Path of an installed program (Debian keeps servers in /usr/sbin, outside a user's PATH), else ``missing``."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", *places]))
    return found or missing(name)
