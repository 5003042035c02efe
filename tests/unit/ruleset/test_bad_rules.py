"""Every folder of tests/bad_rules is a rule set with a mistake, and must be refused with that message: not by chance.

A case holds the files that differ from the shipped rules, ``absent.txt`` the files that are missing, README.md why the
case exists, ``expected-error.txt`` every error and warning that `mailbot rules check` prints.
"""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path

import pytest

from mailbot.errors import RulesError
from mailbot.mails import proof
from mailbot.mails.context import Office
from mailbot.mails.write import Writer
from mailbot.ruleset import loader
from mailbot.ruleset.findings import Finding, Level
from mailbot.ruleset.loader import load
from tests.support import ROOT

CASES = ROOT / "tests" / "bad_rules"
OFFICE = Office("Help Desk", "hd@helpdesk.example", "hd@helpdesk.example", "helpdesk.example", "https://puesc.gov.pl")


def spoiled(case: str, tmp_path: Path) -> Path:
    """The shipped rules with the changes of ``case``."""
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules)
    shutil.copytree(CASES / case, rules, dirs_exist_ok=True)
    absent = rules / "absent.txt"
    for name in absent.read_text().split() if absent.exists() else []:
        (rules / name).unlink()
    return rules


def told(rules: Path) -> list[Finding]:
    """What is printed without --notes."""
    return [finding for finding in proof.check(rules) if finding.level is not Level.NOTE]


def moved(text: str, case: str) -> str:
    """``text`` with 0:0 for every place in a file that the case takes from the shipped rules: those lines move."""

    def place(found: re.Match[str]) -> str:
        return found[0] if (CASES / case / found[1]).exists() else f"rules/{found[1]}:0:0:"

    return re.sub(r"^rules/([\w./-]+):\d+:\d+:", place, text, flags=re.MULTILINE)


@pytest.mark.parametrize("case", sorted(p.name for p in CASES.iterdir()))
def test_is_refused_with_its_message(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "_read", cache(loader._read))  # both roads begin with it
    rules = spoiled(case, tmp_path)
    expected = (CASES / case / "expected-error.txt").read_text(encoding="utf-8")
    found = told(rules)
    said = "".join(f"{line}\n" for line in found).replace(str(tmp_path) + "/", "")
    assert moved(said, case) == moved(expected, case)
    with pytest.raises(RulesError):  # and no road leads to using it
        Writer(load(rules), OFFICE)


@pytest.mark.parametrize("case", sorted(p.name for p in CASES.iterdir()))
def test_every_mistake_names_file_line_and_mend(case: str) -> None:
    lines = (CASES / case / "expected-error.txt").read_text(encoding="utf-8").splitlines()
    assert lines
    for line in lines:
        file, number, rest = line.split(":", 2)
        assert file.startswith("rules/"), line
        assert number.isdigit(), line
        assert "mend: " in rest, line


def test_the_shipped_rules_have_no_mistake() -> None:
    assert told(ROOT / "rules") == []
