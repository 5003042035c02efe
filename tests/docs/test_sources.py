"""What the code cites travels with it: clauses of docs/procedure.md and docs/design.md, and no page that nobody has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT

DOCS = ROOT / "docs"
FOLDERS = ("mailbot", "rules", "fixtures", "tests", "deploy")
SUFFIXES = (".py", ".yaml", ".toml", ".j2", ".md", ".sh")
CITED = re.compile(r"\b(procedure|design)(?:\.md)? §(\d(?:\.\d)?)")
DEMAND = re.compile(r"\bprocedure (P\d+|E\d+|D\d+)\b")
NO_PAGE = re.compile(r"\b[a-z]+\.md\b")


def _texts() -> Iterator[tuple[Path, str]]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in SUFFIXES and path != Path(__file__):
                try:
                    yield path, path.read_text(encoding="utf-8")
                except UnicodeDecodeError:  # a sample in another charset
                    continue


TEXTS = list(_texts())


def _clauses(page: str) -> set[str]:
    return set(re.findall(r"^#+ (\d(?:\.\d)?) ", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", ["procedure", "design"])
def test_every_clause_that_is_cited_is_there(page: str) -> None:
    there = _clauses(f"{page}.md")
    cited = {(path.name, clause) for path, text in TEXTS for name, clause in CITED.findall(text) if name == page}
    assert cited, "nothing is cited: the pattern is wrong"
    assert {one for one in cited if one[1] not in there} == set()


def test_every_demand_that_is_cited_is_there() -> None:
    page = (DOCS / "procedure.md").read_text(encoding="utf-8")
    there = {one for row in re.findall(r"^\| ([PED][^|]*) \|", page, re.MULTILINE) for one in _numbers(row)}
    cited = {one for _, text in TEXTS for one in DEMAND.findall(text)}
    assert cited
    assert cited <= there


def _numbers(row: str) -> Iterator[str]:
    """ "E7-E9" and "E1, E2" are several."""
    for part in row.split(", "):
        first, _, last = part.partition("-")
        for number in range(int(first[1:]), int((last or first)[1:]) + 1):
            yield f"{first[0]}{number}"


def test_no_page_is_cited_that_nobody_has() -> None:
    there = {path.name for path in (*DOCS.glob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("*/README.md"))}
    cited = {(str(path.relative_to(ROOT)), page) for path, text in TEXTS for page in NO_PAGE.findall(text)}
    assert {one for one in cited if one[1] not in there} == set()
