"""What a right rule set becomes. The wrong ones stand in tests/bad_rules."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import yaml
from yaml.nodes import Node, ScalarNode

from mailbot.errors import RulesError
from mailbot.model import Defect, Difference, MailKind
from mailbot.ruleset import document
from mailbot.ruleset.document import MAX_BYTES, YamlDocument
from mailbot.ruleset.findings import Level, Mistakes
from mailbot.ruleset.loader import FILES, check, load
from mailbot.ruleset.vocabulary import FACTS, OPEN
from tests.once import shipped
from tests.rule_sets import many
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
    assert set(ruleset.templates) == {kind for kind in MailKind if not kind.own}
    assert set(ruleset.translations) == set(ruleset.languages) == {"en"}
    assert set(ruleset.translations["en"]) == set(ruleset.templates)
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


def test_the_hash_is_of_the_files_alone(tmp_path: Path) -> None:
    assert load(copy(tmp_path)).hash == shipped().hash


@pytest.mark.parametrize("name", [*FILES, "mails/T5_odmowa_ogolna.txt.j2", "mails/T8_nowe.en.txt.j2"])
def test_the_hash_covers_every_file(name: str, tmp_path: Path) -> None:
    rules = copy(tmp_path)
    with (rules / name).open("a") as file:
        file.write("\n")
    assert load(rules).hash != shipped().hash


def test_every_mistake_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    rules = copy(tmp_path)
    (rules / "defects.yaml").unlink()
    contacts = rules / "contacts.yaml"
    contacts.write_text(contacts.read_text().replace("33 483", "33-483"))
    procedures = rules / "procedures.yaml"
    procedures.write_text(procedures.read_text().replace("sender: ambiguous", "sender: ambigous"))
    found = check(rules)
    assert [Path(finding.file).name for finding in found] == ["contacts.yaml", "defects.yaml", "procedures.yaml"]
    with pytest.raises(RulesError) as caught:
        load(rules)
    assert str(caught.value).splitlines() == [str(finding) for finding in found]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    found = check(tmp_path / "nowhere")
    assert sum(f.code == "file" for f in found) == len(FILES)


def test_every_fact_has_at_least_two_words_and_none_twice() -> None:
    for fact, words in FACTS.items():
        assert len(set(words)) == len(words) >= (1 if fact in OPEN else 2), fact


def test_a_file_larger_than_anything_written_by_hand(tmp_path: Path) -> None:
    rules = copy(tmp_path)
    with (rules / "categories.yaml").open("a") as file:
        file.write("#" * MAX_BYTES)
    found = next(finding for finding in check(rules) if finding.code == "file")
    assert str(found) == f"{rules}/categories.yaml:1:1: is larger than {MAX_BYTES} bytes; mend: shorten it"


@pytest.mark.parametrize("name", ["faq.yaml", "mails/T5_odmowa_ogolna.txt.j2"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_not_waited_for(name: str, kind: str, tmp_path: Path) -> None:
    rules = copy(tmp_path)
    path = rules / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    found = next(finding for finding in check(rules) if finding.file == str(path))
    assert str(found) == f"{path}:1:1: is no ordinary file; mend: put a file there"


@pytest.mark.parametrize(
    ("when", "warned"),
    [
        ("subject: EXACT, phrase: B, account: unknown, authentication: pass", "account"),
        ("subject: EXACT, account: active, name: mismatch, authentication: pass", "account, name"),
        ("subject: OTHER, topic: zmiana-emaila, authentication: pass", None),
    ],
)
def test_an_offices_own_mail_that_tells_what_the_registry_says(when: str, warned: str | None, tmp_path: Path) -> None:
    rules = copy(tmp_path)
    shutil.copy(rules / "mails" / "T5_odmowa_ogolna.txt.j2", rules / "mails" / "W1_wlasny.txt.j2")
    procedures = rules / "procedures.yaml"
    rule = (
        f"  - {{name: own, title: t, when: {{{when}}}, outcome: REJ_GENERIC, state: ZAMKNIETE_NEGATYWNIE, mails: [W1]}}"
    )
    above = "  - name: near-miss\n"
    assert above in procedures.read_text()
    procedures.write_text(procedures.read_text().replace(above, f"{rule}\n{above}"))
    found = [f for f in check(rules) if f.code == "tells-registry"]
    assert [(f.level, f.text.partition("says of ")[2]) for f in found] == ([(Level.WARNING, warned)] if warned else [])


def test_five_hundred_rules_are_read_and_judged(tmp_path: Path) -> None:
    found = check(many(tmp_path, 450))
    assert {finding.level for finding in found} == {Level.NOTE}


def test_libyaml_and_pyyaml_see_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values and places; what one of them refuses is told by the other (tests/bad_rules)."""
    fast = [_places(YamlDocument(SHIPPED / name, Mistakes()).root) for name in FILES]
    monkeypatch.setattr(document, "_LOADER", yaml.SafeLoader)
    assert [_places(YamlDocument(SHIPPED / name, Mistakes()).root) for name in FILES] == fast


def _places(node: Node | None) -> object:
    assert node is not None
    start, end = node.start_mark, node.end_mark
    place = (node.tag, start.line, start.column, start.index)
    if isinstance(node, ScalarNode):
        return (*place, end.index, node.value)
    parts = [part for pair in node.value for part in (pair if isinstance(pair, tuple) else (pair,))]
    return (*place, [_places(part) for part in parts])
