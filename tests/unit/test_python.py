"""Nothing asks of Python 3.11 what came in one of its updates: that of Debian 12 is 3.11.2, and stays it.

ruff and mypy know of what came with 3.12. What an update changed without a new name, another Python finds that runs the
tests: tests/shipping/test_older_python.py.
"""

from __future__ import annotations

import re

import pytest

from tests.support import ROOT

# Filters of archives, how an enum is pickled, strict addresses, headers that are looked at when they are written.
_NEWER = re.compile(
    r"\b(?:extract|extractall|unpack_archive)\([^()\n]*\bfilter="
    r"|\btarfile\.(?:\w+_filter|\w*FilterError|AbsolutePathError|OutsideDestinationError|SpecialFileError)\b"
    r"|\bpickle_by_(?:enum|global)_name\b"
    r"|\b(?:getaddresses|parseaddr)\([^()\n]*\bstrict="
    r"|\bverify_generated_headers\b|\bHeaderWriteError\b"
)


def newer(text: str) -> list[int]:
    """Numbers of the lines that name what an update brought."""
    return [number for number, line in enumerate(text.splitlines(), 1) if _NEWER.search(line)]


@pytest.mark.parametrize("folder", ["mailbot", "tests", "deploy"])
def test_nothing_names_what_an_update_of_python_brought(folder: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in sorted((ROOT / folder).rglob("*.py"))
        if file.name != "test_python.py"
        for number in newer(file.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_what_updates_brought_is_seen() -> None:
    assert newer('archive.extractall(folder, filter="data")\narchive.extractall(folder)') == [1]
    assert newer('getattr(tarfile, "data_filter", None)\ntarfile.data_filter') == [2]
    assert newer("parseaddr(value, strict=True)\nparseaddr(value)") == [1]
