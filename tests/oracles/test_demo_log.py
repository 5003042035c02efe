"""The log of a whole demo, as `make demo ARGS=--once` plays it: JSON throughout, and nobody's name or address in it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT


def test_every_line_of_a_whole_demo_is_json_and_tells_no_person(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    command = [sys.executable, "-m", "mailbot", "demo", "--once", "--folder", str(folder), "--port", "0"]
    done = subprocess.run(
        [*command, "--desk-port", "0"], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    text = (folder / "mailbot.log").read_text(encoding="ascii")
    lines = [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]
    assert all({"time", "level", "step"} <= line.keys() for line in lines)
    sent = [line for line in lines if line["step"] == "mail-sent"]
    assert len(sent) > 50
    stored = {line["id"] for line in lines if line["step"].endswith("-stored")}
    assert {line["id"] for line in sent} <= stored, "each mail's road begins where its message came in"
    assert {line["id"] for line in lines if line["step"] == "decided"} == stored
    assert not re.search(r"@|Kowalski|kowalski", text)
