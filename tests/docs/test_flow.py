"""The docs use the words of the program, and name only what exists."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from enum import StrEnum

import pytest

from mailbot import model
from mailbot.storage.schema import metadata
from mailbot.workers import record
from tests.support import ROOT

PAGES = [*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "fixtures" / "README.md"]
OTHERS = [
    ROOT / "docker-compose.yml",
    *ROOT.glob("deploy/**/Dockerfile"),
    *(path for path in ROOT.glob("deploy/**/*") if path.suffix not in ("", ".py", ".pyc")),
]
"""Files whose comments name paths."""
FLOW = (ROOT / "docs" / "flow.md").read_text(encoding="utf-8")
WORDS: list[type[StrEnum]] = [
    model.Outcome,
    model.State,
    model.Difference,
    model.Defect,
    model.SubjectClass,
    model.MailKind,
]


@pytest.mark.parametrize("words", WORDS, ids=lambda words: words.__name__)
def test_flow_explains_every_word(words: type[StrEnum]) -> None:
    assert [w.value for w in words if f"`{w.value}`" not in FLOW] == []


def test_flow_explains_every_fact_table_and_desk() -> None:
    names = {f.name for f in fields(model.Facts)} | set(metadata.tables) | {desk.value for desk in model.Desk if desk}
    assert sorted(name for name in names if f"`{name}`" not in FLOW) == []


def test_flow_says_for_how_long_what_the_server_took_may_be_sent_twice() -> None:
    told = set(re.findall(r"(?:waits for others for|took in the last) (\d+) ms", FLOW))
    assert told == {f"{record._WAIT * 1000:.0f}"}
    assert f"{record._MOST} mails at most" in FLOW


def test_flow_uses_no_word_the_program_lacks() -> None:
    known = {w.value for words in WORDS for w in words} | {desk.value for desk in model.Desk}
    shouted = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", FLOW))
    assert shouted - known == set()


def test_every_path_named_exists() -> None:
    absent = []
    for page in (*PAGES, *OTHERS):
        text = page.read_text(encoding="utf-8")
        named = set(re.findall(r"(?<![\w/])((?:mailbot|rules|deploy|tests|fixtures|docs)/[\w./-]*\w)", text))
        linked = set(re.findall(r"\]\(([^)#:]+)\)", text))
        absent += [f"{page.name}: {p}" for p in named if not (ROOT / p).exists()]
        absent += [f"{page.name}: {p}" for p in linked if not (page.parent / p).exists()]
    assert absent == []


def test_the_layers_told_are_the_layers_enforced() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = [set(layer.split(" | ")) for layer in contract["contracts"][0]["layers"]]
    drawn = FLOW.split("## Layers")[1].split("```")[1]
    found = [set(re.findall(r"mailbot\.\w+", line)) for line in drawn.strip().splitlines()]
    assert [{"mailbot.__main__", "mailbot.cli"}, *layers[2:]] == found
