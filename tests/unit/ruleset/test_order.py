"""Rules all together: which are reached, with which words, and which want different ends for the same mail."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailbot.model import Facts, MailKind
from mailbot.ruleset import regions
from mailbot.ruleset.document import YamlDocument
from mailbot.ruleset.evaluate import first_match
from mailbot.ruleset.findings import Finding, Level, Mistakes
from mailbot.ruleset.model import Rule
from mailbot.ruleset.procedures import RuleVocabulary, read
from mailbot.ruleset.vocabulary import FACTS, words

LAST = "- {name: last, title: t, when: {}, outcome: REVIEW, state: DO_WERYFIKACJI, desk: II_LINIA}"
PLAIN = Facts(
    readable="yes",
    automatic="no",
    sender="single",
    authentication="pass",
    duplicate="no",
    subject="OTHER",
    phrase="none",
    attachment="no",
    defects="no",
    account="active",
    name="ok",
    year="ok",
    application="none",
    holder="ok",
    new_login="free",
    replay="no",
    stop="no",
)


def rule(name: str, when: str, outcome: str = "GENERAL", more: str = "") -> str:
    return f"- {{name: {name}, title: t, when: {{{when}}}, outcome: {outcome}, state: W_TOKU{more}}}"


def judged(folder: Path, *rules: str) -> tuple[tuple[Rule, ...], list[Finding]]:
    file = folder / "procedures.yaml"
    file.write_text("\n".join(["rules:", *rules, LAST]), encoding="utf-8")
    mistakes = Mistakes()
    found = read(YamlDocument(file, mistakes), RuleVocabulary(words(["own"], ["a-service"]), (), tuple(MailKind)))
    return found, mistakes.all()


def test_in_order(tmp_path: Path) -> None:
    rules, found = judged(tmp_path, rule("a", "language: en, csd: yes"), rule("b", "language: en"))
    assert [r.name for r in rules] == ["a", "b", "last"]
    assert found == []


def test_own_words(tmp_path: Path) -> None:
    rules, found = judged(tmp_path, rule("a", "topic: own, service: a-service"))
    assert rules[0].when == {"topic": ("own",), "service": ("a-service",)}
    assert found == []


def test_a_rule_taken_whole_by_one_above(tmp_path: Path) -> None:
    _, (found,) = judged(tmp_path, rule("a", "language: en"), rule("b", "language: en, csd: yes"))
    assert (found.level, found.code, found.line) == (Level.ERROR, "unreachable-rule", 3)
    assert found.text == 'b: can never be reached: rule "a" above takes every such mail'


def test_a_rule_taken_by_several_together(tmp_path: Path) -> None:
    _, (found,) = judged(
        tmp_path, rule("a", "language: en"), rule("b", "language: pl, csd: yes"), rule("c", "csd: yes")
    )
    assert found.text == "c: can never be reached: the rules above together take every such mail"


def test_a_word_that_cannot_come_so_far(tmp_path: Path) -> None:
    _, (found,) = judged(tmp_path, rule("a", "csd: yes"), rule("b", "csd: [not-asked, yes], language: en"))
    assert (found.level, found.code) == (Level.WARNING, "unreachable-word")
    assert found.text == 'when.csd: no mail with "yes" comes so far: rule "a" above takes it'
    lines = (tmp_path / "procedures.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[found.line - 1][found.column - 1 :].startswith("yes]")


def test_two_ends_for_the_same_mail(tmp_path: Path) -> None:
    _, (found,) = judged(tmp_path, rule("a", "language: en"), rule("b", "csd: yes", "MORE"))
    assert (found.level, found.code) == (Level.NOTE, "overlap")
    assert found.text == 'b: rule "a" above takes a part of these mails to GENERAL, as with language=en, csd=yes'


@pytest.mark.parametrize(
    "rules",
    [
        (rule("a", "language: en"), rule("b", "csd: yes")),  # to the same end
        (rule("a", "language: en, csd: yes"), rule("b", "csd: yes", "MORE")),  # an exception
        (rule("a", "language: en"), rule("b", "language: pl, csd: yes", "MORE")),  # apart
        (rule("a", "language: en", more=", shadow: true"), rule("b", "csd: yes", "MORE")),  # only watched
        (  # the rules above take what the two have in common
            rule("x", "language: en, csd: yes"),
            rule("a", "language: en", "MORE"),
            rule("b", "csd: yes"),
        ),
    ],
)
def test_no_overlap(rules: tuple[str, ...], tmp_path: Path) -> None:
    _, found = judged(tmp_path, *rules)
    assert [f for f in found if 'rule "a"' in f.text] == []


def test_what_is_only_watched_takes_nothing_from_the_rules_below(tmp_path: Path) -> None:
    watched = rule("a", "language: [pl, en]", more=", shadow: true")
    rules, found = judged(tmp_path, watched, rule("b", "language: pl"))
    assert found == []
    chosen, trace = first_match(PLAIN, rules)
    assert chosen is not None
    assert chosen.name == "b"
    assert [(step.rule, step.hit, step.shadow) for step in trace] == [("a", True, True), ("b", True, False)]


def test_what_is_only_watched_must_be_reachable_too(tmp_path: Path) -> None:
    _, (found,) = judged(tmp_path, rule("a", "language: en"), rule("b", "language: en", more=", shadow: true"))
    assert found.code == "unreachable-rule"


def test_what_cannot_be_judged_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regions, "BUDGET", 0)
    _, found = judged(tmp_path, rule("a", "language: en"))
    assert {(f.level, f.code) for f in found} == {(Level.NOTE, "undecided")}


def test_every_fact_is_a_fact_of_the_rules() -> None:
    assert set(words((), ())) == set(FACTS)
