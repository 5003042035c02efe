"""The names of the seal: they fit what the regular expression before them fitted, and no such expression is taken."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.mails import proof
from mailbot.ruleset.loader import load
from tests.once import shipped
from tests.support import ROOT

NAMES = shipped().signatures.seal_name
BEFORE = re.compile("Minister .*piecz[eę][cć] podpisu zaufanego")
PARTS = ["Minister ", "Minister", "Cyfryzacji - ", "piecz", "e", "ę", "c", "ć", " podpisu zaufanego", "\n", "\u0301"]


@given(st.lists(st.sampled_from(PARTS), max_size=9).map("".join))
def test_they_fit_what_was_fitted_before(name: str) -> None:
    assert bool(NAMES.fullmatch(name)) is bool(BEFORE.fullmatch(name))


@pytest.mark.parametrize("letters", ["ęć", "ęc", "eć", "ec"])
def test_they_fit_the_seal_of_any_minister(letters: str) -> None:
    assert NAMES.fullmatch(f"Minister Cyfryzacji - piecz{letters} podpisu zaufanego")
    assert not NAMES.fullmatch(f"Minister Cyfryzacji - piecz{letters} podpisu zaufanego 2")
    assert not NAMES.fullmatch(f"Wiceminister - piecz{letters} podpisu zaufanego")


def refusals(tmp_path: Path, name: str) -> list[str]:
    """What is said of a rule set in which ``name`` is a name of the seal."""
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules)
    file = rules / "signatures.yaml"
    file.write_text(file.read_text().replace('"Minister *pieczęć podpisu zaufanego"', f"'{name}'"))
    return [finding.text for finding in proof.check(rules) if finding.file.endswith("signatures.yaml")]


@pytest.mark.parametrize(
    "name",
    ["Minister .*", "M{2}", "[Mm]inister", "Seal$", "^Seal", r"Seal \w", "a|b", "a+", "Seals?", "* a *"],
)
def test_a_regular_expression_is_refused(tmp_path: Path, name: str) -> None:
    assert refusals(tmp_path, name) == [f'seal.common_names: "{name}" is not a name with at most one *']


@pytest.mark.parametrize("name", ["*", "Jan *", "*i", "Jan Kowalski"])
def test_a_name_that_a_person_may_have_is_refused(tmp_path: Path, name: str) -> None:
    assert refusals(tmp_path, name) == ["seal.common_names: fits everybody's name"]


@pytest.mark.parametrize("name", ["Minister (właściwy ds. informatyzacji) – pieczęć", "M. C. & Co., nr 1/2*"])
def test_a_plain_name_is_taken_letter_by_letter(tmp_path: Path, name: str) -> None:
    assert refusals(tmp_path, name) == []
    fits = load(tmp_path / "rules").signatures.seal_name
    assert fits.fullmatch(name.replace("*", " 3"))
    assert not fits.fullmatch(name.replace(".", "x"))
