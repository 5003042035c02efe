"""Every package says what it is for, and docs/flow.md has the names of the folders, in the order of the flow."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import mailbot
from tests.support import ROOT

PROGRAM = Path(mailbot.__file__).parent
PACKAGES = sorted(file.parent for file in PROGRAM.rglob("__init__.py"))
FLOW = (ROOT / "docs" / "flow.md").read_text(encoding="utf-8")
TOP = {path.stem for path in PROGRAM.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()} - {
    "__init__"
}


def test_every_package_says_what_it_is_for() -> None:
    said = {package: ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or "" for package in PACKAGES}
    silent = [str(package) for package, text in said.items() if not text.split("\n\n")[0].endswith(".")]
    assert silent == []


def test_the_layers_hold_every_package_and_module() -> None:
    drawn = FLOW.split("## Layers")[1].split("```")[1]
    assert set(re.findall(r"mailbot\.(\w+)", drawn)) == TOP


def test_the_picture_is_drawn_of_packages() -> None:
    head = FLOW.split("```")[1].strip().splitlines()[0]
    assert set(re.findall(r"\w+", head)) <= TOP


def test_the_steps_name_the_parts_of_the_flow_in_their_order() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (flow,) = (one for one in contracts if one.get("containers") == ["mailbot.flow"])
    parts = {part for layer in flow["layers"] for part in layer.split(" | ")}
    assert parts == {file.stem for file in (PROGRAM / "flow").glob("*.py")} - {"__init__"}
    told = re.findall(r"`mailbot/flow/(\w+)\.py`", FLOW.split("| # | step")[1].split("\n\n")[0])
    assert told == ["understand", "lookup", "facts", "decision", "pipeline"]
