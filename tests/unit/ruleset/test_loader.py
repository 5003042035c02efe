"""What a right rule set becomes. The wrong ones stand in tests/bad_rules."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mailbot.errors import RulesError
from mailbot.model import Defect, Difference, MailKind
from mailbot.ruleset.loader import FILES, check, load
from mailbot.ruleset.vocabulary import FACTS
from tests.support import ROOT

SHIPPED = ROOT / "rules"


def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "rules"))


def test_shipped_rules() -> None:
    ruleset = load(SHIPPED)
    assert [r.name for r in ruleset.rules][-1] == "for-a-person"
    assert set(ruleset.defects) == set(Defect)
    assert set(ruleset.differences) == set(Difference)
    assert ruleset.contacts.helpdesk == "helpdesk-eclo@mf.gov.pl"
    assert ruleset.contacts.phones["procedura_specjalna"] == "33 483 20 55"
    assert set(ruleset.templates) == {
        MailKind(k) for k in ("T1", "T2A", "T2B", "T3", "T4", "T5", "T7", "T14", "T15", "T19")
    }
    assert ruleset.directory == SHIPPED


def test_yes_and_no_are_words_in_quotes_or_not(tmp_path: Path) -> None:
    rules = copy(tmp_path)
    file = rules / "procedures.yaml"
    file.write_text(file.read_text().replace('"yes"', "yes").replace('"no"', "no"))
    assert load(rules).rules == load(SHIPPED).rules


def test_order_of_the_defects_is_the_order_of_the_file(tmp_path: Path) -> None:
    rules = copy(tmp_path)
    file = rules / "defects.yaml"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    file.write_text("\n".join(reversed(lines)) + "\n")
    assert list(load(rules).defects) == list(load(SHIPPED).defects)[::-1]


@pytest.mark.parametrize("name", [*FILES, "mails/T5_odmowa_ogolna.txt.j2"])
def test_the_hash_covers_every_file(name: str, tmp_path: Path) -> None:
    rules = copy(tmp_path)
    assert load(rules).hash == load(SHIPPED).hash
    with (rules / name).open("a") as file:
        file.write("\n")
    assert load(rules).hash != load(SHIPPED).hash


def test_every_mistake_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    rules = copy(tmp_path)
    (rules / "defects.yaml").unlink()
    contacts = rules / "contacts.yaml"
    contacts.write_text(contacts.read_text().replace("33 483", "33-483"))
    procedures = rules / "procedures.yaml"
    procedures.write_text(procedures.read_text().replace("sender: ambiguous", "sender: ambigous"))
    lines = check(rules)
    assert [Path(line.split(":")[0]).name for line in lines] == ["contacts.yaml", "defects.yaml", "procedures.yaml"]
    with pytest.raises(RulesError) as caught:
        load(rules)
    assert str(caught.value).splitlines() == lines


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert len(check(tmp_path / "nowhere")) == len(FILES)


def test_every_fact_has_at_least_two_words_and_none_twice() -> None:
    for fact, words in FACTS.items():
        assert len(set(words)) == len(words) >= 2, fact
