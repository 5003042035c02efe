"""Real mails of the world, many of them broken: each is explained, none stops the run, none costs much."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mailbot.model import Outcome
from tests.explain import Explained, explain
from tests.support import ROOT

SECONDS_A_MAIL = 2.0
PEAK_KIB = 200 * 1024


@pytest.fixture(scope="module")
def explained(corpora: Path) -> Explained:
    return explain(corpora / "mail", ROOT / "fixtures" / "accounts.yaml", timeout=600.0)


def test_one_object_per_mail(corpora: Path, explained: Explained) -> None:
    index = json.loads((corpora / "mail" / "INDEX.json").read_text(encoding="utf-8"))
    wanted = {corpora / "mail" / item["path"] for item in index}
    paths = [path for path, _ in explained.objects]
    assert explained.exit_code == 0, explained.stderr
    assert len(paths) == len(set(paths))
    assert wanted - set(paths) == set()


def test_nothing_is_granted(explained: Explained) -> None:
    outcomes = {found["outcome"] for _, found in explained.objects}
    assert outcomes <= {str(word) for word in Outcome} - {Outcome.OK_A, Outcome.OK_B}


def test_cost(explained: Explained) -> None:
    slow = {str(path): found["seconds"] for path, found in explained.objects if found["seconds"] > SECONDS_A_MAIL}
    assert slow == {}
    assert explained.peak_kib < PEAK_KIB
