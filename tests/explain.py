"""Runs ``mailbot explain`` as an admin would: one process for a folder, JSON lines back."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.citizens import AUTHSERV_ID

RECEIVED = "2026-11-20T10:00:00+01:00"
"""When the mails of fixtures/ and of tests.citizens arrive; their Date is of the same day."""

# A child's ru_maxrss starts at the size of the process that forked it, so pytest must not be that process.
_MEASURE = (
    "import resource, subprocess, sys\n"
    "code = subprocess.run(sys.argv[1:]).returncode\n"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\n"
    "sys.exit(code)"
)


@dataclass(frozen=True, slots=True)
class Explained:
    """What one run of ``explain --json`` said."""

    exit_code: int
    objects: tuple[tuple[Path, dict[str, Any]], ...] = field(repr=False)
    """(absolute path of the mail, its object) in the order printed."""
    peak_kib: int
    """Largest resident set of the process."""
    stderr: str

    def by_name(self) -> dict[str, dict[str, Any]]:
        """File name without its suffix → object."""
        return {path.stem: found for path, found in self.objects}


def explain(folder: Path, accounts: Path, timeout: float = 100.0, trust: Path | None = None) -> Explained:
    """Explain every mail of ``folder``; ``timeout`` in seconds ends a run that hangs. ``trust``: folder of anchors."""
    options = ["--accounts", str(accounts), "--authserv-id", AUTHSERV_ID, "--received", RECEIVED, "--json"]
    options += ["--trust", str(trust)] if trust else []
    command = [sys.executable, "-m", "mailbot", "explain", str(folder), *options]
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, *command], capture_output=True, text=True, encoding="utf-8", timeout=timeout
    )
    words, _, peak = done.stderr.rstrip("\n").rpartition("\n")
    lines = (json.loads(line) for line in done.stdout.splitlines())
    objects = tuple((folder / found["file"], found) for found in lines)
    return Explained(done.returncode, objects, int(peak), words)
