"""Releases that were, out of git."""

from __future__ import annotations

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.support import ROOT


def unpack(commit: str, folder: Path) -> Path:
    """The files of ``commit`` in ``folder``; skips where the history is not there."""
    found = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=False)
    if found.returncode:
        pytest.skip(f"the history of {commit[:12]} is not here: {found.stderr.decode().strip()}")
    with tarfile.open(fileobj=BytesIO(found.stdout)) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.2 knows none
        archive.extractall(folder)
    return folder
